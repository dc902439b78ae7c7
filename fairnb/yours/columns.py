"""Columns of labels: spellings, classes, groups. What cannot be meant is refused in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fairnb.errors import BadData, UnknownName

MOST_GROUPS = 24  # values of one protected column, or cells of several
PARTS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "holdout"),
}


def of(frame: pd.DataFrame, name: str) -> pd.Series:
    """The column ``name`` without a gap. Raises UnknownName: no such column. BadData: rows without a value."""
    if name not in frame:
        raise UnknownName("column", name, map(str, frame.columns))
    column = frame[name]
    empty = column.isna().to_numpy()
    if column.dtype == object:
        empty |= column.astype(str).str.strip().eq("").to_numpy()
    if empty.any():
        first = frame.index[int(empty.argmax())]
        raise BadData(f"{empty.sum()} rows have no {name!r}, the first is row {first}: fill them, or leave them out")
    return column


def labels(frame: pd.DataFrame, name: str) -> pd.Series:
    """The values of a column as text, each spelled in one way only; whole numbers without a point.

    Raises:
        BadData: two spellings of what seems one label, as ``Yes`` and ``yes ``. Else as ``of``.
    """
    column = of(frame, name)
    if pd.api.types.is_bool_dtype(column):
        column = column.astype(int)
    if pd.api.types.is_float_dtype(column) and (column == column.round()).all():
        column = column.astype("int64")
    text = column.astype(str)
    counts = text.value_counts()
    plain: dict[str, str] = {}
    for value in counts.index:
        other = plain.setdefault(" ".join(value.casefold().split()), value)
        if other != value:
            raise BadData(
                f"{name!r} has {other!r} ({counts[other]} rows) and {value!r} ({counts[value]} rows), which seem one "
                "label: spell it in one way"
            )
    return text


def target(frame: pd.DataFrame, name: str, positive: object | None) -> tuple[np.ndarray, tuple[str, str]]:
    """Class labels int64 ``(N,)`` and the names of classes 0 and 1.

    Args:
        positive: the value that is class 1; None: the larger one (``yes`` of ``no`` and ``yes``, 1 of 0 and 1).

    Raises:
        BadData: not two classes. UnknownName: ``positive`` is no value. Else as ``labels``.
    """
    text = labels(frame, name)
    found = sorted(text.unique(), key=_number_first)
    if len(found) == 1:
        raise BadData(f"all {len(text)} rows have {name} = {found[0]}: a classifier needs rows of two classes")
    if len(found) > 2:
        shown = ", ".join(found[:6]) + (", ..." if len(found) > 6 else "")
        raise BadData(
            f"{name!r} has {len(found)} classes ({shown}): fairnb compares methods on two; make a column with two, "
            "such as one class against the rest"
        )
    wanted = found[1] if positive is None else str(positive)
    if wanted not in found:
        raise UnknownName(f"value of {name!r}", wanted, found)
    other = found[0] if wanted == found[1] else found[1]
    return (text == wanted).to_numpy(np.int64), (f"{name} = {other}", f"{name} = {wanted}")


def groups(frame: pd.DataFrame, names: Sequence[str], target_name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Group labels int64 ``(N,)`` and the groups' names; several columns give their intersections (sex and race).

    Raises:
        BadData: the target among the columns, one value only, or more than ``MOST_GROUPS``. Else as ``labels``.
    """
    if not names:
        raise BadData("no protected column is named: name one, or several for their intersections")
    if target_name in names:
        raise BadData(f"the target and the protected attribute are both {target_name!r}: choose two different columns")
    columns = [_few(labels(frame, name), name) for name in names]
    text = columns[0] if len(columns) == 1 else columns[0].str.cat(columns[1:], sep=", ")
    found = sorted(text.unique(), key=_number_first)
    if len(found) == 1:
        raise BadData(f"all {len(text)} rows are of one group ({found[0]}): there is nothing to compare it with")
    if len(found) > MOST_GROUPS:
        raise BadData(f"{' and '.join(names)} make {len(found)} groups: join some, {MOST_GROUPS} are the most")
    called = tuple(f"{names[0]} = {value}" if len(names) == 1 and _is_number(value) else value for value in found)
    return pd.Categorical(text, found).codes.astype(np.int64), called


def _few(text: pd.Series, name: str) -> pd.Series:
    count = text.nunique()
    if count > MOST_GROUPS:
        raise BadData(
            f"the protected column {name!r} has {count} values: make groups of them first ({MOST_GROUPS} are the "
            "most), e.g. with pandas.cut"
        )
    return text


def parts(frame: pd.DataFrame, name: str) -> np.ndarray:
    """``train``, ``val`` or ``test`` for each row, str ``(N,)``; ``validation`` and the like are understood.

    Raises:
        BadData: another value, or no row of train or of test. Else as ``of``.
    """
    known = {word: part for part, words in PARTS.items() for word in words}
    text = of(frame, name).astype(str).str.strip().str.lower()
    if strange := sorted(set(text.unique()) - known.keys()):
        raise BadData(f"{name!r} has the value {strange[0]!r}: a split is train, val or test")
    found = text.map(known).to_numpy(str)
    for part in ("train", "test"):
        if part not in found:
            raise BadData(f"{name!r} has no row of {part!r}: give some, or leave the column out and fairnb splits")
    return found


def _number_first(value: str) -> tuple[bool, float, str]:
    return (False, float(value), value) if _is_number(value) else (True, 0.0, value)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
