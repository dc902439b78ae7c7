"""``group_report``: one call, every convention."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from fairnb.errors import BadData, UnknownName
from fairnb.metrics import formulas
from fairnb.metrics.counts import UndefinedMetric, class_labels, count, finite, group_labels, same_length


@dataclass(frozen=True, eq=False)
class GroupReport:
    """Counts per cell and every metric by name: ``report["eo_max"]``.

    Attributes:
        correct, total: samples per (target, group) cell, ``(T, G)``.
        groups: names of the G groups.
        values: metric name -> value, a fraction in [0, 1] (signed ones in [-1, 1], ratios >= 0), NaN if undefined.
        reasons: why a metric is undefined, for each NaN in ``values``.
        table: predictions per cell, ``(T, G, C)``; None if only (correct, total) pairs of > 2 classes are known.
    """

    correct: np.ndarray
    total: np.ndarray
    groups: tuple[str, ...]
    values: Mapping[str, float]
    reasons: Mapping[str, str] = field(default_factory=dict)
    table: np.ndarray | None = None

    def __getitem__(self, name: str) -> float:
        """The metric ``name`` (or its alias). Raises ``UnknownName`` for names that do not exist."""
        return self.values[resolve(name)]

    @property
    def cell_accuracy(self) -> np.ndarray:
        """acc(t, g), ``(T, G)``, NaN for empty cells."""
        return formulas.divide(self.correct, self.total)

    @property
    def group_accuracy(self) -> np.ndarray:
        """Accuracy per group, ``(G,)``; its mean weighted by the group sizes is ``acc``."""
        return formulas.divide(self.correct.sum(0), self.total.sum(0))

    def cells(self) -> list[dict[str, object]]:
        """One row per cell: target, group, correct, total, acc."""
        return [
            {
                "target": t,
                "group": name,
                "correct": self.correct[t, g].item(),
                "total": self.total[t, g].item(),
                "acc": float(self.cell_accuracy[t, g]),
            }
            for t in range(len(self.total))
            for g, name in enumerate(self.groups)
        ]

    def per_group(self) -> list[dict[str, object]]:
        """One row per group: group, n, acc and, for binary targets, tpr, fpr, ppr."""
        rows: list[dict[str, object]] = []
        for g, name in enumerate(self.groups):
            row = {"group": name, "n": self.total[:, g].sum().item(), "acc": float(self.group_accuracy[g])}
            if len(self.total) == 2:
                hits, false_alarms = self.correct[1, g], self.total[0, g] - self.correct[0, g]
                ppr = formulas.divide(hits + false_alarms, self.total[:, g].sum())
                tpr, fpr = self.cell_accuracy[1, g], 1 - self.cell_accuracy[0, g]
                row |= {"tpr": float(tpr), "fpr": float(fpr), "ppr": float(ppr)}
            rows.append(row)
        return rows

    def row(self) -> dict[str, float]:
        """Everything as one flat row: the metrics, ``acc_y{t}s{g}`` and the sizes ``n_y{t}s{g}``."""
        grid = [(t, g) for t in range(len(self.total)) for g in range(len(self.groups))]
        accuracy = {f"acc_y{t}s{g}": float(self.cell_accuracy[t, g]) for t, g in grid}
        return {**self.values, **accuracy, **{f"n_y{t}s{g}": self.total[t, g].item() for t, g in grid}}


def resolve(name: str) -> str:
    """The proper name of a metric. Raises ``UnknownName``."""
    name = formulas.ALIASES.get(name, name)
    if name not in formulas.NAMES:
        raise UnknownName("metric", name, (*formulas.NAMES, *formulas.ALIASES))
    return name


def group_report(
    target: ArrayLike,
    prediction: ArrayLike | None,
    protected: ArrayLike,
    *,
    score: ArrayLike | None = None,
    groups: Sequence[object] | None = None,
    threshold: float = 0.5,
    classes: int | None = None,
) -> GroupReport:
    """Every metric of one set of predictions.

    Args:
        target: class labels ``(N,)``, 0..C-1.
        prediction: predicted labels ``(N,)``; None to take them from ``score``: ``score > threshold`` for ``(N,)``,
            the largest column for ``(N, C)``.
        protected: group labels ``(N,)``, 0..G-1, or values that occur in ``groups``.
        score: ``(N,)`` scores of class 1 (in [0, 1] if the threshold is 0.5), for ``auc`` and the mean-score gaps.
        groups, classes: see ``counts.count``.
        threshold: a score above it means class 1.

    Returns:
        The report. With more than two groups a gap is the largest minus the smallest value over groups, and signed
        metrics are NaN; with more than two classes so is all that needs a positive class. A target with one class
        only, an empty group or cell give NaN for what depends on them and one ``UndefinedMetric`` warning.

    Raises:
        BadData: see ``counts.count``; or neither predictions nor scores are given.
    """
    scores = None if score is None else checked_scores(score)
    if prediction is None:
        prediction = decide(scores, threshold)
    counts = count(target, prediction, protected, groups=groups, classes=classes)
    scored = None
    if scores is not None and scores.ndim == 1:
        same_length(target=np.asarray(target), score=scores)
        if counts.table.shape[0] == 2:
            members = group_labels(protected, groups)[0]
            scored = formulas.score_values(class_labels(target, "target"), scores, members, len(counts.groups))
    return _build(counts.correct, counts.total, counts.table, counts.groups, scored)


def decide(score: np.ndarray | None, threshold: float) -> np.ndarray:
    """Labels from scores: above the threshold for ``(N,)``, the largest column for ``(N, C)``."""
    if score is None:
        raise BadData("there is nothing to assess: give prediction=, or prediction=None and score=")
    return score.argmax(1) if score.ndim == 2 else (score > threshold).astype(np.int64)


def checked_scores(score: ArrayLike) -> np.ndarray:
    """Scores as a float array, a single column flattened. Raises ``BadData`` for NaN or a wrong shape."""
    array = np.asarray(score, dtype=float)
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim not in (1, 2) or array.size == 0:
        raise BadData(f"score must be (N,) or (N, C), got shape {array.shape}")
    finite(array, "score")
    return array


def from_cells(correct: ArrayLike, total: ArrayLike, *, groups: Sequence[object] | None = None) -> GroupReport:
    """Every metric that follows from (correct, total) pairs, e.g. from a paper's printed group accuracies.

    Args:
        correct: correct predictions per cell, ``(T, G)``; may be fractional (a mean over seeds, a rounded accuracy
            times its total).
        total: samples per cell, ``(T, G)``.
        groups: names of the G groups.

    Raises:
        BadData: shapes differ, fewer than two targets or groups, NaN, or not 0 <= correct <= total.
    """
    right, size = np.asarray(correct), np.asarray(total)
    if right.shape != size.shape or right.ndim != 2 or min(right.shape) < 2:
        raise BadData(
            f"from_cells needs two (targets, groups) tables of at least 2 x 2, got {right.shape} and {size.shape}"
        )
    finite(right, "correct")
    finite(size, "total")
    if (right < 0).any() or (right > size).any() or not size.any():
        raise BadData("from_cells needs 0 <= correct <= total in every cell and one sample at least")
    names = tuple(str(g) for g in (range(right.shape[1]) if groups is None else groups))
    if len(names) != right.shape[1]:
        raise BadData(f"there are {right.shape[1]} groups in the table, but {len(names)} names: {names}")
    table = np.stack([np.stack([right[0], size[0] - right[0]], -1), np.stack([size[1] - right[1], right[1]], -1)])
    return _build(right, size, table if len(right) == 2 else None, names, None)


def from_table(table: ArrayLike) -> GroupReport:
    """Every metric of hard decisions from how often each cell was predicted as each class.

    ``table``: counts ``(T, G, T)`` of samples of target ``t`` and group ``g`` predicted as class ``c``, T and G of 2 or
    more. Raises BadData: it is none.
    """
    counts = np.asarray(table)
    square = counts.ndim == 3 and counts.shape[0] == counts.shape[2] and min(counts.shape) >= 2
    if not square or counts.dtype.kind not in "iu" or (counts < 0).any() or not counts.any():
        raise BadData(f"from_table needs counts (T, G, T), T and G of 2 or more, got {counts.dtype} {counts.shape}")
    names = tuple(str(g) for g in range(counts.shape[1]))
    return _build(np.einsum("tgt->tg", counts), counts.sum(-1), counts, names, None)


def _build(
    correct: np.ndarray,
    total: np.ndarray,
    table: np.ndarray | None,
    groups: tuple[str, ...],
    scored: dict[str, float] | None,
) -> GroupReport:
    arrays = formulas.compute(correct, total, None if table is None else table.sum(0))
    values = {name: float(value) for name, value in arrays.items()}
    values |= scored or dict.fromkeys(formulas.SCORES, float("nan"))
    empty = _empty(total, groups)
    reasons = {}
    for name in (name for name, value in values.items() if np.isnan(value)):
        other = _structural(name, total, table, scored is not None) or _never(name, values, table)
        reasons[name] = other or empty
    blamed = [name for name, reason in reasons.items() if reason == empty]
    if empty:
        warnings.warn(f"{empty}; undefined (NaN): {', '.join(blamed) or 'none'}", UndefinedMetric, stacklevel=3)
    return GroupReport(correct, total, groups, MappingProxyType(values), MappingProxyType(reasons), table)


def _empty(total: np.ndarray, groups: tuple[str, ...]) -> str:
    """What has no samples, in words; empty if everything has some."""
    parts = []
    for g, name in enumerate(groups):
        size = total[:, g].sum()
        missing = [str(t) for t in range(len(total)) if total[t, g] == 0]
        if size == 0:
            parts.append(f"group {name!r} has 0 of {total.sum():g} samples")
        elif missing:
            parts.append(f"group {name!r} (n={size:g}) has 0 samples with target {', '.join(missing)}")
    return "; ".join(parts)


def _structural(name: str, total: np.ndarray, table: np.ndarray | None, scored: bool) -> str:
    """Why no sample of this kind of problem could define the metric."""
    if name in formulas.BINARY and len(total) != 2:
        return f"needs a target with two classes, this one has {len(total)}"
    if name in formulas.SCORES and not scored:
        return "needs scores (score=), one number per sample"
    if name in formulas.SIGNED and total.shape[1] != 2:
        return f"a signed difference needs two groups, there are {total.shape[1]}: see the gap of the same rate"
    if name == "bias_amp" and table is None:
        return "needs the predicted classes, not only (correct, total) pairs"
    return ""


def _never(name: str, values: Mapping[str, float], table: np.ndarray | None) -> str:
    """Why the metric is 0 / 0 although its cells have samples."""
    if name in ("bias_amp", "precision") and table is not None:
        unseen = [str(c) for c, size in enumerate(table.sum((0, 1))) if size == 0]
        return f"0 / 0: no sample is predicted as class {', '.join(unseen)}" if unseen else ""
    highest = "acc_max" if name == "max_min" else name.replace("ratio", "max")
    if name in ("max_min", "tpr_ratio", "fpr_ratio", "ppr_ratio") and values[highest] == 0:
        return "0 / 0: the rate is 0 in all groups"
    return ""
