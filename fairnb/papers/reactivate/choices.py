"""ICDM 2022's open choices and its baselines' released bugs: which rows are compared, and how they differ."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fairnb.evidence import seeds
from fairnb.papers.reactivate.rows import CHOICES
from fairnb.papers.reactivate.show import METRICS
from fairnb.papers.reactivate.tables import TABLES

DEFAULT, RELEASED = "(default)", "as released"
KINDS = {row: kind for kind, rows in CHOICES.items() for row, _, _ in rows}


def named(row: str) -> str:
    """A row with its choice before it, if it lacks that: ``weights: none``."""
    kind = KINDS.get(row, "")
    return row if row.startswith(kind) else f"{kind}: {row}"


def pairs(name: str) -> list[tuple[str, str]]:
    """(changed row, the row that it is compared with) of the table ``choices`` or ``released``."""
    labels = [row for row, _, _ in TABLES[name].rows]
    plain = {KINDS[row]: row for row in labels if DEFAULT in row}
    changed = [(row, plain[KINDS[row]]) for row in labels if row in KINDS and DEFAULT not in row]
    return changed + [(f"{row} {RELEASED}", row) for row in labels if f"{row} {RELEASED}" in labels]


def differences(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy and bias of each changed row minus its plain one, in points, see ``seeds.paired``.

    Args:
        name: as in ``pairs``. frame: from ``tables.measured``.
    """
    return seeds.paired(frame, pairs(name), METRICS)


def listed(found: pd.DataFrame) -> pd.DataFrame:
    """``differences`` with a line per metric, as they are saved.

    Returns:
        columns ``task, row, metric, difference, low, high`` (points) and ``clear``: the 95 % t-interval lies off zero.
    """
    long = seeds.tidy(found, {name: name for name in METRICS})
    long = long.iloc[np.arange(len(long)).reshape(len(METRICS), -1).T.ravel()]
    long = long.rename(columns={"panel": "metric", "value": "difference"}).reset_index(drop=True)
    long["clear"] = (long["low"] > 0) | (long["high"] < 0)
    return long[["task", "row", "metric", "difference", "low", "high", "clear"]]


def dropped(frame: pd.DataFrame) -> pd.DataFrame:
    """Percent of weights that the mask drops, over seeds: ``task, row, mean, min, max`` and what τ ``asked`` for."""
    own = frame[frame["label"].str.startswith("τ")]
    own = own.assign(share=[100 * notes["dropped"][0] for notes in own["notes"]])
    found = own.groupby(["task", "label"], sort=False)["share"].agg(["mean", "min", "max"]).reset_index()
    asked = [100 * (1 - float(label.split()[2])) for label in found["label"]]
    return found.assign(asked=asked).rename(columns={"label": "row"})
