"""AIM-Fair's three CelebA settings. Packs in ``FAIRNB_DATA/packs`` hold the generated images of the paper's sizes.

Where the settings' ``synthetic`` is ``held-out``, photographs that train nothing else are the synthetic images, and a
list of ids says which images there are: of the faces the middle alone, as in the pilot of this tier.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fairnb import paths
from fairnb.data import celeba, subsets
from fairnb.data.cache import Frame
from fairnb.papers.aimfair import dial
from fairnb.synthesis.packs import pack_fingerprint, packed_pool
from fairnb.tasks.recipes import VARIANTS, Data, Files, Recipe, Variant

SETTINGS = (("Smiling", "Male"), ("Smiling", "Young"), ("Young", "Male"))
RANDOM = tuple(Variant(f"_random{i}", subset=i) for i in (1, 2, 3))
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
    pool = dial.turned(parts["pool"], variant)
    return Data(parts["train"], parts["val"], parts["test"], pool, n_synthetic=settings["n_synthetic"])


def _pack(names: tuple[str, str], variant: Variant) -> str:
    dial.require_none(variant)
    return str(paths.data() / "packs" / f"celeba_{'_'.join(names).lower()}_{variant.prompts}.tar")


def _variant_and_pack(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> str:
    if settings["synthetic"] == "held-out":
        return f"{variant}-{SPARE}-{dial.pixels_of(variant)}"
    return f"{variant}-{pack_fingerprint(_pack(names, variant))}-{celeba.ASPECT:.3f}"


def _words(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> str:
    if settings["synthetic"] == "held-out":
        return "held-out photographs" + dial.words(variant, settings["size"])
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
    for variant in (*VARIANTS, *RANDOM, *dial.positions())
}
