"""Intervals over test samples for a mean over seeds: seeds that see the same test samples are drawn jointly."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from fairnb.errors import BadData
from fairnb.metrics import formulas
from fairnb.metrics.counts import class_labels, group_labels
from fairnb.metrics.intervals import Interval
from fairnb.metrics.reports import resolve


def bootstrap_over_seeds(
    target: ArrayLike,
    predictions: ArrayLike,
    protected: ArrayLike,
    names: Iterable[str],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Percentile intervals of the mean over seeds of each metric, over resampled test sets.

    Within each (target, group) cell the samples are drawn with replacement: the same draw for all seeds that share
    their test set, else one each. Treating seeds with one test set as if each had its own would make the intervals too
    narrow by up to the root of their number.

    Args:
        target, protected: binary class labels and group labels, ``(N,)``, or ``(S, N)``: every seed has its own test.
        predictions: predicted classes (0 or 1) of every seed, ``(S, N)``.
        names: metrics of ``NAMES`` that need hard labels.

    Raises:
        BadData: shapes do not fit, or labels that are no classes. UnknownName: a name that is no metric.
    """
    values = resampled(target, predictions, protected, names, resamples=resamples, seed=seed)
    ends, found = ((1 - level) / 2, (1 + level) / 2), {}
    for name, drawn in values.items():
        mean = drawn.mean(axis=1)
        low, high = np.quantile(mean, ends) if np.isfinite(mean).all() else (np.nan, np.nan)
        found[name] = Interval(float(low), float(high), float(np.isnan(mean).mean()))
    return found


def resampled(
    target: ArrayLike,
    predictions: ArrayLike,
    protected: ArrayLike,
    names: Iterable[str],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """The metrics of each seed on resampled test sets, ``(resamples, S)``, see ``bootstrap_over_seeds``.

    Two methods' predictions on the same samples, resampled with the same ``seed``, meet the same draws.
    """
    predicted, rng = np.atleast_2d(np.asarray(predictions)), np.random.default_rng(seed)
    own = np.ndim(target) > 1
    if own and not len(target) == len(protected) == len(predicted):  # type: ignore[arg-type]
        raise BadData("target and protected of own test sets must have a row per seed, as the predictions have")
    tests = zip(target, protected, predicted[:, None], strict=True) if own else [(target, protected, predicted)]  # type: ignore[arg-type]
    drawn = [_drawn(rng, resamples, *test) for test in tests]
    correct, total = (np.concatenate(part, axis=1) for part in zip(*drawn, strict=True))
    values = formulas.compute(correct, total, None)
    return {name: values[resolve(name)] for name in names}


def _drawn(
    rng: np.random.Generator, resamples: int, target: ArrayLike, protected: ArrayLike, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Right decisions and sizes ``(resamples, S, 2, G)`` of seeds that share a test set."""
    labels = class_labels(target, "target")
    members, groups = group_labels(protected, None)
    if predicted.shape[1] != len(labels) or len(members) != len(labels):
        raise BadData(f"predictions must be (seeds, {len(labels)}) for {len(labels)} targets, got {predicted.shape}")
    shape = (resamples, len(predicted), 2, len(groups))
    correct, total = np.zeros(shape), np.zeros(shape)
    for t, g in np.ndindex(2, len(groups)):
        right = (predicted[:, (labels == t) & (members == g)] == t).astype(float)
        size = right.shape[1]
        if size:
            times = rng.multinomial(size, np.full(size, 1 / size), size=resamples)
            correct[:, :, t, g], total[:, :, t, g] = times @ right.T, size
    return correct, total
