"""UCI Adult (census income 1994) with the features, filter and groups of AIF360 0.6.1's ``AdultDataset``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from fairnb import paths
from fairnb.data import cells
from fairnb.data.cells import Coded, Kind, Number, Words
from fairnb.data.labels import require_files
from fairnb.data.tabular import Table, from_frame
from fairnb.data.versions import checked

NAME = FOLDER = "adult"
COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race",
    "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income-per-year",
)  # fmt: skip
MISSING = "?"
COMMENT = "|"  # begins the first line of adult.test; some copies have no such line
INCOME = {"<=50K": 0, "<=50K.": 0, ">50K": 1, ">50K.": 1}
SEX = {"Female": 0, "Male": 1}
RACE = {"White": 1, "Black": 0, "Asian-Pac-Islander": 0, "Amer-Indian-Eskimo": 0, "Other": 0}
CATEGORIES = {
    "workclass": "Private Self-emp-not-inc Self-emp-inc Federal-gov Local-gov State-gov Without-pay Never-worked",
    "education": "Bachelors Some-college 11th HS-grad Prof-school Assoc-acdm Assoc-voc 9th 7th-8th 12th Masters 1st-4th"
    " 10th Doctorate 5th-6th Preschool",
    "marital-status": "Married-civ-spouse Divorced Never-married Separated Widowed Married-spouse-absent"
    " Married-AF-spouse",
    "occupation": "Tech-support Craft-repair Other-service Sales Exec-managerial Prof-specialty Handlers-cleaners"
    " Machine-op-inspct Adm-clerical Farming-fishing Transport-moving Priv-house-serv Protective-serv Armed-Forces",
    "relationship": "Wife Own-child Husband Not-in-family Other-relative Unmarried",
    "native-country": "United-States Cambodia England Puerto-Rico Canada Germany Outlying-US(Guam-USVI-etc) India Japan"
    " Greece South China Cuba Iran Honduras Philippines Italy Poland Jamaica Vietnam Mexico Portugal Ireland France"
    " Dominican-Republic Laos Ecuador Taiwan Haiti Columbia Hungary Guatemala Nicaragua Scotland Thailand Yugoslavia"
    " El-Salvador Trinadad&Tobago Peru Hong Holand-Netherlands",
}  # as adult.names lists them
KINDS: dict[str, Kind] = {
    "age": Number(0, 120, whole=True),
    "education-num": Number(1, 16, whole=True),
    "race": Coded(RACE),
    "sex": Coded(SEX),
    "capital-gain": Number(0),
    "capital-loss": Number(0),
    "hours-per-week": Number(0, 168),
    "income-per-year": Coded(INCOME),
    **{column: Words(tuple(known.split())) for column, known in CATEGORIES.items()},
}


def read(root: Path | None = None) -> Table:
    """45,222 complete rows, ``adult.test`` first: income above 50K (24.8 %), privileged sex Male and race White.

    98 features; the sampling weight ``fnlwgt`` is none of them. ids count the rows of both files from 0. Rows with a
    missing value (``?``, and as in AIF360 whatever pandas takes for one) are left out and counted in ``Table.dropped``.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: a file is not there. BadData: a line with too few fields, or a value that is not the owner's.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/adult.data", f"{FOLDER}/adult.test")
    frame = pd.concat([_read_part(root / FOLDER / f"adult.{part}") for part in ("test", "data")], ignore_index=True)
    table = from_frame(NAME, frame, target="income-per-year", protected=("sex", "race"), categorical=tuple(CATEGORIES))
    return checked(NAME, root, table)


def _read_part(path: Path) -> pd.DataFrame:
    kinds = {column: KINDS[column] for column in COLUMNS if column in KINDS}
    return cells.read(path, kinds, names=COLUMNS, comment=COMMENT, missing=(MISSING,))
