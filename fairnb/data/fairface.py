"""FairFace: 97,698 faces with seven race labels, two genders, nine ages (Karkkainen, Joo, WACV 2021)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.data import cells
from fairnb.data.cells import Coded, Kind, Text
from fairnb.data.kinds import as_stored
from fairnb.data.labels import Labels, require_files
from fairnb.data.versions import checked

NAME = "fairface"
FOLDER = "fairface"
GENDERS = ("Male", "Female")
RACES = ("White", "Black", "East Asian", "Southeast Asian", "Indian", "Middle Eastern", "Latino_Hispanic")
AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
OPEN = {"train": 9000, "val": 4000}  # so many of each part, the first ones in the owner's order, at tier open
CLASSES = {"age": AGES, "gender": GENDERS, "race": RACES, "service_test": ("False", "True")}
KINDS: dict[str, Kind] = {
    "file": Text(),
    **{column: Coded({name: i for i, name in enumerate(classes)}) for column, classes in CLASSES.items()},
}


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
    parts = [_read_part(folder / f"fairface_label_{part}.csv", part) for part in ("train", "val")]
    table = pd.concat(parts, ignore_index=True)
    files = table.pop("file").to_numpy(str)
    return checked(NAME, root, Labels(NAME, folder, files, np.array(as_stored(folder, files)), table))


def open_parts(labels: Labels) -> dict[str, np.ndarray]:
    """Rows of the owner's two parts that tier ``open`` looks at, int64: ``train/1.jpg`` to ``9000.jpg``, and of ``val``
    the first 4,000, so that a user with all of FairFace and one with these alone run the same experiment.
    """
    return {part: labels.where("split", part)[:count] for part, count in OPEN.items()}


def _read_part(path: Path, part: str) -> pd.DataFrame:
    found = cells.read(path, KINDS)
    codes = {column: found[column].to_numpy(np.int64) for column in CLASSES}
    return pd.DataFrame(
        {
            "file": found["file"].to_numpy(str),
            "Female": codes["gender"],
            "White": (codes["race"] == 0).astype(np.int64),
            "Race": codes["race"],
            "Age": codes["age"],
            "service_test": codes["service_test"],
            "split": part,
        }
    )
