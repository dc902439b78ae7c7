"""The bytes of a pack: image files, manifest and header in one uncompressed tar; see ``packs`` for reading them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from PIL import Image

from fairnb.data import pictures
from fairnb.data.files import atomic_file
from fairnb.errors import BadData

FORMAT = 1
HEADER, MANIFEST = "pack.json", "manifest.csv"
SAMPLED = ("prompt", "prompt_set", "seed", "scheduler", "steps", "guidance", "model", "model_hash", "width", "height")


def encode(image: np.ndarray, quality: int | None = 90) -> tuple[str, bytes]:
    """The file suffix and bytes of an image uint8 ``(H, W, 3)``: WebP of that ``quality``, lossless PNG if None."""
    out = io.BytesIO()
    picture = Image.fromarray(image)
    if quality is None:
        picture.save(out, "PNG")
        return ".png", out.getvalue()
    picture.save(out, "WEBP", quality=quality, method=4)
    return ".webp", out.getvalue()


def decode(data: bytes) -> np.ndarray:
    """The image uint8 ``(3, H, W)``, RGB, of a file's bytes; BadData if they are none, see ``pictures.read``."""
    return np.asarray(pictures.read(data, "an image of a pack")).transpose(2, 0, 1)


def resized(image: np.ndarray, size: int | None, resample: Image.Resampling = Image.Resampling.LANCZOS) -> np.ndarray:
    """An image uint8 ``(H, W, 3)`` with ``size`` pixels a side, by one of Pillow's filters; None leaves it as it is.

    Lanczos is that of AIM-Fair's released script.
    """
    if size is None or image.shape[:2] == (size, size):
        return image
    return np.asarray(Image.fromarray(image).resize((size, size), resample))


def write(
    path: Path,
    images: Sequence[bytes],
    rows: Sequence[Mapping[str, Any]],
    *,
    attributes: Sequence[str],
    about: Mapping[str, Any] | None = None,
    extra: Sequence[str] = (),
) -> None:
    """Write a pack to ``path`` (it appears complete or not at all); the same arguments give the same bytes.

    Args:
        images: encoded image files. rows: of each its ``file`` name, the ``attributes`` and the columns ``SAMPLED``.
        about: more for ``pack.json``. extra: more columns of the manifest.

    Raises:
        BadData: no images, not one row per image, a row without one of the columns, an attribute with the name of
            another column, or labels that are no whole numbers from 0.
    """
    columns = ["file", "sha256", *attributes, *extra, *SAMPLED]
    if not len(images) or len(images) != len(rows):
        raise BadData(f"pack {path}: {len(images)} images and {len(rows)} rows: give one row per image, and some")
    table = pd.DataFrame([{**row, "sha256": sha256(data)} for row, data in zip(rows, images, strict=True)])
    if absent := [name for name in columns if name not in table]:
        raise BadData(f"pack {path}: the rows have no {absent[0]!r}: give it for each image")
    if twice := [name for place, name in enumerate(columns) if name in columns[:place]]:
        raise BadData(f"pack {path}: {twice[0]!r} is the name of a column of each pack: call the attribute otherwise")
    for name in attributes:
        if not pd.api.types.is_integer_dtype(table[name]) or (table[name] < 0).any():
            found = table[name].unique()[:5].tolist()
            raise BadData(f"pack {path}: {name!r} holds {found}: labels are whole numbers from 0")
    manifest = table[columns].to_csv(index=False, lineterminator="\n").encode()
    told = {**(about or {}), "format": FORMAT, "attributes": list(attributes), "images": len(images)}
    told |= {"counts": _counts(table, attributes), "manifest_sha256": sha256(manifest)}
    told["sha256"] = sha256(canonical(told))
    with atomic_file(path) as file:
        members = zip(table["file"], images, strict=True)
        write_tar(file, [(HEADER, json.dumps(told, indent=1).encode()), (MANIFEST, manifest), *members])


def write_tar(file: BinaryIO, members: Iterable[tuple[str, bytes]]) -> None:
    """Write named files in that order, without times and owners: the same content gives the same bytes."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def _counts(table: pd.DataFrame, attributes: Sequence[str]) -> dict[str, int]:
    groups = table[list(attributes)].astype(int).itertuples(index=False)
    names = [", ".join(f"{name}={value}" for name, value in zip(attributes, row, strict=True)) for row in groups]
    return dict(Counter(names))


def canonical(told: Mapping[str, Any]) -> bytes:
    """The bytes of a header that are hashed."""
    return json.dumps(told, sort_keys=True).encode()


def sha256(data: bytes) -> str:
    """Hex digest of ``data``."""
    return hashlib.sha256(data).hexdigest()
