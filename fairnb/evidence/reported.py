"""The papers' printed numbers as data: what each table says, to the last digit, and how exact it can be.

The rooms' files ``reported.csv`` were read from a machine-made transcript of the papers by
``scripts/make_reported.py``. ``note`` says where the transcript is damaged; ``damaged`` marks those cells, and nothing
may be held against a paper because of them. FairLoRA's tables could not be had, so it has claims but no numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fairnb import registry
from fairnb.data import cells
from fairnb.errors import BadData, UnknownName

FILE, CLAIMS = "reported.csv", "claims.csv"
COLUMNS = {
    FILE: (
        "paper", "table", "setting", "method", "metric", "group", "printed", "printed_std", "as_read", "note",
    ),
    CLAIMS: ("id", "paper", "source", "claim", "relation", "printed", "difference", "margin"),
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


def wide(paper: str, table: str, values: str = "value") -> pd.DataFrame:
    """One table as printed: a row per (setting, method) in print order, a column per metric (``metric group``).

    Values are floats in the printed unit, NaN where the paper prints a dash or a text; with ``values="printed"`` they
    are the printed text. Raises ``UnknownName``.
    """
    frame = numbers(paper, table)
    columns = (frame["metric"] + " " + frame["group"]).str.strip()
    shape = frame.assign(column=columns).pivot(index=["setting", "method"], columns="column", values=values)
    rows = frame.drop_duplicates(["setting", "method"])[["setting", "method"]]
    ordered = shape.reindex(index=pd.MultiIndex.from_frame(rows), columns=list(dict.fromkeys(columns)))
    return ordered.rename_axis(columns=None).reset_index()


def claims() -> pd.DataFrame:
    """All claims, the rooms' ``claims.csv`` in their order.

    Columns id, paper, source (table or figure), claim, relation (what must hold), printed (the numbers), difference
    (text, see ``differences``) and margin (float, see ``margin``).

    Raises BadData: a file lacks a column or a field, a field cannot be read, or two claims have one id.
    """
    return _claims(tuple(room.folder / CLAIMS for room in registry.rooms().values())).copy()


def differences(claim: str) -> dict[str, float]:
    """The printed differences that a claim is about, in percentage points by our metric's name.

    Each is that of a condition of the claim, the smallest printed one where it has several (settings, rivals), and the
    distance to its bar where the claim has one; empty where nothing is printed or the transcript is damaged.

    Raises:
        UnknownName: there is no such claim.
    """
    return dict(_pairs(_claim(claim)["difference"]))


def margin(claim: str) -> float:
    """The claim's own margin in points: 0 where it has a bar of its own, NaN where its metrics have theirs.

    Raises:
        UnknownName: there is no such claim.
    """
    return float(_claim(claim)["margin"])


def _claim(claim: str) -> pd.Series:
    known = claims().set_index("id")
    if claim not in known.index:
        raise UnknownName("claim", claim, known.index)
    return known.loc[claim]


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
    kinds: dict[str, cells.Kind] = dict.fromkeys(COLUMNS[file.name], cells.Text(optional=True))
    numbers = {"margin": float} if file.name == CLAIMS else {}
    if file.name == CLAIMS:
        kinds |= {"difference": _Differences(), "margin": _Margin(0)}
    kept = dict.fromkeys(kinds, "str") | numbers
    return cells.read(file, kinds).reset_index(drop=True).astype(kept)


class _Differences(cells.Text):
    """``eo_max 11.09; acc 3.25``, or nothing."""

    def __call__(self, text: str) -> str:
        _pairs(text)
        return text


class _Margin(cells.Number):
    """A number of points, 0 or more, or nothing, which is NaN."""

    def __call__(self, text: str) -> float:
        return super().__call__(text) if text else np.nan


def _pairs(text: str) -> list[tuple[str, float]]:
    """Metrics and numbers of a cell of ``difference``; ValueError says what is wrong."""
    parts = [part.split() for part in text.split(";")] if text else []
    if any(len(part) != 2 for part in parts):
        raise ValueError("which is not 'metric number; metric number'")
    found = [(name, cells.Number(0)(number)) for name, number in parts]
    if len(dict(found)) < len(found):
        raise ValueError("which names a metric twice")
    return found
