"""UCI Bank Marketing (bank-additional) with the features, filter and groups of AIF360's ``BankDataset``."""

from __future__ import annotations

from pathlib import Path

from fairnb import paths
from fairnb.data.labels import require_files
from fairnb.data.tabular import Table, from_frame, read_csv, zero_one
from fairnb.errors import BadData

NAME = FOLDER = "bank"
FILE = "bank-additional-full.csv"
CATEGORICAL = (
    "job", "marital", "education", "default", "housing", "loan", "contact", "month", "day_of_week", "poutcome",
)  # fmt: skip
COLUMNS = (
    "age", *CATEGORICAL, "duration", "campaign", "pdays", "previous", "emp.var.rate", "cons.price.idx",
    "cons.conf.idx", "euribor3m", "nr.employed", "y",
)  # fmt: skip


def read(root: Path | None = None, *, privileged_below: int | None = 60) -> Table:
    """30,488 rows without ``unknown``; the target is a subscribed deposit (12.7 %), the protected attribute is age.

    57 features. The column ``age`` holds the group alone: 1 for ``25 <= age < privileged_below``. ids count the rows
    of the file from 0.

    Args:
        root: the data root; default ``paths.data()``.
        privileged_below: 60 as in AIF360 0.6.1; None for 25 and older, as in AIF360 0.3 and 0.4, which were current
            when ICDM 2022 was written.

    Raises:
        MissingData: the file is not there. BadData: a column is missing, or a value is not the owner's.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/{FILE}")
    frame = read_csv(root / FOLDER / FILE, COLUMNS, sep=";", na_values=["unknown"])
    try:
        age = frame["age"].astype(float)
    except ValueError as error:
        raise BadData(f"{NAME}: an age is no number ({error}): get the owner's own file") from error
    upper = float("inf") if privileged_below is None else privileged_below
    group = ((age >= 25) & (age < upper)).astype(float).where(age.notna())
    frame = frame.assign(age=group, y=zero_one(NAME, frame["y"], {"no": 0, "yes": 1}))
    return from_frame(NAME, frame, target="y", protected=("age",), categorical=CATEGORICAL)
