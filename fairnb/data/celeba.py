"""CelebA: 202,599 aligned faces with 40 attributes and an official split (Liu, Luo, Wang, Tang, ICCV 2015).

Reads the owner's text files, or the CSV variants of the same names that other hosts serve. The images are not needed
to read labels.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data import cells
from fairnb.data.cells import Coded, Kind, Text, bad_cell
from fairnb.data.delimited import Record, body, header, records, require_columns, require_once
from fairnb.data.kinds import as_stored
from fairnb.data.labels import Labels, require_files
from fairnb.data.sources import CELEBA, CELEBA_IMAGES
from fairnb.data.versions import checked
from fairnb.errors import BadData, UnknownName

NAME = "celeba"
FOLDER = "celeba"
SPLITS = ("train", "val", "test")
ATTRIBUTES = 40
ASPECT = 178 / 218  # of the owner's aligned pictures, width over height
IMAGE = "image_id"  # the CSV variants' name for the column of file names
SIGNS = {"-1": 0, "1": 1}
OPEN = "ids/celeba_open.txt.xz"  # under the assets: the 45,940 images of tier open
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
    root = Path(root or paths.data())
    folder, listed = root / FOLDER, CELEBA.paths(root)
    require_files(NAME, root, *(path.relative_to(root).as_posix() for path in listed))
    attributes, partition = _attributes(listed[0]), _partition(listed[1])
    if not attributes.index.equals(partition.index):
        raise BadData(
            f"{folder}: the attribute file lists {len(attributes)} images and the partition file {len(partition)}, and "
            "they must be the same in the same order: get both files again"
        )
    table = attributes.assign(split=np.array(SPLITS)[partition.to_numpy()]).reset_index(drop=True)
    ids = attributes.index.to_numpy(str)
    images = CELEBA_IMAGES.below(root).relative_to(folder)
    files = as_stored(folder, [f"{images}/{name}" for name in ids])
    return checked(NAME, root, Labels(NAME, folder, ids, np.array(files), table, ASPECT))


def _attributes(path: Path) -> pd.DataFrame:
    """Attributes 0/1, index = file names."""
    names, found, promised = _opened(path)
    require_once(path, names)
    if len(names) != ATTRIBUTES + 1:
        raise BadData(f"{path}: the header names {len(names) - 1} attributes, not {ATTRIBUTES}: get this file again")
    ids, signs = [], bytearray()  # text of eight million cells would fill the memory
    for line, (image, *values) in body(path, names, found):
        ids.append(image)
        try:
            signs.extend(map(SIGNS.__getitem__, values))
        except KeyError:
            wrong = next(i for i, value in enumerate(values) if value not in SIGNS)
            raise bad_cell(path, line, names[1 + wrong], values[wrong], f"not -1 or 1, for {image}") from None
    if promised not in ("", str(len(ids))):
        raise BadData(f"{path}: its first line promises {promised} rows, but it has {len(ids)}: get it again")
    return pd.DataFrame(np.frombuffer(signs, np.int8).reshape(-1, ATTRIBUTES), ids, names[1:])


def _opened(path: Path) -> tuple[list[str], Iterator[Record], str]:
    """Column names with that of the images, the records below them, and the number of rows that a first line tells."""
    found, wanted = records(path, _delimiter(path)), ("Male", "Smiling", "Young")
    if _delimiter(path):
        return header(path, found, wanted), found, ""
    _, promised = next(found, (1, ["no"]))
    names = [IMAGE, *next(found, (2, []))[1]]
    require_columns(path, names, wanted)
    return names, found, " ".join(promised)


def _delimiter(path: Path) -> str | None:
    return "," if path.suffix == ".csv" else None


def _partition(path: Path) -> pd.Series:
    """Split number 0..2, index = file names."""
    kinds: dict[str, Kind] = {IMAGE: Text(), "partition": Coded({"0": 0, "1": 1, "2": 2})}
    delimiter = _delimiter(path)
    table = cells.read(path, kinds, delimiter=delimiter, names=() if delimiter else tuple(kinds))
    return pd.Series(table["partition"].to_numpy(int), table[IMAGE])


def open_rows(labels: Labels) -> np.ndarray:
    """Rows of the images that tier ``open`` looks at, int64 ``(45940,)`` in file order: a list of ids, so that a user
    with all of CelebA and one with these images alone run the same experiment.

    Raises:
        BadData: an image of the list is not in ``labels``.
    """
    listed = lzma.decompress((paths.assets() / OPEN).read_bytes()).decode().split()
    rows = pd.Index(labels.ids).get_indexer([f"{number}.jpg" for number in listed])
    if (rows < 0).any():
        raise BadData(
            f"{NAME}: {listed[(rows < 0).argmax()]}.jpg, which tier open looks at, is not in the attribute file: get "
            "the complete file"
        )
    return np.sort(rows).astype(np.int64)


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
