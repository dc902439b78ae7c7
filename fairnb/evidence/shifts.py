"""Whether a few new seeds of many rows can be draws of the same distributions as older ones: pure numbers.

A row is measured by its accuracy and by each of its cells (target, group). The new seeds' mean is held against the
interval that predicts the mean of m new draws from n old ones: Student's t with the spread of both samples around their
own means. That spread keeps one seed that went wrong from passing for a shift of all: among three new seeds it widens
its own interval. It is never taken for less than what chance in the test samples alone would do, because a spread that
is small by luck, or because a test set is shared, would make a shift of anything.

Signed cells are looked at, not gaps between them: a gap does not show when two groups have changed places.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RATE = 0.01  # false discoveries over everything that is compared
FEWEST = 3  # old seeds, for a spread
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
class Shift:
    """How the new seeds of a row lie to the old ones.

    Attributes:
        p: chance that draws of one distribution lie as far apart in some measure (all of the row's measures together).
        worst: index of the measure that lies furthest out, in ``Counts.measures``.
        new, old: its means in percent. spread: of one seed, in points. seeds: how many new and old ones.
    """

    p: float
    worst: int
    new: float
    old: float
    spread: float
    seeds: tuple[int, int]

    def interval(self, level: float) -> tuple[float, float]:
        """Where the mean of the new seeds is expected, in percent, but for the share ``level`` of such means."""
        from scipy.special import stdtrit  # type: ignore[import-untyped]  # here, because it costs 0.5 s to import

        m, n = self.seeds
        reach = float(stdtrit(m + n - 2, 1 - level / 2)) * self.spread * float(np.sqrt(1 / m + 1 / n))
        return self.old - reach, self.old + reach


def shift(new: Sequence[Counts], old: Sequence[Counts]) -> Shift:
    """Compare the seeds of a row; at least one new and ``FEWEST`` old ones, with the same cells.

    The accuracy gets half of the row's chance of a false discovery, because all cells move it; the cells share the
    other half.
    """
    from scipy.special import stdtr  # here, because it costs 0.5 s to import

    there = old[0].samples > 0
    ours, theirs = (np.array([one.measures[there] for one in some]) for some in (new, old))
    m, n = len(ours), len(theirs)
    squares = sum(((part - part.mean(axis=0)) ** 2).sum(axis=0) for part in (ours, theirs))
    spread = np.maximum(np.sqrt(squares / (m + n - 2)), _chance(theirs.mean(axis=0), old[0].samples[there]))
    apart = ours.mean(axis=0) - theirs.mean(axis=0)
    p = 2 * stdtr(m + n - 2, -np.abs(apart) / (spread * np.sqrt(1 / m + 1 / n)))
    shares = p * np.array([2, *[2 * (len(p) - 1)] * (len(p) - 1)])
    at = int(np.argmin(shares))
    means = (100 * float(part.mean(axis=0)[at]) for part in (ours, theirs))
    return Shift(min(1.0, float(shares[at])), int(np.flatnonzero(there)[at]), *means, 100 * float(spread[at]), (m, n))


def _chance(share: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Standard error of a share by its test samples alone, never 0."""
    share = (share * samples + 1) / (samples + 2)
    return np.sqrt(share * (1 - share) / samples)


def discoveries(p: Sequence[float], rate: float = RATE) -> list[int]:
    """Which of these chances are too small: of what is found, at most the share ``rate`` is found wrongly.

    Where nothing differs at all, something is found with at most that chance, too.

    Source: Benjamini and Hochberg, Controlling the false discovery rate, JRSS B 57 (1995), section 3.
    """
    order = np.argsort(p, kind="stable")
    below = np.flatnonzero(np.asarray(p)[order] <= rate * np.arange(1, len(p) + 1) / max(1, len(p)))
    return sorted(int(i) for i in order[: below[-1] + 1]) if len(below) else []


def apart(pairs: Sequence[tuple[Counts, Counts]], spreads: Sequence[np.ndarray]) -> float:
    """Median over runs of the squared distance between two runs of one seed, over what two seeds give (1: alike).

    Args:
        pairs: both runs of a seed. spreads: of the measures of its row over seeds, as fractions; 0 or NaN: unknown.
    """
    found = []
    for (one, other), spread in zip(pairs, spreads, strict=True):
        known = spread > 0
        if known.any():
            found.append(float(np.mean((one.measures - other.measures)[known] ** 2 / (2 * spread[known] ** 2))))
    return float(np.median(found)) if found else float("nan")
