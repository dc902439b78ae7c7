"""ASAC: can any classifier have the printed DEO, DEOp, DDP and ACC, and under which definition of DEO?

The paper defines DEO as the average of the TPR and FPR gaps. Its split is not stated: CelebA's three official splits
are tried, and test sets whose base rates are near those of the test split. LFW's base rates are unknown to us, so only
what holds for every base rate is checked there.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain, product

import numpy as np

from fairnb.data.celeba import test_counts
from fairnb.evidence.audit import book
from fairnb.evidence.audit.explain import Explanation
from fairnb.evidence.audit.intervals import Interval
from fairnb.evidence.audit.ledger import DEFINITION, IMPOSSIBLE, INCONSISTENT, Check, check
from fairnb.evidence.audit.text import quoted
from fairnb.papers.asac import reachable
from fairnb.papers.asac.reachable import DEFINITIONS

TABLES = ("T1", "T2", "T3", "T4", "T5", "T6")
ATTRIBUTES = {"Smile": "Smiling", "Big Nose": "Big_Nose", "Wavy Hair": "Wavy_Hair"}
SHIFTS = (0.02, 0.05)
# Images per cell (order y0s0, y0s1, y1s0, y1s1; s is Male) of CelebA's training and validation split. The validation
# split is not within 5 points of the test split: 40 % of its women have wavy hair, 50 % there.
OTHER_SPLITS = {
    "Smiling": ((43688, 41002, 50821, 27259), (5252, 5013, 6157, 3445)),
    "Big_Nose": ((84954, 39475, 9555, 28786), (10177, 4747, 1232, 3711)),
    "Wavy_Hair": ((52289, 58499, 42220, 9762), (6846, 7526, 4563, 932)),
}
SPLIT = ("the row is one model's hard decisions, or an average over runs whose gaps keep their signs, on one of "
         "CelebA's official splits or a test set whose base rates are within 5 points of the test split; DEOp is the "
         "gap of either class")  # fmt: skip


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


def widening(row: book.Row, definition: str, *, positive: int = 1, averaged: bool = False, shift: float = 0.0) -> float:
    """``reachable.widening`` of ``row`` on CelebA's test split, or on one that differs by up to ``shift``.

    Args:
        positive: the label whose gap DEOp is: 1 for the gap of true positive rates, 0 if the labels are swapped.
    """
    return reachable.widening(as_fractions(row), _sizes(row, positive), definition, averaged=averaged, shift=shift)


def fits(row: book.Row, definition: str, positive: int = 1) -> bool:
    """Whether some classifier on the official test split has the printed row within rounding."""
    return widening(row, definition, positive=positive) <= reachable.REACHED


def can_fit(row: book.Row, definition: str, positive: int = 1) -> bool:
    """Whether some classifier has it on CelebA's other splits or with base rates up to ``SHIFTS`` from the test's."""
    near = (widening(row, definition, positive=positive, shift=s) for s in (0.0, *SHIFTS))
    other = (reachable.widening(as_fractions(row), s, definition) for s in _other_sizes(target(row), positive))
    return any(w <= reachable.REACHED for w in chain(near, other))


def nearest_ddp(row: book.Row, definition: str, positive: int = 1) -> float:
    """``reachable.nearest_ddp`` of ``row`` on CelebA's official test split."""
    return reachable.nearest_ddp(as_fractions(row), _sizes(row, positive), definition)


def _sizes(row: book.Row, positive: int = 1) -> reachable.Sizes:
    return _test_sizes(target(row), positive)


@cache
def _test_sizes(attribute: str, positive: int) -> reachable.Sizes:
    counts = test_counts(attribute)
    return reachable.Sizes.of(counts if positive else counts[::-1])


@cache
def _other_sizes(attribute: str, positive: int) -> list[reachable.Sizes]:
    splits = [np.array(s).reshape(2, 2) for s in OTHER_SPLITS[attribute]]
    return [reachable.Sizes.of(s if positive else s[::-1]) for s in splits]


def _allowed_ddp(row: book.Row, definitions: tuple[str, ...]) -> Interval:
    """The printed DDP if the row can fit a definition in some reading, else the nearest DDP on the official split."""
    cell = row["DDP"].interval
    readings = list(product(definitions, (1, 0)))
    if any(fits(row, *r) for r in readings) or any(can_fit(row, *r) for r in readings):
        return cell
    near = min((nearest_ddp(row, *r) for r in readings), key=lambda ddp: abs(ddp - row["DDP"].value))
    return Interval(near, near)


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


def _bold(as_read: bool) -> Check:
    """The one cell whose bold print the transcript kept and that is not the best of its column."""
    rows = [r for r in book.rows("asac", "T1", as_read=as_read) if target(r) == "Wavy_Hair"]
    bold = next(r for r in rows if r.method == "ASAC FGSM")
    least = min(r["DEOp"].interval.high for r in rows)
    return check(bold, "DEOp", Interval(0.0, least), "at most the smallest of the five, as it is printed bold",
                 tag="bold", assumption="bold marks the best value of a column")  # fmt: skip


