"""ICDM 2022 ("reactivate"): the tolerance rule of T4-T6 and what means and deviations over runs can be.

Nine bias cells and four accuracies are unreadable or misaligned in the transcript; what needs them is not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from fairnb.evidence.audit import book
from fairnb.evidence.audit.explain import Explanation
from fairnb.evidence.audit.intervals import Interval
from fairnb.evidence.audit.ledger import INCONSISTENT, UNUSUAL, Check, check

TOLERANCE = 0.05
RUNS = 2  # the fewest that have a deviation: the bound is loosest for them, and CIFAR-10S does not say how many
OUTLIER = 2.0


def _dash_rule(row: book.Row) -> Check | None:
    """An accuracy is printed exactly when the bias is within tolerance; a bias that rounds to it may be either."""
    if "bias" not in row:
        return None
    shown = "accuracy" in row
    allowed = Interval(0.0, TOLERANCE) if shown else Interval(TOLERANCE, 1.0)
    rule = "at most 0.05, as an accuracy is printed" if shown else "at least 0.05, as the accuracy is a dash"
    return check(row, "bias", allowed, rule, judged=not row.damaged("accuracy", "bias"), tag="dash_rule",
                 assumption="the dash follows the printed mean bias")  # fmt: skip


def _deviation(row: book.Row, name: str) -> Check | None:
    """n values in [0, 1] with mean m have a sample deviation of at most sqrt(n m (1 - m) / (n - 1))."""
    cell = row.cells.get(name)
    if cell is None or cell.std is None:
        return None
    spread = [m * (1 - m) * RUNS / (RUNS - 1) for m in (cell.interval.low, cell.value, cell.interval.high)]
    largest = max(max(spread), 0.0) ** 0.5
    return _std_check(row, name, Interval(0.0, largest), "possible for values in [0, 1] with this mean", "deviation",
                      INCONSISTENT)  # fmt: skip


def _std_check(row: book.Row, name: str, allowed: Interval, rule: str, tag: str, kind: str) -> Check:
    cell, std = row[name], row[name].std
    assert std is not None, "the caller knows that a deviation is printed"
    as_cell = book.Cell(f"±{std.low / 2 + std.high / 2:.3f}", 0.0, std, cell.unit, cell.damaged)
    stand_in = book.Row(row.paper, row.table, row.number, row.setting, row.method, {f"{name} std": as_cell},
                        row.undecided)  # fmt: skip
    return check(stand_in, f"{name} std", allowed, rule, kind=kind, tag=f"{name}_{tag}",
                 judged=not row.damaged(name))  # fmt: skip


def _outliers(rows: list[book.Row]) -> Iterator[Check]:
    """T1's accuracy deviations: more than twice the largest of all other rows is unusual (not impossible)."""
    for row in rows:
        others = [std.high for r in rows if r is not row and (std := r["accuracy"].std) is not None]
        allowed = Interval(0.0, OUTLIER * max(others))
        yield _std_check(row, "accuracy", allowed, "at most twice the largest deviation of the other rows", "outlier",
                         UNUSUAL)  # fmt: skip


def checks(as_read: bool = False) -> list[Check]:
    """All checks on the paper's tables."""
    every = [row for t in ("T1", "T2", "T3", "T4", "T5", "T6") for row in book.rows("reactivate", t, as_read=as_read)]
    made = [_dash_rule(row) for row in every if row.table in ("T4", "T5", "T6")]
    made += [_deviation(row, name) for row in every for name in ("accuracy", "bias")]
    made += _outliers([row for row in every if row.table == "T1"])
    return [c for c in made if c is not None]


EXPLANATIONS = (
    Explanation(
        r"reactivate-T5-r5-dash_rule", "ICDM: dash rule", 2, "likely",
        "misprint, or the rule was applied to something else than the printed mean bias; by the rule this accuracy "
        "is a dash",
    ),
    Explanation(
        r"reactivate-T4-r17-dash_rule", "ICDM: dash rule", 1, "possible",
        "rule applied per run or on validation data: the printed 0.051 is only just out of tolerance",
    ),
    Explanation(
        r"reactivate-T1-r4-accuracy_outlier", "ICDM T1: a large deviation", 1, "possible",
        "misplaced digit (the other rows of T1 print 0.004 to 0.021), or one failed run; nothing forbids it",
    ),
)  # fmt: skip
