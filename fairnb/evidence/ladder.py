"""Repeated confidence intervals: at 3, 6, 12, 24 and 48 seeds, and right at all of these rungs together.

Whoever adds seeds until something is decided looks at several intervals, and plain 95 % intervals miss the truth more
often the more of them are looked at. The multipliers here are so much larger that all rungs *together* cover with the
level that is asked for. Source: Jennison and Turnbull, Group Sequential Methods (2000), chapter 9.
"""

from __future__ import annotations

import csv
import dataclasses
import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from fairnb import paths
from fairnb.errors import BadData

LADDER = (3, 6, 12, 24, 48)  # seeds
ALPHA = 0.05
# How the level is shared among the rungs: three seeds can decide next to nothing, so they get little of it.
WEIGHTS = (0.2, 1.0, 1.0, 1.0, 1.0)
# With skewed noise a refutation by fewer seeds errs too often (docs/verdicts.md, "How often the rule errs").
REFUTE_FROM = 12
SAME = 1e-9  # points; values that differ by rounding alone do not vary
FILE = "ladder.csv"


@dataclass(frozen=True)
class Condition:
    """A difference that the claim says is positive.

    Attributes:
        text: in words.
        values: one per seed in percentage points, in the order in which the seeds came; all finite.
        margin: below which a difference is none, in points, at least 0; 0 for claims with a threshold of their own.
        printed: the printed difference in points, NaN if none.
        test_variance: of the mean over one test set that all seeds share, in points squared; 0 on toys.
        floor: standard error in points of ONE seed's value from the cells' binomial error, for values that never vary.
        exact: nothing is trained, and the sign of the mean decides at any number of seeds.
    """

    text: str
    values: tuple[float, ...]
    margin: float = 0.0
    printed: float = math.nan
    test_variance: float = 0.0
    floor: float = 0.0
    exact: bool = False


@dataclass(frozen=True)
class Interval:
    """A mean in points with its repeated interval; the ends are NaN where nothing is known of the spread."""

    mean: float
    low: float
    high: float
    seeds: int

    def __str__(self) -> str:
        ends = "" if math.isnan(self.low) else f" [{self.low:+z.1f}, {self.high:+z.1f}]"
        return f"{self.mean:+z.1f}{ends}"


def rung(n: int) -> int:
    """The last full rung that ``n`` seeds reach, in seeds; 0 below the first."""
    return max((step for step in LADDER if step <= n), default=0)


def multiplier(seeds: int, share: float = 1) -> float:
    """How many standard errors an interval reaches to either side, so that all rungs together cover 1 - ALPHA / share.

    Args:
        seeds: a rung. share: by how many the level is divided, at least 1 (conditions that share it, say); one that
            is not in the table takes the next larger one, and beyond the table the bound of Bonferroni over the rungs,
            which is wider than needed.

    Raises:
        BadData: not a rung, or a share below 1.
    """
    if seeds not in LADDER or not share >= 1:
        raise BadData(
            f"an interval needs a rung of {LADDER} seeds and a share of at least 1; got {seeds} and {share:g}"
        )
    step, wanted = LADDER.index(seeds), math.ceil(share - 1e-9)
    listed = min((known for known in _table() if known >= wanted), default=None)
    return _beyond(step, share) if listed is None else _table()[listed][step]


def interval(condition: Condition, alpha: float = ALPHA, rung: int | None = None) -> Interval:
    """The repeated interval at the last full rung (or at ``rung`` seeds), of two-sided level ``1 - alpha``.

    Below 3 seeds the mean is that of all seeds, and the ends are NaN. They are NaN, too, where the values do not vary
    and no ``floor`` is known. An ``exact`` condition has both ends at the mean of all its values.

    Raises:
        BadData: no values, one that is not finite, a level outside (0, ALPHA], or a rung that is not there.
    """
    n = len(checked(condition))
    if not n or not 0 < alpha <= ALPHA:
        raise BadData(f"an interval of {condition.text!r} needs values and 0 < alpha <= {ALPHA}; got alpha {alpha:g}")
    if rung is not None and (rung not in LADDER or rung > n):
        raise BadData(f"{condition.text!r} has no rung of {rung} seeds: it has {n}, and rungs are {LADDER}")
    return reach(condition, ALPHA / alpha, _last(condition) if rung is None else rung)


