"""ProPublica's COMPAS two-year scores with the features, filter and groups of AIF360 0.6.1's ``CompasDataset``.

The file names real people. Their names are never read: only the columns in ``COLUMNS`` are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairnb import paths
from fairnb.data.labels import require_files
from fairnb.data.tabular import Table, from_frame, read_csv, zero_one

NAME = FOLDER = "compas"
FILE = "compas-scores-two-years.csv"
FEATURES = (
    "sex", "age", "age_cat", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count",
    "c_charge_degree", "c_charge_desc",
)  # fmt: skip
TARGET = "two_year_recid"
COLUMNS = ("id", *FEATURES, TARGET, "days_b_screening_arrest", "is_recid")
CATEGORICAL = ("age_cat", "c_charge_degree", "c_charge_desc")
SEX = {"Male": 0, "Female": 1}
RACE = {"Caucasian": 1, "African-American": 0, "Hispanic": 0, "Asian": 0, "Native American": 0, "Other": 0}


def read(root: Path | None = None) -> Table:
    """6,167 rows after ProPublica's filter; the target is 1 where a person was charged again within two years (45.5 %).

    Privileged are sex Female and race Caucasian, as in AIF360. Savani et al. take the target as it is stored (AIF360
    calls 0 the favourable label) and sex Male as privileged, which turns the sign of a bias; the reject
    option needs to know (``tasks.tabular``).
    401 features; ids are the owner's ``id``.

    Args:
        root: the data root; default ``paths.data()``.

    Raises:
        MissingData: the file is not there. BadData: a column is missing, or a value is not the owner's.
    """
    root = Path(root or paths.data())
    require_files(NAME, root, f"{FOLDER}/{FILE}")
    frame = read_csv(root / FOLDER / FILE, COLUMNS, index_col="id")
    near = frame["days_b_screening_arrest"].between(-30, 30)
    frame = frame.loc[near & (frame["is_recid"] != -1) & (frame["c_charge_degree"] != "O"), [*FEATURES, TARGET]]
    codes: dict[str, dict[Any, int]] = {TARGET: {0: 0, 1: 1}, "sex": SEX, "race": RACE}
    frame = frame.assign(**{column: zero_one(NAME, frame[column], known) for column, known in codes.items()})
    return from_frame(NAME, frame, target=TARGET, protected=("sex", "race"), categorical=CATEGORICAL)
