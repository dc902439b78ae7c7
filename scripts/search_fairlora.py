"""The search behind FairLoRA's schedule at tier quick: how many steps, and at which rate?

Erm, which asks no auditor, is trained in both frozen networks of the tier's first task; all methods take its steps and
its rate, so nothing is chosen by a gap. Accuracies are of faces that are drawn as the task's but that
no run ever sees; seeds are not the tier's, test faces are not read.

    python scripts/search_fairlora.py

Writes ``docs/searches/fairlora_quick.csv``. Five minutes of one core.
"""

from __future__ import annotations

import itertools

import pandas as pd
import torch

from fairnb import paths, tasks
from fairnb.contract import Split
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora import tasks as lora_tasks
from fairnb.training import methods

TIER, SEEDS, UNSEEN, DRAWN_BY = "quick", (11, 12), 3000, 171  # 151 to 163 are the seeds of the tasks' faces
STEPS, RATES = (20, 40, 120), (2e-3, 5e-3, 1e-2)


def unseen(name: str) -> Split:
    """Faces with the base rates of the task's."""
    own = tasks.settings_of(name, TIER)
    drawn = lora_tasks.drawings(own | {"n_val": UNSEEN}, **tasks.recipe(name).build.keywords)["val"]
    return type(drawn)("unseen", drawn.names, drawn.n, DRAWN_BY, drawn.cells, label_noise=drawn.label_noise).split(own)


def main() -> None:
    """Train, measure, write."""
    torch.set_num_threads(1)
    first = tables.grid("methods", TIER)[0].task
    names = (first, f"{first}{lora_tasks.BLIND}")
    lines = []
    for name, steps, rate, seed in itertools.product(names, STEPS, RATES, SEEDS):
        task, faces = tasks.problem(name, TIER, seed).task, unseen(name)
        predict = methods.get("lora_both")(task, seed=seed, strength=0.0, steps=steps, lr=rate)  # Erm in this process
        right = float((predict(faces.x).argmax(1) == faces.target).mean())
        lines.append({"task": name, "steps": steps, "lr": rate, "seed": seed, "accuracy": round(right, 4)})
        print(lines[-1], flush=True)
    found = pd.DataFrame(lines)
    own = tasks.settings_of(names[0], TIER)
    found["chosen"] = (found["steps"] == own["lora_steps"]) & (found["lr"] == own["lora_lr"])
    file = paths.project() / "docs" / "searches" / "fairlora_quick.csv"
    text = "# python scripts/search_fairlora.py: accuracy of Erm on unseen faces\n" + found.to_csv(index=False)
    file.write_text(text, encoding="utf-8")
    print(found.groupby(["steps", "lr"])["accuracy"].mean().unstack())


if __name__ == "__main__":
    main()
