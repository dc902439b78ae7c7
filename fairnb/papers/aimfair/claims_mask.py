"""The verdict on A20, ours: does what selective fine-tuning spares grow with the domain gap of synthetic images?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from fairnb.evidence import order
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import Verdict, above, judge, per_seed
from fairnb.papers.aimfair import tables

METRIC = "acc"


def grows(frame: pd.DataFrame, names: Sequence[str], tier: str) -> Verdict:
    """A20 from the runs of the table ``gap``: the ends of the dial are compared.

    Args:
        names: the tasks in the order of the dial, photographs as they are first.
    """
    there, rows = set(frame["task"]), (tables.AIM_FAIR[0], tables.FULL[0])
    gains = {task: _gain(frame, task) for task in names if task in there}
    text = f"[{METRIC}(AIM-Fair) - {METRIC}(full)] in {names[-1]} - [the same] in {names[0]}"
    ours = "; ".join(f"{task} {gain.mean():+.2f}" for task, gain in gains.items())
    note = f"tier {tier}; the dial: {', '.join(names)}"
    ends = order.of_rows(frame, rows, (names[-1], names[0]))
    condition = above(text, METRIC, *(_gain(ends, task) for task in (names[-1], names[0])))
    return judge("A20", [condition], ours=f"{METRIC}(AIM-Fair) - {METRIC}(full): {ours}", note=note)


def _gain(frame: pd.DataFrame, task: str) -> pd.Series:
    ours, full = (per_seed(frame, row[0], METRIC, task, "label") for row in (tables.AIM_FAIR, tables.FULL))
    return (ours - full).dropna()


def _dial(frames: Frames, tier: str) -> list[Verdict]:
    names = list(dict.fromkeys(run.task for run in tables.grid("gap", tier)))
    if "gap" not in frames or not {names[0], names[-1]} <= set(frames["gap"]["task"]):
        return []  # an end of the dial was not run: the first one's runs are other tables', too
    return [grows(frames["gap"], names, tier)]


JUDGED = {"15_aimfair_mask": Judged(("A20",), {"gap": partial(tables.grid, "gap")}, _dial)}
