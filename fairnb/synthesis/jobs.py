"""The state of a generation run: which images it consists of, and which of them are already there and whole.

A run lives in a folder beside its pack until it is complete: ``job.json`` (what decides the images), ``images/`` and
append-only ``rows-*.jsonl``, one row per finished image. A kill at any moment leaves at worst half an image or half a
row; neither counts, because a row counts only if its image has the row's hash.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fairnb.data.files import plain_errors, write_atomic
from fairnb.errors import BadData
from fairnb.synthesis import packs
from fairnb.synthesis.pipelines import Sampling, TextToImage
from fairnb.synthesis.prompts import PromptSet, said

VERSION = 2  # since 2 images are resized by Lanczos
# What a run writes into its folder: nothing else in there is ever removed.
NAMES = (
    "job.json",
    "rows-[0-9]*.jsonl",
    "worker-[0-9]*.lock",
    "worker-[0-9]*.lock.soft",
    *(f"images/{'[0-9]' * 6}*.{ending}" for ending in ("webp", "png")),
)


@dataclass(frozen=True)
class Item:
    """One image to make: its number in the pack, its group, its prompt and the seed of its noise."""

    index: int
    labels: Mapping[str, int]
    prompt: str
    seed: int


@dataclass(frozen=True)
class Job:
    """A generation run.

    Attributes:
        prompts: what is asked for. out: the pack, ``….tar``. seed: of the whole run.
        per_group, per_prompt: images for each group (its prompts take turns) or each prompt; give one of them.
        sampling: see ``Sampling``.

    Raises:
        BadData: both or none of the counts, a count below 1, or ``out`` that is no ``.tar``.
    """

    prompts: PromptSet
    out: Path
    per_group: int | None = None
    per_prompt: int | None = None
    seed: int = 0
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        counts = [n for n in (self.per_group, self.per_prompt) if n is not None]
        if len(counts) != 1 or counts[0] < 1:
            raise BadData(
                f"generation got per_group={self.per_group} and per_prompt={self.per_prompt}: give one of them, from 1"
            )
        if Path(self.out).suffix != ".tar":
            raise BadData(f"generation writes a pack, got out={self.out}: give a name that ends in .tar")

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All images in the pack's order, group by group."""
        made: list[Item] = []
        for group, texts in zip(self.prompts.groups, self.prompts.prompts, strict=True):
            for i in range(self.per_group or (self.per_prompt or 0) * len(texts)):
                made.append(Item(len(made), group, texts[i % len(texts)], image_seed(self.seed, len(made))))
        return tuple(made)

    @property
    def folder(self) -> Path:
        """Where unfinished work is."""
        return Path(self.out).with_suffix(".parts")

    @property
    def about(self) -> dict[str, Any]:
        """What the pack's header says of the run, besides the model."""
        told = {name: getattr(self.prompts, name) for name in ("kind", "writer", "poses")}
        told |= {"prompt_set": self.prompts.name, "prompts": self.prompts.digest, "seed": self.seed}
        return told | {"sampling": self._decisive()}

    def _decisive(self) -> dict[str, Any]:
        """The sampling settings that decide what an image looks like."""
        return {key: value for key, value in asdict(self.sampling).items() if key != "batch_size"}

    def batches(self, worker: int = 0, workers: int = 1) -> Iterator[Sequence[Item]]:
        """The batches of one of ``workers``. Which images share a batch never depends on what is done already:
        an image drawn beside others differs in the last bits, and a resumed run must give the same bytes."""
        size = self.sampling.batch_size
        for start in range(worker * size, len(self.items), workers * size):
            yield self.items[start : start + size]

    def prepare(self, model: TextToImage) -> None:
        """Make the folder, or check that what is in it belongs to this job and ``model``.

        Raises:
            BadData: it does not. DiskTrouble: the disk refuses.
        """
        decides = self._decisive() | {"version": VERSION, "prompts": self.prompts.digest, "seed": self.seed}
        decides |= {
            "images": len(self.items),
            "model": model.name,
            "model_hash": model.hash,
            "scheduler": model.scheduler,
        }
        file = self.folder / "job.json"
        with plain_errors(file):
            if not file.is_file():
                (self.folder / "images").mkdir(parents=True, exist_ok=True)
                write_atomic(file, json.dumps(decides, indent=1))
            found = _parsed(file.read_text(encoding="utf-8"))
        if changed := [key for key in decides if found.get(key) != decides[key]]:
            raise BadData(
                f"{self.folder} holds images of another run ({changed[0]} was {found.get(changed[0])!r}, now "
                f"{decides[changed[0]]!r}): delete that folder or choose another out"
            )

    def finished(self) -> dict[int, dict[str, Any]]:
        """Rows of the images that are complete, by index; each file was read and has its row's hash and content.

        Raises:
            DiskTrouble: one cannot be read just now, so whether it is complete is not known.
        """
        rows: dict[int, dict[str, Any]] = {}
        with plain_errors(self.folder):
            for file in sorted(self.folder.glob("rows-*.jsonl")):
                for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                    row = _parsed(line)
                    if isinstance(row.get("index"), int) and 0 <= row["index"] < len(self.items) and self._whole(row):
                        rows[row["index"]] = row
        return rows

    def store(self, items: Sequence[Item], images: np.ndarray, model: TextToImage, worker: int) -> None:
        """Write a batch of images uint8 ``(B, H, W, 3)``, then its rows, which make it count."""
        rows = []
        with plain_errors(self.folder):
            for item, image in zip(items, images, strict=True):
                shown = packs.resized(image, self.sampling.size)
                suffix, data = packs.encode(shown, self.sampling.quality)
                row = self._row(item, model, f"{item.index:06d}{suffix}", shown.shape[1], shown.shape[0])
                (self.folder / "images" / row["file"]).write_bytes(data)
                rows.append(row | {"sha256": hashlib.sha256(data).hexdigest()})
            _append(self.folder / f"rows-{worker}.jsonl", rows)

    def pack(self) -> Path:
        """Write the pack, check it, and ``clear`` the folder; BadData says how many images are still to be made."""
        rows = self.finished()
        if len(rows) < len(self.items):
            raise BadData(f"{self.folder} has {len(rows)} of {len(self.items)} images: run the generation again")
        ordered = [rows[i] for i in range(len(self.items))]
        images = _Files([self.folder / "images" / row["file"] for row in ordered])
        about = {**self.about, **{key: ordered[0][key] for key in ("model", "model_hash")}}
        packs.write(self.out, images, ordered, attributes=self.prompts.attributes, about=about)
        packs.verify(self.out)
        self.clear()
        return Path(self.out)

    def clear(self) -> None:
        """Remove the run's own files from its folder, and the folder where nothing else is in it."""
        with plain_errors(self.folder):
            for file in (file for name in NAMES for file in self.folder.glob(name)):
                if not file.parent.is_symlink():
                    file.unlink()
            for folder in (self.folder / "images", self.folder):
                if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
                    folder.rmdir()

    def _row(self, item: Item, model: TextToImage, file: str, width: int, height: int) -> dict[str, Any]:
        sampling = self.sampling
        return {
            "index": item.index,
            "file": file,
            **item.labels,
            "prompt": item.prompt,
            "prompt_set": self.prompts.name,
            "seed": item.seed,
            "scheduler": model.scheduler,
            "steps": sampling.steps,
            "guidance": sampling.guidance,
            "model": model.name,
            "model_hash": model.hash,
            "width": width,
            "height": height,
        }

    def _whole(self, row: Mapping[str, Any]) -> bool:
        item = self.items[row["index"]]
        if (row.get("seed"), row.get("prompt")) != (item.seed, item.prompt):
            return False
        try:
            data = (self.folder / "images" / row["file"]).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, KeyError):
            return False
        return hashlib.sha256(data).hexdigest() == row.get("sha256")

    def __str__(self) -> str:
        return f"{Path(self.out).stem}: {len(self.items)} images, groups {'; '.join(map(said, self.prompts.groups))}"


class _Files(Sequence):
    """The bytes of files, each read when it is asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: Any) -> bytes:
        return self.files[index].read_bytes()


def image_seed(seed: int, index: int) -> int:
    """The seed of image ``index`` of a run with ``seed``, in 0..2^48-1: images share no noise, whoever draws them."""
    return int.from_bytes(hashlib.sha256(f"{seed} {index}".encode()).digest()[:6], "big")


def _parsed(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _append(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with open(file, "a+b") as out:
        if out.tell() and (out.seek(-1, os.SEEK_END), out.read(1))[1] != b"\n":
            out.write(b"\n")  # a killed writer left half a row
        out.write("".join(json.dumps(row) + "\n" for row in rows).encode())
        out.flush()
        os.fsync(out.fileno())
