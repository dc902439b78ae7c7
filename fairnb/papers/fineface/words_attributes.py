"""What notebook 52 says about Tables 6 to 8, made from their runs: the gaps, the rivals, the worse gender, and why.

``frame`` has the runs of Table 7, ``mean`` their means over attributes (``tables.averaged``); metrics are fractions,
sentences have percent and points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import reported, say
from fairnb.evidence.tables import RERUN
from fairnb.evidence.verdicts import per_seed
from fairnb.papers.fineface import tables as rows_of
from fairnb.papers.fineface.tables import GAN, METRICS_6, OURS, RIVALS_7
from fairnb.papers.fineface.words import STRIDES

if TYPE_CHECKING:
    from fairnb.papers.fineface.looking import Looks
    from fairnb.tasks import Problem

BASE, STEPS, FINEFACE = rows_of.BASE[0], rows_of.STEPS[0], OURS[0]
NAMES = {"acc": "accuracy", "tpr": "TPR", "tpr_gap": "DEO", "eo_sum": "DEODD", "acc_max": "the best group"}
FEW = 30  # images of a cell in training
COARSE = 3  # points a side: a map that tells sides of the picture
REASONS = {
    "F4": {
        "holds": "It fits that who looks at finer detail finds the positives of both genders alike.",
        "refuted": "It would fit gaps that come from what training has few of: a closer look at few images is still a "
        "look at few.",
        "open": "The claim asks for most of the gap to go, with no accuracy lost. A gap that a few test images move "
        "needs many of them, and many seeds, before so much can be said.",
    },
    "F5": {
        "holds": "It fits a training that takes accuracy from one gender and gives it to the other.",
        "refuted": "It would fit a network that is better, or worse, for both genders.",
        "open": "",
    },
    "F6": {
        "holds": "It fits that seeing detail does more than reading genders.",
        "refuted": "It fits that who reads genders in training can ask for equal rates, at some cost in accuracy.",
        "open": "Rows whose gaps a few images decide are not told apart by so few trainings.",
    },
    "F7": {
        "holds": "So the mean is not made by one attribute.",
        "refuted": "A mean over attributes would hide in which of them the worse gender loses.",
        "open": "A few test images move the accuracy on one attribute; the claim is about how many attributes gain.",
    },
}
GAIN = {
    say.HIGHER: "So experts and crops add accuracy beyond the steps.",
    say.LOWER: "So what FineFACE gains over the Baseline, if anything, comes without any expert, and crops cost some.",
    say.UNCLEAR: "So in accuracy these means do not tell experts and crops from more steps.",
}


def why(
    mean: pd.DataFrame,
    verdicts: pd.DataFrame,
    worst: pd.DataFrame,
    each: pd.DataFrame,
    problems: Mapping[str, Problem],
    quiet: pd.DataFrame,
    seen: Looks,
) -> list[str]:
    """A point for each claim and for what stands behind it, for ``say.prose``.

    Args:
        mean: from ``tables.averaged``. verdicts: the table of ``verdicts.save``. worst: from
            ``changes.by_attribute``. each: a row per task and row with ``tpr_gap`` in percent. problems: by task.
        quiet: the rows that are constant, indexed by task and row. seen: what Figure 1 shows.
    """
    return [
        _gaps(mean, verdicts),
        _steps(mean),
        say.point(verdicts, ["F5"], f"The best group, against the Baseline: {_than(mean, FINEFACE, BASE, 'acc_max')}.",
                  say.reason(verdicts, "F5", REASONS["F5"])),
        _rivals(mean, verdicts),
        _worse(mean, worst, verdicts),
        _blurred(each, problems),
        _constant(quiet),
        _maps(seen),
    ]  # fmt: skip


def _of(mean: pd.DataFrame, row: str, metric: str) -> pd.Series:
    [task] = mean["task"].unique()
    return per_seed(mean, row, metric, task, "label")


def _than(mean: pd.DataFrame, row: str, other: str, metric: str) -> say.Difference:
    return say.compare(_of(mean, row, metric), _of(mean, other, metric))


def _gaps(mean: pd.DataFrame, verdicts: pd.DataFrame) -> str:
    printed = reported.wide("fineface", "T6").set_index("method")
    theirs = {ours: name for name, ours in METRICS_6.items()}
    said, left = [], []
    for metric in ("tpr_gap", "eo_sum", "tpr", "acc"):
        unit = " %" if metric in ("tpr", "acc") else " points"
        ours, base = (_of(mean, row, metric) for row in (FINEFACE, BASE))
        change = printed.loc["FineFACE", theirs[metric]] - printed.loc["Baseline", theirs[metric]]
        said.append(
            f"{NAMES[metric]} {say.value(ours, unit)} where the Baseline has {say.value(base, unit)}, "
            f"{say.compare(ours, base)} ({say.signed(change)} in print)"
        )
        if unit == " points" and base.mean() > 0:
            in_print = printed.loc["FineFACE", theirs[metric]] / printed.loc["Baseline", theirs[metric]]
            share = 100 * ours.mean() / base.mean()
            left.append(f"{share:.0f} % of its {NAMES[metric]} ({100 * in_print:.0f} % in print)")
    return say.point(
        verdicts,
        ["F4"],
        f"{'; '.join(said)}. Of what the Baseline has FineFACE leaves {say.listed(left, 'no gap')}.",
        say.reason(verdicts, "F4", REASONS["F4"]),
    )


def _steps(mean: pd.DataFrame) -> str:
    head = "* **How much of it is steps?**"
    if STEPS not in set(mean["label"]):
        return (
            f"{head} FineFACE takes several optimiser steps where the Baseline takes one. The plain network with as "
            "many, which the paper lacks, is left out at this tier: what is said above of FineFACE may be the steps'. "
            "Notebook 50 has this control for gender."
        )
    ours = {metric: _than(mean, FINEFACE, STEPS, metric) for metric in ("acc", "tpr_gap")}
    return (
        f"{head} The plain network with as many steps, which the paper lacks, against the Baseline: accuracy "
        f"{_than(mean, STEPS, BASE, 'acc')}, DEO {_than(mean, STEPS, BASE, 'tpr_gap')}. FineFACE against it: accuracy "
        f"{ours['acc']}, DEO {ours['tpr_gap']}. {GAIN[ours['acc'].word]}"
    )


def _rivals(mean: pd.DataFrame, verdicts: pd.DataFrame) -> str:
    there = set(mean["label"])
    rows = [row[0] for row in RIVALS_7 if row[0] in there]
    rest = [*(row[0] for row in RIVALS_7 if row[0] not in there), GAN]
    if not rows:
        return say.point(verdicts, ["F6"], "This tier reruns none of the rivals.")
    said = [
        f"{row}: DEO {_than(mean, FINEFACE, row, 'tpr_gap')}, accuracy {_than(mean, FINEFACE, row, 'acc')}"
        for row in rows
    ]
    own = _of(mean, FINEFACE, "tpr_gap").mean()
    lower = [
        f"{row} ({_of(mean, row, 'tpr_gap').mean():.1f})" for row in rows if _of(mean, row, "tpr_gap").mean() < own
    ]
    printed = reported.wide("fineface", "T7").set_index("method")["DEO"]
    return say.point(
        verdicts,
        ["F6"],
        f"FineFACE against {'; against '.join(said)}. Rows with a lower mean DEO than FineFACE's ({own:.1f}): "
        f"{say.listed(lower)}. Only quoted: {say.listed(rest)}. In print the lowest DEO is that of "
        f"{printed.idxmin()}; the other printed rows are copied from papers with other trainings. The "
        "rivals read genders, FineFACE does not.",
        say.reason(verdicts, "F6", REASONS["F6"]),
    )


def _worse(mean: pd.DataFrame, worst: pd.DataFrame, verdicts: pd.DataFrame) -> str:
    own = worst[worst["source"] == RERUN]
    changes = [f"{row['attribute']} {say.compare(row['change_values'], 0.0)}" for row in own.to_dict("records")]
    steps = STEPS in set(mean["label"])
    with_steps = f"; with the same steps alone {_than(mean, STEPS, BASE, 'acc_min')}" if steps else ""
    return say.point(
        verdicts,
        ["F7"],
        f"The worse gender's accuracy, against the Baseline: {'; '.join(changes)}. Its mean over these attributes is "
        f"{_than(mean, FINEFACE, BASE, 'acc_min')}{with_steps}.",
        say.reason(verdicts, "F7", REASONS["F7"]),
    )


def _blurred(each: pd.DataFrame, problems: Mapping[str, Problem]) -> str:
    """The attribute with the largest gaps, and how many images its rarer positives have."""
    task = str(each.groupby("task")["tpr_gap"].mean().idxmax())
    gaps = each.loc[each["task"] == task, "tpr_gap"]
    problem = problems[task]
    learned, tested = problem.task.train.counts(), problem.test.counts()
    rare = min((0, 1), key=lambda group: learned[1, group])
    few, some = learned[1, rare], tested[1, rare]
    follows = (
        "What a network saw so seldom it hardly learns by looking more closely."
        if few < FEW
        else "So it has been seen often enough for a closer look to be of use."
    )
    name = tasks.recipe(task).setting.partition("T=")[2] or task
    return (
        f"* **What blurs the gaps.** {name} has the largest gaps of these attributes: its DEO is {gaps.min():.1f} "
        f"to {gaps.max():.1f} points in the rows above. There are {few} {('women', 'men')[rare]} with it to learn from "
        f"and {some} to test; one of these is {100 / max(some, 1):.1f} points of DEO. {follows}"
    )


def _constant(quiet: pd.DataFrame) -> str:
    if not len(quiet):
        return "* No row is constant at these settings, so no small gap is an empty one."
    rows = say.listed(f"{row} in {task}" for task, row in quiet.index)
    return f"* Constant, or next to it, is {rows}: the gap of such a row is an empty one."


def _maps(seen: Looks) -> str:
    points = [-(-seen.x.shape[-1] // stride) for stride in STRIDES]
    deep = (
        "so the deepest expert tells little more than a side of the picture"
        if points[-1] <= COARSE
        else "so even the deepest expert can tell parts of a face"
    )
    areas = 100 * np.asarray(seen.areas)
    return (
        f"* **Figure 1.** The experts' maps have {say.listed(map(str, points))} points a side, {deep}. The shallow one "
        "may look at parts: are they those of the attribute (the forehead, for bangs)? The box that is cropped is "
        f"{areas.min():.0f} to {areas.max():.0f} % of the picture, {areas.mean():.0f} % on average."
    )
