"""Whether a mean over seeds agrees with a printed one (ICDM 2022 prints deviations over ten initialisations)."""

from __future__ import annotations

from typing import Any

import numpy as np

PRINTED_SEEDS = 10  # initialisations behind a number of the paper


def agreement(row: dict[str, Any], metric: str = "bias", seeds: int = PRINTED_SEEDS) -> str:
    """Whether a rerun's mean agrees with the printed one: ``agrees``, ``differs``, or empty where that is no question.

    Welch's 95 % interval of the difference of the two means over initialisations (the paper's: ``seeds`` of them),
    widened by half a unit of the third decimal for rounding. It is a verdict on a *value*, so only where the tier runs
    the paper's own experiment is it one on the paper.
    """
    from scipy import stats

    ours, theirs = (row[metric], row[f"{metric}_std"], row["seeds"]), (
        row[f"printed_{metric}"], row[f"printed_{metric}_std"], seeds,
    )  # fmt: skip
    if not np.isfinite([*ours, *theirs]).all() or ours[2] < 2:
        return ""
    variance = [std**2 / n for _, std, n in (ours, theirs)]
    if sum(variance) == 0:
        freedom = seeds - 1.0
    else:
        freedom = sum(variance) ** 2 / sum(v**2 / (n - 1) for v, n in zip(variance, (ours[2], seeds), strict=True))
    reach = float(stats.t.ppf(0.975, freedom)) * sum(variance) ** 0.5 + 0.0005
    return "agrees" if abs(ours[0] - theirs[0]) <= reach else "differs"
