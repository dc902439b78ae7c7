"""AIM-Fair: ACC, WST, STD and EO of T3-T7 from the four group accuracies; ACC of T1 and T2 from WST and EO.

The cells are means over ten seeds. ACC is linear in them, so it must agree exactly. WST and STD are taken of the mean
cells in the released code. EO is a mean of per-seed gaps; a gap is convex, so the printed EO can exceed the gap of the
mean cells, but never fall below it: an excess is no error, a shortfall is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fairnb import metrics, reported
from fairnb.audit import book
from fairnb.audit.intervals import Interval, deviation, maximum, mean, minimum
from fairnb.audit.ledger import Check, check

TABLES = ("T3", "T4", "T5", "T6", "T7")
CELLS = ("y0s0", "y0s1", "y1s0", "y1s1")
SPLITS = {"T=Smiling;P=Male": ("Smiling", "Male"), "T=Smiling;P=Young": ("Smiling", "Young"),
          "T=Young;P=Male": ("Young", "Male")}  # fmt: skip
CELEBA = "the test set is CelebA's official test split"
UTK = "the test set has 800 images in each of the four groups"


def sizes(setting: str) -> tuple[np.ndarray, str]:
    """Images per cell (order of ``CELLS``) of the setting's test set, and the assumption behind them."""
    for key, (target, protected) in SPLITS.items():
        if key in setting:
            return reported.test_counts(target, protected).ravel(), CELEBA
    return np.full(4, 800), UTK


def equalised_odds(row: book.Row) -> Interval:
    """Range of EO_max of the mean cells, the least that a printed EO_max can be."""
    cells = [row[f"GroupACC {c}"].interval for c in CELLS]
    return maximum([abs(cells[0] - cells[1]), abs(cells[2] - cells[3])])


def eo_candidates(row: book.Row) -> dict[str, float]:
    """EO_max, EO_avg and EO_sum of the printed mean cells in percent, at the printed values."""
    accuracy = np.array([[row[f"GroupACC y{t}s{s}"].value for s in (0, 1)] for t in (0, 1)])
    report = metrics.from_cells(accuracy * 10, np.full((2, 2), 1000))
    return {name: 100 * report[name] for name in ("eo_max", "eo_avg", "eo_sum")}


def eo_name(row: book.Row) -> str:
    """Name of the EO column: T6 and T7 head it EOD."""
    return "EO" if "EO" in row else "EOD"


def _from_cells(row: book.Row) -> Iterator[Check]:
    cells = [row[f"GroupACC {c}"].interval for c in CELLS]
    weights, source = sizes(row.setting)
    judged = not row.damaged(*(f"GroupACC {c}" for c in CELLS))
    yield check(row, "ACC", mean(cells, weights), "mean of the group cells weighted by the test counts", judged=judged,
                assumption=source)  # fmt: skip
    yield check(row, "WST", minimum(cells), "smallest group cell", judged=judged)
    yield check(row, "STD", deviation(cells, 0), "population standard deviation of the group cells", judged=judged)
    least = Interval(equalised_odds(row).low, 100.0)
    yield check(row, eo_name(row), least, "at least the larger gap of the mean cells", judged=judged)


def accuracy_limit(worst: Interval, gap: Interval, weights: np.ndarray) -> Interval:
    """Accuracies that a classifier with the given WST and EO_max can have, in percent.

    Some cell is at WST, its partner (same class, other group) at most EO_max above it, the other two at most 100.
    """
    share = weights / weights.sum()
    top = min(100.0, worst.high + gap.high)
    limits = [share[c] * worst.high + share[c ^ 1] * top + 100 * (1 - share[c] - share[c ^ 1]) for c in range(4)]
    return Interval(worst.low, max(limits))


def _from_summary(row: book.Row) -> Iterator[Check]:
    weights, source = sizes(row.setting)
    limit = accuracy_limit(row["WST"].interval, row["EO"].interval, weights)
    yield check(row, "ACC", limit, "between WST and what WST and EO leave possible", assumption=source)


def checks(as_read: bool = False) -> list[Check]:
    """All checks on AIM-Fair's tables."""
    made = [c for table in TABLES for row in book.rows("aimfair", table, as_read=as_read) for c in _from_cells(row)]
    for table in ("T1", "T2"):
        made += [c for row in book.rows("aimfair", table, as_read=as_read) for c in _from_summary(row)]
    return made
