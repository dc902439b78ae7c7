"""What changes within a seed: from the plain networks to FineFACE, by attribute, and from one test set to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence import reported, seeds, tables
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS, accuracies

COLUMNS = ["attribute", "source", "seeds", "before", "after", "change", "change_low", "change_high", "change_values"]
COLUMNS += ["printed_before", "printed_after", "printed_change"]


def over_plain(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """How FineFACE, the plain network, and the plain one with as many steps differ, paired by seed, in points.

    Args:
        frame: from ``runs.run``. names: metrics.

    Returns:
        as ``seeds.paired`` for each task; ``row`` says what is subtracted from what.
    """
    ours, plain, steps = FINEFACE[0], BASE[0], STEPS[0]
    found = seeds.paired(frame, [(ours, plain), (steps, plain), (ours, steps)], names)
    return found.assign(row=found["row"] + " − " + found["than"]).drop(columns="than")


def by_attribute(frame: pd.DataFrame, metric: str = "acc_min") -> pd.DataFrame:
    """How FineFACE changes a metric of each attribute, paired by seed, in points, and the printed change of Table 8.

    Args:
        frame: from ``runs.run``, tasks of ``attributes13``, with the rows Baseline and FineFACE.

    Returns:
        a row per printed attribute: ``attribute, source`` (``quoted`` where it was not run), ``seeds``, ``before``,
        ``after`` (mean over seeds, percent), ``change`` with ``_low``, ``_high`` (95 % t-interval) and ``_values``
        (a tuple, by seed), ``printed_before``, ``printed_after``, ``printed_change``.
    """
    from fairnb import tasks

    pair = (BASE[0], FINEFACE[0])
    own = {tasks.recipe(task).setting: task for task in frame["task"].unique()}
    means = seeds.over(frame, (metric,)).set_index(["task", "row"])[metric]
    changes = seeds.paired(frame, [pair[::-1]], (metric,)).set_index("task")
    changes.columns = changes.columns.str.replace(metric, "change")
    printed = reported.wide("fineface", "T8").pivot(index="setting", columns="method", values="MinGrpAcc")
    rows = []
    for setting in dict.fromkeys(reported.numbers("fineface", "T8")["setting"]):
        row: dict[str, Any] = {"attribute": setting.partition("T=")[2], "source": tables.QUOTED, "seeds": 0}
        if task := own.get(setting):
            row |= {"source": tables.RERUN} | changes.drop(columns=["row", "than"]).loc[task].to_dict()
            row |= dict(zip(("before", "after"), (means[task, label] for label in pair), strict=True))
        theirs = printed.loc[setting, list(pair)]
        row |= {"printed_before": theirs.iloc[0], "printed_after": theirs.iloc[1]}
        rows.append(row | {"printed_change": theirs.iloc[1] - theirs.iloc[0]})
    return pd.DataFrame(rows, columns=COLUMNS)


def by_group(home: pd.DataFrame, away: pd.DataFrame, over: str = "cells") -> pd.DataFrame:
    """How the accuracy of every group changes from one test set to another, paired by row and seed, in points.

    Args:
        home, away: from ``runs.run``, one task each. over: see ``tables.accuracies``; groups that only
            one of the two has are left out.

    Returns:
        columns ``task`` (that of ``away``), ``row, group, accuracy`` (the mean change), ``accuracy_low``,
        ``accuracy_high`` (95 % t-interval over seeds, NaN for one seed).
    """
    before = {(row["label"], row["seed"]): accuracies(row, over) for _, row in home.iterrows()}
    rows = []
    for (task, label), part in away.groupby(["task", "label"], sort=False):
        pairs = [(before[label, row["seed"]], accuracies(row, over)) for _, row in part.iterrows()]
        for group in [name for name in pairs[0][1] if name in pairs[0][0]]:
            interval = metrics.seed_interval(np.array([100 * (then[group] - now[group]) for now, then in pairs]))
            ends = {"accuracy": interval.mean, "accuracy_low": interval.low, "accuracy_high": interval.high}
            rows.append({"task": task, "row": label, "group": group} | ends)
    return pd.DataFrame(rows)
