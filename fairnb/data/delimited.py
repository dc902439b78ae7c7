"""Text files of delimited fields: every record with its line number, and a sentence for each that is not as it should.

A reader takes ``records``, then the ``header`` where there is one, and goes through the ``body``; ``cells`` gives the
fields their types.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from fairnb.errors import BadData

Record = tuple[int, list[str]]
MARKS = {",": "commas", ";": "semicolons", "\t": "tabs"}
AGAIN = "get this file again"


def lines(path: Path) -> Iterator[str]:
    """The lines of a text file in UTF-8, whatever ends them; BadData if it is no text or cannot be read."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if "\0" in line:
                    raise BadData(f"{path} is not a text file (line {number} has a zero byte): {AGAIN}")
                yield line
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is not a text file in UTF-8 (byte {error.start}): {AGAIN}, or save it so") from error
    except OSError as error:
        raise BadData(f"{path} cannot be read ({error.strerror}): make it a file that you may read") from error


def records(path: Path, delimiter: str | None = ",", comment: str = "") -> Iterator[Record]:
    """The number of the line and the fields, without quotes and blanks around them, of each line that is not blank.

    Args:
        delimiter: one character; None for any white space, and then quotes are letters.
        comment: a first line that begins so is left out (not with white space).

    Raises:
        BadData: no text, or quotes that do not fit.
    """
    if delimiter is None:
        yield from ((number, fields) for number, line in enumerate(lines(path), 1) if (fields := line.split()))
        return
    text = (_shown(line, comment if number == 1 else "") for number, line in enumerate(lines(path), 1))
    table, line = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True), 1
    try:
        for fields in table:
            if table.line_num > line:
                raise csv.Error("a field goes on in the next line")
            if fields:
                yield line, [field.strip() for field in fields]
            line += 1
    except csv.Error as error:
        raise BadData(f"{path}: line {line} has quotes that do not fit ({error}): mend that line, or {AGAIN}") from None


def _shown(line: str, comment: str) -> str:
    """Nothing for a blank line, which keeps its number."""
    return "" if not line.strip() or (comment and line.startswith(comment)) else line


def header(path: Path, found: Iterator[Record], wanted: Collection[str], twice: Collection[str] = ()) -> list[str]:
    """The column names, taken from the first record.

    Args:
        wanted: columns that must be there; empty for whatever there is. twice: those that the owner has more than once.

    Raises:
        BadData: an empty file, a missing column, or one that is wanted and named twice.
    """
    _, names = next(found, (1, []))
    if not names:
        raise BadData(f"{path} is empty: {AGAIN}")
    if wanted and not set(wanted) & set(names):  # it may be a person's data: they are not shown
        raise BadData(
            f"{path}: its first line names no column that is needed, such as {next(iter(wanted))!r}"
            f"{_other_delimiter(names)}: get the owner's own file, or put the columns' names there"
        )
    require_columns(path, names, wanted)
    require_once(path, [name for name in names if name not in twice and (name in wanted or not wanted)])
    return names


def require_columns(path: Path, found: Sequence[str], wanted: Collection[str]) -> None:
    """Raise BadData that names the first column of ``wanted`` that the header of ``path`` lacks."""
    if absent := [column for column in wanted if column not in found]:
        raise BadData(
            f"{path}: the column {absent[0]!r} is missing, found {', '.join(found[:8])}: get the owner's own file, or "
            "mend the line with the columns' names"
        )


def require_once(path: Path, names: Sequence[str]) -> None:
    """Raise BadData where two columns have one name (an empty one, of row names, may stand anywhere)."""
    if twice := [name for place, name in enumerate(names) if name and name in names[:place]]:
        raise BadData(f"{path}: two columns are called {twice[0]!r}: which one is meant cannot be known, keep one")


def body(path: Path, names: Sequence[str], found: Iterator[Record]) -> Iterator[Record]:
    """The records that are left, each with a field for every name.

    Raises:
        BadData: a record has too few or too many fields, or repeats the header; with the line's number.
    """
    names = list(names)
    for line, fields in found:
        if len(fields) != len(names):
            raise BadData(
                f"{path}: line {line} has {len(fields)} fields, not {len(names)} ({_at_fault(names, fields)}): "
                f"mend that line, or {AGAIN}"
            )
        if fields == names:
            raise BadData(f"{path}: line {line} repeats the header: two files were put together, keep one of each row")
        yield line, fields


def _at_fault(names: Sequence[str], fields: Sequence[str]) -> str:
    if len(fields) < len(names):
        return f"none for the column {names[len(fields)]!r}{_other_delimiter(fields)}"
    return f"one more after the column {names[-1]!r}; a text with a delimiter in it needs quotes"


def _other_delimiter(fields: Sequence[str]) -> str:
    marks = [name for mark, name in MARKS.items() if len(fields) == 1 and mark in fields[0]]
    return f"; its fields seem to be separated by {marks[0]}" if marks else ""
