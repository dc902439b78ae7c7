"""The formulas, once, on arrays of counts: the same code serves one report and a thousand bootstrap resamples.

Notation: acc(t, g) = P(prediction = t | target = t, group = g); TPR_g = acc(1, g); FPR_g = 1 - acc(0, g);
PPR_g = P(prediction = 1 | group = g). All functions take leading axes (resamples) and keep them.
"""

from __future__ import annotations

import numpy as np

Values = dict[str, np.ndarray]

POOLED = ("acc", "bacc", "acc_group_mean", "tpr", "fpr", "ppr", "precision", "f1")
CELLS = ("wst", "std")
GROUPS = ("acc_max", "acc_min", "acc_gap", "max_min", "dob_sample", "dob_population")
RATES = (
    "tpr_max",
    "tpr_min",
    "tpr_gap",
    "tpr_ratio",
    "fpr_max",
    "fpr_min",
    "fpr_gap",
    "fpr_ratio",
    "ppr_max",
    "ppr_min",
    "ddp",
    "ppr_ratio",
)
ODDS = ("eo_avg", "eo_max", "eo_sum")
SIGNED = ("eod", "fpr_difference", "aod", "spd")
PREDICTED = ("bias_amp",)
SCORES = ("auc", "score_eo_sum", "score_ddp")
NAMES = POOLED + CELLS + GROUPS + RATES + ODDS + SIGNED + PREDICTED + SCORES
"""All metric names, in the order of reports."""
BINARY = ("tpr", "fpr", "ppr", "precision", "f1", *RATES, *ODDS, *SIGNED, *SCORES)
"""Names that need a target with two classes."""
ALIASES = {"group_std": "dob_population", "worst_group_acc": "wst", "dp_gap": "ddp", "dp_ratio": "ppr_ratio"}
"""Second names that lookups understand."""


def compute(correct: np.ndarray, total: np.ndarray, predicted: np.ndarray | None) -> Values:
    """All hard-label metrics.

    Args:
        correct, total: samples per cell, ``(..., T, G)``.
        predicted: samples of each group that were predicted as each class, ``(..., G, C)``; None if not known (then
            ``bias_amp`` is NaN).

    Returns:
        Arrays of the leading shape for every name of ``NAMES`` but the score metrics. Undefined values are NaN.
    """
    cells = divide(correct, total)
    values = _pooled(correct, total) | _over_cells(cells) | _over_groups(divide(correct.sum(-2), total.sum(-2)))
    if correct.shape[-2] == 2:
        values |= _binary(correct, total, cells)
    missing = np.full(correct.shape[:-2], np.nan)
    values["bias_amp"] = missing if predicted is None else bias_amplification(predicted)
    return {name: values.get(name, missing) for name in NAMES if name not in SCORES}


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient with NaN (not 0, no numpy warning) where nothing was divided by nothing, inf for x / 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numerator, dtype=float) / denominator


def _pooled(correct: np.ndarray, total: np.ndarray) -> Values:
    recall = divide(correct.sum(-1), total.sum(-1))
    group_acc = divide(correct.sum(-2), total.sum(-2))
    return {
        "acc": divide(correct.sum((-2, -1)), total.sum((-2, -1))),
        "bacc": recall.mean(-1),
        "acc_group_mean": group_acc.mean(-1),
    }


def _over_cells(cells: np.ndarray) -> Values:
    return {"wst": cells.min((-2, -1)), "std": cells.std((-2, -1))}


def _over_groups(group_acc: np.ndarray) -> Values:
    return _spread("acc", group_acc) | {
        "max_min": divide(group_acc.max(-1), group_acc.min(-1)),
        "dob_sample": group_acc.std(-1, ddof=1),
        "dob_population": group_acc.std(-1),
    }


def _spread(name: str, rate: np.ndarray) -> Values:
    """Largest and smallest value over groups, their difference, and their ratio (smallest / largest)."""
    high, low = rate.max(-1), rate.min(-1)
    return {f"{name}_max": high, f"{name}_min": low, f"{name}_gap": high - low, f"{name}_ratio": divide(low, high)}


