"""FineFACE: Max/Min, DoB and Overall from the group cells; T5 against T2; the 13-attribute means of T6-T8."""

from __future__ import annotations

from collections.abc import Iterator

from fairnb import reported
from fairnb.audit import book
from fairnb.audit.intervals import Interval, deviation, maximum, mean, minimum
from fairnb.audit.ledger import Check, check

SAME_MODEL = "T5's FineFACE row and T2's are the same model and test images"
CELEBA = "all attributes are tested on CelebA's official test split"
RACES = {"Black": "Black", "East Asian": "East Asian", "Indian": "Indian", "Latino Hispanic": "Latino",
         "Middle Eastern": "Middle E", "Southeast Asian": "SE Asian", "White": "White"}  # fmt: skip


def cells(row: book.Row) -> list[Interval]:
    """Rounding intervals of the row's group accuracies, none above 100 %."""
    return [cell.interval.clip(0, 100) for cell in row.group("GroupACC").values()]


def _from_cells(row: book.Row) -> Iterator[Check]:
    groups = cells(row)
    judged = not any(cell.damaged for cell in row.group("GroupACC").values())
    top, bottom = maximum(groups), minimum(groups)
    yield check(row, "Max/Min", top.over(bottom), "largest group cell over smallest", judged=judged)
    yield check(row, "Overall", Interval(bottom.low, top.high), "between the smallest and the largest group cell",
                judged=judged)  # fmt: skip
    population, sample = deviation(groups, 0), deviation(groups, 1)
    fits = min((population, sample), key=lambda i: row["DoB"].interval.distance(i))
    yield check(row, "DoB", fits, "standard deviation of the group cells, population or sample", judged=judged)


def _gender_overall(row: book.Row) -> Check:
    female, male = reported.test_counts("Smiling").sum(0)
    groups = row.group("GroupACC")
    allowed = mean([groups["M"].interval, groups["F"].interval], [male, female])
    return check(row, "Overall", allowed, "mean of the two genders weighted by the test counts", tag="overall_weighted",
                 assumption="the test set is CelebA's official test split")  # fmt: skip


def _races(as_read: bool) -> Iterator[Check]:
    fine = book.find("fineface", "T2", "FairFace", "FineFACE", as_read=as_read).group("GroupACC")
    row = book.find("fineface", "T5", "FairFace", "FineFACE", as_read=as_read)
    for race, short in RACES.items():
        pair = [fine[f"{short}/{gender}"].interval for gender in "MF"]
        allowed = Interval(minimum(pair).low, maximum(pair).high)
        yield check(row, f"GroupACC {race}", allowed, "between T2's accuracies of the race's men and women",
                    tag=f"{race}_between", assumption=SAME_MODEL)  # fmt: skip


def _attribute_means(row: book.Row) -> Iterator[Check]:
    low, high = row["MinGrpAcc"].interval, row["MaxGrpAcc"].interval
    female, male = reported.test_counts("Smiling").sum(0) / reported.test_counts("Smiling").sum()
    gap = high - low
    share = Interval(low.low + male * max(gap.low, 0), low.high + female * gap.high)
    yield check(row, "Accuracy", share, "a mixture of the worse and the better gender with CelebA's shares",
                tag="accuracy_mixture", assumption=CELEBA)  # fmt: skip
    tpr = Interval(row["MinGrpTPR"].interval.low, row["MaxGrpTPR"].interval.high)
    yield check(row, "TPR", tpr, "between the worse and the better gender's TPR")
    difference = row["MaxGrpTPR"].interval - row["MinGrpTPR"].interval
    yield check(row, "DEO", difference, "mean of max TPR minus mean of min TPR")
    yield check(row, "DEODD", Interval(row["DEO"].interval.low, 200.0), "at least DEO")


def attribute_minima(method: str, as_read: bool = False) -> Interval:
    """Mean over the 13 attributes of T8's minimum group accuracies of ``method`` (percent)."""
    found = [r["MinGrpAcc"].interval for r in book.rows("fineface", "T8", as_read=as_read) if r.method == method]
    return mean(found)


def checks(as_read: bool = False) -> list[Check]:
    """All checks on FineFACE's tables, repeated rows aside (see ``repeats``)."""
    made = [c for t in ("T2", "T3", "T4", "T5") for row in book.rows("fineface", t, as_read=as_read)
            for c in _from_cells(row)]  # fmt: skip
    made += [_gender_overall(row) for row in book.rows("fineface", "T4", as_read=as_read)]
    made += _races(as_read)
    for table in ("T6", "T7"):
        made += [c for row in book.rows("fineface", table, as_read=as_read) for c in _attribute_means(row)]
    for row in book.rows("fineface", "T6", as_read=as_read):
        made.append(check(row, "MinGrpAcc", attribute_minima(row.method, as_read), "mean of the 13 minima of T8",
                          tag="min_group_t8"))  # fmt: skip
    return made
