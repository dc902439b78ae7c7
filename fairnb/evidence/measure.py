"""What a predictor does on a test split: its scores, and the metrics by group."""

from __future__ import annotations

import warnings

import numpy as np

from fairnb import metrics
from fairnb.contract import Predictor, Split
from fairnb.errors import TrainingFailed


def scores(predictor: Predictor, test: Split) -> np.ndarray:
    """Scores of the test samples, float32 ``(N, classes)``; a post-processor also gets their protected labels."""
    protected = (test.protected,) if getattr(predictor, "reads_protected", False) else ()
    return np.asarray(predictor(test.x, *protected), dtype=np.float32)


def accuracy(score: np.ndarray, test: Split) -> float:
    """Share of right decisions, 0..1, to ten decimals."""
    return round(float((score.argmax(axis=1) == test.target).mean()), 10)


def report(test: Split, score: np.ndarray) -> metrics.GroupReport:
    """All metrics of the decisions. Raises TrainingFailed: a score is not finite."""
    if not np.isfinite(score).all():
        bad = int((~np.isfinite(score)).any(axis=1).sum())
        raise TrainingFailed(
            f"{bad} of {len(score)} test scores are not finite: the model diverged; lower its learning rate"
        )
    with warnings.catch_warnings():
        if len(np.unique(test.protected)) == 1:  # by design (clean CIFAR-10 has no gray images): no news
            warnings.simplefilter("ignore", metrics.UndefinedMetric)
        return metrics.group_report(test.target, score.argmax(axis=1), test.protected)
