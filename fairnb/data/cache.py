"""Compute once, memory-map ever after: decoded images and other arrays under ``paths.cache()``.

Concurrent processes share one result: whoever holds the lock computes, the others wait and then map the same file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import numpy as np
import PIL
from PIL import Image

from fairnb import paths
from fairnb.data import files as disk
from fairnb.data import machine, pictures, progress
from fairnb.errors import BadData, MissingData

VERSION = 2  # since 2 pictures of any kind are upright and of their own brightness: see pictures.read
CHUNK = 256
PASSING_BYTES = 2 * 2**30  # what is kept of arrays that few runs need
PROGRESS_FROM = 2000


@dataclass(frozen=True)
class Frame:
    """The part of a picture that is looked at: the picture is squeezed to ``side`` pixels a side, the rest cut off.

    Attributes:
        side: in pixels. box: left, upper, right and lower edge of what is kept, in pixels of that square.
    """

    side: int
    box: tuple[int, int, int, int]


def images(files: Sequence[str], size: int, *, name: str, root: Path, frame: Frame | None = None) -> np.ndarray:
    """The images as one read-only memory map, uint8 ``(N, 3, size, size)``, RGB, 0..255, in the order of ``files``.

    Decoded once with Pillow and resized to ``size x size`` with its antialiased bilinear filter; the aspect ratio is
    not kept, as in AIM-Fair's ``Resize((s, s))``. A changed file (size or time stamp), list, ``size``, ``frame`` or
    Pillow version makes a new entry.

    Args:
        files: paths relative to ``root``.
        size: side of the square images in pixels.
        frame: which part of every picture is resized; None: all of it.
        name: the data set's name, for messages and the progress bar.
        root: folder of the data set.

    Raises:
        MissingData: images that are not there (count and first one).
        BadData: no files, or a file that is no image or is truncated; the message names it.
        DiskTrouble: the disk refuses (full, no rights, ...). Nothing half-written is left behind.
    """
    if len(files) == 0 or size < 1:
        raise BadData(f"{name}: {len(files)} images at {size} pixels cannot be loaded: ask for at least one of each")
    source = _source(files, name, Path(root))
    path = paths.cache() / "images" / f"{_key(source, size, frame)}.npy"
    shape = (len(files), 3, size, size)
    if (ready := _mapped(path, shape)) is not None:
        return ready
    with disk.lock(Path(f"{path}.lock")):
        if (ready := _mapped(path, shape)) is None:
            disk.remove_leftovers(path)
            disk.require_space(path, int(np.prod(shape)))
            _write_sidecar(path, source, size, name, root, frame)
            with disk.atomic_file(path) as out:
                _decode_all([Path(root) / f for f in files], shape, name, out, frame)
            with disk.plain_errors(path):
                ready = np.load(path, mmap_mode="r", allow_pickle=False)
    return ready


def cached_arrays(
    key: str, make: Callable[[], dict[str, np.ndarray]], *, passing: bool = False
) -> dict[str, np.ndarray]:
    """The arrays that ``make()`` returns, computed once per ``key`` and read-only memory-mapped.

    Args:
        key: names the content completely (code version, parameters, seed); any text.
        make: returns the arrays by name (letters, digits, ``_``); called only if no process has stored them yet.
        passing: few runs need them: of all such arrays the last ``PASSING_BYTES`` are kept, older ones are made again.

    Raises:
        DiskTrouble: the disk refuses (full, no rights, ...). What ``make`` raises passes through; nothing half-written
        is left behind.
    """
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", key)[:60].strip("-.")
    folder = paths.cache() / "arrays" / ("passing" if passing else "")
    path = folder / f"{slug}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    if (ready := _stored(path)) is not None:
        return ready
    with disk.lock(Path(f"{path}.lock")):
        if (ready := _stored(path)) is None:
            disk.remove_leftovers(path)
            disk.remove_tree(path)
            _store(path, make())
            ready = _stored(path)
            if passing:
                _forget_old(folder, PASSING_BYTES)
    return ready or {}


def _forget_old(folder: Path, most: int) -> None:
    """Remove the arrays that were made first until ``most`` bytes are left; who has them mapped keeps them."""
    found = []
    for one in folder.glob("[!.]*"):
        with suppress(FileNotFoundError):  # another process may be at it, too
            if one.is_dir():
                found.append((one.stat().st_mtime, sum(file.stat().st_size for file in one.iterdir()), one))
    found.sort(reverse=True)
    for (*_, one), until_here in zip(found, accumulate(size for _, size, _ in found), strict=True):
        if until_here > most and one != found[0][-1]:
            with suppress(OSError):  # where files that are open stay, they are removed another time
                disk.remove_at_once(one)


def _stored(path: Path) -> dict[str, np.ndarray] | None:
    """The finished arrays, or None if there are none (or something else shortened one, so they must be made again)."""
    with disk.plain_errors(path):
        if not path.is_dir():
            return None
        try:
            return {file.stem: np.load(file, mmap_mode="r", allow_pickle=False) for file in sorted(path.glob("*.npy"))}
        except (FileNotFoundError, ValueError, EOFError):
            return None


def _store(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with disk.atomic_folder(path) as folder:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _mapped(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """The finished entry, or None if there is none (or something else shortened it, so it must be made again)."""
    with disk.plain_errors(path):
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (FileNotFoundError, ValueError, EOFError):
            return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _source(files: Sequence[str], name: str, root: Path) -> str:
    """Hash of the list of files with their sizes and time stamps."""
    digest = hashlib.sha256(str(root.resolve()).encode())
    missing = []
    with disk.plain_errors(root):
        for file in files:
            try:
                found = os.stat(root / file)
            except (FileNotFoundError, NotADirectoryError):
                missing.append(file)
                continue
            digest.update(f"\n{file}\t{found.st_size}\t{found.st_mtime_ns}".encode())
    if missing:
        raise MissingData(
            f"{name}: {len(missing)} of {len(files)} images are missing under {root}, the first is {missing[0]}: "
            f"`make data` says where to get them"
        )
    return digest.hexdigest()


def _key(source: str, size: int, frame: Frame | None) -> str:
    part = f" {frame}" if frame else ""
    return hashlib.sha256(f"{VERSION} {PIL.__version__} {size} {source}{part}".encode()).hexdigest()[:32]


def _write_sidecar(path: Path, source: str, size: int, name: str, root: Path, frame: Frame | None) -> None:
    told = {"name": name, "root": str(root), "size": size, "source": source, "filter": "Pillow bilinear, antialiased"}
    told |= {"frame": str(frame)} if frame else {}
    told |= {"version": VERSION, "pillow": PIL.__version__}
    disk.write_atomic(path.with_suffix(".json"), json.dumps(told, indent=1))


def _decode_all(files: list[Path], shape: tuple[int, ...], name: str, out: BinaryIO, frame: Frame | None) -> None:
    """Append the decoded images to ``out`` as an .npy file; written in sequence, so a full disk raises OSError."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, header)
    with progress.bar(total=len(files), desc=f"decode {name}", unit="img", disable=len(files) <= PROGRESS_FROM) as bar:
        for array in _decoded(files, shape[-1], name, frame):
            out.write(array.tobytes())
            bar.update()


