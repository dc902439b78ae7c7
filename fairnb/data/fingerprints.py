"""What a data set on this machine holds, as a hash for keys: other content, other key; the same content, the same key.

Label files, tables and score arrays are taken by their content. Images are taken by name and size: CelebA's are 1.4 GB,
for whose hashes everybody would wait, and a resized, recompressed or incomplete copy has other sizes; an image that
changed at equal size is the one thing that is not noticed. Nothing else in a folder counts (hidden files, notes, other
tables), nor do time stamps, rights, or where the folder lies.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fairnb import paths
from fairnb.data.entries import DataSet, Images
from fairnb.data.files import plain_errors
from fairnb.data.sources import DATA_SETS
from fairnb.errors import FairnbError, MissingData

ABSENT = "none"
SETTLED = 2.0  # seconds: two changes within one tick of a disk's clock (2 s at most) have the same time stamp
_known: dict[Path, tuple[tuple[int, ...], str]] = {}  # of this process: files and folders, what they were, their hash


def sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits; while the file stays as it is, a process reads it once.

    Raises:
        DiskTrouble: there is no such file, or it may not be read.
    """
    return _remembered(Path(path).absolute(), _content)


def of(*names: str, root: Path | None = None) -> str:
    """Fingerprint of data sets (names of ``DATA_SETS``), ``adult-1c5f...`` each, joined by ``+``.

    Within one process an image that is overwritten in place (not added, removed or renamed) is not seen again.

    Args:
        root: the data root; default ``paths.data()``. It is no part of the fingerprint.

    Raises:
        MissingData: the sentence says what is not there, and how to get it. DiskTrouble: something may not be read.
    """
    root = Path(root or paths.data())
    return "+".join(_of(DATA_SETS[name], root) for name in dict.fromkeys(names))


def present() -> dict[str, str]:
    """The fingerprint of each data set of the registry, ``none`` for what is not (wholly) there or may not be read."""
    return {name: told(partial(of, name)) for name in DATA_SETS}


def told(question: Callable[[], str], otherwise: str = ABSENT) -> str:
    """The answer to ``question()``, or ``otherwise`` where its data are not there or may not be read."""
    try:
        return question()
    except FairnbError:
        return otherwise


def _of(entry: DataSet, root: Path) -> str:
    with plain_errors(root / entry.folder):
        _require(entry, root)
        parts = [(path.relative_to(root).as_posix(), sha256(path)) for path in entry.paths(root)]
        if (images := entry.images) and (folder := images.below(root)).is_dir():
            parts.append(("images", _remembered(folder.absolute(), partial(_names_and_sizes, images=images))))
    return f"{entry.name}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"


def _require(entry: DataSet, root: Path) -> None:
    missing = [path.relative_to(root).as_posix() for path in entry.paths(root) if not path.is_file()]
    if missing or not (root / entry.folder).is_dir():
        here = f" ({', '.join(missing)})" if (root / entry.folder).is_dir() else ""
        raise MissingData(
            f"{entry.short}{here} is not in {paths.shown(root)}: run `make data` to see how to get it, then set "
            f"FAIRNB_DATA to the folder that holds {entry.folder}/"
        )


def _remembered(path: Path, make: Callable[[Path], str]) -> str:
    """``make(path)``, or what it was when device, inode, size and both time stamps were the same.

    ``touch`` and ``cp -p`` can set the one time stamp back, but not the other. What has changed just now, or changes
    while it is read, is not remembered.
    """
    with plain_errors(path):
        before = _state(path)
        if path in _known and _known[path][0] == before:
            return _known[path][1]
        made = make(path)
        if _state(path) == before and time.time() - before[-1] / 1e9 > SETTLED:
            _known[path] = before, made
    return made


def _state(path: Path) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _content(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names_and_sizes(folder: Path, images: Images) -> str:
    named = re.compile(images.pattern).fullmatch
    found = sorted((name, entry.stat().st_size) for name, entry in _entries(folder, images.inner) if named(name))
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _entries(folder: Path | str, inner: bool, above: str = "") -> Iterator[tuple[str, os.DirEntry]]:
    """Files in ``folder``, or with ``inner`` in the folders directly in it, by their paths below it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if inner and entry.is_dir():
                yield from _entries(entry.path, False, f"{entry.name}/")
            elif not inner and entry.is_file():
                yield above + entry.name, entry
