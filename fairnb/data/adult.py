"""UCI Adult (census income 1994) with the features, filter and groups of AIF360 0.6.1's ``AdultDataset``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from fairnb import paths
from fairnb.data.labels import require_files, rows
from fairnb.data.tabular import Table, from_frame, zero_one

NAME = FOLDER = "adult"
COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race",
    "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income-per-year",
)  # fmt: skip
CATEGORICAL = ("workclass", "education", "marital-status", "occupation", "relationship", "native-country")
INCOME = {"<=50K": 0, "<=50K.": 0, ">50K": 1, ">50K.": 1}
SEX = {"Female": 0, "Male": 1}
RACE = {"White": 1, "Black": 0, "Asian-Pac-Islander": 0, "Amer-Indian-Eskimo": 0, "Other": 0}


def read(root: Path | None = None) -> Table:
    """45,222 complete rows, ``adult.test`` first: income above 50K (24.8 %), privileged sex Male and race White.

    98 features; the sampling weight ``fnlwgt`` is none of them. ids count the rows of both files from 0.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: a file is not there. BadData: a line with too few fields, or a value that is not the owner's.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/adult.data", f"{FOLDER}/adult.test")
    body = [r for file, first in (("test", 2), ("data", 1)) for r in _rows(root / FOLDER / f"adult.{file}", first)]
    frame = pd.DataFrame(body, columns=COLUMNS, dtype=object).drop(columns="fnlwgt")
    codes: dict[str, dict[Any, int]] = {"income-per-year": INCOME, "sex": SEX, "race": RACE}
    frame = frame.assign(**{column: zero_one(NAME, frame[column], known) for column, known in codes.items()})
    return from_frame(NAME, frame, target="income-per-year", protected=("sex", "race"), categorical=CATEGORICAL)


def _rows(path: Path, first_line: int) -> list[list[str | None]]:
    """Fields without the blanks after commas; ``?`` is a missing value."""
    body = rows(path, ",", len(COLUMNS), first_line)
    return [[None if field.strip() == "?" else field.strip() for field in fields] for fields in body]