def checked(condition: Condition) -> np.ndarray:
    """The values of a condition ``(seeds,)`` in points. Raises BadData where one, or another number, is not usable."""
    values = np.asarray(condition.values, dtype=float)
    if not np.isfinite(values).all():
        where = int(np.flatnonzero(~np.isfinite(values))[0])
        raise BadData(f"{condition.text!r} is {values[where]} for seed number {where + 1}; it must be a finite number")
    for name in ("margin", "test_variance", "floor"):
        if not 0 <= getattr(condition, name) < math.inf:
            raise BadData(f"{name} of {condition.text!r} is {getattr(condition, name)}; it must be finite, 0 or more")
    return values


def spread(condition: Condition) -> float:
    """Standard deviation over seeds in points at the last full rung; ``floor`` where it is 0, NaN if that is 0, too."""
    values = np.asarray(condition.values, dtype=float)[: _last(condition)]
    found = float(values.std(ddof=1)) if len(values) else math.nan
    return found if not found <= SAME else condition.floor or math.nan


def reach(condition: Condition, share: float, seeds: int) -> Interval:
    """The interval from the first ``seeds`` seeds (a rung, or 0) at level ``1 - ALPHA / share``.

    More seeds than there are: what it would be if the mean and the spread of the last full rung stay as they are.
    """
    values = np.asarray(condition.values, dtype=float)
    if condition.exact and len(values):
        mean = float(values.mean())
        return Interval(mean, mean, mean, len(values))
    have = min(seeds, _last(condition))
    if not have:
        return Interval(float(values.mean()) if len(values) else math.nan, math.nan, math.nan, len(values))
    first = dataclasses.replace(condition, values=condition.values[:have])
    mean, error = float(values[:have].mean()), math.sqrt(spread(first) ** 2 / seeds + condition.test_variance)
    half = multiplier(seeds, share) * error
    return Interval(mean, mean - half, mean + half, seeds)


@dataclass(frozen=True)
class Known:
    """What is known of a condition at a rung: its tightest bounds so far in points, each at its own level.

    ``hold`` and ``refute`` are the shares of ALPHA (by how many it is divided) of the lower and of the upper bound.
    """

    condition: Condition
    hold: float
    refute: float
    low: float = -math.inf
    high: float = math.inf

    @property
    def n(self) -> int:
        """Its seeds."""
        return len(self.condition.values)

    @property
    def rung(self) -> int:
        """Its last full rung."""
        return rung(self.n)

    @property
    def holds(self) -> bool:
        """Above 0."""
        return self.low > 0

    @property
    def reversed(self) -> bool:
        """Below 0."""
        return self.high < 0

    @property
    def small(self) -> bool:
        """Below its margin, or 0 for certain."""
        return self.high < self.condition.margin or (self.condition.exact and self.high <= 0)

    @property
    def refuted(self) -> bool:
        """Below 0 or below its margin, and not known to be above 0."""
        return self.reversed or (self.small and not self.holds)

    def at(self, seeds: int, projected: bool = False) -> Known:
        """With the bounds at ``seeds`` seeds (a rung, or 0), if there are so many; ``projected``: as ``reach`` does."""
        condition = self.condition
        if not condition.exact and (not seeds or (seeds > _last(condition) and not projected)):
            return self
        low, high = reach(condition, self.hold, seeds).low, reach(condition, self.refute, seeds).high
        if seeds < REFUTE_FROM and not condition.exact:
            high = math.nan
        return dataclasses.replace(self, low=float(np.fmax(self.low, low)), high=float(np.fmin(self.high, high)))

    def seeds_for(self, distance: float, share: float) -> float:
        """Seeds at which an interval reaches less than ``distance`` points: a rung, more than any, or infinity."""
        s, fixed = spread(self.condition), self.condition.test_variance
        if not distance > 0 or math.isnan(s):
            return math.inf
        for step in LADDER:
            if multiplier(step, share) * math.sqrt(s * s / step + fixed) < distance:
                return step
        left = (distance / multiplier(LADDER[-1], share)) ** 2 - fixed
        return max(s * s / left, LADDER[-1] + 1) if left > 0 else math.inf


def _last(condition: Condition) -> int:
    return rung(len(condition.values))


@cache
def _table() -> dict[int, tuple[float, ...]]:
    """Multipliers by share, as ``scripts/calibrate.py --constants`` computed them."""
    with (paths.assets() / FILE).open(encoding="utf-8", newline="") as file:
        return {int(row["share"]): tuple(float(row[f"c_{step}"]) for step in LADDER) for row in csv.DictReader(file)}


def _beyond(step: int, share: float) -> float:
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # here, because it costs 0.5 s to import

    level = WEIGHTS[step] / sum(WEIGHTS) * ALPHA / share
    return float(stdtrit(LADDER[step] - 1, 1 - level / 2))
