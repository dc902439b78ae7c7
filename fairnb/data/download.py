"""Fetch one file: resume, mirrors, content sniffing, size and hash; nothing unchecked ever gets its final name."""

from __future__ import annotations

import http.client
import io
import os
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

from tqdm import tqdm

from fairnb.data import files, fingerprints
from fairnb.data.sources import Download
from fairnb.errors import BadData, FairnbError

BLOCK = 1 << 18
TIMEOUT = 60
ATTEMPTS = 3
MAGIC = {"zip": b"PK\x03\x04", "gzip": b"\x1f\x8b"}
BROKEN_ARCHIVE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, KeyError)


class Interrupted(FairnbError):
    """A source that cannot be reached, or a transfer that stopped; what came so far is kept where it can be checked."""


def fetch(download: Download, part: Path) -> None:
    """Get ``download`` into the file ``part``, checked (kind, size, hash).

    An unfinished ``part`` is continued where a hash can tell whether the pieces fit, else begun anew. Every source is
    tried ``ATTEMPTS`` times, then the next one.

    Raises:
        BadData: something else came, e.g. a web page instead of a zip file; ``part`` is removed.
        Interrupted: no source could be reached, or the transfer stopped before the end.
        FairnbError: the disk is full.
    """
    problems: list[FairnbError] = []
    for url in download.urls:
        for _ in range(ATTEMPTS):
            try:
                with files.plain_errors(part):
                    part.parent.mkdir(parents=True, exist_ok=True)
                    _transfer(url, download, part)
                return check(download, part, url)
            except (BadData, Interrupted) as problem:
                problems.append(problem)
                if isinstance(problem, BadData):
                    part.unlink(missing_ok=True)
                if not part.exists():
                    break
    raise type(problems[-1])("; ".join(dict.fromkeys(map(str, problems))))


def check(download: Download, part: Path, url: str) -> None:
    """Raise BadData unless the file ``part`` from ``url`` has the kind, size and SHA-256 of ``download``."""
    with open(part, "rb") as file:
        sniff(file.read(512), download.kind, url)
    size = part.stat().st_size
    if download.size and size != download.size:
        raise BadData(f"{url} delivered {size} bytes, not {download.size}: it has changed, so get the file by hand")
    if download.sha256 and (found := fingerprints.sha256(part)) != download.sha256:
        raise BadData(
            f"{url} delivered a file with SHA-256 {found[:16]}..., not {download.sha256[:16]}...: try again, and if "
            "that does not help, the owner has changed it"
        )


def sniff(head: bytes, kind: str, url: str) -> None:
    """Raise BadData unless the first bytes ``head`` (up to 512) of ``url`` look like ``kind``: text, zip or gzip."""
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        raise BadData(f"{url} delivered a web page, not the {kind} file: open the address in a browser and read it")
    wrong = b"\0" in head or not head if kind == "text" else not head.startswith(MAGIC[kind])
    if wrong:
        raise BadData(f"{url} delivered something that is no {kind} file (it begins with {head[:8]!r}): get it by hand")


def _transfer(url: str, download: Download, part: Path) -> None:
    """Append the rest of ``url`` to ``part``, or write it anew where the server or the missing hash demands it."""
    have = part.stat().st_size if part.exists() and download.sha256 else 0
    if have and have == download.size:
        return
    request = urllib.request.Request(url, headers={"User-Agent": "fairnb"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            continued = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-") and answer.status == 206
            _save(answer, part, have if continued else 0, download, url)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise Interrupted(f"{url} answers {error.code} {error.reason}: get the file by hand") from error
        if not _complete(error, have):
            part.unlink(missing_ok=True)
            raise Interrupted(f"{url} cannot go on at byte {have}: try again") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        where = urlsplit(url).netloc or url
        raise Interrupted(
            f"{where} cannot be reached ({reason}): check the network, or get the file by hand"
        ) from error


def _complete(error: urllib.error.HTTPError, have: int) -> bool:
    """Whether a 416 answer says that the ``have`` bytes are already all (``Content-Range: bytes */N``)."""
    return error.headers.get("Content-Range", "").rpartition("/")[2] == str(have)


def _save(answer: http.client.HTTPResponse, part: Path, start: int, download: Download, url: str) -> None:
    total = start + int(answer.headers.get("Content-Length") or 0)
    files.require_space(part, total - start)
    with open(part, "ab" if start else "wb") as out:
        with tqdm(
            total=total or None, initial=start, unit="B", unit_scale=True, desc=Path(url).name, disable=None
        ) as bar:
            while block := answer.read(BLOCK):
                if out.tell() == 0:
                    sniff(block[:512], download.kind, url)
                out.write(block)
                bar.update(len(block))
        out.flush()
        os.fsync(out.fileno())
        if out.tell() < total:
            raise Interrupted(f"{url} stopped after {out.tell()} of {total} bytes: run it again to go on")


def unpack(download: Download, part: Path, root: Path) -> None:
    """Put the checked file ``part`` in its place below ``root``, and remove it.

    Raises:
        BadData: the archive is broken, lacks a member, or wants to write outside ``root``.
        DiskTrouble: the disk is full, or may not be written; the download is kept.
    """
    try:
        with files.plain_errors(root):
            if download.kind == "text":
                (root / download.target).parent.mkdir(parents=True, exist_ok=True)
                os.replace(part, root / download.target)
                return
            _unzip(download, part, root) if download.kind == "zip" else _untar(download, part, root)
    except BROKEN_ARCHIVE as error:
        part.unlink(missing_ok=True)
        reason = error.args[0] if isinstance(error, KeyError) else error
        raise BadData(f"{download.urls[0]}: the archive cannot be unpacked ({reason}): download it again") from error
    part.unlink()


def _unzip(download: Download, part: Path, root: Path) -> None:
    with zipfile.ZipFile(part) as archive:
        for member, target in download.members:
            files.write_atomic(root / target, _member(archive, member))


def _member(archive: zipfile.ZipFile, wanted: str) -> bytes:
    """The bytes of the file named ``wanted`` in any folder of the archive, or of a zip within it; else KeyError."""
    names = archive.namelist()
    for name in names:
        if Path(name).name == wanted and not name.startswith("__MACOSX"):
            return archive.read(name)
    for name in names:
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(archive.read(name))) as inner:
                try:
                    return _member(inner, wanted)
                except KeyError:
                    continue
    raise KeyError(f"it holds no {wanted}")


def _untar(download: Download, part: Path, root: Path) -> None:
    """Unpack beside the final folder, then move each file, so that every file there is complete, and others stay."""
    final, staging = root / download.folder, root / ".downloads" / f"{download.folder}.unpacked"
    files.remove_tree(staging)
    with tarfile.open(part) as archive:
        archive.extractall(staging, filter="data")
    if not (staging / download.folder).is_dir():
        raise KeyError(f"it holds no folder {download.folder}")
    for file in sorted((staging / download.folder).rglob("*")):
        target = final / file.relative_to(staging / download.folder)
        target.mkdir(parents=True, exist_ok=True) if file.is_dir() else os.replace(file, target)
    files.remove_tree(staging)
