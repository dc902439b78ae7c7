"""The search behind FineFACE's toy of small marks: how well a mark must show, and how fast networks learn it.

Accuracy on faces that are drawn as the validation faces are but that no run ever sees; seeds are not the tier's, test
faces are not read. First, with the plain network alone: how much of a mark is its own colour in the second group (in
the third a third of that; in the first all). Wanted are about 85 %, in the middle of what is no guess and leaves
something to win. Then the learning rate, the best in the mean of the plain network, FineFACE and its experts without
crops. Last, and nothing is chosen by it: what the latter two make of a mark that is fainter in the first group, too.

    python scripts/search_marks.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from fairnb import tasks
from fairnb.papers.fineface import tasks_marks as marks
from fairnb.papers.fineface.method import fineface, fineface_base

TIER, SEEDS, WANTED = "quick", (10, 11), 0.85
CONTRASTS, RATES, FIRST_RATE = (0.2, 0.3, 0.4, 0.5, 0.6), (0.02, 0.05, 0.1), 0.05
FAINTER, THIRD = (0.5, 0.75), 1 / 3
VIEWS = {"FineFACE": "crop", "FineFACE, no crops": "image"}
UNSEEN, DRAWN_BY = 1200, (197, 198, 199)  # faces, and the seeds of the drawings: 191 to 193 are the task's


def trial(strengths: tuple[float, ...], rate: float, seed: int, row: str = "Baseline") -> dict[str, Any]:
    """One training: the accuracy on unseen faces of the network that it keeps, of all and by group."""
    task = tasks.problem(marks.TOY, TIER).task
    settings = dict(task.settings)
    marks.CONTRASTS = strengths  # type: ignore[assignment]
    sizes = (settings["n_train"], settings["n_val"], UNSEEN)
    train, val, faces = (
        marks.MarkDrawing(f"search{seed}", (marks.MARK, marks.TONE), n, seed, label_noise=0.0).split(settings)
        for n, seed in zip(sizes, DRAWN_BY, strict=True)
    )
    own, train_it = replace(task, train=train, val=val), fineface if row in VIEWS else fineface_base
    found: Any = train_it(own, seed=seed, lr=rate, **({"view": VIEWS[row]} if row in VIEWS else {}))
    right = found(faces.x).argmax(1) == faces.target
    groups = {f"group{g}": float(right[faces.protected == g].mean()) for g in range(len(strengths))}
    told = {"row": row, "seed": seed, "accuracy": float(right.mean())} | groups
    return told | {"kept_epoch": found.notes["best_epoch"] + 1}


def table(setting: str, lines: Iterable[tuple[float, dict[str, Any]]]) -> pd.DataFrame:
    """The trials of a setting by its values."""
    return pd.DataFrame([{"setting": setting, "value": value} | told for value, told in lines])


def main() -> None:
    """Search, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/searches/fineface_marks.csv"))
    out = parser.parse_args().out
    first = table("contrast", ((c, trial((1.0, c, c * THIRD), FIRST_RATE, seed)) for c in CONTRASTS for seed in SEEDS))
    contrast = float((first.groupby("value")["accuracy"].mean() - WANTED).abs().idxmin())
    chosen = (contrast, contrast * THIRD)
    rows, seed = ("Baseline", *VIEWS), SEEDS[0]
    second = table("finetune_lr", ((r, trial((1.0, *chosen), r, seed, row)) for row in rows for r in RATES))
    rate = float(second.groupby("value")["accuracy"].mean().idxmax())
    print(contrast, rate, flush=True)
    fainter = ((f, trial((f, *chosen), rate, seed, row)) for row in VIEWS for f in FAINTER)
    third = table("contrast of the first group", fainter)
    found = pd.concat(
        [first.assign(chosen=first["value"] == contrast), second.assign(chosen=second["value"] == rate), third]
    )
    head = "# python scripts/search_marks.py: accuracy on unseen faces that are drawn as the validation faces are\n"
    out.write_text(head + found.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    print(found.groupby(["setting", "row", "value"])["accuracy"].mean().round(4))


if __name__ == "__main__":
    main()
