"""AIM-Fair's Female / White on UTKFace, with a pack of generated images or held-out real ones as a stand-in."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fairnb import paths
from fairnb.data import subsets, utkface
from fairnb.papers.aimfair import dial
from fairnb.synthesis.packs import pack_fingerprint, packed_pool
from fairnb.tasks.recipes import Data, Files, Recipe, Variant

HELD_OUT = "held-out balanced real images as a stand-in; of white men only 118 are left, each used about 20 times"
HALF = "held-out photographs"  # half of the training images leave some of every group
_RANDOM = tuple(Variant(f"_random{i}", subset=i) for i in (1, 2, 3))
VARIANTS = (Variant(), Variant("_50", share=0.5), *dial.positions("_50", 0.5), *_RANDOM)


def _build(settings: dict[str, Any], variant: Variant) -> Data:
    """The paper's sizes; the pool is a pack, or what the training, validation and test images leave over."""
    labels, packed = utkface.read(), settings["synthetic"] == "pack"
    sets = subsets.utkface_aimfair(labels, share=variant.share, seed=variant.subset, pool=not packed)
    parts = {part: labels.split(*subsets.UTKFACE_SETTING, rows, settings["size"]) for part, rows in sets.items()}
    # White men are scarce beside the training set, so a few of them repeat until validation is balanced.
    val = parts["val"]
    parts["val"] = val.take(subsets.fill(val.target, val.protected, subsets.balanced(subsets.UTKFACE_VAL), seed=0))
    if packed:
        parts["pool"] = packed_pool(_pack(variant), *subsets.UTKFACE_SETTING, settings["size"])
    pool = parts["pool"] if packed else dial.turned(parts["pool"], variant)
    return Data(parts["train"], parts["val"], parts["test"], pool, n_synthetic=len(parts["train"]))


def _pack(variant: Variant) -> str:
    dial.require_none(variant)
    return str(paths.data() / "packs" / f"utkface_female_white_{variant.prompts}.tar")


def _subset_and_pack(settings: dict[str, Any], variant: Variant) -> str:
    pack = pack_fingerprint(_pack(variant)) if settings["synthetic"] == "pack" else "held-out"
    share = f"{variant.share}-" if variant.share < 1 else ""
    pixels = dial.pixels_of(variant)
    return f"{share}{variant.subset}-{pack}" + (f"-{pixels}" if pixels else "")


def _words(settings: dict[str, Any], variant: Variant) -> str:
    if settings["synthetic"] == "pack":
        return f"generated images ({Path(_pack(variant)).name})"
    return HELD_OUT if variant.share == 1 else HALF + dial.words(variant, settings["size"])


RECIPES = {
    f"utkface/female_white{variant.suffix}": Recipe(
        partial(_build, variant=variant),
        Files((utkface.NAME,), partial(_subset_and_pack, variant=variant)),
        paper="aimfair",
        setting="UTKFace;T=Female;P=White",
        synthetic=partial(_words, variant=variant),
        biased_as="utkface/female_white_50" if dial.pixels_of(variant) else "",
    )
    for variant in VARIANTS
}
