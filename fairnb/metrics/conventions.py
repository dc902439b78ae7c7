"""What each metric name means, and which of the five papers prints it under which name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fairnb.metrics import formulas
from fairnb.metrics.reports import GroupReport


@dataclass(frozen=True)
class Printed:
    """One name in one paper: ``metric`` is ours, ``note`` says where the name is used and what to watch."""

    paper: str
    name: str
    metric: str
    note: str = ""


@dataclass(frozen=True)
class Convention:
    """A metric in words.

    Attributes:
        formula: the definition as text.
        better: ``higher``, ``lower``, or ``zero`` (signed: the fair value is 0, the sign says whom the gap favours).
        signed: whether the value may be negative (always group 0 minus group 1).
        unit: ``fraction`` (in [0, 1], printed x 100 by some papers) or ``ratio``.
        printed_as: ``(paper, name in that paper)`` pairs.
    """

    formula: str
    better: str
    signed: bool
    unit: str
    printed_as: tuple[tuple[str, str], ...]


PRINTED: tuple[Printed, ...] = (
    Printed("aimfair", "ACC", "acc"),
    Printed("aimfair", "WST", "wst"),
    Printed("aimfair", "EO (Eq. 9)", "eo_avg", "as defined in the paper and computed by its code"),
    Printed("aimfair", "EO (tables)", "eo_max", "what the tables hold"),
    Printed("aimfair", "EOD (T6, T7)", "eo_max", "the header of T6 and T7 for its EO"),
    Printed("aimfair", "STD", "std", "of the cells, ddof=0"),
    Printed("reactivate", "accuracy", "bacc", "CelebA and tables: balanced accuracy"),
    Printed("reactivate", "accuracy (CIFAR-10S)", "acc_group_mean", "mean of colour and gray test accuracy"),
    Printed("reactivate", "bias (T I)", "bias_amp", "CIFAR-10S only: needs equally large groups with the same content"),
    Printed("reactivate", "SPD", "spd", "the tables print the absolute value"),
    Printed("reactivate", "EOD", "eod", "the tables print the absolute value; AIM-Fair's EOD is another metric"),
    Printed("reactivate", "AOD", "aod", "the tables print the absolute value; the + is missing in the printed formula"),
    Printed("asac", "ACC", "acc"),
    Printed("asac", "DEO (defined)", "eo_avg", "the definition in the text"),
    Printed("asac", "DEO (tables)", "eo_sum", "what fits the printed numbers"),
    Printed("asac", "DEOp", "tpr_gap", "misprinted DEOq in T6"),
    Printed("asac", "DDP", "ddp"),
    Printed("fairlora", "accuracy", "acc", "exact metrics unknown: this row and the next four are our reading"),
    Printed("fairlora", "FPR parity (difference)", "fpr_gap"),
    Printed("fairlora", "FPR parity (ratio)", "fpr_ratio"),
    Printed("fairlora", "DP (difference)", "ddp"),
    Printed("fairlora", "DP (ratio)", "ppr_ratio"),
    Printed("fineface", "Accuracy", "acc", "'Overall' in T2 to T5"),
    Printed("fineface", "Max/Min", "max_min", "best group accuracy / worst group accuracy"),
    Printed("fineface", "DoB (T2, T3)", "dob_sample", "ddof=1, also rows A to D of T5"),
    Printed("fineface", "DoB (T4)", "dob_population", "ddof=0"),
    Printed("fineface", "TPR", "tpr"),
    Printed("fineface", "DEO", "tpr_gap", "ASAC's DEO is another metric"),
    Printed("fineface", "DEODD", "eo_sum"),
    Printed("fineface", "Max. grp. Acc", "acc_max", "T6 to T8: mean over attributes"),
    Printed("fineface", "Min. grp. Acc", "acc_min", "T6 to T8: mean over attributes"),
    Printed("fineface", "Max. grp. TPR", "tpr_max", "T6 to T8: mean over attributes"),
    Printed("fineface", "Min. grp. TPR", "tpr_min", "T6 to T8: mean over attributes"),
)
"""The five papers' names, in the order of ``translate``."""

