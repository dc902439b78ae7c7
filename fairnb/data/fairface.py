"""FairFace: 97,698 faces with seven race labels, two genders, nine ages (Karkkainen, Joo, WACV 2021)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data.labels import Labels, lines, require_columns, require_files, rows
from fairnb.errors import BadData

NAME = "fairface"
FOLDER = "fairface"
COLUMNS = ("file", "age", "gender", "race", "service_test")
GENDERS = ("Male", "Female")
RACES = ("White", "Black", "East Asian", "Southeast Asian", "Indian", "Middle Eastern", "Latino_Hispanic")
AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")


def read(root: Path | None = None) -> Labels:
    """The labels in ``root/fairface/fairface_label_{train,val}.csv``, in the files' order, train first.

    Columns: ``Female`` (0/1), ``White`` (0/1), ``Race`` (0..6, see ``RACES``), ``Age`` (0..8, see ``AGES``),
    ``service_test`` (0/1, the owner's own subset with balanced race and gender) and ``split`` (``train`` 86,744,
    ``val`` 10,954; FineFACE tests on ``val``). Images are ``root/fairface/train/1.jpg`` and so on; not needed to read.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: a label file is not there.
        BadData: a missing column, short or surplus rows, or a class that the owner does not have (a spreadsheet turns
            the ages 3-9 and 10-19 into dates).
    """
    root = Path(root or paths.data())
    require_files(NAME, root, *(f"{FOLDER}/fairface_label_{part}.csv" for part in ("train", "val")))
    folder = root / FOLDER
    table = pd.concat([_read_part(folder, part) for part in ("train", "val")], ignore_index=True)
    files = table.pop("file").to_numpy(str)
    return Labels(NAME, folder, files, files, table)


def _read_part(folder: Path, part: str) -> pd.DataFrame:
    path = folder / f"fairface_label_{part}.csv"
    columns = next(lines(path), "").strip().split(",")
    require_columns(path, columns, COLUMNS)
    text = pd.DataFrame(rows(path, ",", len(columns), first_line=2), columns=columns)
    race = _codes(path, text, "race", RACES)
    return pd.DataFrame(
        {
            "file": text["file"].to_numpy(str),
            "Female": _codes(path, text, "gender", GENDERS),
            "White": (race == 0).astype(np.int64),
            "Race": race,
            "Age": _codes(path, text, "age", AGES),
            "service_test": _codes(path, text, "service_test", ("False", "True")),
            "split": part,
        }
    )


def _codes(path: Path, text: pd.DataFrame, column: str, classes: tuple[str, ...]) -> np.ndarray:
    """Position of each value in ``classes``, int64 ``(N,)``; BadData names the first row with another value."""
    codes = text[column].map({c: i for i, c in enumerate(classes)})
    if codes.isna().any():
        row = text[codes.isna().to_numpy()].iloc[0]
        raise BadData(
            f"{path}: {row['file']} has {column} {row[column]!r}, not one of {', '.join(classes)}: get the owner's own "
            "file (a spreadsheet program may have changed it)"
        )
    return codes.to_numpy(np.int64)
