"""Verdicts on AIM-Fair's claims about Table 3 (A1, A2, A4 to A7), from a frame of ``experiments.aimfair_table3``."""

from __future__ import annotations

import pandas as pd

from fairnb import tasks
from fairnb.claims import Condition, Verdict, judge, less, per_seed

ROWS = ("erm", "synthetic_only", "linear_probe", "full_fine_tuning", "selective")
SMILING_MALE = "CelebA;T=Smiling;P=Male"  # the setting that A1 is about; elsewhere its thresholds claim nothing
MIN_EO, MIN_ACC = 15.0, 85.0  # the thresholds of claim A1, in percent


def verdicts(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """All verdicts that Table 3's rows allow; A1 only where a task stands for Smiling / Male.

    Args:
        frame: one row per run (label, task, method, seed, metrics as fractions).
        setting: what was trained on what, in a few words; opens each note.
    """
    found = [*(_ordering(frame, setting, claim) for claim in ORDERINGS), _a7(frame, setting)]
    smiling = frame[[tasks.recipe(name).setting == SMILING_MALE for name in frame["task"]]]
    return [_a1(smiling, setting), *found] if len(smiling) else found


# claim -> (metric, lower row, higher row) that the paper says; all must hold in every setting.
ORDERINGS: dict[str, list[tuple[str, str, str]]] = {
    "A2": [("eo_max", "synthetic_only", "erm"), ("acc", "synthetic_only", "erm")],
    "A4": [("eo_max", "full_fine_tuning", "linear_probe")],
    "A5": [("eo_max", "full_fine_tuning", "erm"), ("acc", "full_fine_tuning", "erm")],
    "A6": [("acc", "full_fine_tuning", "selective")],
}


def _a1(frame: pd.DataFrame, setting: str) -> Verdict:
    conditions, shown = [], []
    for task in frame["task"].unique():
        eo, acc = per_seed(frame, "erm", "eo_max", task), per_seed(frame, "erm", "acc", task)
        conditions += [
            Condition(f"eo_max(erm) - {MIN_EO:g}", tuple(eo - MIN_EO)),
            Condition(f"acc(erm) - {MIN_ACC:g}", tuple(acc - MIN_ACC)),
        ]
        shown.append(f"{eo.mean():.2f} / {acc.mean():.2f}")
    return judge("A1", conditions, ours="; ".join(shown), note=setting)


def _ordering(frame: pd.DataFrame, setting: str, claim: str) -> Verdict:
    conditions, shown = [], []
    for task in frame["task"].unique():
        for metric, low, high in ORDERINGS[claim]:
            conditions.append(less(frame, metric, low, high, task))
            left, right = (per_seed(frame, method, metric, task).mean() for method in (low, high))
            shown.append(f"{metric}: {low} {left:.2f} vs {high} {right:.2f}")
    return judge(claim, conditions, ours="; ".join(shown), note=setting)


def _a7(frame: pd.DataFrame, setting: str) -> Verdict:
    """WST of AIM-Fair above each other row of the paper's table that was run (the random mask is not the paper's)."""
    conditions, shown = [], []
    for task in frame["task"].unique():
        others = [method for method in ROWS if method != "selective"]
        conditions += [less(frame, "wst", method, "selective", task) for method in others]
        shown.append(", ".join(f"{method} {per_seed(frame, method, 'wst', task).mean():.2f}" for method in ROWS))
    note = f"{setting}; five of the paper's seven strategies (supplementation and repairing come with part 2)"
    return judge("A7", conditions, ours="wst: " + "; ".join(shown), note=note)
