"""Whether a mean over seeds agrees with a printed one (ICDM 2022 prints deviations over ten initialisations)."""

from __future__ import annotations

from typing import Any

import numpy as np

PRINTED_SEEDS = 10  # initialisations behind a number of the paper
AGREES, DIFFERS, CANNOT_TELL = "agrees", "differs", "cannot tell"
WIDE = 0.05  # the paper's tolerance: what cannot be told from a number as far off as that says nothing


def agreement(row: dict[str, Any], metric: str = "bias", seeds: int = PRINTED_SEEDS) -> str:
    """Whether a rerun's mean agrees with the printed one, by ``reach``; empty where that is no question.

    It is a verdict on a *value*, so only where the tier runs the paper's own experiment is it one on the paper.

    Returns:
        ``differs`` beyond the reach; within it ``agrees``, or ``cannot tell`` where the reach is above ``WIDE``.
    """
    far = reach(row, metric, seeds)
    if not np.isfinite(far):
        return ""
    if abs(row[metric] - row[f"printed_{metric}"]) > far:
        return DIFFERS
    return AGREES if far <= WIDE else CANNOT_TELL


def reach(row: dict[str, Any], metric: str = "bias", seeds: int = PRINTED_SEEDS) -> float:
    """How far a rerun's mean may lie from the printed one by chance and rounding; NaN where that is no question.

    Welch's 95 % interval of the difference of two means over initialisations (the paper's: ``seeds`` of them). Of a
    number that is printed without a deviation: our own t-interval times √2, as if the paper's were as wide. Both are
    widened by half a unit of the last printed decimal (the second or the third).

    Args:
        row: ``<metric>``, ``<metric>_std``, ``seeds`` and ``printed_<metric>``, ``printed_<metric>_std``, fractions.
    """
    from scipy import stats

    ours, theirs = (row[metric], row[f"{metric}_std"], row["seeds"]), row[f"printed_{metric}"]
    if not np.isfinite([*ours, theirs]).all() or ours[2] < 2:
        return float("nan")
    two_decimals = metric == "accuracy" and round(theirs, 2) == theirs
    rounding = 0.005 if two_decimals else 0.0005
    printed, own = row.get(f"printed_{metric}_std", np.nan), ours[1] ** 2 / ours[2]
    if not np.isfinite(printed):
        return float(stats.t.ppf(0.975, ours[2] - 1)) * (2 * own) ** 0.5 + rounding
    variance = [own, printed**2 / seeds]
    if sum(variance) == 0:
        freedom = seeds - 1.0
    else:
        freedom = sum(variance) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variance, (ours[2], seeds), strict=True))
    return float(stats.t.ppf(0.975, freedom)) * sum(variance) ** 0.5 + rounding
