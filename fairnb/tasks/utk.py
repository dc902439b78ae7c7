"""AIM-Fair's Female / White on UTKFace, with held-out real images as a stand-in for generated ones."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from fairnb import paths
from fairnb.data import subsets, utkface
from fairnb.errors import MissingData
from fairnb.tasks.recipes import Data, Recipe


def _build(settings: dict[str, Any]) -> Data:
    """The paper's sizes; what the training, validation and test images leave over plays the synthetic images."""
    labels = utkface.read()
    sets = subsets.utkface_aimfair(labels)
    parts = {part: labels.split(*subsets.UTKFACE_SETTING, rows, settings["size"]) for part, rows in sets.items()}
    # White men are scarce beside the training set, so a few of them repeat until validation is balanced.
    val = parts["val"]
    parts["val"] = val.take(subsets.fill(val.target, val.protected, subsets.balanced(subsets.UTKFACE_VAL), seed=0))
    cells = {
        "balanced": subsets.balanced(sum(subsets.UTKFACE_CELLS.values()) // 4),
        "biased": dict(subsets.UTKFACE_CELLS),
    }
    return Data(**parts, synthetic_cells=cells)


def _fingerprint(settings: dict[str, Any]) -> str:
    """Names and sizes of all images: cheap, and different for the originals and for a resized copy."""
    folder = paths.data() / "UTKFace"
    if not folder.is_dir():
        raise MissingData(
            f"UTKFace is not in {paths.data()}: run `make data` to see how to get it, then set FAIRNB_DATA "
            "to the folder that holds UTKFace/"
        )
    entries = sorted(f"{entry.name}:{entry.stat().st_size}" for entry in os.scandir(folder))
    return "utkface-" + hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]


FEMALE_WHITE = Recipe(
    _build,
    _fingerprint,
    "aimfair",
    "UTKFace;T=Female;P=White",
    "held-out balanced real images as a stand-in; of white men only 118 are left, each used about 20 times",
)
