"""What a file is, by its name and by its first bytes: an image, or nothing, a web page, the note of Git LFS."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

ENDINGS = (".jpg", ".jpeg", ".png")
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")


def is_picture(name: str) -> bool:
    """Whether a file of that name is an image to readers and counts: its ending in any case, and not hidden.

    A Mac leaves a hidden ``._1.jpg`` beside ``1.jpg`` on other systems' disks.
    """
    return name.lower().endswith(ENDINGS) and not name.startswith(".")


def as_stored(root: Path, files: Sequence[str]) -> list[str]:
    """The paths ``files`` below ``root`` as they are spelled there: a list says ``1.jpg`` where a disk has ``1.JPG``.

    A file that is absent keeps its name.
    """
    folders = {file.rpartition("/")[0] for file in files}
    there = {f"{folder}/{name}" if folder else name for folder in folders for name in _names(root / folder)}
    if not there or there.issuperset(files):
        return list(files)
    spelled = {name.lower(): name for name in there}
    return [file if file in there else spelled.get(file.lower(), file) for file in files]


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:  # what is not there, or may not be looked at, is said by who opens an image in it
        return []


def impostor(head: bytes) -> str | None:
    """What a file that begins with ``head`` (512 bytes are enough) is instead of an image or weights.

    Returns:
        a clause that says it and what to do, or None where the file may be what its name says.
    """
    start = head.lstrip().lower()
    if not head:
        return "it is empty"
    if start.startswith(PAGES):
        return "it is a web page, as some sites send to programs: use a browser"
    if head.startswith(b"version https://git-lfs"):
        return "it is the note that Git LFS leaves: `git lfs pull` in that clone fetches the file itself"
    return None
