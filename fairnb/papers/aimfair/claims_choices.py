"""Verdicts on AIM-Fair's claims about its own choices (A10 to A18): which tensors, which prompts, which numbers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import judging, order
from fairnb.evidence.judging import Judged
from fairnb.evidence.verdicts import Condition, Verdict, above, judge, less, per_seed
from fairnb.papers.aimfair import tables as aimfair
from fairnb.papers.aimfair.claims import named, setting_of

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

PARTIAL = (*aimfair.BEST_OF, aimfair.COSINE[0], aimfair.AIM_FAIR[0])
RANDOM, UPDATE, _ = aimfair.BEST_OF
HEAVY = aimfair.HEAVY[0]  # as many tensors as AIM-Fair trains, and about as many weights
MATCHED = aimfair.MATCHED[0]  # as many weights of each block and kind of tensor, which may leave no choice
SAME_SHARE = "Random mask"  # as many tensors
CONTROLS = (HEAVY, MATCHED, SAME_SHARE)  # of A11, the first that was run
SWEEPS, LEAST = ("F5", "T6", "T7"), 2  # values of a sweep that make one


def partial_tuning(frame: pd.DataFrame, single: str, setting: str) -> list[Verdict]:
    """Verdicts on A10, A11, A12 and A18 from the runs of Table 4.

    Args:
        frame: with the rows of ``tables.best_of`` under their labels, and with those of ``CONTROLS`` that were run.
        single: the task of claim A10 (Smiling / Male).
    """
    names, cosine = frame["task"].unique(), aimfair.COSINE[0]
    controls = {task: control for task in names if (control := control_of(frame, task))}
    others = [row for row in PARTIAL if row != UPDATE]
    a10 = [less(frame, metric, row, UPDATE, single, "label") for metric in ("acc", "eo_max") for row in others]
    a11 = [
        [named(less(frame, "wst", controls[task], "AIM-Fair", task, "label"), task)] if task in controls else []
        for task in names
    ]
    a12 = [
        named(less(frame, "eo_max", "AIM-Fair", row, task, "label"), task)
        for task in names
        for row in (cosine, controls.get(task, SAME_SHARE))
        if row != SAME_SHARE
    ]
    found = [
        judge("A11", a11, ours=_means(frame, "wst", ("AIM-Fair", *CONTROLS, RANDOM)), note=setting),
        judge("A12", a12, ours=_means(frame, "eo_max", ("AIM-Fair", cosine, *CONTROLS[:-1])), note=setting),
        _a18(frame, setting),
    ]
    if single not in names:
        return found
    shown = "; ".join(_means(frame[frame["task"] == single], metric, PARTIAL) for metric in ("acc", "eo_max"))
    return [judge("A10", a10, ours=shown, note=setting), *found]


def control_of(frame: pd.DataFrame, task: str) -> str:
    """The label of the random mask that A11 compares with: the first of ``CONTROLS`` that was run; else empty."""
    there = set(frame.loc[frame["task"] == task, "label"])
    return next((row for row in CONTROLS if row in there), "")


def _a18(frame: pd.DataFrame, setting: str) -> Verdict:
    """The two frozen blocks that are farthest apart in *earlier* seeds are apart, in the same order."""
    rows, conditions, shown = [row[0] for row in aimfair.FREEZE], [], []
    for task in frame["task"].unique():
        own = order.complete(frame[frame["task"] == task], rows)
        gaps = pd.DataFrame({row: per_seed(own, row, "eo_max", task, "label") for row in rows})
        text = f"eo_max(block where it was largest) - eo_max(where it was smallest) in {task}"
        conditions.append(above(text, "eo_max", *_farthest(gaps), baseline=float(gaps.mean().max())))
        shown.append(f"{task} eo_max {gaps.mean().min():.2f} to {gaps.mean().max():.2f}")
    note = f"{setting}; the two blocks are chosen on earlier seeds, so that noise does not widen the range"
    return judge("A18", conditions, ours="; ".join(shown), note=note)


def _farthest(gaps: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Each seed's values of the rows that are largest and smallest in the mean over earlier seeds.

    Chosen on all other seeds, later ones too, the differences would hang together: where nothing differs, 48 seeds of
    six rows would show a range in 12 % of cases. Of the first seed the first and the last row are taken.

    Args:
        gaps: a column per row, a line per seed in the order in which they came.
    """
    ends = []
    for place in range(len(gaps)):
        seen = gaps.iloc[:place].mean() if place else pd.Series({gaps.columns[0]: 1.0, gaps.columns[-1]: 0.0})
        ends.append([gaps.iloc[place][seen.idxmax()], gaps.iloc[place][seen.idxmin()]])
    high, low = np.array(ends, float).reshape(-1, 2).T
    return pd.Series(high, gaps.index), pd.Series(low, gaps.index)


