"""Whether new seeds of many rows can be draws of the same distributions as older ones: pure numbers.

A row is measured by its accuracy and by each of its cells (target, group): signed, because a gap does not show when two
groups have changed places. The mean of m new seeds is held against the interval that predicts it from n old ones
(Student's t). Its spread is that of both samples around their own means, so that one seed that went wrong widens its
own interval and does not pass for a shift of all. It is never taken for less than half of what chance in the test
samples does, for a spread can be small by luck (all of it would hide what a shared test set shows). Nothing is borrowed
from other rows, whose spreads differ too much: with a prior over rows up to 3 % of healthy reruns were found to differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RATE = 0.01  # false discoveries over everything that is compared
# Seeds have heavier tails than the normal distribution. At the full rate up to 2.3 % of simulated healthy reruns of 120
# rows were found to differ (skewed noise, skewness 1.3), at a quarter of it 0.5 %; the limit rises by a tenth.
NOMINAL = RATE / 4
FEWEST = 3  # old seeds, for a spread
FLOOR = 0.25  # of the variance that chance in the test samples makes
TOGETHER = 2  # new seeds: a single one that went wrong cannot be told from a shift


@dataclass(frozen=True)
class Counts:
    """Decisions of one seed on test: how many were right of how many, ``(T, G)`` each."""

    correct: np.ndarray
    total: np.ndarray

    @property
    def measures(self) -> np.ndarray:
        """Accuracy, and the accuracies of the cells in their order, as fractions ``(1 + T G,)``; NaN where empty."""
        with np.errstate(invalid="ignore"):
            return np.concatenate([[self.correct.sum() / self.total.sum()], (self.correct / self.total).ravel()])

    @property
    def samples(self) -> np.ndarray:
        """How many test samples each of ``measures`` is a share of."""
        return np.concatenate([[self.total.sum()], self.total.ravel()])


@dataclass(frozen=True)
class Pair:
    """The new and the old seeds of a row: ``Counts.measures`` of at least one and ``FEWEST``, and ``samples`` of them.

    Attributes:
        new: ``(m, K)``. old: ``(n, K)``. samples: ``(K,)``.
    """

    new: np.ndarray
    old: np.ndarray
    samples: np.ndarray

    @classmethod
    def of(cls, new: Sequence[Counts], old: Sequence[Counts]) -> Pair:
        """From decisions."""
        ours, theirs = (np.array([one.measures for one in some]) for some in (new, old))
        return cls(ours, theirs, old[0].samples)

    @property
    def free(self) -> int:
        """Degrees of freedom of ``variance``."""
        return len(self.new) + len(self.old) - 2

    @property
    def variance(self) -> np.ndarray:
        """Of one seed around the mean of its sample, by measure."""
        squares = [((part - part.mean(axis=0)) ** 2).sum(axis=0) for part in (self.new, self.old)]
        return (squares[0] + squares[1]) / self.free

    @property
    def chance(self) -> np.ndarray:
        """Variance that the test samples alone give a seed, never 0; NaN where there are none."""
        samples = np.where(self.samples > 0, self.samples, np.nan)
        share = (self.old.mean(axis=0) * samples + 1) / (samples + 2)
        return share * (1 - share) / samples

    @property
    def error(self) -> float:
        """Standard error of the difference of means, in spreads of one seed."""
        return (1 / len(self.new) + 1 / len(self.old)) ** 0.5


@dataclass(frozen=True)
class Shift:
    """How the new seeds of a row lie to the old ones.

    Attributes:
        p: chance that draws of one distribution lie as far apart in some measure (all of the row's measures together).
        worst: index of the measure that lies furthest out, in ``Counts.measures``. new, old: its means in percent.
        error: standard error of their difference in points. free: its degrees of freedom.
    """

    p: float
    worst: int
    new: float
    old: float
    error: float
    free: int

    def interval(self, level: float) -> tuple[float, float]:
        """Where the mean of the new seeds is expected, in percent, but for the share ``level`` of such means."""
        from scipy.special import stdtrit  # type: ignore[import-untyped]  # here, because it costs 0.5 s to import

        reach = float(stdtrit(self.free, 1 - level / 2)) * self.error
        return max(0.0, self.old - reach), min(100.0, self.old + reach)


def shift(pair: Pair) -> Shift:
    """How a row has shifted.

    The accuracy gets half of a row's chance of a false discovery, because all cells move it; the cells share the rest.
    """
    from scipy.special import stdtr  # here, because it costs 0.5 s to import

    error = np.sqrt(np.maximum(pair.variance, FLOOR * pair.chance)) * pair.error
    new, old = pair.new.mean(axis=0), pair.old.mean(axis=0)
    p = 2 * stdtr(pair.free, -np.abs(new - old) / error)
    p = p * np.array([2, *[2 * np.isfinite(p[1:]).sum()] * (len(p) - 1)])
    at = int(np.nanargmin(p))
    far = [100 * float(one[at]) for one in (new, old, error)]
    return Shift(min(1.0, float(p[at])), at, far[0], far[1], far[2], pair.free)


def discoveries(p: Sequence[float], rate: float = NOMINAL) -> list[int]:
    """Which of these chances are too small: of what is found, at most the share ``rate`` is found wrongly.

    Where nothing differs at all, something is found with at most that chance, too.

    Source: Benjamini and Hochberg, Controlling the false discovery rate, JRSS B 57 (1995), section 3.
    """
    order = np.argsort(p, kind="stable")
    below = np.flatnonzero(np.asarray(p)[order] <= rate * np.arange(1, len(p) + 1) / max(1, len(p)))
    return sorted(int(i) for i in order[: below[-1] + 1]) if len(below) else []


def alike(pairs: Sequence[tuple[Counts, Counts]], variances: Sequence[np.ndarray]) -> float:
    """How far two runs of one seed lie apart: median of squared distances over what two seeds give (0: not at all).

    Args:
        pairs: both runs of a seed. variances: of its row over seeds, by measure; where 0 or NaN it is not counted.
    """
    found = []
    for (one, other), variance in zip(pairs, variances, strict=True):
        known = variance > 0
        if known.any():
            found.append(float(np.mean((one.measures - other.measures)[known] ** 2 / (2 * variance[known]))))
    return float(np.median(found)) if found else float("nan")