def _binary(correct: np.ndarray, total: np.ndarray, cells: np.ndarray) -> Values:
    tpr, fpr = cells[..., 1, :], 1 - cells[..., 0, :]
    hits, false_alarms = correct[..., 1, :], total[..., 0, :] - correct[..., 0, :]
    ppr = divide(hits + false_alarms, total.sum(-2))
    values = _spread("tpr", tpr) | _spread("fpr", fpr) | _spread("ppr", ppr)
    values["ddp"] = values["ppr_gap"]
    return values | _detection(hits.sum(-1), false_alarms.sum(-1), total) | _odds(values) | _signed(tpr, fpr, ppr)


def _detection(hits: np.ndarray, false_alarms: np.ndarray, total: np.ndarray) -> Values:
    negatives, positives = total[..., 0, :].sum(-1), total[..., 1, :].sum(-1)
    return {
        "tpr": divide(hits, positives),
        "fpr": divide(false_alarms, negatives),
        "ppr": divide(hits + false_alarms, positives + negatives),
        "precision": divide(hits, hits + false_alarms),
        "f1": divide(2 * hits, hits + false_alarms + positives),
    }


def _odds(values: Values) -> Values:
    tpr_gap, fpr_gap = values["tpr_gap"], values["fpr_gap"]
    return {"eo_avg": (tpr_gap + fpr_gap) / 2, "eo_max": np.maximum(tpr_gap, fpr_gap), "eo_sum": tpr_gap + fpr_gap}


def _signed(tpr: np.ndarray, fpr: np.ndarray, ppr: np.ndarray) -> Values:
    """Group 0 minus group 1; not defined for more groups."""
    if tpr.shape[-1] != 2:
        return {}
    eod, fpr_difference = tpr[..., 0] - tpr[..., 1], fpr[..., 0] - fpr[..., 1]
    return {
        "eod": eod,
        "fpr_difference": fpr_difference,
        "aod": (fpr_difference + eod) / 2,
        "spd": ppr[..., 0] - ppr[..., 1],
    }


def bias_amplification(predicted: np.ndarray) -> np.ndarray:
    """Mean over classes of the largest group's share among the samples predicted as that class, minus 1 / G.

    ``predicted`` is ``(..., G, C)``. NaN where a class is never predicted or a group is empty. Only for groups of
    equal size with equal content (CIFAR-10S: the same images in colour and in gray) is 0 the value of a fair model.
    Source: Zhao et al. 2017; Wang et al. 2020, there with two groups (1 / G = 1/2).
    """
    share = divide(predicted.max(-2), predicted.sum(-2)).mean(-1) - 1 / predicted.shape[-2]
    return np.where((predicted.sum(-1) > 0).all(-1), share, np.nan)


def score_values(target: np.ndarray, score: np.ndarray, protected: np.ndarray, n_groups: int) -> dict[str, float]:
    """Metrics of scores ``(N,)`` for binary targets: AUC, and gaps of mean scores in place of hard rates.

    ``score_eo_sum`` is what FairMixup's code calls its EO gap: the gap of the mean score per target, summed over both.
    """
    cell = target * n_groups + protected
    total = np.bincount(cell, minlength=2 * n_groups).reshape(2, n_groups)
    summed = np.bincount(cell, weights=score, minlength=2 * n_groups).reshape(2, n_groups)
    cells, groups = divide(summed, total), divide(summed.sum(0), total.sum(0))
    return {
        "auc": auc(target, score),
        "score_eo_sum": float((cells.max(1) - cells.min(1)).sum()),
        "score_ddp": float(groups.max() - groups.min()),
    }


def auc(target: np.ndarray, score: np.ndarray) -> float:
    """Probability that a positive sample scores above a negative one (ties count half); NaN with one class only."""
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(counts) - (counts - 1) / 2
    positives = int(target.sum())
    pairs = positives * (len(target) - positives)
    wins = middle_rank[inverse][target == 1].sum() - positives * (positives + 1) / 2
    return float(wins / pairs) if pairs else float("nan")
