"""The registry of real data sets: what is here, how to get the rest, and downloads that need no form.

The table itself is ``sources.DATA_SETS``.
"""

from __future__ import annotations

import os
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from fairnb import paths
from fairnb.data import download as transfer
from fairnb.data import files, fingerprints, kinds
from fairnb.data.entries import DataSet
from fairnb.data.sources import DATA_SETS
from fairnb.errors import DiskTrouble, MissingData, UnknownName


@dataclass(frozen=True)
class Status:
    """One row of the status table.

    Attributes:
        name: the data set.
        state: ``present`` (all files and images), ``partial``, ``absent``, or ``unreadable`` (no rights, say).
        found, expected: files and images, in words.
        licence: the owner's terms.
        note: what is wrong, e.g. a file that differs from the known one; empty if nothing is.
    """

    name: str
    state: str
    found: str
    expected: str
    licence: str
    note: str = ""


def get(name: str) -> DataSet:
    """The row of the registry; UnknownName for a data set that is not in it."""
    if name not in DATA_SETS:
        raise UnknownName("data set", name, DATA_SETS)
    return DATA_SETS[name]


def status(root: Path | None = None) -> list[Status]:
    """Compare what lies in the data root (default ``paths.data()``) with the registry, one row for each data set.

    Label files are compared by SHA-256, images are counted. A root that does not exist has no data sets.
    """
    root = Path(root or paths.data())
    return [_status_or_reason(entry, root) for entry in DATA_SETS.values()]


def _status_or_reason(entry: DataSet, root: Path) -> Status:
    """The row of a data set, also of one that may not be looked at."""
    try:
        with files.plain_errors(root):
            return _status(entry, root)
    except DiskTrouble as error:
        return Status(entry.name, "unreadable", "", _counts(len(entry.files), 0, entry), entry.licence, str(error))


def _status(entry: DataSet, root: Path) -> Status:
    here = [f for f in entry.files if f.below(root).is_file()]
    hashed = [f for f in here if f.sha256 and f.below(root) == root / f.path]
    differ = [f.path for f in hashed if fingerprints.sha256(root / f.path) != f.sha256]
    images = count_images(entry.images.below(root), entry.images.inner) if entry.images else 0
    wanted = entry.images.count if entry.images else 0
    complete = len(here) == len(entry.files) and images >= wanted
    state = "present" if complete else "partial" if here or images else "absent"
    notes = [f"{', '.join(differ)} differs from the owner's file as we know it"] if differ else []
    if images > wanted:
        notes.append(f"{images - wanted} more images than the owner published")
    if here and not images and wanted:
        notes.append("labels only")
    counts = (_counts(len(here), images, entry), _counts(len(entry.files), wanted, entry))
    return Status(entry.name, state, *counts, entry.licence, "; ".join(notes))


def _counts(files: int, images: int, entry: DataSet) -> str:
    parts = [f"{files} file{'' if files == 1 else 's'}"] if entry.files else []
    return ", ".join(parts + ([f"{images:,} images"] if entry.images else []))


def count_images(folder: Path, inner: bool = False) -> int:
    """Image files in ``folder``, or with ``inner`` in the folders directly below it; 0 if there is no such folder."""
    if not folder.is_dir():
        return 0
    with os.scandir(folder) as entries:
        if inner:
            return sum(count_images(Path(e.path)) for e in entries if e.is_dir())
        return sum(kinds.is_picture(e.name) and not e.is_dir(follow_symlinks=False) for e in entries)


def instructions(name: str, root: Path | None = None) -> str:
    """How to get a data set, as text for people: page, terms, steps or command, and the folder it belongs in."""
    entry, root = get(name), Path(root or paths.data())
    lines = [f"{entry.name}: {entry.title}, {entry.rows}", f"  page: {entry.page}", f"  terms: {entry.licence}"]
    lines += _wrapped(f"cite: {entry.citation}", "    ")
    steps = [step.format(root=root) for step in entry.steps]
    if entry.downloads:
        steps = [f"run `fairnb data {name}`, which downloads it into {root}", *steps]
    for number, step in enumerate(steps, 1):
        lines += _wrapped(f"{number}. {step}", "     ")
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> list[str]:
    """Lines of at most 116 characters where the words allow it; paths and addresses are never broken."""
    wrapper = textwrap.TextWrapper(116, "  ", indent, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(text)


def download(name: str, root: Path | None = None) -> Path:
    """Download a data set that needs no form into the data root, and return the root.

    What is already there and complete is left alone; a transfer that was interrupted goes on; two processes that ask
    for the same data set take turns.

    Raises:
        UnknownName: no such data set.
        MissingData: it needs a form or a person; the message is the instructions.
        BadData: the source delivered something else, e.g. a web page.
        FairnbError: no network, an interrupted transfer, or a full disk.
    """
    entry, root = get(name), Path(root or paths.data())
    if not entry.downloads:
        raise MissingData(f"{name} cannot be downloaded by a program, do it by hand:\n{instructions(name, root)}")
    pending = root / ".downloads"
    with files.lock(pending / f"{name}.lock"):
        if (now := _status(entry, root)).state == "present" and "differs" not in now.note:
            return root
        for number, item in enumerate(entry.downloads):
            part = pending / f"{name}.{number}.part"
            transfer.fetch(item, part)
            transfer.unpack(item, part, root)
    return root


def main_table(root: Path | None = None) -> str:
    """What ``make data`` prints: the status of every data set, then how to get those that are not complete."""
    root = Path(root or paths.data())
    rows = status(root)
    head = f"Real data in {root} (FAIRNB_DATA), each set in its owner's layout. No notebook needs it at tier quick.\n"
    columns = ("data set", "state", "found", "expected", "terms", "note")
    body = [(r.name, r.state, r.found, r.expected, r.licence, r.note) for r in rows]
    table = tabulate(body, columns, tablefmt="simple", maxcolwidths=[None, None, None, None, 36, 36])
    missing = [instructions(r.name, root) for r in rows if r.state in ("partial", "absent")]
    rest = ["\nHow to get what is missing:", *missing] if missing else []
    rest = rest if any(r.state != "present" for r in rows) else ["\nEverything is here."]
    return "\n".join([head, table, *rest])
