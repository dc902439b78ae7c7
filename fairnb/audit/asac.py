"""ASAC: can any classifier have the printed DEO, DEOp, DDP and ACC, and under which definition of DEO?

The paper defines DEO as the average of the TPR and FPR gaps. Its split is not stated; CelebA's official test split is
assumed. LFW's base rates are unknown to us, so only what holds for every base rate is checked there.
"""

from __future__ import annotations

from collections.abc import Iterator

from fairnb import reported
from fairnb.audit import book, reachable
from fairnb.audit.intervals import Interval
from fairnb.audit.ledger import DEFINITION, IMPOSSIBLE, INCONSISTENT, Check, check
from fairnb.audit.reachable import DEFINITIONS

TABLES = ("T1", "T2", "T3", "T4", "T5", "T6")
ATTRIBUTES = {"Smile": "Smiling", "Big Nose": "Big_Nose", "Wavy Hair": "Wavy_Hair"}
SHIFTS = (0.02, 0.05)
SPLIT = ("the row is one model, or an average over runs whose gaps keep their signs, on a test set whose base rates are "
         "within 5 points of CelebA's official test split")  # fmt: skip


def celeba_rows(as_read: bool = False) -> list[book.Row]:
    """All rows on CelebA, T1 and T3-T6, in print order."""
    return [r for t in TABLES for r in book.rows("asac", t, as_read=as_read) if r.setting.startswith("CelebA")]


def target(row: book.Row) -> str:
    """The row's target attribute as CelebA spells it."""
    return ATTRIBUTES[next(p[2:] for p in row.setting.split(";") if p.startswith("T="))]


def as_fractions(row: book.Row) -> dict[str, tuple[float, float]]:
    """Value and rounding half-width of the four metrics, as fractions."""
    scale = {"ACC": 0.01}
    return {
        name: (scale.get(name, 1) * cell.value, scale.get(name, 1) * (cell.interval.high - cell.interval.low) / 2)
        for name, cell in row.cells.items()
    }


def widening(row: book.Row, definition: str, *, averaged: bool = False, shift: float = 0.0) -> float:
    """``reachable.widening`` of ``row`` on CelebA's test split, or on one that differs by up to ``shift``."""
    return reachable.widening(as_fractions(row), _sizes(row), definition, averaged=averaged, shift=shift)


def fits(row: book.Row, definition: str) -> bool:
    """Whether some classifier on the official test split has the printed row within rounding."""
    return widening(row, definition) <= reachable.REACHED


def can_fit(row: book.Row, definition: str) -> bool:
    """Whether some classifier has it on a test set whose base rates differ by up to ``SHIFTS`` from the official."""
    return fits(row, definition) or any(widening(row, definition, shift=s) <= reachable.REACHED for s in SHIFTS)


def _sizes(row: book.Row) -> reachable.Sizes:
    return reachable.Sizes.of(reported.test_counts(target(row)))


def _allowed_ddp(row: book.Row, definitions: tuple[str, ...]) -> Interval:
    """The printed DDP if the row can fit a definition, else the nearest DDP reachable on the official split."""
    cell = row["DDP"].interval
    if any(fits(row, d) for d in definitions) or any(can_fit(row, d) for d in definitions):
        return cell
    away = min(reachable.ddp_distance(as_fractions(row), _sizes(row), d) for d in definitions)
    return Interval(cell.high + away, cell.high + away)


def _row_checks(row: book.Row) -> Iterator[Check]:
    yield check(row, "DDP", _allowed_ddp(row, ("average",)), "reachable with the printed DEO (average, as defined), "
                "DEOp and ACC", kind=IMPOSSIBLE, tag="reachable_average", assumption=SPLIT)  # fmt: skip
    yield check(row, "DDP", _allowed_ddp(row, DEFINITIONS), "reachable with the printed DEO (average, sum or maximum), "
                "DEOp and ACC", kind=IMPOSSIBLE, tag="reachable_any", assumption=SPLIT)  # fmt: skip


def _base_rate_free(row: book.Row) -> Iterator[Check]:
    gap = row["DEOp"].interval
    yield check(row, "DEO", Interval(gap.low / 2, 1.0), "averaged DEO is at least half of DEOp", kind=INCONSISTENT,
                tag="deo_average")  # fmt: skip
    yield check(row, "DEO", Interval(gap.low, 2.0), "summed or largest-gap DEO is at least DEOp", kind=DEFINITION,
                tag="deo_sum",
                assumption="DEO is a sum or a maximum, which the paper does not say")  # fmt: skip


def checks(as_read: bool = False) -> list[Check]:
    """All checks on ASAC's tables, repeated rows aside (see ``repeats``)."""
    made = [c for t in TABLES for row in book.rows("asac", t, as_read=as_read) for c in _base_rate_free(row)]
    return made + [c for row in celeba_rows(as_read) for c in _row_checks(row)]
