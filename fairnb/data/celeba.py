"""CelebA: 202,599 aligned faces with 40 attributes and an official split (Liu, Luo, Wang, Tang, ICCV 2015).

Reads the owner's text files, or the CSV variants of the same names that other hosts serve. The images are not needed
to read labels.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.labels import Labels, lines, require_columns, require_files, rows
from fairnb.errors import BadData, UnknownName

NAME = "celeba"
FOLDER = "celeba"
IMAGES = ("img_align_celeba", "img_align_celeba/img_align_celeba")
SPLITS = ("train", "val", "test")
ATTRIBUTES = 40
COUNTS = Path(__file__).parent / "celeba_test_counts.csv"  # of the test part, for pairs of attributes


def read(root: Path | None = None) -> Labels:
    """The labels in ``root/celeba``, in the owner's order (``000001.jpg`` first).

    Columns: the 40 attributes (1 where the owner has 1, 0 where it has -1) and ``split`` (``train``, ``val``, ``test``:
    162,770, 19,867 and 19,962 images).

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: the attribute or the partition file is not there.
        BadData: a count that disagrees with the rows, short or surplus rows, a missing column, values other than -1
            and 1, or two files that list different images.
    """
    folder = Path(root or paths.data()) / FOLDER
    attributes = _attributes(_either(folder, "list_attr_celeba"))
    partition = _partition(_either(folder, "list_eval_partition"))
    if not attributes.index.equals(partition.index):
        raise BadData(
            f"{folder}: the attribute file lists {len(attributes)} images and the partition file {len(partition)}, and "
            "they must be the same in the same order: get both files again"
        )
    table = attributes.assign(split=np.array(SPLITS)[partition.to_numpy()]).reset_index(drop=True)
    ids = attributes.index.to_numpy(str)
    inner = folder / IMAGES[1]
    images = IMAGES[1] if inner.is_dir() else IMAGES[0]
    return Labels(NAME, folder, ids, np.char.add(f"{images}/", ids), table)


def _either(folder: Path, stem: str) -> Path:
    csv = folder / f"{stem}.csv"
    if csv.exists() and not csv.with_suffix(".txt").exists():
        return csv
    require_files(NAME, folder.parent, f"{FOLDER}/{stem}.txt")
    return csv.with_suffix(".txt")


def _attributes(path: Path) -> pd.DataFrame:
    """Attributes 0/1, index = file names."""
    comma = "," if path.suffix == ".csv" else None
    head = lines(path)
    count = None if comma else next(head, "").strip()
    columns = [c.strip() for c in next(head, "").split(comma)][1 if comma else 0 :]
    require_columns(path, columns, ("Male", "Smiling", "Young"))
    if len(columns) != ATTRIBUTES:
        raise BadData(f"{path}: the header names {len(columns)} attributes, not {ATTRIBUTES}: get this file again")
    first_line = 2 if comma else 3
    ids = [r[0] for r in rows(path, comma, ATTRIBUTES + 1, first_line)]
    if count is not None and count != str(len(ids)):
        raise BadData(f"{path}: its first line promises {count or 'no'} rows, but it has {len(ids)}: get it again")
    return pd.DataFrame(_zero_one(path, comma or r"\s+", first_line, ids), ids, columns)


def _zero_one(path: Path, separator: str, first_line: int, ids: list[str]) -> np.ndarray:
    """int8 ``(N, 40)``; BadData for any value but -1 and 1."""
    columns = range(1, ATTRIBUTES + 1)
    text = pd.read_csv(path, sep=separator, skiprows=first_line - 1, header=None, usecols=columns)
    wrong = ~text.apply(pd.to_numeric, errors="coerce").isin([-1, 1]).to_numpy()
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise BadData(f"{path}: {ids[row]} has the value {text.iat[row, column]}, not -1 or 1: get this file again")
    return (text.to_numpy() == 1).astype(np.int8)


def _partition(path: Path) -> pd.Series:
    """Split number 0..2, index = file names."""
    comma = "," if path.suffix == ".csv" else None
    body = list(rows(path, comma, 2, first_line=2 if comma else 1))
    wrong = next((r for r in body if r[1].strip() not in {"0", "1", "2"}), None)
    if wrong:
        raise BadData(f"{path}: {wrong[0]} is in split {wrong[1]!r}, not 0, 1 or 2: get this file again")
    return pd.Series([int(r[1]) for r in body], [r[0] for r in body])


def test_counts(target: str, protected: str = "Male") -> np.ndarray:
    """Images per cell of CelebA's official test split (19,962 images), int ``(2, 2)``, indexed [target, protected].

    Args:
        target: attribute as CelebA spells it, e.g. ``Big_Nose``.
        protected: ``Male`` or ``Young``.

    Raises:
        UnknownName: the pair is not in our list of counts.
    """
    counts = _counts()
    row = counts[(counts["target"] == target) & (counts["protected"] == protected)]
    if row.empty:
        pairs = [f"{t} and {p}" for t, p in zip(counts["target"], counts["protected"], strict=True)]
        raise UnknownName("pair of CelebA attributes", f"{target} and {protected}", pairs)
    return row[["y0s0", "y0s1", "y1s0", "y1s1"]].to_numpy(dtype=int).reshape(2, 2)


test_counts.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for a test


@cache
def _counts() -> pd.DataFrame:
    return pd.read_csv(COUNTS)
