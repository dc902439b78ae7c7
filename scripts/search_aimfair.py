"""The search behind AIM-Fair's fine-tuning at tiers quick and open: how many epochs of a cosine, and from which rate.

Every strategy that fine-tunes has the same numbers, as in the released code, so one is chosen for all: of three of them
(all tensors, AIM-Fair's, the last layer) the mean accuracy counts, on faces that no training looks at: at quick drawn
as the validation faces are, at open every other validation photograph (the trainings choose their epoch by
the rest). Seeds are not the tier's, test faces are not read. First the epochs at a rate inside, the fewest whose
mean is within a standard error of the best; then the rate, the best one.

    python scripts/search_aimfair.py [open]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.contract import Split, Task
from fairnb.data.celeba import test_counts
from fairnb.tasks.drawings import Drawing
from fairnb.tasks.recipes import shares_of
from fairnb.training import methods

TASKS, SEEDS = {"quick": "toy_faces/smiling_male", "open": "celeba/smiling_male"}, (10, 11)
STRATEGIES = ("full_fine_tuning", "selective", "linear_probe")
EPOCHS, FIRST_RATE = {"quick": (2, 4, 6, 8, 12, 16), "open": (2, 4, 8, 12, 16)}, 0.03
RATES = {"quick": (0.01, 0.02, 0.03, 0.06, 0.1, 0.2, 0.4), "open": (0.003, 0.01, 0.03, 0.1, 0.3)}
UNSEEN, DRAWN_BY = 4000, 104  # faces, and the seed of their drawing: 101 to 103 are those of the task


def parted(task: Task, tier: str) -> tuple[Task, Split]:
    """The task, and faces with the validation split's shares of the cells: new ones, or every other one of them."""
    if tier == "open":
        half = np.arange(len(task.val)) % 2 == 0
        return replace(task, val=task.val.take(np.flatnonzero(half))), task.val.take(np.flatnonzero(~half))
    names = task.val.target_name, task.val.protected_name
    cells = shares_of(UNSEEN, test_counts(*names))
    return task, Drawing("unseen", names, sum(cells.values()), DRAWN_BY, cells).split(dict(task.settings))


def trial(task: Task, faces: Split, strategy: str, seed: int, **options: Any) -> dict[str, Any]:
    """One training: the accuracy on ``faces`` of the network that it keeps, and where validation kept it."""
    found: Any = methods.get(strategy)(task, seed=seed, schedule="cosine", **options)
    right = float((found(faces.x).argmax(1) == faces.target).mean())
    return {"strategy": strategy, "seed": seed, "accuracy": right, "kept_epoch": found.notes["best_epoch"] + 1}


def search(task: Task, faces: Split, setting: str, values: tuple[Any, ...], **fixed: Any) -> pd.DataFrame:
    """All trials of a setting, a row each."""
    rows = [
        {"setting": f"finetune_{setting}", "value": value}
        | trial(task, faces, strategy, seed, **{setting: value}, **fixed)
        for value in values
        for strategy in STRATEGIES
        for seed in SEEDS
    ]
    return pd.DataFrame(rows)


def fewest(found: pd.DataFrame) -> Any:
    """The smallest value whose mean is within a standard error (of its difference from the best) of the best."""
    wide = found.pivot_table("accuracy", ["strategy", "seed"], "value")
    away = wide.sub(wide[wide.mean().idxmax()], axis=0)
    error = away.std(ddof=1) / np.sqrt(len(away))
    return min(value for value in wide if away[value].mean() >= -error[value])


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tier", nargs="?", choices=TASKS, default="quick")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = given.out or Path(f"docs/searches/aimfair_{given.tier}.csv")
    task, faces = parted(tasks.problem(TASKS[given.tier], given.tier).task, given.tier)
    epochs = search(task, faces, "epochs", EPOCHS[given.tier], lr=FIRST_RATE)
    length = fewest(epochs)
    rates = search(task, faces, "lr", RATES[given.tier], epochs=int(length))
    rate = rates.groupby("value")["accuracy"].mean().idxmax()
    table = pd.concat([epochs.assign(chosen=epochs["value"] == length), rates.assign(chosen=rates["value"] == rate)])
    out.parent.mkdir(parents=True, exist_ok=True)
    faces_are = "drawn as the validation faces are" if given.tier == "quick" else "of the validation part"
    head = f"# python scripts/search_aimfair.py {given.tier}: accuracy on unseen faces {faces_are}\n"
    out.write_text(head + table.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print(json.dumps({"epochs": int(length), "lr": float(rate)}))
    print(table.groupby(["setting", "value", "strategy"])["accuracy"].mean().unstack().round(4))


if __name__ == "__main__":
    main()
