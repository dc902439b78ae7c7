"""Verdicts on AIM-Fair's claims about its own choices (A10 to A18): which tensors, which prompts, which numbers."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from fairnb.evidence.verdicts import Condition, Verdict, judge, less, per_seed
from fairnb.papers.aimfair import tables as aimfair

PARTIAL = (*aimfair.BEST_OF, aimfair.COSINE[0], aimfair.AIM_FAIR[0])
RANDOM, UPDATE, _ = aimfair.BEST_OF
SPREAD = 3  # claim A18: in standard deviations over seeds


def partial_tuning(frame: pd.DataFrame, single: str, setting: str) -> list[Verdict]:
    """Verdicts on A10, A11, A12 and A18 from the runs of Table 4.

    Args:
        frame: with the rows of ``tables.best_of`` under their labels. single: the task of claim A10 (Smiling / Male).
    """
    names, cosine = frame["task"].unique(), aimfair.COSINE[0]
    others = [row for row in PARTIAL if row != UPDATE]
    a10 = [less(frame, metric, row, UPDATE, single, "label") for metric in ("acc", "eo_max") for row in others]
    a11 = [less(frame, "wst", RANDOM, "AIM-Fair", task, "label") for task in names]
    a12 = [less(frame, "eo_max", "AIM-Fair", cosine, task, "label") for task in names]
    found = [
        judge("A11", a11, ours=_means(frame, "wst", ("AIM-Fair", RANDOM)), note=setting),
        judge("A12", a12, ours=_means(frame, "eo_max", ("AIM-Fair", cosine)), note=setting),
        _a18(frame, setting),
    ]
    if single not in names:
        return found
    shown = "; ".join(_means(frame[frame["task"] == single], metric, PARTIAL) for metric in ("acc", "eo_max"))
    return [judge("A10", a10, ours=shown, note=setting), *found]


def _a18(frame: pd.DataFrame, setting: str) -> Verdict:
    """Distance of the two frozen blocks that are farthest apart in the *other* seeds, beyond three seed deviations."""
    rows, conditions, shown = [row[0] for row in aimfair.FREEZE], [], []
    for task in frame["task"].unique():
        gaps = np.array([per_seed(frame, row, "eo_max", task, "label") for row in rows])  # (blocks, seeds)
        spread = float(np.sqrt(gaps.var(axis=1, ddof=1).mean())) if gaps.shape[1] > 1 else 0.0
        values = []
        for seed in range(gaps.shape[1]):
            rest = np.delete(gaps, seed, axis=1).mean(1) if gaps.shape[1] > 1 else gaps[:, 0]
            values.append(gaps[rest.argmax(), seed] - gaps[rest.argmin(), seed] - SPREAD * spread)
        conditions.append(Condition(f"eo_max range - {SPREAD} seed deviations", tuple(values)))
        shown.append(f"{task} eo_max range {np.ptp(gaps.mean(1)):.2f}, seed deviation {spread:.2f}")
    note = f"{setting}; the two blocks are chosen on the other seeds, so that noise does not widen the range"
    return judge("A18", conditions, ours="; ".join(shown), note=note)


def prompts(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """The verdict on A13 from the runs of Table 5 for Smiling / Male (rows of one task, under their labels)."""
    rows = list(aimfair.PROMPTS.values())
    [task] = frame["task"].unique()
    steps = [less(frame, "acc", poor, rich, task, "label") for poor, rich in pairwise(rows)]
    return [judge("A13", steps, ours=_means(frame, "acc", rows), note=setting)]


def sensitivity(k: pd.DataFrame, bias: pd.DataFrame, ratio: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on A14 (Figure 5's runs), A15 and A16 (Table 6's) and A17 (Table 7's)."""
    [task] = k["task"].unique()
    full = aimfair.FULL[0]
    own = [label for label in _run("T6", bias) if label not in (aimfair.ERM[0], full)]
    a15 = [less(bias, "eo_max", own[-1], row, task, "label") for row in own[:-1]]
    a16 = [less(bias, "acc", full, row, task, "label") for row in own]
    half, same, *more = _run("T7", ratio)
    a17 = [less(ratio, "eo_max", same, row, task, "label") for row in (half, *more)]
    a17 += [less(ratio, "acc", row, half, task, "label") for row in (same, *more)]
    both = "; ".join(_means(ratio, metric, (half, same, *more)) for metric in ("eo_max", "acc"))
    return [
        _a14(k, task, setting),
        judge("A15", a15, ours=_means(bias, "eo_max", own), note=setting),
        judge("A16", a16, ours=_means(bias, "acc", (full, *own)), note=setting),
        judge("A17", a17, ours=both, note=setting),
    ]


def _run(table: str, frame: pd.DataFrame) -> list[str]:
    """The labels of a table that the frame has, in the table's order: a tier may run some values of a sweep."""
    return [label for label, _, _ in aimfair.TABLES[table].rows if label in set(frame["label"])]


def _a14(frame: pd.DataFrame, task: str, setting: str) -> Verdict:
    """The smallest gap lies inside: below both ends at the inner k that is best in the *other* seeds."""
    rows = _run("F5", frame)
    gaps = np.array([per_seed(frame, row, "eo_max", task, "label") for row in rows])  # (k, seeds)
    inner = []
    for seed in range(gaps.shape[1]):
        rest = np.delete(gaps, seed, axis=1).mean(1) if gaps.shape[1] > 1 else gaps[:, 0]
        inner.append(gaps[1 + rest[1:-1].argmin(), seed])
    ends = ((rows[0], gaps[0]), (rows[-1], gaps[-1]))
    conditions = [Condition(f"eo_max({row}) - eo_max(best inner k)", tuple(gap - np.array(inner))) for row, gap in ends]
    note = f"{setting}; the inner k is chosen on the other seeds, so that noise does not favour it"
    return judge("A14", conditions, ours=_means(frame, "eo_max", rows), note=note)


def _means(frame: pd.DataFrame, metric: str, rows) -> str:
    """``task metric: row mean, ...`` for every task."""
    return "; ".join(
        f"{task} {metric}: "
        + ", ".join(f"{row} {per_seed(frame, row, metric, task, 'label').mean():.2f}" for row in rows)
        for task in frame["task"].unique()
    )
