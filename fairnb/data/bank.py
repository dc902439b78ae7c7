"""UCI Bank Marketing (bank-additional) with the features, filter and groups of AIF360's ``BankDataset``."""

from __future__ import annotations

from pathlib import Path

from fairnb import paths
from fairnb.data import cells
from fairnb.data.cells import Coded, Kind, Number, Words
from fairnb.data.labels import require_files
from fairnb.data.tabular import Table, from_frame
from fairnb.data.versions import checked

NAME = FOLDER = "bank"
FILE = "bank-additional-full.csv"
MISSING = "unknown"
CATEGORIES = {
    "job": "admin. blue-collar entrepreneur housemaid management retired self-employed services student technician"
    " unemployed",
    "marital": "divorced married single",
    "education": "basic.4y basic.6y basic.9y high.school illiterate professional.course university.degree",
    "default": "no yes",
    "housing": "no yes",
    "loan": "no yes",
    "contact": "cellular telephone",
    "month": "jan feb mar apr may jun jul aug sep oct nov dec",
    "day_of_week": "mon tue wed thu fri",
    "poutcome": "failure nonexistent success",
}  # as bank-additional-names.txt lists them
COUNT = Number(0, whole=True)
KINDS: dict[str, Kind] = {
    "age": Number(0, 120),
    **{column: Words(tuple(known.split())) for column, known in CATEGORIES.items()},
    "duration": Number(0),
    "campaign": COUNT,
    "pdays": Number(0, 999, whole=True),
    "previous": COUNT,
    "emp.var.rate": Number(),
    "cons.price.idx": Number(),
    "cons.conf.idx": Number(),
    "euribor3m": Number(),
    "nr.employed": Number(),
    "y": Coded({"no": 0, "yes": 1}),
}
COLUMNS = tuple(KINDS)


def read(root: Path | None = None, *, privileged_below: int | None = 60) -> Table:
    """30,488 rows without ``unknown``; the target is a subscribed deposit (12.7 %), the protected attribute is age.

    57 features. The column ``age`` holds the group alone: 1 for ``25 <= age < privileged_below``. ids count the rows
    of the file from 0. Rows with a missing value are left out and counted in ``Table.dropped``.

    Args:
        root: the data root; default ``paths.data()``.
        privileged_below: 60 as in AIF360 0.6.1; None for 25 and older, as in AIF360 0.3 and 0.4, which were current
            when ICDM 2022 was written.

    Raises:
        MissingData: the file is not there. BadData: a column is missing, or a value is not the owner's.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/{FILE}")
    frame = cells.read(root / FOLDER / FILE, KINDS, delimiter=";", missing=(MISSING,)).reset_index(drop=True)
    age, upper = frame["age"], float("inf") if privileged_below is None else privileged_below
    frame["age"] = ((age >= 25) & (age < upper)).astype(float).where(age.notna())
    table = from_frame(NAME, frame, target="y", protected=("age",), categorical=tuple(CATEGORIES))
    return checked(NAME, root, table)
