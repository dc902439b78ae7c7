"""ProPublica's COMPAS two-year scores with the features, filter and groups of AIF360 0.6.1's ``CompasDataset``.

The file names real people. Their names are never read: only the columns in ``COLUMNS`` are.
"""

from __future__ import annotations

from pathlib import Path

from fairnb import paths
from fairnb.data import cells
from fairnb.data.cells import Coded, Kind, Number, Words
from fairnb.data.labels import require_files
from fairnb.data.tabular import Table, from_frame
from fairnb.data.versions import checked

NAME = FOLDER = "compas"
FILE = "compas-scores-two-years.csv"
TARGET = "two_year_recid"
TWICE = ("priors_count", "decile_score")  # the owner's file has these columns twice, with the same values
CATEGORICAL = ("age_cat", "c_charge_degree", "c_charge_desc")
SEX = {"Male": 0, "Female": 1}
RACE = {"Caucasian": 1, "African-American": 0, "Hispanic": 0, "Asian": 0, "Native American": 0, "Other": 0}
COUNT = Number(0, whole=True)
FEATURES: dict[str, Kind] = {
    "sex": Coded(SEX),
    "age": Number(0, 120, whole=True),
    "age_cat": Words(("Less than 25", "25 - 45", "Greater than 45"), closed=True),
    "race": Coded(RACE),
    "juv_fel_count": COUNT,
    "juv_misd_count": COUNT,
    "juv_other_count": COUNT,
    "priors_count": COUNT,
    "c_charge_degree": Words(("F", "M", "O"), closed=True),
    "c_charge_desc": Words(),
}
KINDS: dict[str, Kind] = {
    "id": Number(0, whole=True, required=True),
    **FEATURES,
    TARGET: Number(0, 1, whole=True),
    "days_b_screening_arrest": Number(whole=True),
    "is_recid": Number(-1, 1, whole=True, required=True),
}
COLUMNS = tuple(KINDS)


def read(root: Path | None = None) -> Table:
    """6,167 rows after ProPublica's filter; the target is 1 where a person was charged again within two years (45.5 %).

    Privileged are sex Female and race Caucasian, as in AIF360. Savani et al. take the target as it is stored (AIF360
    calls 0 the favourable label) and sex Male as privileged, which turns the sign of a bias; the reject
    option needs to know (``tasks.tabular``).
    401 features; ids are the owner's ``id``. ``Table.dropped`` counts the rows that the filter and missing values take.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: the file is not there. BadData: a column is missing, or a value is not the owner's.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/{FILE}")
    frame = cells.read(root / FOLDER / FILE, KINDS, missing=("",), twice=TWICE)
    frame = frame.set_index(frame["id"].astype(int))
    near = frame["days_b_screening_arrest"].between(-30, 30)
    kept = frame.loc[near & (frame["is_recid"] != -1) & (frame["c_charge_degree"] != "O"), [*FEATURES, TARGET]]
    dropped = {"ProPublica's filter": len(frame) - len(kept)}
    table = from_frame(NAME, kept, target=TARGET, protected=("sex", "race"), categorical=CATEGORICAL, dropped=dropped)
    return checked(NAME, root, table)
