"""Labels: what every reader of a real data set returns. Images stay on disk until ``Labels.split`` asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.contract import Split, require_two_names
from fairnb.data import cache
from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData, UnknownName


@dataclass(frozen=True)
class Labels:
    """The labels of a data set, one row per image, in the owner's file order.

    Attributes:
        name: the data set, e.g. ``celeba``.
        root: the data set's own folder; ``files`` are relative to it.
        ids: stable sample ids, str ``(N,)``.
        files: image files, str ``(N,)``; they may be absent (labels-only use).
        table: ``N`` rows; integer columns are class labels 0..C-1, other columns are the owner's own text or numbers.
        aspect: width over height of the owner's pictures where all have one, see ``Split``.
    """

    name: str
    root: Path
    ids: np.ndarray
    files: np.ndarray
    table: pd.DataFrame
    aspect: float = 1.0

    def __post_init__(self) -> None:
        if len(self.table) == 0:
            raise BadData(f"{self.name}: no usable row under {self.root}: check that the data set is complete")
        twice = pd.Series(self.ids).duplicated()
        if twice.any():
            raise BadData(f"{self.name}: {self.ids[twice.argmax()]} is listed twice: keep one row for each image")

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> np.ndarray:
        """Class labels of the attribute ``name``, int64 ``(N,)``; UnknownName or BadData (text) otherwise."""
        known = [str(c) for c in self.table if pd.api.types.is_integer_dtype(self.table[c])]
        if name not in known:
            raise UnknownName(f"attribute of {self.name}", name, known)
        return self.table[name].to_numpy(np.int64)

    def where(self, column: str, value: object) -> np.ndarray:
        """Rows whose ``column`` equals ``value``, int64, in file order (empty if there are none)."""
        return np.flatnonzero((self.table[column] == value).to_numpy())

    def split(
        self,
        target: str,
        protected: str,
        index: np.ndarray,
        size: int,
        *,
        images: bool = True,
        frame: cache.Frame | None = None,
    ) -> Split:
        """The images at ``index`` with two attributes as a Split, in the order of ``index``.

        Args:
            target, protected: names of attributes (class labels).
            index: rows, int ``(n,)``.
            size: side of the square images in pixels; the images come from ``cache.images``.
            images: False gives features ``(n, 0)`` instead, for questions about labels alone.
            frame: the part of every picture that is looked at; None: all of it.

        Raises:
            UnknownName: no such attribute.
            BadData: one attribute twice, one class only, an empty cell (target, protected), missing or broken images.
        """
        require_two_names(target, protected)
        index = np.asarray(index, np.int64)
        t, p = self.column(target)[index], self.column(protected)[index]
        require_every_cell(self.name, {target: t, protected: p})
        if images:
            x = cache.images(self.files[index].tolist(), size, name=self.name, root=self.root, frame=frame)
        else:
            x = np.zeros((len(index), 0), np.float32)
        return Split(x, t, p, self.ids[index], target, protected, self.aspect)


def require_every_cell(name: str, columns: dict[str, np.ndarray]) -> None:
    """Raise BadData where an attribute has one class only, or a combination of two attributes' classes has no sample.

    Args:
        name: the data set's name.
        columns: the target's and the protected attribute's name and labels, int ``(n,)``.
    """
    for attribute, labels in columns.items():
        classes = np.unique(labels)
        if len(classes) < 2:
            raise BadData(
                f"{name}: {attribute!r} has {len(classes)} class{'' if len(classes) == 1 else 'es'} "
                f"{classes.tolist()} among {len(labels)} samples: choose samples of both classes, or another attribute"
            )
    counts = pd.crosstab(*columns.values())
    empty = counts.stack()[lambda c: c == 0]
    if len(empty):
        cell = ", ".join(f"{a}={v}" for a, v in zip(columns, empty.index[0], strict=True))
        raise BadData(f"{name}: the group {cell} is empty: take more samples, or join it with another group")


def require_files(name: str, root: Path, *wanted: str) -> None:
    """Raise MissingData with the remedy where a file or folder ``wanted`` is not in the data root ``root``.

    DiskTrouble: that cannot be known, see ``files.plain_errors``.
    """
    with plain_errors(root):
        absent = [w for w in wanted if not (root / w).exists()]
    if absent:
        raise MissingData(
            f"{name} is not there: {paths.shown(root)} has no {' and no '.join(absent)}: `make data` says where to get "
            "it, or set the environment variable FAIRNB_DATA to the folder that holds it"
        )
