"""Which formula do the printed numbers follow? Counted per table, against what the paper's text says."""

from __future__ import annotations

import pandas as pd

from fairnb.evidence.audit.rooms import doors

COLUMNS = ["paper", "table", "quantity", "definition", "stated", "rows", "fit", "can_fit"]


def table() -> pd.DataFrame:
    """One row per table, quantity and candidate definition.

    Columns: paper, table, quantity, definition, stated (the paper's text gives this formula), rows, fit (rows whose
    printed number agrees within rounding), can_fit (rows that the definition cannot be excluded for: AIM-Fair's EO may
    exceed the gap of the mean cells because it is averaged over seeds; ASAC's test set may be another split of CelebA
    or differ from its test split by up to five points). Rows with damaged cells are left out.
    """
    found = [row for door in doors().values() for row in getattr(door, "definitions", tuple)()]
    frame = pd.DataFrame(found, columns=COLUMNS)
    # EO, then DoB, then DEO of each attribute
    return frame.sort_values(
        "quantity", key=lambda names: names.str.split().str[0], ascending=False, kind="stable", ignore_index=True
    )
