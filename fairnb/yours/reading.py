"""Somebody's table or folder, read and checked: one sentence for whatever cannot be used as it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb.data.tabular import Encoder
from fairnb.errors import BadData, UnknownName
from fairnb.yours import columns, copies, sources, splitting
from fairnb.yours.found import Found

log = logging.getLogger(__name__)
LEAST = {"train": 5, "val": 2, "choose": 2, "test": 5}  # samples of a cell (class and group) in each part
LEAST_IN_ALL = 20  # of which a quarter tests


def read(
    source: str | Path | pd.DataFrame,
    *,
    target: str = sources.TARGET,
    protected: str | Sequence[str] = sources.PROTECTED,
    file: str = sources.FILE,
    split: str = sources.SPLIT,
    person: str | None = None,
    images: str | Path | None = None,
    positive: object | None = None,
    without: Sequence[str] = (),
) -> Found:
    """Read images or rows with a target and a protected attribute.

    Args:
        source: a CSV (or TSV, parquet) file or a frame with a row for each sample, or a folder ``CLASS/GROUP/image``.
        target, protected: columns; several protected ones give their intersections.
        file: column of image files; where there is none, all other columns are features.
        split: column that says ``train``, ``val`` or ``test``, if there is one; otherwise fairnb splits.
        person: column of whose sample it is: all of a person's stay in one part.
        images: folder that the files lie in (default: that of ``source``).
        positive: the target's value that is class 1 (default: the larger one). without: groups to leave out.

    Raises:
        UnknownName: no such column or group. MissingData: files that are not there. BadData: what cannot be used.
    """
    frame, root = sources.frame_of(source)
    names = [protected] if isinstance(protected, str) else list(protected)
    if without:
        frame = _without(frame, *columns.groups(frame, names, target), without)
    labels, classes = columns.target(frame, target, positive)
    groups, called = columns.groups(frame, names, target)
    _require_cells(labels, groups, classes, called)
    owner = None if person is None else columns.of(frame, person).to_numpy(str)
    files, x, feature_names = _samples(frame, file, images, {target, *names, split, person})
    root = root if images is None else Path(images).expanduser()
    content = copies.hashes(root, files) if len(files) else copies.of_rows(x)
    ids = files if len(files) else np.array([f"row {row}" for row in frame.index])
    part = columns.parts(frame, split) if split in frame else None
    part, said = _parts(labels * len(called) + groups, part, owner, content if len(files) else None, ids)
    said += copies.said(content, labels, "images" if len(files) else "rows")
    found = Found(
        root, files, x, feature_names, labels, classes, groups, called, part, ids, content,
        (target, " x ".join(names)), tuple(said),
    )  # fmt: skip
    _require_parts(found)
    return found


def _without(frame: pd.DataFrame, groups: np.ndarray, called: tuple[str, ...], without: Sequence[str]) -> pd.DataFrame:
    for name in without:
        if name not in called:
            raise UnknownName("group", name, called)
    return frame[~np.isin(groups, [called.index(name) for name in without])]


def _require_cells(labels: np.ndarray, groups: np.ndarray, classes: tuple[str, str], called: tuple[str, ...]) -> None:
    """A cell of a few samples can neither be learned nor measured."""
    for g, t in np.ndindex(len(called), 2):
        count = int(((labels == t) & (groups == g)).sum())
        if count < LEAST_IN_ALL:
            raise BadData(
                f"the group {called[g]} has {count} samples with {classes[t]}, and {LEAST_IN_ALL} are the least: join "
                f"it with another group, or leave it out (without={[called[g]]}, --without)"
            )


def _samples(
    frame: pd.DataFrame, file: str, images: str | Path | None, others: set[str | None]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Image files, or features with their names; the others are empty."""
    if file in frame:
        return columns.of(frame, file).to_numpy(str), np.zeros((len(frame), 0), np.float32), ()
    if images is not None:
        raise UnknownName("column of image files", file, map(str, frame.columns))
    return np.array([], str), *_features(frame, others)


def _features(frame: pd.DataFrame, others: set[str | None]) -> tuple[np.ndarray, tuple[str, ...]]:
    rest = frame[[column for column in frame if column not in others]]
    if rest.shape[1] == 0:
        raise BadData("there is neither a column of image files nor one of features: name the files' column with file=")
    texts = [str(c) for c in rest if not pd.api.types.is_numeric_dtype(rest[c])]
    if many := [c for c in texts if rest[c].nunique() > 100]:
        raise BadData(
            f"the text column {many[0]!r} has {rest[many[0]].nunique()} values, which is no category: leave it out, or "
            "say with file= (--file) that it names image files"
        )
    if holed := [str(c) for c in rest if rest[c].isna().any()]:
        raise BadData(f"{rest[holed[0]].isna().sum()} rows have no {holed[0]!r}: fill them, or leave them out")
    rest = rest.astype({c: int for c in rest if pd.api.types.is_bool_dtype(rest[c])} | dict.fromkeys(texts, str))
    encoder = Encoder.fit("your data", rest.rename(columns=str), texts)
    return encoder(rest.rename(columns=str)).astype(np.float32), encoder.feature_names


def _parts(
    cells: np.ndarray, part: np.ndarray | None, owner: np.ndarray | None, content: np.ndarray | None, ids: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    keys = [key for key in (owner, content) if key is not None]
    together = copies.together(*keys) if keys else None
    if together is not None and len(np.unique(together)) == len(together):
        together = None
    if part is None:
        by = " (all of a person in one part)" if owner is not None else ""
        return splitting.split(cells, together), [f"split by fairnb{by}, 56 : 9 : 10 : 25, every group in each part"]
    if owner is not None:
        copies.require_apart(owner, part, ids, "a person")
    if content is not None:
        copies.require_apart(content, part, ids, "an image")
    whole = splitting.with_choice(cells, splitting.with_validation(cells, part, together), together)
    said = ["half of the validation rows are kept from all methods, to choose one by"]
    return whole, said if "val" in part else ["no row is said to validate: a part of the training rows does", *said]


def _require_parts(found: Found) -> None:
    counts = found.counts()
    for part, least in LEAST.items():
        small = counts[part][counts[part] < least]
        if len(small):
            group, label = small.index[0]
            called = "'val', of which half is kept to choose a method by," if part == "choose" else repr(part)
            raise BadData(
                f"the part {called} has {small.iloc[0]} samples of {group} with {label}, and {least} are the least: "
                "give it more, or leave the split column out and fairnb splits"
            )
