"""What finished runs say: means and differences with intervals over seeds and samples together, and a choice.

An interval adds two errors as independent ones are added: that of the mean over seeds (a t-interval of the seeds) and
that of the samples which all seeds meet (a bootstrap of them, within class and group): ``half = sqrt(a^2 + b^2)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence import measure, runs
from fairnb.metrics import joint

RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class Scores:
    """Decisions of a row on one part: ``predicted`` int64 ``(S, N)``, ``target`` and ``protected`` int64 ``(N,)``."""

    target: np.ndarray
    protected: np.ndarray
    predicted: np.ndarray

    @lru_cache(maxsize=256)  # noqa: B019  # a table asks again and again, and a comparison has few rows
    def values(self, name: str) -> np.ndarray:
        """The metric of every seed, ``(S,)``, a fraction."""
        reports = (metrics.group_report(self.target, own, self.protected) for own in self.predicted)
        return np.array([report[name] for report in reports])

    @lru_cache(maxsize=256)  # noqa: B019
    def resampled(self, name: str) -> np.ndarray:
        """The metric of every seed on resampled samples, ``(RESAMPLES, S)``; for all rows of a part the same draws."""
        return joint.resampled(self.target, self.predicted, self.protected, [name], resamples=RESAMPLES)[name]


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def sure(self) -> int:
        """1 where it is above zero, -1 where it is below, 0 where the interval contains zero."""
        return int(self.low > 0) - int(self.high < 0)


def of(group: Sequence[runs.Run], part: str = "test") -> Scores:
    """The decisions of finished runs of one row, on ``test`` or ``choose``."""
    begin = measure.CHOOSE if part == "choose" else ""
    kept = [runs.found(run).predictions for run in group]
    score = [one[f"{begin}score"] for one in kept]
    predicted = np.stack([(s > 0.5).astype(np.int64) if s.ndim == 1 else s.argmax(1) for s in score])
    return Scores(kept[0][f"{begin}target"], kept[0][f"{begin}protected"], predicted)


def decisions(run: runs.Run, groups: Sequence[str] | None = None) -> pd.DataFrame:
    """Test samples of a finished run of anybody's, a paper's too: ``target``, ``predicted``, ``group``, a line each.

    As fairlearn's ``MetricFrame`` takes them. Raises BrokenRecord: the run is not finished.

    Args:
        groups: their names; None: their numbers.
    """
    own = of([run])
    named = own.protected if groups is None else pd.Categorical.from_codes(own.protected, list(groups))
    return pd.DataFrame({"target": own.target, "predicted": own.predicted[0], "group": named})


def estimate(own: Scores, name: str, other: Scores | None = None) -> Estimate:
    """The metric ``name``, or by how much it is larger than that of ``other`` on the same samples, seed by seed."""
    values, drawn = own.values(name), own.resampled(name)
    if other is not None:
        values, drawn = values - other.values(name), drawn - other.resampled(name)
    seeds = metrics.seed_interval(values)
    images = 1.96 * float(np.nanstd(drawn.mean(1)))
    half = float(np.hypot(0 if len(values) < 2 else seeds.high - seeds.mean, images))
    return Estimate(seeds.mean, seeds.mean - half, seeds.mean + half)


@dataclass(frozen=True)
class Choice:
    """Which row to take, by samples that no method has seen.

    Attributes:
        label: of the row. share: of resampled seeds and samples in which it would be chosen too.
        utility, gap: names of the metrics that decide: the smallest ``gap`` among rows whose ``utility`` is at most
            ``allowed`` below that of the best row.
    """

    label: str
    share: float
    utility: str
    gap: str
    allowed: float


def choose(rows: dict[str, Scores], utility: str, gap: str, allowed: float = 0.01) -> Choice:
    """The choice among rows (their decisions by label)."""
    rng, labels = np.random.default_rng(0), list(rows)
    means = np.array([[rows[label].values(name).mean() for label in labels] for name in (utility, gap)])
    drawn = np.array([[_over_seeds(rows[label].resampled(name), rng) for label in labels] for name in (utility, gap)])
    best = _best(means[:, :, None], allowed)[0]
    share = float((_best(drawn, allowed) == best).mean())
    return Choice(labels[best], share, utility, gap, allowed)


def _over_seeds(drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means over seeds that are drawn with replacement, ``(resamples,)``."""
    picked = rng.integers(drawn.shape[1], size=drawn.shape)
    return np.take_along_axis(drawn, picked, axis=1).mean(1)


def _best(found: np.ndarray, allowed: float) -> np.ndarray:
    """``found`` ``(2, rows, resamples)``, utility and gap -> the row to take, ``(resamples,)``."""
    utility, gap = found
    good = utility >= utility.max(0) - allowed
    return np.where(good, np.abs(gap), np.inf).argmin(0)


def shown(line: Any) -> str:
    """``value``, ``low`` and ``high`` of a line of ``tidy`` in percent; what cannot be is cut off."""
    least = -1 if metrics.CONVENTIONS[line.metric].signed else 0
    low, high = (float(np.clip(end, least, 1)) for end in (line.low, line.high))
    return f"{100 * line.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
