"""Interval arithmetic for printed numbers: ``89.23`` stands for everything in [89.225, 89.235].

Every operation returns an interval that holds all results its inputs allow, so two numbers disagree only if their
intervals do not touch. ``SLACK`` keeps floating-point noise from becoming an accusation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import minimize_scalar

SLACK = 1e-7


@dataclass(frozen=True)
class Interval:
    """All reals from ``low`` to ``high``, ends included."""

    low: float
    high: float

    @classmethod
    def printed(cls, value: float, decimals: int) -> Interval:
        """What a number printed with ``decimals`` decimals can stand for, whichever way halves were rounded."""
        half = 0.5 * 10.0**-decimals
        return cls(value - half, value + half)

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    def __rmul__(self, factor: float) -> Interval:
        ends = (factor * self.low, factor * self.high)
        return Interval(min(ends), max(ends))

    def __abs__(self) -> Interval:
        if self.low <= 0 <= self.high:
            return Interval(0.0, max(-self.low, self.high))
        ends = (abs(self.low), abs(self.high))
        return Interval(min(ends), max(ends))

    def over(self, other: Interval) -> Interval:
        """Quotient of two positive intervals."""
        return Interval(self.low / other.high, self.high / other.low)

    def clip(self, low: float, high: float) -> Interval:
        """The part of the interval between ``low`` and ``high``."""
        return Interval(min(max(self.low, low), high), max(min(self.high, high), low))

    def distance(self, other: Interval) -> float:
        """How far apart the intervals are; 0 if they touch."""
        apart = max(self.low - other.high, other.low - self.high)
        return float(apart) if apart > SLACK else 0.0


def minimum(items: Sequence[Interval]) -> Interval:
    """Range of the smallest of several numbers."""
    return Interval(min(i.low for i in items), min(i.high for i in items))


def maximum(items: Sequence[Interval]) -> Interval:
    """Range of the largest of several numbers."""
    return Interval(max(i.low for i in items), max(i.high for i in items))


def mean(items: Sequence[Interval], weights: Sequence[float] | np.ndarray | None = None) -> Interval:
    """Range of the mean, weighted by non-negative ``weights`` if given."""
    return Interval(
        float(np.average([i.low for i in items], weights=weights)),
        float(np.average([i.high for i in items], weights=weights)),
    )


def deviation(items: Sequence[Interval], ddof: int) -> Interval:
    """Exact range of the standard deviation (``ddof`` 0: population, 1: sample) of up to 16 numbers.

    The deviation is convex, so it is largest in a corner of the box. It is smallest where the squared distances of the
    intervals to one common centre are: the variance is the minimum over the centre.
    """
    corners = np.array(list(product(*((i.low, i.high) for i in items))))
    low, high = np.array([i.low for i in items]), np.array([i.high for i in items])

    def spread(centre: float) -> float:
        return float((np.maximum(0, np.maximum(low - centre, centre - high)) ** 2).sum())

    best = minimize_scalar(spread, bounds=(low.min(), high.max()), method="bounded", options={"xatol": 1e-10})
    smallest = float(np.sqrt(max(best.fun, 0.0) / (len(items) - ddof)))
    return Interval(smallest, float(corners.std(axis=1, ddof=ddof).max()))
