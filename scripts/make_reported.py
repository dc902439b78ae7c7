"""Make the rooms' ``reported.csv`` from the project's machine-made transcript of the papers' tables.

Usage: python scripts/make_reported.py FOLDER   (FOLDER holds aimfair.csv, icdm22.csv, asac.csv, fineface.csv, ...)

The reading stores numbers, so it lost trailing zeros (86.50 became 86.5). The number of decimals decides how far a
printed number can be from the true one, so it is put back here per column, by ``DECIMALS`` and nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

PACKAGE = Path(__file__).resolve().parents[1] / "fairnb"
SOURCES = {"aimfair": "aimfair.csv", "reactivate": "icdm22.csv", "asac": "asac.csv", "fineface": "fineface.csv"}
TABLES = {"TI": "T1", "TII": "T2", "TIII": "T3", "TIV": "T4", "TV": "T5", "TVI": "T6"}

# Decimals that a column prints: (paper, table, metric); None matches anything. The first match counts, and a value that
# shows more decimals than its column keeps them.
DECIMALS = (
    ("aimfair", None, None, 2),
    ("reactivate", "T1", None, 3),
    ("reactivate", "T2", None, 3),
    ("reactivate", "T3", None, 2),
    ("reactivate", None, "accuracy", 2),
    ("reactivate", None, "bias", 3),
    ("asac", None, "ACC", 2),
    ("asac", None, "DDP", 2),
    ("asac", None, None, 3),
    ("fineface", "T1", None, 0),
    ("fineface", "T5", "Max/Min", 3),
    ("fineface", None, "Max/Min", 2),
    ("fineface", "T2", None, 1),
    ("fineface", "T3", None, 1),
    ("fineface", "T4", None, 1),
    ("fineface", None, None, 2),
)
QUOTED = "one-decimal precision"  # AIM-Fair's baselines print one decimal where its own rows print two


def decimals(paper: str, table: str, metric: str, text: str, note: str) -> int:
    """Decimals of the printed number: what the column prints, or what the reading shows if that is more."""
    shown = len(text.partition(".")[2])
    if QUOTED in note:
        return shown
    column = next(d for p, t, m, d in DECIMALS if (p, t or table, m or metric) == (paper, table, metric))
    return max(shown, column)


def printed(text: str, places: int) -> str:
    """``text`` with its trailing zeros put back; what is not a number stays as it is."""
    try:
        return f"{float(text):.{places}f}"
    except ValueError:
        return text


def convert(paper: str, source: Path) -> pd.DataFrame:
    """The reading of one paper with our slug, arabic table numbers, printed text and decimals as read."""
    frame = pd.read_csv(source, dtype=str, keep_default_na=False)
    frame["paper"] = paper
    frame["table"] = frame["table"].replace(TABLES)
    rows = frame.to_dict("records")
    places = [decimals(paper, r["table"], r["metric"], r["value"], r["note"]) for r in rows]
    frame["printed"] = [printed(r["value"], d) for r, d in zip(rows, places, strict=True)]
    frame["printed_std"] = [printed(r["std"], d) for r, d in zip(rows, places, strict=True)]
    frame["as_read"] = frame["value"]
    return frame[
        ["paper", "table", "setting", "method", "metric", "group", "printed", "printed_std", "as_read", "note"]
    ]


def main(folder: Path) -> None:
    """Write all files."""
    for paper, name in SOURCES.items():
        convert(paper, folder / name).to_csv(
            PACKAGE / "papers" / paper / "reported.csv", index=False, lineterminator="\n"
        )
    counts = "celeba_test_counts.csv"
    (PACKAGE / "data" / counts).write_text(
        (folder / counts).read_text(encoding="utf-8"), encoding="utf-8", newline="\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
