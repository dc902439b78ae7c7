"""Files that appear complete or not at all, locks between processes, and what a disk refuses in one sentence."""

from __future__ import annotations

import errno
import glob
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from filelock import BaseFileLock, FileLock, SoftFileLock

from fairnb.data import machine
from fairnb.errors import DiskTrouble

log = logging.getLogger(__name__)
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}
ELSEWHERE = "name a folder of your own with FAIRNB_RESULTS, FAIRNB_CACHE or FAIRNB_DATA"
REMEDIES = {
    errno.EROFS: f"make its disk writable, or {ELSEWHERE}",
    errno.EFBIG: "allow larger files (`ulimit -f`), or move the folder to another disk",
    errno.EMFILE: "raise the limit of open files (`ulimit -n 4096`), or use fewer workers (JOBS=1)",
    errno.ENFILE: "close other programs, or use fewer workers (JOBS=1)",
    errno.ENOMEM: "close other programs, or use fewer workers (JOBS=1)",
    errno.ELOOP: "a link leads to itself: remove it, or let it lead to the file",
    errno.ENAMETOOLONG: f"its path is too long for this disk: {ELSEWHERE} whose path is shorter",
    errno.ENOENT: "make it, or correct the path",
    errno.ENOTDIR: "a file stands where a folder is wanted: move the file away, or correct the path",
    errno.EEXIST: "a file stands where a folder is wanted: move the file away, or correct the path",
    errno.EISDIR: "a folder stands where a file is wanted: move the folder away, or correct the path",
    errno.EBUSY: "another program uses it: end that program, then run this again",
    **dict.fromkeys(NO_LOCKS, "this disk has no locks: move the folder to a disk of this machine with FAIRNB_CACHE"),
    **dict.fromkeys(
        (errno.ESTALE, errno.EIO, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENODEV, errno.ENXIO),
        "check that disk (of a network, perhaps), then run this again; nothing was changed",
    ),
}


def free_bytes(path: Path) -> int:
    """Free bytes on the disk that holds ``path`` (or will hold it)."""
    path = Path(path).absolute()
    while not os.path.exists(path):
        path = path.parent
    return shutil.disk_usage(path).free


def is_there(path: Path) -> bool:
    """Whether there is anything at ``path``. DiskTrouble: that cannot be known (no rights, a stale disk)."""
    with plain_errors(path):
        return path.exists()


