"""Over seeds and over attributes: means, their intervals, and AIM-Fair's own way to average."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fairnb.errors import BadData
from fairnb.metrics import formulas
from fairnb.metrics.counts import finite
from fairnb.metrics.reports import GroupReport


@dataclass(frozen=True)
class SeedInterval:
    """A mean over seeds with its t-interval; the ends are NaN for one seed (one run says nothing of the spread)."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval is above or below 0; False where the ends are NaN."""
        return self.low > 0 or self.high < 0


def seed_interval(values: ArrayLike, level: float = 0.95) -> SeedInterval:
    """Mean of a metric over training seeds ``(n,)`` and Student's t-interval with n - 1 degrees of freedom.

    It says how the *training* varies; ``bootstrap`` says how few *test samples* blur one run.

    Raises:
        BadData: no values, NaN, or a level outside (0, 1).
    """
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size == 0 or not 0 < level < 1:
        raise BadData(f"a t-interval needs one row of values and 0 < level < 1, got shape {array.shape}, level {level}")
    finite(array, "values")
    mean, n = float(array.mean()), len(array)
    if n == 1:
        return SeedInterval(mean, math.nan, math.nan, n)
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # here, because it costs 0.5 s to import

    half = float(stdtrit(n - 1, (1 + level) / 2)) * float(array.std(ddof=1)) / math.sqrt(n)
    return SeedInterval(mean, mean - half, mean + half, n)


def paired_difference(a: ArrayLike, b: ArrayLike, level: float = 0.95) -> SeedInterval:
    """Mean of ``a - b`` over the seeds that both methods ran, with its t-interval.

    Pairing takes out what a seed does to both (same split, same biased model).

    Raises:
        BadData: unequal lengths, or as ``seed_interval``.
    """
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if first.shape != second.shape:
        raise BadData(f"paired seeds need two rows of one length, got {first.shape} and {second.shape}")
    return seed_interval(first - second, level)


def aggregate_aimfair(reports: Sequence[GroupReport]) -> dict[str, float]:
    """Mean over seeds as AIM-Fair's released code prints it.

    The accuracies of the cells are averaged over seeds first; ``wst`` and ``std`` are taken of these averages, while
    ``acc``, ``eo_avg`` and ``eo_max`` are the mean of the per-seed values. As the mean of a maximum (or of an
    absolute value) is at least the maximum of the means, a printed EO is >= the EO of the printed cells, which is
    returned as ``eo_*_of_mean_cells``.

    Raises:
        BadData: no reports, a target that is not binary, or reports with different groups.
    """
    if not reports or any(len(r.total) != 2 or r.groups != reports[0].groups for r in reports):
        raise BadData("aggregate_aimfair needs one report or more, all with a binary target and the same groups")
    cells = np.mean([report.cell_accuracy for report in reports], axis=0)
    of_mean = formulas.compute(cells, np.ones_like(cells), None)
    averaged = {name: float(np.mean([report[name] for report in reports])) for name in ("acc", "eo_avg", "eo_max")}
    grid = {f"acc_y{t}s{g}": float(cells[t, g]) for t, g in np.ndindex(cells.shape)}
    return {
        **averaged,
        **grid,
        "wst": float(of_mean["wst"]),
        "std": float(of_mean["std"]),
        "eo_avg_of_mean_cells": float(of_mean["eo_avg"]),
        "eo_max_of_mean_cells": float(of_mean["eo_max"]),
    }


def average_reports(reports: Sequence[GroupReport], names: Iterable[str] | None = None) -> dict[str, float]:
    """Mean of each metric over reports: over attributes as in FineFACE's T6 to T8, or over seeds.

    A metric that is undefined in one report is NaN in the mean: nothing is dropped silently.

    Raises:
        BadData: no reports.
    """
    if not reports:
        raise BadData("there are no reports to average")
    return {name: float(np.mean([report[name] for report in reports])) for name in (names or formulas.NAMES)}