def _decoded(files: list[Path], size: int, name: str, frame: Frame | None) -> Iterator[np.ndarray]:
    workers = min(8, machine.cores())
    with ThreadPoolExecutor(workers) as pool:
        try:
            for start in range(0, len(files), CHUNK):
                yield from pool.map(partial(decode, size=size, name=name, frame=frame), files[start : start + CHUNK])
        except BaseException:  # a Ctrl-C does not wait for the rest of the chunk
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def decode(path: Path, *, size: int, name: str, frame: Frame | None = None) -> np.ndarray:
    """One image, uint8 ``(3, size, size)``, see ``images``; BadData names a file that cannot be decoded."""
    with disk.plain_errors(path):  # what may not be read now need not be a bad picture
        data = path.read_bytes()
    picture = pictures.read(data, f"{name}: {path}")
    if frame:
        picture = picture.resize((frame.side, frame.side), Image.Resampling.BILINEAR).crop(frame.box)
    picture = picture.resize((size, size), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))


def central(x: np.ndarray, crop: int | None) -> np.ndarray:
    """The central ``crop`` pixels a side of images ``(N, 3, S, S)``; all of them for None."""
    if crop is None or crop == x.shape[2]:
        return x
    edge = (x.shape[2] - crop) // 2
    return np.ascontiguousarray(x[:, :, edge : edge + crop, edge : edge + crop])
