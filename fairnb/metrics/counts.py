"""From samples to counts: every hard-label metric is a function of how often each cell is predicted as each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from fairnb.errors import BadData


class UndefinedMetric(UserWarning):
    """Some metrics are NaN because a group or a (target, group) cell has no samples."""


@dataclass(frozen=True, eq=False)
class Counts:
    """Predictions per cell.

    Attributes:
        table: int ``(T, G, C)``, samples of target ``t`` and group ``g`` that were predicted as class ``c``; C = T.
        groups: G names, in the order of the group axis.
    """

    table: np.ndarray
    groups: tuple[str, ...]

    @property
    def total(self) -> np.ndarray:
        """Samples per cell, ``(T, G)``."""
        return self.table.sum(-1)

    @property
    def correct(self) -> np.ndarray:
        """Correctly predicted samples per cell, ``(T, G)``."""
        return np.einsum("tgt->tg", self.table)


def count(
    target: ArrayLike,
    prediction: ArrayLike,
    protected: ArrayLike,
    *,
    groups: Sequence[object] | None = None,
    classes: int | None = None,
) -> Counts:
    """Count predictions per (target, group) cell.

    Args:
        target, prediction: class labels ``(N,)``, integers 0..C-1 (bool and integral floats are taken too).
        protected: group labels ``(N,)``: integers 0..G-1, or values that all occur in ``groups``.
        groups: the groups in order. It names them, maps other values (strings) to 0..G-1, and declares groups that
            may have no sample. Without it there are ``max(protected) + 1`` groups, at least two.
        classes: number of classes C; ``max(target) + 1`` if not given, at least two.

    Raises:
        BadData: unequal lengths, no samples, NaN, fractions or negative labels, a label beyond ``classes``, or a
            protected value that is not in ``groups``.
    """
    target = class_labels(target, "target")
    prediction = class_labels(prediction, "prediction")
    protected, names = group_labels(protected, groups)
    same_length(target=target, prediction=prediction, protected=protected)
    classes = max(2, int(target.max()) + 1) if classes is None else classes
    for name, labels in (("target", target), ("prediction", prediction)):
        if labels.max() >= classes:
            raise BadData(
                f"{name} has label {labels.max()}, but there are only {classes} classes (0..{classes - 1}): "
                f"check the labels, or pass classes={labels.max() + 1}"
            )
    flat = (target * len(names) + protected) * classes + prediction
    table = np.bincount(flat, minlength=classes * len(names) * classes)
    return Counts(table.reshape(classes, len(names), classes), names)


def class_labels(values: ArrayLike, name: str) -> np.ndarray:
    """``values`` as int64 ``(N,)`` labels >= 0.

    Raises:
        BadData: empty, not one-dimensional, not numeric, NaN, a fraction (a score?) or negative.
    """
    array = np.asarray(values)
    if array.ndim != 1 or array.size == 0:
        raise BadData(f"{name} must be one non-empty row of labels (N,), got shape {array.shape}")
    if array.dtype.kind not in "biuf":
        raise BadData(f"{name} must hold integers 0, 1, ..., got {array.dtype}: encode the labels first")
    finite(array, name)
    if (array != np.floor(array)).any():
        bad = array[array != np.floor(array)][0]
        raise BadData(f"{name} must hold class labels, got {bad}: pass scores as score= and None as prediction")
    if array.min() < 0:
        raise BadData(f"{name} has the label {array.min()}: labels are 0, 1, ... (map -1/1 to 0/1, drop missing ones)")
    return array.astype(np.int64)


def group_labels(values: ArrayLike, groups: Sequence[object] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """``values`` as group indices ``(N,)`` and the names of all groups (see ``count``)."""
    array = np.asarray(values)
    if groups is None:
        if array.dtype.kind not in "biuf":
            raise BadData(
                f"protected holds {array.dtype} values: pass groups=(...) to say which value is group 0, 1, ..."
            )
        array = class_labels(array, "protected")
        return array, tuple(str(g) for g in range(max(2, int(array.max()) + 1)))
    names = tuple(str(g) for g in groups)
    if len(names) < 2 or len(set(names)) != len(names):
        raise BadData(f"groups must be at least two different names, got {names}")
    if array.dtype.kind in "biuf" and any(isinstance(g, str) for g in groups):
        array = class_labels(array, "protected")
        if array.max() >= len(names):
            raise BadData(f"protected has the group {array.max()}, but groups names only {len(names)}: {names}")
        return array, names
    return _look_up(array, groups, names), names


def _look_up(array: np.ndarray, groups: Sequence[object], names: tuple[str, ...]) -> np.ndarray:
    if array.dtype.kind == "f":
        finite(array, "protected")
    place = {group: index for index, group in enumerate(groups)}
    values, inverse = np.unique(array, return_inverse=True) if array.dtype.kind != "O" else _unique_objects(array)
    unknown = [value for value in values.tolist() if value not in place]
    if unknown:
        raise BadData(
            f"protected has the value {unknown[0]!r}, which is not in groups {names}: add it or drop its samples"
        )
    return np.array([place[value] for value in values.tolist()], dtype=np.int64)[inverse]


def _unique_objects(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Like ``np.unique`` for objects that need not be comparable (None or NaN among strings)."""
    seen: dict[object, int] = {}
    inverse = np.array([seen.setdefault(value, len(seen)) for value in array.tolist()], dtype=np.int64)
    values = np.empty(len(seen), dtype=object)
    values[:] = list(seen)
    return values, inverse


def finite(array: np.ndarray, name: str) -> None:
    """Raise ``BadData`` where ``array`` has NaN or infinite values."""
    bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(1))
    if bad.size:
        raise BadData(
            f"{name} is NaN or infinite in {bad.size} of {len(array)} samples (first: {bad[0]}): drop or fix them"
        )


def same_length(**arrays: np.ndarray) -> None:
    """Raise ``BadData`` unless all arrays have one length."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise BadData(f"metrics need arrays of one length, got {lengths}: check how they were joined")
