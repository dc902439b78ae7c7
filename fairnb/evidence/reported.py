"""The papers' printed numbers as data: what each table says, to the last digit, and how exact it can be.

The rooms' files ``reported.csv`` were read from a machine-made transcript of the papers by
``scripts/make_reported.py``. ``note`` says where the transcript is damaged; ``damaged`` marks those cells, and nothing
may be held against a paper because of them. FairLoRA's tables could not be had, so it has claims but no numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pandas as pd

from fairnb import registry
from fairnb.data import cells
from fairnb.errors import BadData, UnknownName

FILE, CLAIMS = "reported.csv", "claims.csv"
COLUMNS = {
    FILE: (
        "paper", "table", "setting", "method", "metric", "group", "printed", "printed_std", "as_read", "note",
    ),
    CLAIMS: ("id", "paper", "source", "claim", "relation", "printed"),
}  # fmt: skip
DAMAGE = "OCR"


def papers() -> list[str]:
    """Slugs of the papers whose printed numbers we have, sorted: those whose rooms have a ``reported.csv``."""
    return sorted(slug for slug, room in registry.rooms().items() if (room.folder / FILE).is_file())


@cache
def _paper(name: str) -> pd.DataFrame:
    frame = _text(registry.room(name).folder / FILE)
    frame["value"] = pd.to_numeric(frame["printed"], errors="coerce")
    frame["std"] = pd.to_numeric(frame["printed_std"], errors="coerce")
    shown = frame["printed"].where(frame["value"].notna(), "")
    frame["decimals"] = [len(text.partition(".")[2]) for text in shown]
    frame["damaged"] = frame["note"].str.contains(DAMAGE)
    return frame


def tables(paper: str) -> list[str]:
    """Names of the tables of ``paper`` whose numbers we have, in print order. Raises ``UnknownName``."""
    if paper not in papers():
        raise UnknownName("paper", paper, papers())
    return list(dict.fromkeys(_paper(paper)["table"]))


def numbers(paper: str | None = None, table: str | None = None) -> pd.DataFrame:
    """Printed numbers, one row each, as a fresh frame.

    Args:
        paper: one of ``papers()``; None for all.
        table: e.g. ``T3``; None for all tables.

    Returns:
        Columns paper, table, setting, method, metric, group, value (float in the printed unit, NaN for a dash or a
        text), std (float, NaN if not printed), printed and printed_std (the text, trailing zeros put back), decimals
        (of ``printed``; the true number lies within half a unit of the last one), as_read (the transcript's text,
        without trailing zeros), damaged (bool: the transcript is unreliable there), note.

    Raises:
        UnknownName: there is no such paper, or none of the chosen papers has such a table.
    """
    chosen = papers() if paper is None else (paper,)
    known = sorted({t for name in chosen for t in tables(name)})
    frame = pd.concat([_paper(name) for name in chosen], ignore_index=True)
    if table is None:
        return frame
    if table not in known:
        raise UnknownName(f"table of {paper or 'any paper'}", table, known)
    return frame[frame["table"] == table].reset_index(drop=True)


def wide(paper: str, table: str) -> pd.DataFrame:
    """One table as printed: a row per (setting, method) in print order, a column per metric (``metric group``).

    Values are floats in the printed unit, NaN where the paper prints a dash or a text. Raises ``UnknownName``.
    """
    frame = numbers(paper, table)
    columns = (frame["metric"] + " " + frame["group"]).str.strip()
    shape = frame.assign(column=columns).pivot(index=["setting", "method"], columns="column", values="value")
    rows = frame.drop_duplicates(["setting", "method"])[["setting", "method"]]
    ordered = shape.reindex(index=pd.MultiIndex.from_frame(rows), columns=list(dict.fromkeys(columns)))
    return ordered.rename_axis(columns=None).reset_index()


def claims() -> pd.DataFrame:
    """All claims, the rooms' ``claims.csv`` in their order.

    Columns id, paper, source (table or figure), claim, relation (what must hold), printed (the numbers).
    Raises BadData: a file lacks a column or a field, or two claims have one id.
    """
    return _claims(tuple(room.folder / CLAIMS for room in registry.rooms().values())).copy()


def shown(ids: Sequence[str]) -> pd.DataFrame:
    """The claims with these ids as a notebook opens with them: id, claim, relation, printed."""
    return claims().set_index("id").loc[list(ids), ["claim", "relation", "printed"]].reset_index()


@cache
def _claims(files: tuple[Path, ...]) -> pd.DataFrame:
    found = pd.concat([_text(file) for file in files], ignore_index=True)
    if (twice := found["id"].duplicated()).any():
        raise BadData(f"two claims are called {found['id'][twice.argmax()]!r}: see {CLAIMS} of each paper, rename one")
    return found


def _text(file: Path) -> pd.DataFrame:
    kinds = dict.fromkeys(COLUMNS[file.name], cells.Text(optional=True))
    return cells.read(file, kinds).reset_index(drop=True).astype("str")
