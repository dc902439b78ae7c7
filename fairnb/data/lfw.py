"""Labeled Faces in the Wild with the attribute values of Kumar et al. (ICCV 2009): a folder of images per person.

The attribute values are outputs of classifiers, not annotations: the sign is the label, and many are near zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.cells import Kind, Number, Text, typed
from fairnb.data.delimited import Record, body, records, require_columns, require_once
from fairnb.data.kinds import as_stored
from fairnb.data.labels import Labels, require_files
from fairnb.data.versions import checked
from fairnb.errors import BadData

NAME = "lfw"
FOLDER = "lfw"
ATTRIBUTE_FILE = "lfw_attributes.txt"


def read(root: Path | None = None) -> Labels:
    """The labels in ``root/lfw/lfw_attributes.txt``, in its order; images are ``root/lfw/<person>/<person>_0001.jpg``.

    Columns: ``person`` (with ``_`` for blanks) and the attributes with ``_`` for blanks, e.g. ``Smiling``,
    ``Bags_Under_Eyes``, ``Male``: 1 where the owner's real number is above 0, else 0. The owner's file describes 13,143
    of the 13,233 images.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: the attribute file is not there.
        BadData: no header line, a missing column, short or surplus rows, or a value that is no number.
    """
    found = values(root)
    person, ids = found.pop("person").to_numpy(str), found.index.to_numpy(str)
    folder = Path(root or paths.data()) / FOLDER
    files = np.array(as_stored(folder, [f"{p}/{i}.jpg" for p, i in zip(person, ids, strict=True)]))
    table = (found.reset_index(drop=True) > 0).astype(np.int8)
    return Labels(NAME, folder, ids, files, table.assign(person=person))


def values(root: Path | None = None) -> pd.DataFrame:
    """The owner's real numbers, a row per image id: ``person``, then the attributes, larger for a surer "yes".

    Arguments and errors: see ``read``.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/{ATTRIBUTE_FILE}")
    path = root / FOLDER / ATTRIBUTE_FILE
    columns, found = _header(path)
    kinds: dict[str, Kind] = {"person": Text(), "imagenum": Number(1, whole=True)}
    kinds |= {column: Number() for column in columns if column not in kinds}
    table = typed(path, columns, body(path, columns, found), kinds)
    person, number = table["person"].str.replace(" ", "_"), table.pop("imagenum").astype(int)
    ids = [f"{p}_{n:04d}" for p, n in zip(person, number, strict=True)]
    return checked(NAME, root, table.assign(person=person.to_numpy(str)).set_index(pd.Index(ids)))


def _header(path: Path) -> tuple[list[str], Iterator[Record]]:
    """Column names, and the records below them. Comment lines start with '#', the header is the last one."""
    found, names = records(path, "\t"), [""]
    for line, fields in found:
        if not (fields[0].startswith("#") or fields[0] == "person"):
            found = chain([(line, fields)], found)
            break
        names = fields
    columns = [c.strip().replace(" ", "_") for c in "\t".join(names).lstrip("#").strip().split("\t")]
    require_columns(path, columns, ("person", "imagenum", "Male", "Smiling"))
    require_once(path, columns)
    if columns[:2] != ["person", "imagenum"]:
        raise BadData(
            f"{path}: the columns begin with {columns[:2]}, not person and imagenum: get the owner's own file"
        )
    return columns, found
