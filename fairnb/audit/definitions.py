"""Which formula do the printed numbers follow? Counted per table, against what the paper's text says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from fairnb.audit import aimfair, asac, book, fineface
from fairnb.audit.intervals import Interval, deviation, maximum

COLUMNS = ["paper", "table", "quantity", "definition", "stated", "rows", "fit", "can_fit"]
Formula = Callable[[book.Row], Interval]


def _gaps(row: book.Row) -> tuple[Interval, Interval]:
    cells = [row[f"GroupACC {c}"].interval for c in aimfair.CELLS]
    return abs(cells[0] - cells[1]), abs(cells[2] - cells[3])


EO: dict[str, Formula] = {
    "eo_max": lambda row: maximum(_gaps(row)),
    "eo_avg": lambda row: 0.5 * (_gaps(row)[0] + _gaps(row)[1]),
    "eo_sum": lambda row: _gaps(row)[0] + _gaps(row)[1],
}
DOB: dict[str, Formula] = {
    "dob_sample": lambda row: deviation(fineface.cells(row), 1),
    "dob_population": lambda row: deviation(fineface.cells(row), 0),
}

# label, definition of DEO, the class whose gap is DEOp
ASAC = (
    ("eo_avg", "average", 1),
    ("eo_sum", "sum", 1),
    ("eo_max", "maximum", 1),
    ("eo_avg, DEOp of Y=0", "average", 0),
    ("eo_sum, DEOp of Y=0", "sum", 0),
)


def _aimfair() -> Iterator[tuple]:
    for table in aimfair.TABLES:
        rows = [r for r in book.rows("aimfair", table) if not r.undecided]
        for name, formula in EO.items():
            pairs = [(r[aimfair.eo_name(r)].interval, formula(r)) for r in rows]
            fit = sum(printed.distance(value) == 0 for printed, value in pairs)
            can = sum(printed.high >= value.low for printed, value in pairs)
            yield "aimfair", table, "EO", name, name == "eo_avg", len(rows), fit, can


def _fineface() -> Iterator[tuple]:
    for table in ("T2", "T3", "T4", "T5"):
        rows = [r for r in book.rows("fineface", table) if not r.undecided]
        for name, formula in DOB.items():
            fit = sum(r["DoB"].interval.distance(formula(r)) == 0 for r in rows)
            yield "fineface", table, "DoB", name, False, len(rows), fit, fit


def _asac() -> Iterator[tuple]:
    groups: dict[tuple[str, str], list[book.Row]] = {}
    for row in asac.celeba_rows():
        groups.setdefault((row.table, asac.target(row)), []).append(row)
    for (table, target), rows in groups.items():
        for label, name, positive in ASAC:
            fit = sum(asac.fits(r, name, positive) for r in rows)
            can = sum(asac.can_fit(r, name, positive) for r in rows)
            yield "asac", table, f"DEO {target}", label, label == "eo_avg", len(rows), fit, can


def table() -> pd.DataFrame:
    """One row per table, quantity and candidate definition.

    Columns: paper, table, quantity, definition, stated (the paper's text gives this formula), rows, fit (rows whose
    printed number agrees within rounding), can_fit (rows that the definition cannot be excluded for: AIM-Fair's EO may
    exceed the gap of the mean cells because it is averaged over seeds; ASAC's test set may be another split of CelebA
    or differ from its test split by up to five points). Rows with damaged cells are left out.
    """
    return pd.DataFrame([*_aimfair(), *_fineface(), *_asac()], columns=COLUMNS)
