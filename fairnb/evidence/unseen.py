"""Why a tier cannot show a claim, in sentences with their numbers: silent arms, weak networks, toys, absent rivals.

A constant prediction has no gaps, and a network far below the claim's own says nothing of it. Such a task can neither
confirm a claim nor refute it, but it does not keep another task from refuting it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from fairnb.evidence.verdicts import FEW, NO_DIFFERENCE, REVERSED, UNSEEN, Condition, Verdict, by_task, judge, per_seed

Reasons = Mapping[str, Sequence[str]]
SIZES = ("n_y0s0", "n_y0s1", "n_y1s0", "n_y1s1")  # test images by label and group


def quiet(frame: pd.DataFrame, rows: Iterable[str], names: Iterable[str]) -> dict[str, list[str]]:
    """Per task a sentence for each label of ``rows`` that finds next to no positives: under ``FEW`` % of them."""
    found = {}
    for task in names:
        shares = {row: per_seed(frame, row, "tpr", task, "label").mean() for row in rows if "tpr" in frame}
        said = f"of the positives, under {FEW:g} %: a constant prediction shows nothing"
        found[task] = [f"{row} in {task} finds {share:.1f} % {said}" for row, share in shares.items() if share < FEW]
    return found


def weak(
    frame: pd.DataFrame, row: str, metric: str, names: Iterable[str], bar: float, printed: str
) -> dict[str, list[str]]:
    """Per task a sentence where ``metric`` of ``row`` is under ``bar`` percent in the mean: another network altogether.

    Args:
        printed: what the paper has there, in words.
    """
    means = {task: per_seed(frame, row, metric, task, "label").mean() for task in names}
    said = f"under the {bar:g} % that a network like the paper's passes easily (printed: {printed})"
    return {
        task: [f"{metric} of {row} in {task} is {mean:.1f} %, {said}"] * bool(mean < bar)
        for task, mean in means.items()
    }


def constant(frame: pd.DataFrame, row: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Per task a sentence where the mean accuracy of ``row`` is not above that of the best constant answer.

    Args:
        frame: with counts of the test images as ``n_y1s0`` (label 1, group 0) and so on; without them nothing is said.
    """
    if not set(SIZES) <= set(frame.columns):
        return {task: [] for task in names}
    found = {}
    for task in names:
        sizes = frame.loc[frame["task"] == task, list(SIZES)].mean()
        positive = sizes[[name for name in SIZES if name.startswith("n_y1")]].sum() / sizes.sum()
        best, mean = 100 * max(positive, 1 - positive), per_seed(frame, row, "acc", task, "label").mean()
        said = f"acc of {row} in {task} is {mean:.1f} %, and one and the same answer to every image has {best:.1f} %"
        found[task] = [said] * bool(mean <= best)
    return found


def toys(names: Iterable[str]) -> list[str]:
    """Those of the tasks that are made of no real data."""
    from fairnb import tasks

    return [name for name in names if not tasks.recipe(name).reads]


def either(*found: Reasons) -> dict[str, list[str]]:
    """The sentences of all, by task."""
    names = dict.fromkeys(task for reasons in found for task in reasons)
    return {task: [said for reasons in found for said in reasons.get(task, [])] for task in names}


def over_tasks(
    claim: str,
    conditions: Mapping[str, Sequence[Condition]],
    reasons: Reasons,
    *,
    ours: str,
    note: str,
    need: int | None = None,
    absent: Sequence[str] = (),
) -> Verdict:
    """``verdicts.judge`` over tasks, of which those with ``reasons`` count for nothing.

    Where too few tasks are left for the claim to hold and they do not refute it either, it cannot be seen here.

    Args:
        conditions: of each task. reasons: of each task, why it shows nothing; empty where it does.
        need: in how many tasks the claim must hold, by default in all. ours, note, absent: as in ``judge``.
    """
    groups = by_task(conditions, reasons)
    said = [sentence for task in conditions for sentence in reasons.get(task, [])]
    left_out = [task for task in conditions if reasons.get(task)]
    words = "; ".join(filter(None, (note, f"does not count: {', '.join(left_out)}" if left_out else "")))
    found = judge(claim, groups, need=need, ours=ours, note=words, absent=absent)
    enough = sum(map(bool, groups)) >= (len(groups) if need is None else need)
    if enough or found.verdict in (REVERSED, NO_DIFFERENCE):
        return found
    every = tuple(map(tuple, conditions.values()))
    return dataclasses.replace(found, verdict=UNSEEN, reason="; ".join(said), groups=every)