def require_space(path: Path, needed: int) -> None:
    """Raise DiskTrouble if the disk of ``path`` has fewer than ``needed`` bytes free, before any work is done."""
    if free_bytes(path) < needed:
        raise _disk_full(path, f"{needed / 1e6:.0f} MB are needed and ")


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of writers of ``path`` that were killed; call it only while holding its lock."""
    for old in Path(path).parent.glob(f".{glob.escape(Path(path).name)}.*.tmp"):
        if re.fullmatch("[0-9a-f]+", old.name.split(".")[-2]):
            remove_tree(old)


def remove_tree(path: Path) -> None:
    """Remove a file or a folder with all that is in it; of a link the link alone. Nothing happens if it is not there.

    It is for folders that fairnb has made under a name of its own, with nothing else in them.
    """
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def remove_at_once(folder: Path) -> None:
    """Remove a folder so that no other process finds half of it. Raises OSError where the disk refuses."""
    going = _temporary(folder)
    folder.rename(going)
    shutil.rmtree(going, ignore_errors=True)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which becomes ``path`` when the block ends well and vanishes otherwise.

    Makes the folders above it. Raises DiskTrouble where the disk refuses; what the block raises otherwise passes.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with plain_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            machine.sync(path.parent)
    finally:
        with suppress(OSError):  # the first error is the one to be told
            temporary.unlink(missing_ok=True)


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write ``data`` (text as UTF-8) to ``path`` so that no reader ever sees half of it; see ``atomic_file``."""
    with atomic_file(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """An empty temporary folder to fill, which becomes ``path`` when the block ends well and vanishes otherwise.

    A folder that is already at ``path`` (another process was faster) is kept and the new one dropped.
    Raises DiskTrouble where the disk refuses; what the block raises otherwise passes.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        with plain_errors(path):
            temporary.mkdir(parents=True)
            yield temporary
            for file in temporary.rglob("*"):
                machine.sync(file)
            machine.sync(temporary)
            try:
                temporary.rename(path)
            except OSError:
                if not path.is_dir():
                    raise
            machine.sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.tmp")


@contextmanager
def lock(path: Path, timeout: float = -1) -> Iterator[None]:
    """Hold the lock file ``path`` (its folder is made) in the block; a killed process drops its lock.

    On a disk without locks the file's existence is the lock, which a killed process of this machine drops, too.

    Args:
        timeout: seconds to wait for another holder; below 0 as long as it takes.

    Raises:
        filelock.Timeout: another process still holds it. DiskTrouble: no rights, no room, ...
    """
    with plain_errors(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        held = _held(Path(path), timeout)
    try:
        yield
    finally:
        held.release()


def _held(path: Path, timeout: float) -> BaseFileLock:
    found: BaseFileLock = FileLock(path, timeout=timeout)  # a disk without flock at all is its own affair
    try:
        found.acquire()
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        _say_soft(path.parent)
        found = SoftFileLock(path.with_name(f"{path.name}.soft"), timeout=timeout)  # the other's empty file stays
        found.acquire()
    return found


@cache
def _say_soft(folder: Path) -> None:
    log.warning(
        "the disk of %s has no locks, so files stand for them: after a crash of another machine, remove *.lock.soft",
        folder,
    )


@contextmanager
def plain_errors(path: Path) -> Iterator[None]:
    """Turn what the system refuses in the block into a DiskTrouble, see ``sentence_of``; other errors pass through."""
    try:
        yield
    except OSError as error:
        if error.errno is None and not _short_write(error):  # no word of the system's: a bad archive, a timeout, ...
            raise
        raise sentence_of(error, path) from error


def sentence_of(error: OSError, path: Path | None = None) -> DiskTrouble:
    """What the system refused, in one sentence with the file and what to do.

    Args:
        path: what was to be read or written, where the error names no file itself.
    """
    where = error.filename if isinstance(error.filename, str | os.PathLike) else path
    if path is not None and str(where).endswith(".tmp"):
        where = path  # nobody knows our temporary file
    if _short_write(error) or error.errno in FULL:
        return _disk_full(Path(where) if where else Path.cwd())
    what = f"{where} cannot be {'written' if error.errno == errno.EROFS else 'used'}" if where else "the system refuses"
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    if error.errno in (errno.EACCES, errno.EPERM):
        return DiskTrouble(f"{what} ({reason}): {_whose(Path(where)) if where else ELSEWHERE}")
    return DiskTrouble(f"{what} ({reason}): {REMEDIES.get(error.errno or 0, 'correct that, then run this again')}")


def _short_write(error: OSError) -> bool:
    return error.errno is None and "written" in str(error)  # what numpy's tofile says of a full disk


def _whose(path: Path) -> str:
    """Who can give the right: the owner of the first folder from above that one may not enter, else of ``path``."""
    path = path.absolute()
    place = next((folder for folder in reversed(path.parents) if not os.access(folder, os.X_OK)), path)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if (owner := machine.owner(place)) == machine.YOU:
        return f"give yourself the right (`chmod u+rwX {place}`), or {ELSEWHERE}"
    return f"ask {owner} for the right to {place}, or {ELSEWHERE}"


def _disk_full(path: Path, needed: str = "") -> DiskTrouble:
    return DiskTrouble(
        f"the disk is full: {path} cannot be written, {needed}{free_bytes(path) / 1e6:.0f} MB are free: "
        "free some space, or move the folder with FAIRNB_CACHE or FAIRNB_RESULTS"
    )
