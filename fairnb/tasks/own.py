"""Somebody's own data as a task ``own/<digest>``: kept in the cache, so that every process that works can make it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from fairnb import paths
from fairnb.contract import Split
from fairnb.data import cache, subsets
from fairnb.data.files import is_there, plain_errors, write_atomic
from fairnb.errors import UnknownName
from fairnb.tasks.recipes import Data, Recipe, nothing

PREFIX = "own/"
PARTS = ("train", "val", "choose", "test")
PAPER = "own"  # whose settings: nobody's
CALLED = "your data"


def keep(arrays: Mapping[str, np.ndarray], told: Mapping[str, Any]) -> str:
    """Keep data for tasks; the same data and settings have the same name.

    Args:
        arrays: ``target``, ``protected``, ``part`` (one of ``PARTS``), ``ids``, ``content`` (hashes), and
            ``files`` or ``x`` (features, not scaled): each with a row per sample.
        told: ``root`` of the files, ``names`` of target and protected attribute, ``settings`` of network and training.

    Returns:
        The task's name.
    """
    digest = hashlib.sha256(json.dumps([told["names"], told["settings"]], sort_keys=True, default=list).encode())
    for name in ("content", "target", "protected", "part"):
        digest.update("\n".join(np.asarray(arrays[name]).astype(str)).encode())
    found = digest.hexdigest()[:12]
    if not is_there(_folder() / f"{found}.npz"):
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        write_atomic(_folder() / f"{found}.npz", buffer.getvalue())
    write_atomic(_folder() / f"{found}.json", json.dumps(dict(told), indent=1, default=list))
    return f"{PREFIX}{found}"


def recipe(name: str) -> Recipe:
    """The recipe of data that were kept. Raises UnknownName: none of that name."""
    file = _folder() / f"{name.removeprefix(PREFIX)}.json"
    with plain_errors(file):
        if not file.is_file():
            raise UnknownName("task", name, (f"{PREFIX}{other.stem}" for other in _folder().glob("*.json")))
    return _recipe(file)


@lru_cache(maxsize=64)
def _recipe(file: Path) -> Recipe:
    told = json.loads(file.read_text(encoding="utf-8"))
    arrays = _arrays(file.with_suffix(".npz"))
    return Recipe(
        partial(_build, arrays, told),
        lambda settings: file.stem,
        PAPER,
        CALLED,
        nothing,
        adapt=lambda settings: settings | told["settings"],
        family="images" if len(arrays["files"]) else "features",
    )


def _arrays(file: Path) -> dict[str, np.ndarray]:
    with plain_errors(file), np.load(file, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _build(arrays: dict[str, np.ndarray], told: dict[str, Any], settings: Mapping[str, Any]) -> Data:
    rows = {part: np.flatnonzero(arrays["part"] == part) for part in PARTS}
    for part, most in ((part, settings.get(f"n_{part}")) for part in rows):
        if most is not None and most < len(rows[part]):
            rows[part] = rows[part][_share(arrays, rows[part], most)]
    x = None if len(arrays["files"]) else scaled(arrays["x"], *scale_of(arrays["x"][rows["train"]]))
    made = {part: _split(arrays, told, rows[part], settings, x) for part in PARTS}
    return Data(made["train"], made["val"], made["test"], choose=made["choose"])


def _share(arrays: dict[str, np.ndarray], rows: np.ndarray, most: int) -> np.ndarray:
    """Places of ``most`` of ``rows``, the same in every run, with the groups' and the classes' shares."""
    order = subsets.shuffled(arrays["ids"][rows], seed=0)
    cells = (arrays["target"][rows] * (arrays["protected"].max() + 1) + arrays["protected"][rows])[order]
    wanted = np.bincount(cells) * most / len(rows)
    return np.sort(order[_ranks(cells) < np.ceil(wanted)[cells]])


def _ranks(cells: np.ndarray) -> np.ndarray:
    """How many earlier samples have the same cell, int64 ``(N,)``."""
    order = np.argsort(cells, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(cells[order])) + 1]
    first = np.repeat(starts, np.diff(np.r_[starts, len(cells)]))
    ranks = np.empty(len(cells), np.int64)
    ranks[order] = np.arange(len(cells)) - first
    return ranks


def scale_of(train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of every feature of the training rows ``(N, F)``, by which ``scaled`` makes them alike."""
    return train.mean(0), train.std(0)


def scaled(x: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Features ``(N, F)`` less ``mean`` in units of ``deviation``, float32; one that is constant there becomes 0."""
    return np.where(deviation > 0, (x - mean) / np.where(deviation > 0, deviation, 1), 0).astype(np.float32)


def _split(
    arrays: dict[str, np.ndarray],
    told: dict[str, Any],
    index: np.ndarray,
    settings: Mapping[str, Any],
    x: np.ndarray | None,
) -> Split:
    if x is None:
        files = arrays["files"][index].tolist()
        inputs = cache.images(files, settings["size"], name=CALLED, root=Path(told["root"]))
    else:
        inputs = x[index]
    labels = arrays["target"][index], arrays["protected"][index]
    return Split(inputs, *labels, arrays["ids"][index], *told["names"])


def _folder() -> Path:
    return paths.cache() / "own"