# label, definition of DEO, the class whose gap is DEOp
READINGS = (
    ("eo_avg", "average", 1),
    ("eo_sum", "sum", 1),
    ("eo_max", "maximum", 1),
    ("eo_avg, DEOp of Y=0", "average", 0),
    ("eo_sum, DEOp of Y=0", "sum", 0),
)


def definitions() -> Iterator[tuple]:
    """How many printed numbers follow which definition, see ``evidence.audit.definitions``."""
    groups: dict[tuple[str, str], list[book.Row]] = {}
    for row in celeba_rows():
        groups.setdefault((row.table, target(row)), []).append(row)
    for (table, attribute), rows in groups.items():
        for label, name, positive in READINGS:
            fit = sum(fits(r, name, positive) for r in rows)
            can = sum(can_fit(r, name, positive) for r in rows)
            yield "asac", table, f"DEO {attribute}", label, label == "eo_avg", len(rows), fit, can


def texts(as_read: bool = False) -> list[Check]:
    """Sentences of the abstract and of our notes, held against the tables."""
    counts = test_counts("Smiling", "Young")
    young = 100 * counts[:, 1].sum() / counts.sum()
    tolerance = 5.0  # other splits of CelebA differ from the test split by a few points
    quote = "our notes of the text: 22 % of CelebA is young"
    return [quoted("1", "asac", quote, Interval(young - tolerance, young + tolerance),
                    "share of Young=1 in CelebA's test split, five points either way", "22", 0,
                    "the sentence means the attribute Young")]  # fmt: skip


def checks(as_read: bool = False) -> list[Check]:
    """All checks on ASAC's tables, repeated rows aside (see ``repeats``)."""
    made = [_bold(as_read)]
    made += [c for t in TABLES for row in book.rows("asac", t, as_read=as_read) for c in _base_rate_free(row)]
    return made + [c for row in celeba_rows(as_read) for c in _row_checks(row)]


# One configuration in two tables, see ``evidence.audit.repeats``: what is checked, and what it is held against.
REPEATED = (
    (("T3", "ResNet-18", "Base"), ("T1", "T=Smile", "Base")),
    (("T3", "ResNet-18", "ASAC"), ("T1", "T=Smile", "ASAC FGSM")),
    (("T4", "T=Smile", "Ascending"), ("T1", "T=Smile", "ASAC FGSM")),
    (("T5", "T=Smile", "eps {0.001,0.01}"), ("T1", "T=Smile", "ASAC FGSM")),
    (("T6", "T=Smile", "alpha 0.5"), ("T1", "T=Smile", "ASAC FGSM")),
)
ASSUMED = {
    "T4": "ascending is the order of the main configuration",
    "T6": "the alpha rows use the main configuration but for alpha",
}

EXPLANATIONS = (
    Explanation(
        r"asac-T1-r1[1-5]-reachable_average", "ASAC: DEO is not the average it is defined as", 3, "likely",
        "definition: the printed DEO is another quantity (the sum of the two gaps fits four of these five rows, if "
        "DEOp may be the gap of either class); or a mean over runs whose gaps point in opposite directions, or another "
        "test set. The distance is that on CelebA's test split; on other test sets that we allow it is down to 0.02",
    ),
    Explanation(
        r"asac-T1-r7-reachable_average", "ASAC: DEO is not the average it is defined as", 2, "possible",
        "definition, as for Wavy Hair. A close call: CelebA's own splits miss this row by 0.06, but at the edge of the "
        "test sets that we allow it is 0.003",
    ),
    Explanation(
        r"asac-T1-r14-bold", "ASAC T1: a bold cell that is the worst", 2, "likely",
        "misprint: 0.290 is marked as the best of five and is the largest. Of the ten Big Nose and Wavy Hair rows it "
        "is also the only one that fits the sum in no reading of DEOp on CelebA's test split, so the digits rather "
        "than the bold print may be wrong",
    ),
    Explanation(
        r"asac-T2-r12-deo_sum", "ASAC T2: a row that cannot be a sum", 1, "possible",
        "no disagreement with the stated average; but a sum or a maximum can never be below DEOp. So this row is an "
        "average, as stated, or misprinted by 0.002, and reading DEO as a sum, which T1 suggests, does not explain T2",
    ),
    Explanation(
        r"asac-T4-r2-acc_as_t1", "ASAC: main configuration, T4 against T1", 1, "likely",
        "misprint or a second run: T1, T3 and T5 print 91.91, and the three other numbers of the row agree",
    ),
    Explanation(
        r"asac-T6-r5-(deo|deop|acc)_as_t1", "ASAC: main configuration, T6 against T1", 2, "likely",
        "different run or another set of magnitudes in the alpha study, which the table does not say (none of the six "
        "printed sets gives these numbers). With T1's DEO alpha 0.5 would be the best of three, with T6's it is 0.7",
    ),
    Explanation(
        r"asac-text-1", "ASAC text: share of young people", 1, "possible",
        "swapped label: 22 % is about the share that is not young",
    ),
)  # fmt: skip
