"""AIM-Fair's Smiling / Male on toy faces: the real images in one style, the synthetic ones in another."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import numpy as np

from fairnb import reported
from fairnb.contract import Split
from fairnb.data import subsets
from fairnb.tasks.recipes import Cells, Data, Recipe, biased_cells, shares_of

SEEDS = {"train": 101, "val": 102, "test": 103, "pool": 104}
LABEL_NOISE = 0.03  # as in real attribute labels
PROMPT_NOISE = 0.05  # share of generated images that do not show what was asked for


def _build(settings: dict[str, Any], style: str) -> Data:
    """Biased training data, validation and test data with CelebA's own base rates, a pool in another style."""
    natural = reported.test_counts("Smiling", "Male")
    n, size = {part: settings[f"n_{part}"] for part in ("train", "val", "test", "pool", "synthetic")}, settings["size"]
    plans = {
        "train": (biased_cells(n["train"]), "photo", LABEL_NOISE),
        "val": (shares_of(n["val"], natural), "photo", LABEL_NOISE),
        "test": (shares_of(n["test"], natural), "photo", LABEL_NOISE),
        "pool": (subsets.balanced(n["pool"]), style, PROMPT_NOISE),
    }
    parts = {part: _split(part, size, *plan) for part, plan in plans.items()}
    cells = {"balanced": subsets.balanced(n["synthetic"] // 4), "biased": biased_cells(n["synthetic"])}
    return Data(**parts, synthetic_cells=cells)


def _split(part: str, size: int, cells: Cells, style: str, noise: float) -> Split:
    """One part of the toy data, rendered once and memory-mapped by all processes."""
    from fairnb.data import toy_faces
    from fairnb.data.cache import cached_arrays

    def make() -> dict[str, np.ndarray]:
        faces = toy_faces.sample(
            sum(cells.values()), seed=SEEDS[part], size=size, style=style, cells={("Smiling", "Male"): cells}
        )
        split = faces.split("Smiling", "Male", label_noise=noise)
        return {
            "x": split.x,
            "target": split.target,
            "protected": split.protected,
            "ids": np.asarray(split.ids).astype(str),
        }

    key = json.dumps(
        ["toy_faces", toy_faces.VERSION, part, SEEDS[part], size, sorted(map(str, cells.items())), style, noise]
    )
    arrays = cached_arrays(f"toy-{part}-{hashlib.sha256(key.encode()).hexdigest()[:16]}", make)
    labels = {name: np.array(arrays[name]) for name in ("target", "protected", "ids")}
    return Split(arrays["x"], **labels, target_name="Smiling", protected_name="Male")


def _fingerprint(settings: dict[str, Any], style: str) -> str:
    from fairnb.data import toy_faces

    return f"toy_faces-{toy_faces.VERSION}-{style}-{SEEDS}-{LABEL_NOISE}-{PROMPT_NOISE}"


def _recipe(style: str, words: str, biased_as: str = "") -> Recipe:
    synthetic = f"toy faces in {words} (text-to-image comes with part 2)"
    setting = "CelebA;T=Smiling;P=Male"
    return Recipe(
        partial(_build, style=style), partial(_fingerprint, style=style), "aimfair", setting, synthetic, biased_as
    )


SMILING_MALE = _recipe("render", "a near style (render), 5 % of them wrongly labelled")
SMILING_MALE_FAR = _recipe("poster", "a far style (poster), 5 % of them wrongly labelled", "toy_faces/smiling_male")
