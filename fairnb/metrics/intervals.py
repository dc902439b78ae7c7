"""How sure is a number from this many test samples: bootstrap intervals for every metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fairnb.errors import BadData
from fairnb.metrics import formulas
from fairnb.metrics.counts import class_labels, count, group_labels, same_length
from fairnb.metrics.reports import GroupReport, checked_scores, decide, resolve


@dataclass(frozen=True)
class Interval:
    """A two-sided percentile interval.

    Attributes:
        low, high: its ends; NaN if the metric is undefined in all resamples.
        undefined_share: share of resamples in which the metric was undefined (they are left out of the interval).
    """

    low: float
    high: float
    undefined_share: float = 0.0

    @property
    def width(self) -> float:
        """``high - low``."""
        return self.high - self.low

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def bootstrap(
    target: ArrayLike,
    prediction: ArrayLike | None,
    protected: ArrayLike,
    names: Iterable[str] | None = None,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    stratified: bool = True,
    smoothing: float = 1.0,
    score: ArrayLike | None = None,
    groups: Sequence[object] | None = None,
    threshold: float = 0.5,
) -> dict[str, Interval]:
    """Percentile intervals over resampled test sets.

    Args:
        target, prediction, protected, score, groups, threshold: as in ``group_report``.
        names: metrics; all hard-label ones if None. Score metrics must be named (slower: samples are redrawn).
        resamples, level, seed: number of test sets, share of them inside the interval, seed of the draws.
        stratified: keep the size of each cell; else only that of the test set (cells may come out empty).
        smoothing: pseudo-samples per cell, spread over the classes. 1 is Jeffreys' prior for binary targets; 0 is the
            textbook bootstrap, which calls a cell of one correct sample certain.

    Noise only adds to an absolute gap, so its interval seldom holds 0: ask the signed difference whether there is a
    gap, and this interval how large it may be.

    Raises ``BadData`` as ``group_report`` or for a setting out of range, ``UnknownName`` for a name that is no metric.
    """
    scores = None if score is None else checked_scores(score)
    prediction = decide(scores, threshold) if prediction is None else prediction
    counts = count(target, prediction, protected, groups=groups)
    wanted = _wanted(names)
    hard = [name for name in wanted if name not in formulas.SCORES]
    found = _percentiles(counts.table, hard, resamples, level, seed, stratified, smoothing)
    if len(hard) < len(wanted):
        labels, members = class_labels(target, "target"), group_labels(protected, groups)[0]
        found |= _score_percentiles(labels, scores, members, len(counts.groups), resamples, level, seed, stratified)
    return {name: found[name] for name in wanted}


def bootstrap_report(
    report: GroupReport,
    names: Iterable[str] | None = None,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    stratified: bool = True,
    smoothing: float = 1.0,
) -> dict[str, Interval]:
    """``bootstrap`` from a report's counts: a stored record is enough, the samples are not needed.

    Raises:
        BadData: the report has no predictions per cell, or ``names`` holds a score metric.
    """
    wanted = _wanted(names)
    if report.table is None or set(wanted) & set(formulas.SCORES):
        raise BadData("this needs more than (correct, total) pairs of a report: call bootstrap() with the samples")
    if not np.array_equal(report.table, np.floor(report.table)):
        raise BadData("the report holds fractional counts (a mean over seeds?): only whole samples can be drawn again")
    return _percentiles(report.table.astype(np.int64), wanted, resamples, level, seed, stratified, smoothing)


def _wanted(names: Iterable[str] | None) -> list[str]:
    if names is None:
        return [name for name in formulas.NAMES if name not in formulas.SCORES]
    return [resolve(name) for name in ([names] if isinstance(names, str) else names)]


def _percentiles(
    table: np.ndarray, names: list[str], resamples: int, level: float, seed: int, stratified: bool, smoothing: float
) -> dict[str, Interval]:
    if not 0 < level < 1 or resamples < 1 or smoothing < 0:
        raise BadData(
            "an interval needs 0 < level < 1, resamples >= 1 and smoothing >= 0, "
            f"got level={level}, resamples={resamples}, smoothing={smoothing}"
        )
    drawn = draw_tables(table, resamples, seed, stratified=stratified, smoothing=smoothing)
    values = formulas.compute(np.einsum("rtgt->rtg", drawn), drawn.sum(-1), drawn.sum(1))
    return {name: _interval(values[name], level) for name in names}


def draw_tables(
    table: np.ndarray, resamples: int, seed: int, *, stratified: bool = True, smoothing: float = 1.0
) -> np.ndarray:
    """Count tables of resampled test sets, ``(resamples, T, G, C)``.

    Drawing n samples of a cell with replacement gives multinomial counts (binomial for two classes), so no sample is
    ever touched. ``table`` is ``(T, G, C)``; empty cells stay empty.
    """
    rng = np.random.default_rng(seed)
    total = table.sum(-1)
    within = table + smoothing / table.shape[-1]
    within = np.where(total[..., None] > 0, within, 1.0)
    within = within / within.sum(-1, keepdims=True)
    if stratified:
        return rng.multinomial(total, within, size=(resamples, *total.shape))
    share = (total / total.sum())[..., None] * within
    return rng.multinomial(total.sum(), share.ravel() / share.sum(), size=resamples).reshape(-1, *table.shape)


def _score_percentiles(
    target: np.ndarray,
    score: np.ndarray | None,
    protected: np.ndarray,
    n_groups: int,
    resamples: int,
    level: float,
    seed: int,
    stratified: bool,
) -> dict[str, Interval]:
    """Intervals of the score metrics by resampling samples (no smoothing: a score has no pseudo-samples)."""
    if score is None or score.ndim != 1 or target.max() > 1:
        raise BadData(f"intervals of {', '.join(formulas.SCORES)} need a binary target and score= of shape (N,)")
    same_length(target=target, score=score)
    rng = np.random.default_rng(seed)
    cell = target * n_groups + protected if stratified else np.zeros(len(target), dtype=np.int64)
    members = [np.flatnonzero(cell == c) for c in np.unique(cell)]
    rows = []
    for _ in range(resamples):
        index = np.concatenate([rng.choice(member, len(member)) for member in members])
        rows.append(formulas.score_values(target[index], score[index], protected[index], n_groups))
    return {name: _interval(np.array([row[name] for row in rows]), level) for name in formulas.SCORES}


def _interval(values: np.ndarray, level: float) -> Interval:
    defined = values[~np.isnan(values)]
    undefined_share = 1 - len(defined) / len(values)
    if not len(defined):
        return Interval(float("nan"), float("nan"), 1.0)
    # "inverted_cdf" returns observed values, so an infinite ratio stays infinite and never becomes inf - inf.
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Interval(float(low), float(high), undefined_share)
