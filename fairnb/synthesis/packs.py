"""Packs: generated images, what each was asked to show, and how it was made, in one ``.tar`` that is verified on load.

A pack holds ``pack.json`` (counts, hashes), ``manifest.csv`` (a row per image) and the images. The same images and
rows give the same bytes, so one hash names a pack.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.contract import Split
from fairnb.data import fingerprints
from fairnb.data.cache import cached_arrays, central
from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.synthesis.pack_checks import check_bytes, contents, decoded
from fairnb.synthesis.pack_files import decode, encode, resized, write

__all__ = ["Pack", "decode", "encode", "read", "resized", "verify", "write"]

FOLDER = paths.assets() / "packs"
_WATCHING: list[list[Path]] = []
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pack:
    """A verified pack.

    Attributes:
        name: the file's name without ``.tar``.
        images: uint8 ``(N, 3, S, S)``, RGB, 0..255.
        manifest: a row per image, in the order of ``images``: ``file``, ``sha256``, the attribute values that the
            prompt asked for, ``prompt``, ``prompt_set``, ``seed``, ``scheduler``, ``steps``, ``guidance``, ``model``,
            ``model_hash``, ``width``, ``height``.
        header: what ``pack.json`` says, ``attributes`` and ``counts`` per group among it.
    """

    name: str
    images: np.ndarray
    manifest: pd.DataFrame
    header: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.images)

    def split(self, target: str, protected: str) -> Split:
        """The images with two of the prompts' attributes as labels; ids are ``<name>/<image>``.

        The labels are what was asked for; whether an image shows it is another question (``synthesis.fidelity``).

        Raises:
            UnknownName: no such attribute. BadData: twice the same one.
        """
        attributes = self.header["attributes"]
        for name in (target, protected):
            if name not in attributes:
                raise UnknownName(f"attribute of pack {self.name}", name, attributes)
        if target == protected:
            raise BadData(f"pack {self.name}: target and protected are both {target!r}: name two attributes")
        ids = np.array([f"{self.name}/{Path(file).stem}" for file in self.manifest["file"]])
        y, z = (self.manifest[name].to_numpy(np.int64) for name in (target, protected))
        return Split(self.images, y, z, ids, target, protected)


def read(path: str | Path, *, size: int | None = None, cached: bool = False, most: int | None = None) -> Pack:
    """The verified pack at ``path``, or a shipped one by name (``toy_50_poses``).

    Args:
        size: the side in pixels that the caller needs: images of another size are resized as ``generate`` does it
            (Lanczos), with a warning if that enlarges them. cached: decode once and memory-map ever after.
        most: so many images at most, from all over the pack; all of it is verified.

    Raises:
        MissingData: no such file.
        BadData: anything is not as it was written (a changed byte, missing or extra images or rows, a truncated
            file, another image size than the manifest's).
    """
    path = _found(path)
    with plain_errors(path), path.open("rb") as raw:
        told, manifest, places = contents(raw, path)
        check_bytes(raw, places, manifest, path)
        if most is not None and most < len(manifest):
            rows = np.linspace(0, len(manifest) - 1, most).round().astype(int)
            manifest = manifest.iloc[rows].reset_index(drop=True)
        side = int(manifest["width"][0])
        if size is not None and size > side:
            log.warning("pack %s: its images of %d pixels are enlarged to %d", path, side, size)

        def whole() -> np.ndarray:
            images = np.empty((len(manifest), 3, size or side, size or side), np.uint8)
            for i, shown in enumerate(decoded(raw, places, manifest, path)):
                images[i] = resized(shown.transpose(1, 2, 0), size).transpose(2, 0, 1)
            return images

        key = f"pack {path.stem} {told['manifest_sha256']}{f' {size}' if size not in (None, side) else ''}"
        key += f" {len(manifest)} of {told['images']}" if len(manifest) < told["images"] else ""
        images = cached_arrays(key, lambda: {"images": whole()})["images"] if cached else whole()
    return Pack(path.stem, images, manifest, told)


def verify(path: str | Path) -> Mapping[str, Any]:
    """The header of the pack at ``path`` after all checks of ``read``, image by image; raises what ``read`` raises."""
    path = _found(path)
    with plain_errors(path), path.open("rb") as raw:
        told, manifest, places = contents(raw, path)
        check_bytes(raw, places, manifest, path)
        for _ in decoded(raw, places, manifest, path):
            pass
    return told


def header(path: str | Path) -> Mapping[str, Any]:
    """What the pack at ``path`` says of itself; raises as ``read`` does, but looks at no image."""
    path = _found(path)
    with plain_errors(path), path.open("rb") as raw:
        return contents(raw, path)[0]


def _found(path: str | Path) -> Path:
    found = Path(path)
    if not found.suffix and not found.is_file():
        found = FOLDER / f"{path}.tar"
    if not found.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.tar"))) or "none"
        raise MissingData(f"there is no pack {path}: make it with synthesis.generate; shipped packs: {known}")
    return found


def packed_pool(pack: str, target: str, protected: str, size: int, crop: int | None = None) -> Split:
    """The generated images of the pack file ``pack`` as a pool, ``size`` pixels a side, then the central ``crop``.

    Decoded once into a memory map that all processes share; images of another size are resized, see ``read``.

    Raises:
        MissingData: no such pack; the sentence says how to make it. BadData: the pack is damaged, or lacks a label.
    """

    def make() -> dict[str, np.ndarray]:
        # Without a crop the pool itself is the decoded pack: it need not be stored twice.
        split = read(Path(pack), size=size, cached=crop is not None).split(target, protected)
        arrays = {"target": split.target, "protected": split.protected, "ids": np.asarray(split.ids).astype(str)}
        return {"x": central(split.x, crop)} | arrays

    key = f"{pack_fingerprint(pack)}-{target}-{protected}-{size}-{crop}"
    arrays = cached_arrays(f"pool-{hashlib.sha256(key.encode()).hexdigest()[:16]}", make)
    labels: dict[str, Any] = {name: np.array(arrays[name]) for name in ("target", "protected", "ids")}
    return Split(arrays["x"], **labels, target_name=target, protected_name=protected)


def pack_fingerprint(pack: str) -> str:
    """SHA-256 of a pack file, 16 digits. Raises MissingData: it is not there."""
    for watching in _WATCHING:
        watching.append(Path(pack))
    if not Path(pack).is_file():
        raise MissingData(
            f"the generated images {Path(pack).name} are not in {Path(pack).parent}: "
            f"`fairnb generate --prompts {Path(pack).stem}` makes them, `fairnb generate --all` all packs that are "
            "missing; both say first how long that takes"
        )
    return fingerprints.sha256(Path(pack))[:16]


@contextmanager
def watch() -> Iterator[list[Path]]:
    """The pack files whose fingerprint is asked for while this lasts, whether they are there or not."""
    found: list[Path] = []
    _WATCHING.append(found)
    try:
        yield found
    finally:
        _WATCHING[:] = [other for other in _WATCHING if other is not found]
