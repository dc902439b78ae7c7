"""Labeled Faces in the Wild with the attribute values of Kumar et al. (ICCV 2009): a folder of images per person.

The attribute values are outputs of classifiers, not annotations: the sign is the label, and many are near zero.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.labels import Labels, lines, require_columns, require_files, rows
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
    files = np.array([f"{p}/{i}.jpg" for p, i in zip(person, ids, strict=True)])
    table = (found.reset_index(drop=True) > 0).astype(np.int8)
    return Labels(NAME, Path(root or paths.data()) / FOLDER, ids, files, table.assign(person=person))


def values(root: Path | None = None) -> pd.DataFrame:
    """The owner's real numbers, a row per image id: ``person``, then the attributes, larger for a surer "yes".

    Arguments and errors: see ``read``.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/{ATTRIBUTE_FILE}")
    path = root / FOLDER / ATTRIBUTE_FILE
    columns, first_line = _header(path)
    body = list(rows(path, "\t", len(columns), first_line))
    person = np.array([r[0].strip().replace(" ", "_") for r in body])
    number, numbers = _numbers(path, body)
    ids = [f"{p}_{n:04d}" for p, n in zip(person, number, strict=True)]
    table = pd.DataFrame(numbers, ids, columns[2:])
    table.insert(0, "person", person)
    return table


def _header(path: Path) -> tuple[list[str], int]:
    """Column names and the number of the first data line. Comment lines start with '#', the header is the last one."""
    header, first_line = "", 1
    for line in lines(path):
        if not line.startswith(("#", "person\t")):
            break
        header, first_line = line, first_line + 1
    columns = [c.strip().replace(" ", "_") for c in header.lstrip("#").strip().split("\t")]
    require_columns(path, columns, ("person", "imagenum", "Male", "Smiling"))
    if columns[:2] != ["person", "imagenum"]:
        raise BadData(
            f"{path}: the columns begin with {columns[:2]}, not person and imagenum: get the owner's own file"
        )
    return columns, first_line


def _numbers(path: Path, body: list[list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Image numbers int ``(N,)`` and attribute values float ``(N, A)``."""
    try:
        number = np.array([int(r[1]) for r in body])
        values = np.array([r[2:] for r in body], dtype=float)
    except ValueError as error:
        raise BadData(f"{path}: a value is no number ({error}): get this file again") from error
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0, 0])
        raise BadData(f"{path}: {body[row][0]} {body[row][1]} has a value that is not finite: get this file again")
    return number, values
