"""What we think lies behind each failed check, written by hand: no check may fail in public without an entry here.

Severity: 3 = a comparison or conclusion of the paper depends on it, 2 = a number cannot stand as printed, 1 = small.
Confidence speaks of the disagreement, never of anybody's intent: ``certain`` = the printed numbers contradict each
other as arithmetic, ``likely`` = they do under an assumption we think holds, ``possible`` = a question worth asking.
The numbers come from a machine-made transcript, so a misread digit is always a possible cause and is not repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CONFIDENCE = ("certain", "likely", "possible")


@dataclass(frozen=True)
class Explanation:
    """Entry for all checks whose id matches ``pattern`` (a full regular expression).

    Attributes:
        topic: short name shared by checks with one cause.
    """

    pattern: str
    topic: str
    severity: int
    confidence: str
    cause: str


EXPLANATIONS = (
    Explanation(
        r"asac-T1-r\d+-reachable_average", "ASAC: DEO is not the average it is defined as", 3, "likely",
        "definition: the printed DEO is another quantity (the sum of the two gaps fits most rows); or a mean over runs "
        "whose gaps point in opposite directions, or a test set farther from CelebA's",
    ),
    Explanation(
        r"asac-T1-r14-bold", "ASAC T1: a bold cell that is the worst", 2, "likely",
        "misprint: 0.290 is marked as the best of five and is the largest; the row also fits the sum less well than "
        "the others, so the digits rather than the bold print may be wrong",
    ),
    Explanation(
        r"asac-T2-r12-deo_sum", "ASAC: no single definition of DEO fits all rows", 2, "certain",
        "definition: a sum or a maximum can never be below DEOp, so this row is an average (as defined) or misprinted, "
        "while T1's Big Nose and Wavy Hair rows cannot be averages",
    ),
    Explanation(
        r"aimfair-T1-r[12]-(acc|wst|eo)_as_t3", "AIM-Fair: two ERM baselines", 3, "certain",
        "different run: T1's baselines have one decimal and seem quoted from an earlier paper, T3's is the authors' "
        "own. No error, but on Smiling/Male AIM-Fair (89.02) is more accurate than ERM in T1 (88.2), "
        "less in T3 (89.23)",
    ),
    Explanation(
        r"fineface-T7-r3-mingrpacc_as_t6", "FineFACE T7: baseline's worst group", 2, "certain",
        "misprint: 88.93 is also the cell of the row above (Domain Indep.); T6 prints 90.14 for this model and T8 "
        "averages to 90.16. The gain of FineFACE over this baseline is 2.62, not 3.83",
    ),
    Explanation(
        r"fineface-T7-r3-accuracy_mixture", "FineFACE T7: baseline's worst group", 2, "likely",
        "misprint of the same cell: with 88.93 as the worse gender's accuracy the printed overall accuracy cannot come "
        "from CelebA's shares of the genders, with T6's 90.14 it can",
    ),
    Explanation(
        r"fineface-T5-r5-(\w+_between|overall_as_t2)", "FineFACE T5 is not T2's model", 2, "certain",
        "different run: a race's accuracy must lie between those of its men and women, if model and images are "
        "the same",
    ),
    Explanation(
        r"fineface-T6-r[12]-min_group_t8", "FineFACE T6 against T8", 2, "likely",
        "different runs, or one digit of T8; taking the mean first and the minimum after can only raise T6's number, "
        "which is the lower one",
    ),
    Explanation(
        r"fineface-T2-r1-max_min", "FineFACE T2: Max/Min", 1, "certain",
        "slip: 98.1 / 82.4 = 1.19; 1.18 would be 97.2 / 82.4, with another cell as the largest",
    ),
    Explanation(
        r"fineface-text-1", "FineFACE abstract: which accuracy gains 1.32", 2, "likely",
        "definition: 1.32 is the gain of the worst group over FairMixup's own baseline (92.76 - 91.44); the overall "
        "accuracy of those two rows differs by 0.11. The other three numbers of that sentence are confirmed",
    ),
    Explanation(
        r"asac-T4-r2-acc_as_t1", "ASAC: main configuration, T4 against T1", 1, "certain",
        "misprint or a second run: T1, T3 and T5 print 91.91, and the three other numbers of the row agree",
    ),
    Explanation(
        r"asac-T6-r5-(deo|deop|acc)_as_t1", "ASAC: main configuration, T6 against T1", 2, "likely",
        "different run or another set of magnitudes in the alpha study, which the table does not say",
    ),
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
        "misprint of 0.0049, or one failed run; nothing forbids it",
    ),
    Explanation(
        r"asac-text-1", "ASAC text: share of young people", 1, "possible",
        "swapped label: 22 % is about the share that is not young",
    ),
)  # fmt: skip


def explain(check_id: str) -> Explanation:
    """The entry for a failed check. Raises ``LookupError`` if nobody has thought about it yet."""
    found = [e for e in EXPLANATIONS if re.fullmatch(e.pattern, check_id)]
    if len(found) != 1:
        raise LookupError(f"{len(found)} explanations match the failed check {check_id!r}: add one to explain.py")
    return found[0]
