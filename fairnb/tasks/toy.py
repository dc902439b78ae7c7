"""AIM-Fair's three CelebA settings on toy faces; the tiny text-to-image pipeline makes the synthetic images."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import numpy as np

from fairnb import paths, reported
from fairnb.contract import Split
from fairnb.tasks.recipes import (
    VARIANTS,
    Cells,
    Data,
    Recipe,
    Variant,
    biased_cells,
    central,
    pack_fingerprint,
    packed_pool,
    shares_of,
)

SEEDS = {"train": 101, "val": 102, "test": 103}
LABEL_NOISE = 0.03  # as in real attribute labels
SETTINGS = (("Smiling", "Male"), ("Smiling", "Young"), ("Young", "Male"))


def _build(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> Data:
    """Biased training data, validation and test data with CelebA's own base rates, generated faces as the pool."""
    natural = reported.test_counts(*names)
    n_train = round(settings["n_train"] * variant.share)
    cells = {
        "train": biased_cells(n_train),
        "val": shares_of(settings["n_val"], natural),
        "test": shares_of(settings["n_test"], natural),
    }
    parts = {part: _split(part, names, cells[part], settings) for part in cells}
    pool = packed_pool(_pack(variant), *names, settings["size"], settings["crop"])
    return Data(**parts, pool=pool, n_synthetic=round(settings["n_synthetic"] * variant.share))


def _split(part: str, names: tuple[str, str], cells: Cells, settings: dict[str, Any]) -> Split:
    """One part of the toy data, rendered once and memory-mapped by all processes."""
    from fairnb.data import toy_faces
    from fairnb.data.cache import cached_arrays

    size, crop, difficulty = settings["size"], settings["crop"], settings["difficulty"]

    def make() -> dict[str, np.ndarray]:
        faces = toy_faces.sample(
            sum(cells.values()), seed=SEEDS[part], size=size, difficulty=difficulty, cells={names: cells}
        )
        split = faces.split(*names, label_noise=LABEL_NOISE)
        labels = {"target": split.target, "protected": split.protected, "ids": np.asarray(split.ids).astype(str)}
        return {"x": central(split.x, crop)} | labels

    identity = ["toy_faces", toy_faces.VERSION, part, SEEDS[part], names, sorted(map(str, cells.items()))]
    key = json.dumps([*identity, size, crop, difficulty, LABEL_NOISE])
    arrays = cached_arrays(f"toy-{part}-{hashlib.sha256(key.encode()).hexdigest()[:16]}", make)
    labels = {name: np.array(arrays[name]) for name in ("target", "protected", "ids")}
    return Split(arrays["x"], **labels, target_name=names[0], protected_name=names[1])


def _pack(variant: Variant) -> str:
    return str(paths.assets() / "packs" / f"toy_{variant.prompts}.tar")


def _fingerprint(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> str:
    from fairnb.data import toy_faces

    return f"toy_faces-{toy_faces.VERSION}-{names}-{SEEDS}-{LABEL_NOISE}-{variant}-{pack_fingerprint(_pack(variant))}"


def _words(settings: dict[str, Any], variant: Variant) -> str:
    return f"images of the tiny text-to-image pipeline (prompt set toy_{variant.prompts})"


def _recipe(names: tuple[str, str], variant: Variant) -> Recipe:
    return Recipe(
        partial(_build, names=names, variant=variant),
        partial(_fingerprint, names=names, variant=variant),
        paper="aimfair",
        setting=f"CelebA;T={names[0]};P={names[1]}",
        synthetic=partial(_words, variant=variant),
        biased_as="toy_faces/" + "_".join(names).lower() if variant.share == 1 and variant.suffix else "",
        adapt=variant.adapt,
    )


RECIPES = {
    f"toy_faces/{'_'.join(names).lower()}{variant.suffix}": _recipe(names, variant)
    for names in SETTINGS
    for variant in VARIANTS
}
