"""Cells of a text file become numbers, codes and words, or a sentence with file, line and column says why not.

A *kind* says what a column may hold. It gets a cell's text and returns its value, or raises ValueError with the reason.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from fairnb.data.delimited import Record, body, header, records
from fairnb.errors import BadData

# What pandas.read_csv takes for a missing value, and with it AIF360.
MISSING = frozenset(
    "#N/A|#N/A N/A|#NA|-1.#IND|-1.#QNAN|-NaN|-nan|1.#IND|1.#QNAN|<NA>|N/A|NA|NULL|NaN|None|n/a|nan|null|".split("|")
)
ALIKE = frozenset(map(str.casefold, MISSING)) | set("?|-|--|.|*|n.a.|nil|missing|unknown|not available".split("|"))
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
REMEDY = "mend this cell, or get the owner's own file (a spreadsheet program may have changed it)"
log = logging.getLogger(__name__)


class Kind(Protocol):
    """What a column may hold."""

    @property
    def required(self) -> bool:
        """Whether a missing value is an error even where the file may have some."""

    @property
    def dtype(self) -> type:
        """The type of the values."""

    def __call__(self, text: str) -> Any:
        """The value of a cell; ValueError says why it is none."""


@dataclass(frozen=True)
class Number:
    """A finite number in ASCII digits with a decimal point, in [``low``, ``high``] (both inclusive)."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    required: bool = False
    dtype = float

    def __call__(self, text: str) -> float:
        if not NUMBER.fullmatch(text):
            raise ValueError("which is no number" + (" (decimals take a point)" if "," in text else ""))
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("which is not finite")
        if self.whole and not value.is_integer():
            raise ValueError("which is no whole number")
        if not self.low <= value <= self.high:
            bounds = f"from {self.low:g} to {self.high:g}" if self.high < math.inf else f"{self.low:g} or more"
            raise ValueError(f"which is not {bounds}")
        return value


@dataclass(frozen=True)
class Coded:
    """One of the words in ``codes``, as its number."""

    codes: Mapping[str, int]
    required: bool = False
    dtype = float

    def __call__(self, text: str) -> float:
        if text not in self.codes:
            raise ValueError(f"known are {', '.join(self.codes)}")
        return self.codes[text]


@dataclass(frozen=True)
class Words:
    """A category. Of the ``known`` ones no other spelling is taken; others are, with a warning, unless ``closed``.

    Without ``known`` every text is a category, but what looks like a missing value.
    """

    known: tuple[str, ...] = ()
    closed: bool = False
    required: bool = False
    dtype = object

    def __call__(self, text: str) -> str:
        if text in self.known:
            return text
        if text.casefold() in ALIKE:
            raise ValueError("which looks like a missing value, and is not written as one")
        if near := [word for word in self.known if _letters(word) == _letters(text)]:
            raise ValueError(f"and the owner writes {near[0]!r}")
        if self.closed:
            raise ValueError(f"known are {', '.join(self.known)}")
        return text


@dataclass(frozen=True)
class Text:
    """Any text; one that is not ``optional`` is not empty."""

    optional: bool = False
    required: bool = True
    dtype = object

    def __call__(self, text: str) -> str:
        if not text and not self.optional:
            raise ValueError("and it must not be empty")
        return text


def bad_cell(path: Path, line: int, column: str, text: object, why: object, remedy: str = REMEDY) -> BadData:
    """The error for a cell that cannot be used: where it is, what it holds, why that is wrong, and what to do."""
    return BadData(f"{path}: line {line}, column {column!r} has the value {text!r}, {why}: {remedy}")


def read(
    path: Path,
    kinds: Mapping[str, Kind],
    *,
    delimiter: str | None = ",",
    names: Sequence[str] = (),
    comment: str = "",
    missing: Collection[str] | None = None,
    twice: Collection[str] = (),
) -> pd.DataFrame:
    """The columns ``kinds`` of a text file, and no other one, as ``typed`` gives them.

    Args:
        delimiter, comment: see ``delimited.records``. names: of all columns; empty where the first record has them.
        missing: see ``typed``. twice: columns that the owner has more than once; what they say must be the same.

    Raises:
        BadData: see ``delimited`` for lines, ``typed`` for cells.
    """
    found = records(path, delimiter, comment)
    names = names or header(path, found, kinds, twice)
    return typed(path, names, _agreed(path, names, body(path, names, found), twice), kinds, missing=missing)


def typed(
    path: Path,
    names: Sequence[str],
    rows: Iterable[Record],
    kinds: Mapping[str, Kind],
    *,
    missing: Collection[str] | None = None,
    remedy: str = REMEDY,
) -> pd.DataFrame:
    """The columns ``kinds`` of the records ``rows`` with the names ``names``; the index has the lines' numbers.

    Args:
        missing: how the owner writes a missing value, which becomes NaN or None; what pandas takes for one does, too,
            with a warning. None where there are none: then each cell needs a value.
        remedy: what the user should do about a bad cell.

    Raises:
        BadData: a cell that its column's kind does not take, with file, line and column.
    """
    rows = list(rows)
    line = np.array([number for number, _ in rows], np.int64)
    columns = {}
    for name, kind in kinds.items():
        place = list(names).index(name)
        texts = np.array([fields[place] for _, fields in rows], object)
        columns[name] = _column(path, name, texts, line, kind, missing, remedy)
    return pd.DataFrame(columns, index=line)


def _column(
    path: Path, name: str, texts: np.ndarray, line: np.ndarray, kind: Kind, missing: Collection[str] | None, remedy: str
) -> pd.Series:
    """Each text is looked at where it occurs first, and never again."""
    code, distinct = pd.factorize(texts)
    values: list[Any] = []
    odd: dict[str, list[int]] = {}
    for number, text in enumerate(distinct):
        if missing is not None and not kind.required and (text in missing or text in MISSING):
            values.append(np.nan if kind.dtype is float else None)
            if text not in missing:
                odd.setdefault("taken for a missing one, its row is left out", []).append(number)
            continue
        try:
            values.append(kind(text))
        except ValueError as why:
            raise bad_cell(path, line[np.argmax(code == number)], name, text, why, remedy) from None
        if isinstance(kind, Words) and kind.known and text not in kind.known:
            odd.setdefault("which the owner's file does not have, a category of its own", []).append(number)
    for what, numbers in odd.items():
        there = np.isin(code, numbers)
        more = f"{there.sum()} such cell{'s' if there.sum() > 1 else ''} in all"
        more += f", {len(numbers)} different ones" if len(numbers) > 1 else ""
        log.warning(
            "%s: line %d, column %r has the value %r, %s (%s)",
            *(path, line[there.argmax()], name, distinct[numbers[0]], what, more),
        )
    return pd.Series(np.array(values, kind.dtype)[code], line, kind.dtype)


def _agreed(path: Path, names: Sequence[str], rows: Iterable[Record], twice: Collection[str]) -> Iterator[Record]:
    """The records, in which columns of the same name say the same."""
    pairs = [(list(names).index(name), place) for place, name in enumerate(names) if name in twice]
    for line, fields in rows:
        for first, other in pairs:
            if fields[other] != fields[first]:
                why = f"and another column of that name has {fields[first]!r}"
                raise bad_cell(path, line, names[other], fields[other], why)
        yield line, fields


def _letters(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())
