"""Whether data are what their owner published. Readers ask; what differs is said once, in records and under tables.

A known hash decides; where there is none (another form of a file, LFW), the number of usable rows does. Images are not
compared: a task that needs one that is absent says so, and a resized copy is a user's own choice.
"""

from __future__ import annotations

import logging
from collections.abc import Sized
from functools import partial
from pathlib import Path
from typing import TypeVar

from fairnb import paths
from fairnb.data import fingerprints
from fairnb.data.entries import DataSet, File
from fairnb.data.files import plain_errors
from fairnb.data.sources import DATA_SETS
from fairnb.errors import BadData

Rows = TypeVar("Rows", bound=Sized)
TEXT = {".data", ".test", ".csv", ".txt"}
_found: dict[tuple[str, Path], tuple[str, str]] = {}  # data set and root -> fingerprint, and what differs
log = logging.getLogger(__name__)


def checked(name: str, root: Path, rows: Rows) -> Rows:
    """``rows``, which a reader made of the data set ``name`` in ``root``; another version is a warning, once.

    Raises:
        BadData: a table has lines more than once, so that the same people would be in training and in test data.
    """
    if known(name, root) is None:
        _compare(DATA_SETS[name], root, len(rows))
    return rows


def _compare(entry: DataSet, root: Path, rows: int) -> None:
    _refuse_copies(entry, root, rows)
    found = _difference(entry, root, rows)
    _found[entry.name, root.absolute()] = fingerprints.of(entry.name, root=root), found
    if found:
        log.warning(
            "%s, in %s: records and tables say so, and printed values are not judged by it; `make data` says how to "
            "get the owner's",
            found,
            root / entry.folder,
        )


def known(name: str, root: Path) -> str | None:
    """How the data set ``name`` differs from its owner's, in words; empty: not at all; None: nobody has read it yet."""
    entry = DATA_SETS[name]
    if entry.files and all(_is_owners(file, root) for file in entry.files):
        return ""
    fingerprint, found = _found.get((name, root.absolute()), ("", ""))
    return found if fingerprint and fingerprint == fingerprints.of(name, root=root) else None


def said() -> str:
    """How the data that this process has read from the data root differ from the owners', in words; or empty."""
    root = paths.data().absolute()
    read = [fingerprints.told(partial(_said, name, root), "") for name, place in _found if place == root]
    return "; ".join(filter(None, read))


def _said(name: str, root: Path) -> str:
    return known(name, root) or ""


def _is_owners(file: File, root: Path) -> bool:
    owners = root / file.path
    return bool(file.sha256) and file.below(root) == owners and fingerprints.sha256(owners) == file.sha256


def _difference(entry: DataSet, root: Path, rows: int) -> str:
    """In words; empty where there is no known hash that differs, and no row too many or too few."""
    changed = [f.path for f in entry.files if f.sha256 and f.below(root) == root / f.path and not _is_owners(f, root)]
    if rows != entry.usable:
        what = f"{rows:,} of {entry.usable:,} rows" if rows < entry.usable else f"{rows:,} rows, not {entry.usable:,}"
    elif changed:
        differ = "differs" if len(changed) == 1 else "differ"
        what = f"{rows:,} rows, but {' and '.join(changed)} {differ} from the owner's as we know it"
    return f"another version of {entry.short}: {what}" if rows != entry.usable or changed else ""


def _refuse_copies(entry: DataSet, root: Path, rows: int) -> None:
    """A text file appended to itself, or more rows than the owner's because lines are there more than once.

    Equal lines alone are no fault: Adult and Bank describe a few people in the same words. Tables with ids, and images,
    are looked through by their readers.
    """
    texts = {path: _lines(path) for path in entry.paths(root) if path.suffix in TEXT}
    for path, lines in texts.items():
        if times := _times_over(lines) or _times_over(lines[1:]):
            raise BadData(f"{path}: all of its {len(lines):,} lines are there {times} times: get this file again")
    every = [line for lines in texts.values() for line in lines]
    if rows > entry.usable and (copies := len(every) - len(set(every))) > entry.copies:
        raise BadData(
            f"{entry.name}: {copies:,} lines in {root / entry.folder} are copies of others, and the owner's files have "
            f"{entry.copies}: get the files again"
        )


def _lines(path: Path) -> list[bytes]:
    with plain_errors(path):
        stripped = (line.strip().rstrip(b".") for line in path.read_bytes().splitlines())  # Adult's labels may end so
    return [line for line in stripped if line]


def _times_over(lines: list[bytes]) -> int:
    """2 or 3 where the lines are one block so many times, else 0; a block that itself repeats a few lines is none."""
    for times in (2, 3):
        block = lines[: len(lines) // times]
        if len(block) > 1 and block * times == lines and 2 * len(set(block)) > len(block):
            return times
    return 0
