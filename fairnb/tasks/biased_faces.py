"""Toy faces whose training set is biased nine to one, with the tiny text-to-image pipeline's faces as synthetic data.

AIM-Fair's three CelebA settings stand on them, and Table III of ICDM 2022.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fairnb import paths
from fairnb.contract import Split
from fairnb.data.celeba import test_counts
from fairnb.data.subsets import balanced
from fairnb.synthesis.packs import pack_fingerprint, packed_pool
from fairnb.tasks.drawings import LABEL_NOISE, Drawing, parts
from fairnb.tasks.recipes import Data, Variant, biased_cells, shares_of
from fairnb.training.presets import CODE

SEEDS = {"train": 101, "val": 102, "test": 103}
POOL = 105  # 104 draws the faces of a search
# Other domains than the tiny pipeline's, nearer to the toy's photographs and farther from them.
STYLES = {"_render": "render", "_poster": "poster"}
STYLED = tuple(Variant(suffix, prompts=f"none, style {style}") for suffix, style in STYLES.items())
# Toy faces are small and few: a slim pretrained network, its own schedules, and only the face (the crop) of each image.
# Fine-tuning: few steps at a constant rate end wherever the last ones went, so a cosine, and as many epochs as help
# (docs/searches/aimfair_quick.csv).
_TOY = CODE | {
    "batch_size": 64,
    "pretrain_epochs": 8,
    "pretrain_lr": 0.06,
    "pretrain_schedule": "cosine",
    "finetune_epochs": 12,
    "finetune_lr": 0.1,
    "finetune_schedule": "cosine",
    "augment": "flip_shift",
    "gradient_samples": 800,
    "width": 8,
    "weights": "toy",
    "size": 64,
    "crop": 48,
    "difficulty": 0.3,
    "epochs_at_share": {"50": 1, "25": 1, "10": 2},
    "jtt_epoch_samples": "train",
}
_SMALL = {"n_train": 320, "n_val": 160, "n_test": 400, "n_synthetic": 240}
_SHORT = {"pretrain_epochs": 2, "finetune_epochs": 1, "gradient_samples": 128, "diga_epochs": 1, "diga_components": 24}
SMOKE = _TOY | _SMALL | _SHORT
QUICK = _TOY | {"n_train": 2000, "n_val": 600, "n_test": 4000, "n_synthetic": 2000}


def build(settings: dict[str, Any], seed: int, names: tuple[str, str], variant: Variant) -> Data:
    """Biased training data, validation and test data with CelebA's own base rates, generated faces as the pool."""
    natural = test_counts(*names)
    n_train = round(settings["n_train"] * variant.share)
    cells = {
        "train": biased_cells(n_train),
        "val": shares_of(settings["n_val"], natural),
        "test": shares_of(settings["n_test"], natural),
    }
    drawn = {part: Drawing(part, names, sum(own.values()), SEEDS[part], own) for part, own in cells.items()}
    pool = _pool(settings, names, variant)
    n_synthetic = round(settings["n_synthetic"] * variant.share)
    return replace(parts(drawn, settings, seed), pool=pool, n_synthetic=n_synthetic)


def _pool(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> Split:
    """What plays the synthetic images: the tiny pipeline's, or faces that are drawn in another style."""
    if (style := STYLES.get(variant.suffix)) is None:
        return packed_pool(_pack(variant), *names, settings["size"], settings["crop"])
    cells = balanced(settings["n_synthetic"] // 2)  # S1 takes nine twentieths of the largest
    return Drawing(f"pool-{style}", names, sum(cells.values()), POOL, cells, style).split(settings)


def _pack(variant: Variant) -> str:
    return str(paths.assets() / "packs" / f"toy_{variant.prompts}.tar")


def fingerprint(settings: dict[str, Any], names: tuple[str, str], variant: Variant) -> str:
    """Of the drawing code, the cells and the pack."""
    from fairnb.data.toys import faces as toy_faces

    pool = POOL if variant.suffix in STYLES else pack_fingerprint(_pack(variant))
    return f"toy_faces-{toy_faces.VERSION}-{names}-{SEEDS}-{LABEL_NOISE}-{variant}-{pool}"


def words(settings: dict[str, Any], variant: Variant) -> str:
    """What plays the synthetic images, in words."""
    if style := STYLES.get(variant.suffix):
        return f"toy faces in the style {style}"
    return f"images of the tiny text-to-image pipeline (prompt set toy_{variant.prompts})"
