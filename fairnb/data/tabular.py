"""Tables: people as rows of features with a binary target, split and scaled as the papers on tabular data do."""

from __future__ import annotations

import logging
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from fairnb.contract import Split
from fairnb.errors import BadData, UnknownName

log = logging.getLogger(__name__)


class Parts(NamedTuple):
    """Training, validation and test rows (60/20/20), and the column of ``x`` that is the protected attribute."""

    train: Split
    val: Split
    test: Split
    protected_column: int


@dataclass(frozen=True)
class Table:
    """A whole data set of features, in the owner's row order.

    Attributes:
        name: the data set, e.g. ``adult``.
        features: float64 ``(N, F)``, neither scaled nor shuffled. feature_names: F names, ``column=value`` for one-hot.
        target: int64 ``(N,)``, 0 or 1. target_name: the owner's column.
        protected: attribute -> int64 ``(N,)`` where 1 is the privileged group; each is also a column of ``features``.
        ids: stable row ids ``(N,)``, none of them twice.
        dropped: rows of the owner's file that are not here: why -> how many.

    Raises:
        BadData: lengths differ, labels other than 0 and 1, features that are no finite numbers, an attribute that is
            not among the features, or an id that is there twice.
    """

    name: str
    features: np.ndarray
    feature_names: tuple[str, ...]
    target: np.ndarray
    target_name: str
    protected: Mapping[str, np.ndarray]
    ids: np.ndarray
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {self.target_name: self.target, **self.protected}
        lengths = {k: len(v) for k, v in {"features": self.features, "ids": self.ids, **columns}.items()}
        if len(set(lengths.values())) != 1 or self.features.shape[1:] != (len(self.feature_names),):
            raise BadData(
                f"{self.name}: a Table needs one row length, got {lengths}, and one name for each column, got "
                f"{len(self.feature_names)} names for features of shape {self.features.shape}"
            )
        for column, labels in columns.items():
            if not np.isin(labels, (0, 1)).all():
                raise BadData(f"{self.name}: {column!r} holds {np.unique(labels)[:5]}, not only 0 and 1: map it first")
        if not np.isfinite(self.features).all():
            wrong = self.feature_names[int(np.argmin(np.isfinite(self.features).all(0)))]
            raise BadData(f"{self.name}: the feature {wrong!r} has missing or infinite values: drop those rows first")
        if absent := [a for a in self.protected if a not in self.feature_names]:
            raise BadData(f"{self.name}: the protected attribute {absent[0]!r} is no feature: keep it as a column")
        if (twice := pd.Series(self.ids).duplicated()).any():
            raise BadData(
                f"{self.name}: the id {self.ids[twice.argmax()]} is there twice ({twice.sum()} rows in all), so that "
                "a person could be in training and in test: keep each row once"
            )

    def __len__(self) -> int:
        return len(self.target)

    def parts(self, protected: str, seed: int) -> Parts:
        """Shuffled by ``seed`` and cut 60/20/20; float32 features, standardised by the training rows alone.

        The rows depend on ``seed`` only, not on ``protected``. Features that are constant in training become 0.

        Args:
            protected: the attribute that goes into ``Split.protected``.
            seed: of the shuffle, see ``numpy.random.default_rng``.

        Raises:
            UnknownName: no such attribute. BadData: a part lacks one of the four groups (target, protected).
        """
        from sklearn.preprocessing import StandardScaler  # here, because it takes a second to import

        if protected not in self.protected:
            raise UnknownName(f"protected attribute of {self.name}", protected, self.protected)
        cuts = [len(self) * 6 // 10, len(self) * 8 // 10]
        rows = np.split(np.random.default_rng(seed).permutation(len(self)), cuts)
        for part, index in zip(("training", "validation", "test"), rows, strict=True):
            self._require_groups(protected, part, index)
        training = self.features[rows[0]]
        x = StandardScaler().fit(training).transform(self.features)
        x[:, np.ptp(training, axis=0) == 0] = 0
        train, val, test = (self._split(x.astype(np.float32), protected, index) for index in rows)
        return Parts(train, val, test, self.feature_names.index(protected))

    def _split(self, x: np.ndarray, protected: str, index: np.ndarray) -> Split:
        labels = self.target[index], self.protected[protected][index]
        return Split(x[index], *labels, self.ids[index], self.target_name, protected)

    def _require_groups(self, protected: str, part: str, index: np.ndarray) -> None:
        """Without all four groups some bias measure has no value on that part."""
        target, group = self.target[index], self.protected[protected][index]
        for g in (0, 1):
            absent = [t for t in (0, 1) if not ((target == t) & (group == g)).any()]
            if absent:
                whole = f"the group {protected}={g}"
                cell = whole if len(absent) == 2 else f"{whole} with {self.target_name}={absent[0]}"
                raise BadData(
                    f"{self.name}: {cell} is absent from {part} ({len(index)} rows): use more rows, another seed, or "
                    "a protected attribute with larger groups"
                )


@dataclass(frozen=True)
class Encoder:
    """One-hot encoding of text columns, as AIF360's StandardDataset has it, that can be applied to new rows.

    Plain columns come first in the order of the frame, then ``column=value`` with sorted values (``pd.get_dummies``).

    Attributes:
        name: the data set. numbers: plain columns. categories: text column -> its values, sorted.
    """

    name: str
    numbers: tuple[str, ...]
    categories: Mapping[str, tuple[Hashable, ...]]

    @classmethod
    def fit(cls, name: str, frame: pd.DataFrame, categorical: Collection[str]) -> Encoder:
        """The encoder of all columns of ``frame``; those in ``categorical`` are text.

        Raises:
            BadData: ``frame`` lacks a column of ``categorical``, or one of them has a missing value.
        """
        _require(name, frame, categorical)
        found = {str(c): frame[c] for c in frame if c in categorical}
        if holed := [c for c, values in found.items() if values.isna().any()]:
            raise BadData(f"{name}: the column {holed[0]!r} has missing values: drop those rows first")
        if mixed := [c for c, values in found.items() if len({isinstance(v, str) for v in values.unique()}) > 1]:
            raise BadData(f"{name}: the column {mixed[0]!r} holds text and numbers: make all of it text")
        categories = {c: tuple(sorted(values.unique())) for c, values in found.items()}
        return cls(name, tuple(str(c) for c in frame if c not in categorical), categories)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the encoded columns, in order."""
        return (*self.numbers, *(f"{column}={v}" for column, values in self.categories.items() for v in values))

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """Features float64 ``(N, F)`` of the rows of ``frame``, which may have more columns and any order of them.

        Raises:
            BadData: a column is missing, a plain one holds something that is no number, or a text column a value that
                the encoder was not fitted on.
        """
        _require(self.name, frame, (*self.numbers, *self.categories))
        plain = [self._number(frame[column]) for column in self.numbers]
        hot = [pd.get_dummies(self._category(frame[c], values)) for c, values in self.categories.items()]
        return np.column_stack([*plain, *hot]).astype(float)

    def _number(self, column: pd.Series) -> np.ndarray:
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
        if not np.isfinite(numbers).all():
            wrong = column.iloc[int(np.isfinite(numbers).argmin())]
            raise BadData(
                f"{self.name}: {column.name!r} has the value '{wrong}', which is no finite number: mend or drop it"
            )
        return numbers

    def _category(self, column: pd.Series, values: tuple[Hashable, ...]) -> pd.Categorical:
        unknown = ~column.isin(values).to_numpy()
        if unknown.any():
            raise BadData(
                f"{self.name}: {column.name!r} has the value {column.iloc[int(unknown.argmax())]!r}, which was not "
                f"there when the encoder was fitted: fit it on rows that have it, or drop these {unknown.sum()} rows"
            )
        return pd.Categorical(column, values)


def _require(name: str, frame: pd.DataFrame, columns: Iterable[str]) -> None:
    if absent := [c for c in columns if c not in frame]:
        raise BadData(f"{name}: the column {absent[0]!r} is missing, found {', '.join(map(str, frame.columns[:8]))}")


def from_frame(
    name: str,
    frame: pd.DataFrame,
    *,
    target: str,
    protected: Collection[str],
    categorical: Collection[str],
    dropped: Mapping[str, int] | None = None,
) -> Table:
    """A Table of ``frame`` without the rows that have a missing value; the index gives the ids.

    Args:
        target, protected: columns that hold 0 and 1 already. categorical: text columns.
        dropped: why the reader left out rows before -> how many; those with a missing value are added.

    Raises:
        BadData: a column is missing, no row is left, or a value cannot be used.
    """
    _require(name, frame, (target, *protected, *categorical))
    whole = frame.dropna()
    if whole.empty:
        raise BadData(f"{name}: none of the {len(frame)} rows is complete: check that it is the owner's own file")
    dropped = {**(dropped or {}), "a missing value": len(frame) - len(whole)}
    dropped = {why: count for why, count in dropped.items() if count}
    for why, count in dropped.items():
        log.info("%s: %d rows are left out for %s, %d are kept", name, count, why, len(whole))
    rest = whole.drop(columns=target)
    encoder = Encoder.fit(name, rest, categorical)
    groups = {attribute: whole[attribute].to_numpy(np.int64) for attribute in protected}
    labels = whole[target].to_numpy(np.int64)
    ids = whole.index.to_numpy()
    return Table(name, encoder(rest), encoder.feature_names, labels, target, groups, ids, dropped)
