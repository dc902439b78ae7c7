"""Whether a pack is as it was written: all of it is looked at, member by member, and never all of it held at once."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from fairnb.errors import BadData
from fairnb.synthesis.pack_files import FORMAT, HEADER, MANIFEST, canonical, decode, sha256, write_tar

Places = dict[str, tuple[int, int]]  # name of a member -> where its bytes begin, and how many there are


def contents(raw: BinaryIO, path: Path) -> tuple[dict[str, Any], pd.DataFrame, Places]:
    """Header, manifest, and where in the file each of its members lies; BadData if they are not as written."""
    places: Places = {}
    try:
        with tarfile.open(fileobj=raw, mode="r:") as tar:
            for member in tar:
                if not member.isreg() or member.name in places:
                    raise damaged(path, f"holds {member.name!r} twice or as something else than a file")
                places[member.name] = (member.offset_data, member.size)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise damaged(path, f"is truncated or no tar file ({error})") from error
    told = {name: _bytes(raw, places[name]) for name in (HEADER, MANIFEST) if name in places}
    header = _header(told, path)
    return header, _manifest(told, header, path), places


def _bytes(raw: BinaryIO, place: tuple[int, int]) -> bytes:
    raw.seek(place[0])
    return raw.read(place[1])


def _header(members: Mapping[str, bytes], path: Path) -> dict[str, Any]:
    try:
        told = json.loads(members[HEADER])
        claimed = told.pop("sha256")
        version = told["format"]
        [told[key] for key in ("images", "manifest_sha256", "attributes")]
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise damaged(path, f"has no readable {HEADER}") from error
    if claimed != sha256(canonical(told)):
        raise damaged(path, f"has a changed {HEADER}")
    if version != FORMAT:
        raise BadData(f"pack {path} has format {version}, this fairnb reads format {FORMAT}: update fairnb")
    return told


def _manifest(members: Mapping[str, bytes], header: Mapping[str, Any], path: Path) -> pd.DataFrame:
    raw = members.get(MANIFEST, b"")
    if (lines := raw.count(b"\n") - 1) != header["images"]:
        raise damaged(path, f"has {max(lines, 0)} of {header['images']} rows in its {MANIFEST}")
    if sha256(raw) != header["manifest_sha256"]:
        raise damaged(path, f"has a changed {MANIFEST}")
    words = dict.fromkeys(("file", "sha256", "prompt", "prompt_set", "scheduler", "model", "model_hash"), str)
    try:
        names, *rows = csv.reader(io.StringIO(raw.decode()), strict=True)
        table = pd.read_csv(io.BytesIO(raw), keep_default_na=False, dtype=words)  # a hash may look like a number
    except (ValueError, csv.Error) as error:
        raise damaged(path, f"has no readable {MANIFEST} ({' '.join(str(error).split())})") from error
    if not rows or {len(row) for row in rows} != {len(set(names))}:
        raise damaged(path, f"has a {MANIFEST} without rows, with too few or many fields, or a column twice")
    for column in ("file", "sha256", "width", "height", *header["attributes"]):
        if column not in table:
            raise damaged(path, f"has a {MANIFEST} without the column {column!r}")
        if column not in words and not pd.api.types.is_integer_dtype(table[column]):
            raise damaged(path, f"has a {MANIFEST} in which {column!r} is not always a whole number")
    return table


def check_bytes(raw: BinaryIO, places: Places, manifest: pd.DataFrame, path: Path) -> None:
    """Hold that the images are those that the manifest lists, and the file to the byte what ``write`` makes of them.

    Raises:
        BadData: they are not.
    """
    claimed = dict(zip(manifest["file"], manifest["sha256"], strict=True))
    held = set(places) - {HEADER, MANIFEST}
    if absent := sorted(set(claimed) - held):
        raise damaged(path, f"lacks {len(absent)} of {len(claimed)} images, the first is {absent[0]}")
    if extra := sorted(held - set(claimed)):
        raise damaged(path, f"holds {len(extra)} files that its manifest does not list, the first is {extra[0]}")

    def members() -> Iterator[tuple[str, bytes]]:
        for name, place in places.items():
            data = _bytes(raw, place)
            if name in claimed and sha256(data) != claimed[name]:
                raise damaged(path, f"has a changed image, {name}")
            yield name, data

    same = _Same(raw)
    write_tar(same, members())
    raw.seek(same.at)
    if same.differs or raw.read(1):
        raise damaged(path, "has bytes between its files that fairnb did not write")


class _Same(io.BytesIO):
    """A file that is not written but compared, from its start, with ``raw``."""

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self.raw, self.at, self.differs = raw, 0, False

    def tell(self) -> int:
        """The place that is compared next."""
        return self.at

    def write(self, data: Any) -> int:
        """Compare ``data`` with what is there."""
        self.raw.seek(self.at)
        self.differs |= self.raw.read(len(data)) != data
        self.at += len(data)
        return len(data)


def decoded(raw: BinaryIO, places: Places, manifest: pd.DataFrame, path: Path) -> Iterator[np.ndarray]:
    """The images uint8 ``(3, S, S)``, one by one.

    Raises:
        BadData: one is no image, or has not the size of the first, or not that of the manifest.
    """
    side = int(manifest["width"][0])
    for file, *claimed in manifest[["file", "width", "height"]].itertuples(index=False):
        try:
            shown = decode(_bytes(raw, places[file]))
        except BadData as error:
            raise damaged(path, f"has an image that cannot be decoded, {file}") from error
        if not shown.shape[:0:-1] == tuple(claimed) == (side, side):
            told = "x".join(map(str, shown.shape[:0:-1]))
            raise damaged(path, f"has an image of the wrong size, {file} is {told} and should be {side}x{side}")
        yield shown


def damaged(path: Path, what: str) -> BadData:
    """The sentence about a pack that is not as it was written."""
    return BadData(f"pack {path} {what}: it is damaged, copy or make it again")
