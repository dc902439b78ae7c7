"""Packs: generated images, what each was asked to show, and how it was made, in one ``.tar`` that is verified on load.

A pack holds ``pack.json`` (counts, hashes), ``manifest.csv`` (a row per image) and the images. The same images and
rows give the same bytes, so one hash names a pack.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fairnb import paths
from fairnb.contract import Split
from fairnb.data import fingerprints
from fairnb.data.cache import cached_arrays, central
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.synthesis.pack_files import FORMAT, HEADER, MANIFEST, canonical, decode, encode, sha256, write, write_tar

__all__ = ["Pack", "decode", "encode", "read", "verify", "write"]

FOLDER = paths.assets() / "packs"


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


def read(path: str | Path, *, size: int | None = None, cached: bool = False) -> Pack:
    """The verified pack at ``path``, or a shipped one by name (``toy_50_poses``).

    Args:
        size: the side in pixels that the caller needs. cached: decode once and memory-map ever after.

    Raises:
        MissingData: no such file.
        BadData: anything is not as it was written (a changed byte, missing or extra images or rows, a truncated
            file, another image size than the manifest's), or the images are not ``size`` pixels wide.
    """
    path = _found(path)
    raw = path.read_bytes()
    members = _members(raw, path)
    header = _header(members, path)
    manifest = _manifest(members, header, path)
    _check_images(members, manifest, path)
    again = io.BytesIO()
    write_tar(again, members.items())
    if again.getbuffer() != memoryview(raw):
        raise _damaged(path, "has bytes between its files that fairnb did not write")
    side = int(manifest["width"][0])
    if size is not None and side != size:
        raise BadData(f"pack {path} holds images of {side} pixels, {size} are needed: make it with size={size}")
    if cached:
        key = f"pack {path.stem} {header['manifest_sha256']}"
        images = cached_arrays(key, lambda: {"images": _decoded(members, manifest, path)})["images"]
    else:
        images = _decoded(members, manifest, path)
    return Pack(path.stem, images, manifest, header)


def verify(path: str | Path) -> Mapping[str, Any]:
    """The header of the pack at ``path`` after all checks of ``read``; raises what ``read`` raises."""
    return read(path).header


def _found(path: str | Path) -> Path:
    found = Path(path)
    if not found.suffix and not found.is_file():
        found = FOLDER / f"{path}.tar"
    if not found.is_file():
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.tar"))) or "none"
        raise MissingData(f"there is no pack {path}: make it with synthesis.generate; shipped packs: {known}")
    return found


def _members(raw: bytes, path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is None or member.name in found:
                    raise _damaged(path, f"holds {member.name!r} twice or as something else than a file")
                found[member.name] = file.read()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _damaged(path, f"is truncated or no tar file ({error})") from error
    return found


def _header(members: Mapping[str, bytes], path: Path) -> dict[str, Any]:
    try:
        told = json.loads(members[HEADER])
        claimed = told.pop("sha256")
        version = told["format"]
        [told[key] for key in ("images", "manifest_sha256", "attributes")]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(path, f"has no readable {HEADER}") from error
    if claimed != sha256(canonical(told)):
        raise _damaged(path, f"has a changed {HEADER}")
    if version != FORMAT:
        raise BadData(f"pack {path} has format {version}, this fairnb reads format {FORMAT}: update fairnb")
    return told


def _manifest(members: Mapping[str, bytes], header: Mapping[str, Any], path: Path) -> pd.DataFrame:
    raw = members.get(MANIFEST, b"")
    if (lines := raw.count(b"\n") - 1) != header["images"]:
        raise _damaged(path, f"has {max(lines, 0)} of {header['images']} rows in its {MANIFEST}")
    if sha256(raw) != header["manifest_sha256"]:
        raise _damaged(path, f"has a changed {MANIFEST}")
    words = dict.fromkeys(("file", "sha256", "prompt", "prompt_set", "scheduler", "model", "model_hash"), str)
    try:
        names, *rows = csv.reader(io.StringIO(raw.decode()), strict=True)
        table = pd.read_csv(io.BytesIO(raw), keep_default_na=False, dtype=words)  # a hash may look like a number
    except (ValueError, csv.Error) as error:
        raise _damaged(path, f"has no readable {MANIFEST} ({' '.join(str(error).split())})") from error
    if not rows or {len(row) for row in rows} != {len(set(names))}:
        raise _damaged(path, f"has a {MANIFEST} without rows, with too few or many fields, or a column twice")
    for column in ("file", "sha256", "width", "height", *header["attributes"]):
        if column not in table:
            raise _damaged(path, f"has a {MANIFEST} without the column {column!r}")
        if column not in words and not pd.api.types.is_integer_dtype(table[column]):
            raise _damaged(path, f"has a {MANIFEST} in which {column!r} is not always a whole number")
    return table


def _check_images(members: Mapping[str, bytes], manifest: pd.DataFrame, path: Path) -> None:
    held, listed = set(members) - {HEADER, MANIFEST}, set(manifest["file"])
    if absent := sorted(listed - held):
        raise _damaged(path, f"lacks {len(absent)} of {len(listed)} images, the first is {absent[0]}")
    if extra := sorted(held - listed):
        raise _damaged(path, f"holds {len(extra)} files that its manifest does not list, the first is {extra[0]}")
    for file, claimed in zip(manifest["file"], manifest["sha256"], strict=True):
        if sha256(members[file]) != claimed:
            raise _damaged(path, f"has a changed image, {file}")


def _decoded(members: Mapping[str, bytes], manifest: pd.DataFrame, path: Path) -> np.ndarray:
    """Images uint8 ``(N, 3, S, S)``; all must have the first one's size, and it must be what the manifest says."""
    side = int(manifest["width"][0])
    images = np.empty((len(manifest), 3, side, side), np.uint8)
    for i, (file, *claimed) in enumerate(manifest[["file", "width", "height"]].itertuples(index=False)):
        try:
            shown = decode(members[file])
        except BadData as error:
            raise _damaged(path, f"has an image that cannot be decoded, {file}") from error
        if not shown.shape[:0:-1] == tuple(claimed) == (side, side):
            told = "x".join(map(str, shown.shape[:0:-1]))
            raise _damaged(path, f"has an image of the wrong size, {file} is {told} and should be {side}x{side}")
        images[i] = shown
    return images


def _damaged(path: Path, what: str) -> BadData:
    return BadData(f"pack {path} {what}: it is damaged, copy or make it again")


def packed_pool(pack: str, target: str, protected: str, size: int, crop: int | None = None) -> Split:
    """The generated images of the pack file ``pack`` as a pool, ``size`` pixels a side, then the central ``crop``.

    Decoded once into a memory map that all processes share.

    Raises:
        MissingData: no such pack; the sentence says how to make it. BadData: the pack is damaged, or lacks a label.
    """

    def make() -> dict[str, np.ndarray]:
        split = read(Path(pack), size=size, cached=True).split(target, protected)
        arrays = {"target": split.target, "protected": split.protected, "ids": np.asarray(split.ids).astype(str)}
        return {"x": central(split.x, crop)} | arrays

    key = f"{pack_fingerprint(pack)}-{target}-{protected}-{size}-{crop}"
    arrays = cached_arrays(f"pool-{hashlib.sha256(key.encode()).hexdigest()[:16]}", make)
    labels = {name: np.array(arrays[name]) for name in ("target", "protected", "ids")}
    return Split(arrays["x"], **labels, target_name=target, protected_name=protected)


def pack_fingerprint(pack: str) -> str:
    """SHA-256 of a pack file, 16 digits. Raises MissingData: it is not there."""
    if not Path(pack).is_file():
        raise MissingData(
            f"the generated images {Path(pack).name} are not in {Path(pack).parent}: make them with "
            f"`fairnb generate --prompts SET --model FOLDER_OR_ID --out {Path(pack).name}` and put them there"
        )
    return fingerprints.sha256(Path(pack))[:16]
