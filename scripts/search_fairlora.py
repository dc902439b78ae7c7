"""The search behind FairLoRA's schedule at tiers quick and open: how many steps, and at which rate?

Erm, which asks no auditor, is trained; all methods take its steps and its rate, so nothing is chosen by a gap. At quick
it is trained in both frozen networks of the tier's first task, and accuracies are of faces that are drawn as the task's
but that no run ever sees. At open they are of the validation images of both its tasks. Seeds are not the tier's, test
images are not read.

    python scripts/search_fairlora.py [open]

Writes ``docs/searches/fairlora_quick.csv`` or ``fairlora_open.csv``. Five or ten minutes of one core.
"""

from __future__ import annotations

import argparse
import itertools

import pandas as pd
import torch

from fairnb import paths, tasks
from fairnb.contract import Split
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora import tasks as lora_tasks
from fairnb.training import methods

SEEDS = (11, 12)
UNSEEN, DRAWN_BY = 3000, 171  # 151 to 163 are the seeds of the tasks' faces
STEPS = {"quick": (20, 40, 120), "open": (60, 120, 240)}
RATES = {"quick": (2e-3, 5e-3, 1e-2), "open": (1e-3, 3e-3, 1e-2)}


def unseen(name: str) -> Split:
    """Faces with the base rates of the toy task's."""
    own = tasks.settings_of(name, "quick")
    drawn = lora_tasks.drawings(own | {"n_val": UNSEEN}, **tasks.recipe(name).build.keywords)["val"]
    return type(drawn)("unseen", drawn.names, drawn.n, DRAWN_BY, drawn.cells, label_noise=drawn.label_noise).split(own)


def main() -> None:
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tier", nargs="?", default="quick", choices=list(STEPS))
    tier = parser.parse_args().tier
    torch.set_num_threads(1)
    names = list(dict.fromkeys(run.task for run in tables.grid("methods", tier)))
    if tier == "quick":
        names = [names[0], f"{names[0]}{lora_tasks.BLIND}"]
    lines = []
    for name, steps, rate, seed in itertools.product(names, STEPS[tier], RATES[tier], SEEDS):
        task = tasks.problem(name, tier, seed).task
        faces = unseen(name) if tier == "quick" else task.val
        predict = methods.get("lora_both")(task, seed=seed, strength=0.0, steps=steps, lr=rate)  # Erm in this process
        right = float((predict(faces.x).argmax(1) == faces.target).mean())
        lines.append({"task": name, "steps": steps, "lr": rate, "seed": seed, "accuracy": round(right, 4)})
        print(lines[-1], flush=True)
    found = pd.DataFrame(lines)
    own = tasks.settings_of(names[0], tier)
    found["chosen"] = (found["steps"] == own["lora_steps"]) & (found["lr"] == own["lora_lr"])
    file = paths.project() / "docs" / "searches" / f"fairlora_{tier}.csv"
    command = "python scripts/search_fairlora.py" + ("" if tier == "quick" else f" {tier}")
    file.write_text(f"# {command}: accuracy of Erm on unseen faces\n{found.to_csv(index=False)}", encoding="utf-8")
    print(found.groupby(["steps", "lr"])["accuracy"].mean().unstack())


if __name__ == "__main__":
    main()