def prompts(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """The verdict on A13 from the runs of Table 5 for Smiling / Male (rows of one task, under their labels)."""
    rows = list(aimfair.PROMPTS.values())
    [task] = frame["task"].unique()
    steps = [less(frame, "acc", poor, rich, task, "label") for poor, rich in pairwise(rows)]
    return [judge("A13", steps, ours=_means(frame, "acc", rows), note=setting)]


def sensitivity(k: pd.DataFrame, bias: pd.DataFrame, ratio: pd.DataFrame, setting: str, few: str = "") -> list[Verdict]:
    """Verdicts on A14 (Figure 5's runs), A15 and A16 (Table 6's) and A17 (Table 7's).

    ``few``: why a ratio of 1 is not as many synthetic images as real ones, which A17 is about.
    """
    [task] = k["task"].unique()
    full = aimfair.FULL[0]
    own = [label for label in _run("T6", bias) if label not in (aimfair.ERM[0], full)]
    a15 = [less(bias, "eo_max", own[-1], row, task, "label") for row in own[:-1]]
    a16 = [less(bias, "acc", full, row, task, "label") for row in own]
    half, same, *more = _run("T7", ratio)
    fairest = [less(ratio, "eo_max", same, row, task, "label") for row in (half, *more)]
    most_accurate = [less(ratio, "acc", row, half, task, "label") for row in (same, *more)]
    both = "; ".join(_means(ratio, metric, (half, same, *more)) for metric in ("eo_max", "acc"))
    return [
        _a14(k, task, setting),
        judge("A15", a15, ours=_means(bias, "eo_max", own), note=setting),
        judge("A16", a16, ours=_means(bias, "acc", (full, *own)), note=setting),
        judge("A17", [fairest, most_accurate], ours=both, note=setting, unseen=few),
    ]


def _run(table: str, frame: pd.DataFrame) -> list[str]:
    """The labels of a table that the frame has, in the table's order: a tier may run some values of a sweep."""
    return [label for label, _, _ in aimfair.TABLES[table].rows if label in set(frame["label"])]


def _a14(frame: pd.DataFrame, task: str, setting: str) -> Verdict:
    """Some inner k has a smaller gap than both ends: a group of conditions for each, of which one must hold."""
    first, *inner, last = _run("F5", frame)
    groups: list[list[Condition]] = [
        [less(frame, "eo_max", row, end, task, "label") for end in (first, last)] for row in inner
    ]
    note = f"{setting}; one inner k of {len(inner)} is enough"
    return judge("A14", groups, need=1, ours=_means(frame, "eo_max", (first, *inner, last)), note=note)


def _means(frame: pd.DataFrame, metric: str, rows: Sequence[str]) -> str:
    """``task metric: row mean, ...`` for every task, of the rows that it has."""
    return "; ".join(
        f"{task} {metric}: "
        + ", ".join(f"{row} {per_seed(own, row, metric, task, 'label').mean():.2f}" for row in rows if row in there)
        for task, own in frame.groupby("task", sort=False)
        for there in [set(own["label"])]
    )


def with_best(frame: pd.DataFrame) -> pd.DataFrame:
    """Table 4's runs and, under their labels, the rows that are the best of several by validation data."""
    from fairnb.evidence import tables

    there = set(frame["label"])
    candidates: dict[str, Sequence[str]] = {
        label: [row[0] for row in rows if row[0] in there] for label, rows in aimfair.BEST_OF.items()
    }
    return pd.concat([frame, tables.best_of(frame, candidates)], ignore_index=True)


def _with_controls(tier: str) -> list[Run]:
    """The runs of Table 4 and, in its tasks, other tables' runs of A11's random masks and of AIM-Fair beside them."""
    grid = aimfair.grid("T4", tier)
    names, rows = {run.task for run in grid}, {*CONTROLS, aimfair.AIM_FAIR[0]}
    found = {(run.label, run.task, run.seed): run for run in grid}
    for run in (*aimfair.grid("T3", tier), *aimfair.grid("masks", tier)):
        if run.task in names and run.label in rows:
            found.setdefault((run.label, run.task, run.seed), run)
    return [*found.values()]


def _partial(frames: judging.Frames, tier: str) -> list[Verdict]:
    frame = frames["T4"]
    there = set(frame["label"])
    if not all(there & {row[0] for row in rows} for rows in aimfair.BEST_OF.values()):
        return []  # of Table 4 nothing was run, other tables' controls alone
    single = next((name for name in frame["task"].unique() if tasks.recipe(name).setting.endswith("P=Male")), "")
    return partial_tuning(with_best(frame), single, f"{setting_of(frame, tier)}; best rows chosen on validation")


def _prompts(frames: judging.Frames, tier: str) -> list[Verdict]:
    settings = aimfair.by_setting(frames["T5"])
    own = settings[settings["task"].str.endswith("smiling_male")]
    return prompts(own, f"tier {tier}, trained on generated images alone") if len(own) else []


def _sensitivity(frames: judging.Frames, tier: str) -> list[Verdict]:
    if not frames.keys() >= set(SWEEPS) or any(len(_run(name, frames[name])) < LEAST for name in SWEEPS):
        return []  # of a sweep the plain run alone is there, which other tables share
    task = frames["F5"]["task"].iloc[0]
    setting = f"tier {tier}, {task}, synthetic data: {tasks.synthetic_words(task, tier)}"
    return sensitivity(frames["F5"], frames["T6"], frames["T7"], setting, _few(task, tier))


def _few(task: str, tier: str) -> str:
    """Why ratio 1 is not as many synthetic images as real ones at a tier, with their number; empty where it is."""
    settings = tasks.settings_of(task, tier)
    count = settings.get("n_synthetic")
    if count is None or count == settings.get("n_train"):
        return ""
    return f"the ratio is of {count} images, and there are more real ones: no more photographs play the synthetic ones"


JUDGED = {
    "12_aimfair_partial_tuning": Judged(
        ("A10", "A11", "A12", "A18"), {"T4": _with_controls}, _partial, ("best_val_accuracy",)
    ),
    "13_aimfair_prompts": Judged(("A13",), {"T5": partial(aimfair.grid, "T5")}, _prompts),
    "14_aimfair_sensitivity": Judged(
        ("A14", "A15", "A16", "A17"), {name: partial(aimfair.grid, name) for name in SWEEPS}, _sensitivity
    ),
}