_FORMULAS: dict[str, tuple[str, str]] = {
    "acc": ("correct / all = mean of the group accuracies weighted by group size", "higher"),
    "bacc": ("mean over targets of the accuracy pooled over groups; binary: (TPR + TNR) / 2", "higher"),
    "acc_group_mean": ("mean over groups of the group accuracy, every group counts the same", "higher"),
    "tpr": ("P(prediction=1 | target=1)", "higher"),
    "fpr": ("P(prediction=1 | target=0)", "lower"),
    "ppr": ("P(prediction=1)", "neither"),
    "precision": ("P(target=1 | prediction=1)", "higher"),
    "f1": ("2 TP / (2 TP + FP + FN)", "higher"),
    "wst": ("min over cells (t, g) of acc(t, g)", "higher"),
    "std": ("standard deviation over cells of acc(t, g), ddof=0", "lower"),
    "acc_max": ("max over groups of the group accuracy", "higher"),
    "acc_min": ("min over groups of the group accuracy", "higher"),
    "acc_gap": ("acc_max - acc_min", "lower"),
    "max_min": ("acc_max / acc_min (1 is parity)", "lower"),
    "dob_sample": ("standard deviation over groups of the group accuracy, ddof=1", "lower"),
    "dob_population": ("standard deviation over groups of the group accuracy, ddof=0", "lower"),
    "tpr_max": ("max over groups of TPR_g", "higher"),
    "tpr_min": ("min over groups of TPR_g", "higher"),
    "tpr_gap": ("tpr_max - tpr_min; two groups: |TPR_1 - TPR_0|", "lower"),
    "tpr_ratio": ("tpr_min / tpr_max (1 is parity)", "higher"),
    "fpr_max": ("max over groups of FPR_g", "lower"),
    "fpr_min": ("min over groups of FPR_g", "lower"),
    "fpr_gap": ("fpr_max - fpr_min; two groups: |FPR_1 - FPR_0|", "lower"),
    "fpr_ratio": ("fpr_min / fpr_max (1 is parity)", "higher"),
    "ppr_max": ("max over groups of PPR_g = P(prediction=1 | group=g)", "neither"),
    "ppr_min": ("min over groups of PPR_g", "neither"),
    "ddp": ("ppr_max - ppr_min; two groups: |PPR_1 - PPR_0|", "lower"),
    "ppr_ratio": ("ppr_min / ppr_max (1 is parity)", "higher"),
    "eo_avg": ("(tpr_gap + fpr_gap) / 2", "lower"),
    "eo_max": ("max(tpr_gap, fpr_gap)", "lower"),
    "eo_sum": ("tpr_gap + fpr_gap", "lower"),
    "eod": ("TPR_0 - TPR_1", "zero"),
    "fpr_difference": ("FPR_0 - FPR_1", "zero"),
    "aod": ("((FPR_0 - FPR_1) + (TPR_0 - TPR_1)) / 2", "zero"),
    "spd": ("PPR_0 - PPR_1", "zero"),
    "bias_amp": ("mean over classes c of max_g n(g, c) / sum_g n(g, c), minus 1/G; n(g, c) = predicted as c", "lower"),
    "auc": ("P(score of a positive > score of a negative), ties count half", "higher"),
    "score_eo_sum": ("sum over targets of the gap of mean scores (FairMixup's code calls it EO gap)", "lower"),
    "score_ddp": ("gap over groups of the mean score", "lower"),
}
_RATIOS = ("max_min", "tpr_ratio", "fpr_ratio", "ppr_ratio")


def _conventions() -> Mapping[str, Convention]:
    table = {}
    for name in formulas.NAMES:
        formula, better = _FORMULAS[name]
        printed = tuple((row.paper, row.name) for row in PRINTED if row.metric == name)
        unit = "ratio" if name in _RATIOS else "fraction"
        table[name] = Convention(formula, better, name in formulas.SIGNED, unit, printed)
    return MappingProxyType(table)


CONVENTIONS: Mapping[str, Convention] = _conventions()
"""Every metric name with its formula, direction, unit and the papers that print it."""


def translate(report: GroupReport) -> list[dict[str, object]]:
    """The same predictions under the five papers' names.

    Returns:
        One row per entry of ``PRINTED``: paper, name (in that paper), metric (ours), formula, value (fraction or
        ratio), note.
    """
    return [
        {
            "paper": row.paper,
            "name": row.name,
            "metric": row.metric,
            "formula": CONVENTIONS[row.metric].formula,
            "value": report[row.metric],
            "note": row.note,
        }
        for row in PRINTED
    ]


def percent(values: Mapping[str, float]) -> dict[str, float]:
    """Fractions times 100 for every metric name (and ``acc_y{t}s{g}``) in ``values``; ratios and sizes as they are."""
    scaled = {}
    for name, value in values.items():
        convention = CONVENTIONS.get(formulas.ALIASES.get(name, name))
        fraction = convention.unit == "fraction" if convention else name.startswith("acc_y")
        scaled[name] = 100 * value if fraction else value
    return scaled
