"""Atomic writing: a file or folder appears complete or not at all (write, fsync, rename)."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fairnb.errors import FairnbError

FULL = {errno.ENOSPC, errno.EDQUOT}


def free_bytes(path: Path) -> int:
    """Free bytes on the disk that holds ``path`` (or will hold it)."""
    path = Path(path).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def require_space(path: Path, needed: int) -> None:
    """Raise FairnbError if the disk of ``path`` has fewer than ``needed`` bytes free, before any work is done."""
    if free_bytes(path) < needed:
        raise _disk_full(path, f"{needed / 1e6:.0f} MB are needed and ")


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of writers of ``path`` that were killed; call it only while holding its lock."""
    for old in Path(path).parent.glob(f".{Path(path).name}.*.tmp"):
        remove_tree(old)


def remove_tree(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing happens if it is not there."""
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which becomes ``path`` when the block ends well and vanishes otherwise.

    Makes the folders above it. Raises FairnbError (path and free space) on a full disk; other errors pass through.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with sentence_if_full(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` so that no reader ever sees half of it; see ``atomic_file``."""
    with atomic_file(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty temporary folder to fill, which becomes ``path`` when the block ends well and vanishes otherwise.

    A folder that is already at ``path`` (another process was faster) is kept and the new one dropped.
    Raises FairnbError (path and free space) on a full disk; other errors pass through.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with sentence_if_full(path):
            temporary.mkdir(parents=True)
            yield temporary
            for file in temporary.rglob("*"):
                _sync(file)
            _sync(temporary)
            try:
                temporary.rename(path)
            except OSError:
                if not path.is_dir():
                    raise
            _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def sentence_if_full(path: Path) -> Iterator[None]:
    """Turn a full disk into a FairnbError with ``path`` and the free space; other errors pass through."""
    try:
        yield
    except OSError as error:
        short_write = error.errno is None and "written" in str(error)  # what numpy's tofile says of a full disk
        if short_write or error.errno in FULL:
            raise _disk_full(path) from error
        raise


def _disk_full(path: Path, needed: str = "") -> FairnbError:
    return FairnbError(
        f"the disk is full: {path} cannot be written, {needed}{free_bytes(path) / 1e6:.0f} MB are free: "
        "free some space, or move the folder with FAIRNB_CACHE or FAIRNB_RESULTS"
    )
