"""AIM-Fair's three CelebA settings. Packs in ``FAIRNB_DATA/packs`` hold the generated images of the paper's sizes.

Where the settings' ``synthetic`` is ``held-out``, photographs that train nothing else are the synthetic images, and a
list of ids says which images there are: of the faces the middle alone, as in the pilot of this tier. The ``gap``
tasks are a dial: the same photographs, seen with fewer pixels, as a generator would draw them that knows no detail.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fairnb import paths
from fairnb.data import celeba, subsets
from fairnb.data.cache import Frame
from fairnb.synthesis.packs import pack_fingerprint, packed_pool
from fairnb.tasks.recipes import VARIANTS, Data, Files, Recipe, Variant

SETTINGS = (("Smiling", "Male"), ("Smiling", "Young"), ("Young", "Male"))
RANDOM = tuple(Variant(f"_random{i}", subset=i) for i in (1, 2, 3))
# The dial: pixels a side that are left of a synthetic image.
GAPS = {"_gap1": 24, "_gap2": 12, "_gap3": 8}
DIAL = tuple(Variant(suffix, prompts=f"held-out, {pixels} pixels") for suffix, pixels in GAPS.items())
SPARE = 500  # photographs of every cell that training leaves to the pool: those of one balanced draw


def _build(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> Data:
    """20,000 biased images (times ``share``), the official validation and test parts, and the pool."""
    if settings["synthetic"] == "held-out":
        return _held_out(settings, names, variant)
    labels = celeba.read()
    sets = subsets.celeba_aimfair(labels, *names, share=variant.share, seed=variant.subset)
    parts = {part: labels.split(*names, sets[part], settings["size"]) for part in ("train", "val", "test")}
    pool = packed_pool(_pack(names, variant), *names, settings["size"])
    return Data(parts["train"], parts["val"], parts["test"], pool, n_synthetic=len(parts["train"]))


def _held_out(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> Data:
    """The listed images; the pool are those of the training part that train nothing, seen as the dial says."""
    labels = celeba.read()
    listed = celeba.open_rows(labels)
    sets = subsets.celeba_aimfair(labels, *names, share=variant.share, seed=variant.subset, listed=listed, spare=SPARE)
    frame = Frame(*settings["frame"])
    parts = {part: labels.split(*names, rows, settings["size"], frame=frame) for part, rows in sets.items()}
    pool = parts["pool"]
    if pixels := GAPS.get(variant.suffix):
        pool = replace(pool, x=coarse(pool.x, pixels))
    return Data(parts["train"], parts["val"], parts["test"], pool, n_synthetic=settings["n_synthetic"])


def coarse(images: np.ndarray, pixels: int) -> np.ndarray:
    """Images uint8 ``(N, 3, S, S)`` as ``pixels`` a side can show them, enlarged to ``S`` again (Pillow, bilinear)."""

    def seen(image: np.ndarray) -> np.ndarray:
        small = Image.fromarray(image.transpose(1, 2, 0)).resize((pixels, pixels), Image.Resampling.BILINEAR)
        return np.asarray(small.resize(image.shape[1:], Image.Resampling.BILINEAR)).transpose(2, 0, 1)

    return np.stack([seen(image) for image in images])


def _pack(names: tuple[str, str], variant: Variant) -> str:
    return str(paths.data() / "packs" / f"celeba_{'_'.join(names).lower()}_{variant.prompts}.tar")


def _variant_and_pack(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> str:
    if settings["synthetic"] == "held-out":
        return f"{variant}-{SPARE}-{GAPS.get(variant.suffix)}"
    return f"{variant}-{pack_fingerprint(_pack(names, variant))}"


def _words(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> str:
    if settings["synthetic"] == "held-out":
        pixels = GAPS.get(variant.suffix)
        return "held-out photographs" + (f" with {pixels} pixels a side left of {settings['size']}" if pixels else "")
    return f"generated images ({Path(_pack(names, variant)).name})"


def _recipe(names: tuple[str, str], variant: Variant) -> Recipe:
    same_data = variant.share == 1 and variant.subset is None and variant.suffix
    return Recipe(
        partial(_build, names=names, variant=variant),
        Files((celeba.NAME,), partial(_variant_and_pack, names=names, variant=variant)),
        paper="aimfair",
        setting=f"CelebA;T={names[0]};P={names[1]}",
        synthetic=partial(_words, names=names, variant=variant),
        biased_as="celeba/" + "_".join(names).lower() if same_data else "",
        adapt=variant.adapt,
    )


RECIPES = {
    f"celeba/{'_'.join(names).lower()}{variant.suffix}": _recipe(names, variant)
    for names in SETTINGS
    for variant in (*VARIANTS, *RANDOM, *DIAL)
}
