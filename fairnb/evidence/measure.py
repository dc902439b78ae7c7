"""What a predictor does on a test split: its scores, and the metrics by group."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np

from fairnb import metrics
from fairnb.contract import Predictor, Split
from fairnb.errors import TrainingFailed
from fairnb.evidence.records import Record

CHOOSE = "choose_"  # what a record's arrays of samples to choose by begin with


def scores(predictor: Predictor, test: Split) -> np.ndarray:
    """Scores of the test samples, float32 ``(N, classes)``; a post-processor also gets their protected labels."""
    protected = (test.protected,) if getattr(predictor, "reads_protected", False) else ()
    return np.asarray(predictor(test.x, *protected), dtype=np.float32)


def accuracy(score: np.ndarray, test: Split) -> float:
    """Share of right decisions, 0..1, to ten decimals."""
    return round(float((score.argmax(axis=1) == test.target).mean()), 10)


def with_snapshots(predictor: Predictor, test: Split) -> np.ndarray:
    """``scores``; a predictor with ``snapshots`` gets their accuracies as a note, which no method ever sees."""
    if snapshots := getattr(predictor, "snapshots", ()):
        predictor.notes["test_by_epoch"] = [accuracy(scores(one, test), test) for one in snapshots]  # type: ignore[attr-defined]
    return scores(predictor, test)


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
        of_one = score[:, 1] if score.shape[1] == 2 else None  # AUC and gaps of scores are of two classes
        return metrics.group_report(test.target, score.argmax(axis=1), test.protected, score=of_one)


def record(
    run: dict[str, Any],
    key: str,
    test: Split,
    predictor: Predictor,
    score: np.ndarray,
    provenance: dict[str, Any],
    choose: Split | None = None,
) -> Record:
    """What is kept of a run: ``run`` is its identity, ``key`` its key; of ``choose`` the scores, see ``recipes.Data``.

    Raises as ``report``.
    """
    found = report(test, score)
    predictions = _predictions(test, score)
    if choose is not None:
        seen = _predictions(choose, scores(predictor, choose))
        predictions |= {f"{CHOOSE}{name}": values for name, values in seen.items()}
    return Record(
        key=key,
        run=json.loads(json.dumps(run, default=list)),
        cells={"correct": found.correct.tolist(), "total": found.total.tolist()},
        metrics={
            name: None if not np.isfinite(value) else round(float(value), 10) for name, value in found.values.items()
        },
        notes=getattr(predictor, "notes", {}),
        provenance=provenance,
        predictions=predictions,
    )


def _predictions(split: Split, score: np.ndarray) -> dict[str, np.ndarray]:
    return {
        "ids": np.asarray(split.ids).astype(str),
        "target": split.target,
        "protected": split.protected,
        "score": score[:, 1] if score.shape[1] == 2 else score,
    }
