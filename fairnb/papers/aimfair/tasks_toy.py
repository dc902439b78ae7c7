"""AIM-Fair's three CelebA settings on toy faces; the tiny text-to-image pipeline makes the synthetic images.

Drawn in another style they are the gap dial's other positions.
"""

from __future__ import annotations

from functools import partial

from fairnb.tasks import biased_faces
from fairnb.tasks.recipes import TEST, VARIANTS, Recipe, Variant

SETTINGS = (("Smiling", "Male"), ("Smiling", "Young"), ("Young", "Male"))


def _recipe(names: tuple[str, str], variant: Variant) -> Recipe:
    return Recipe(
        partial(biased_faces.build, names=names, variant=variant),
        partial(biased_faces.fingerprint, names=names, variant=variant),
        paper="aimfair",
        setting=f"CelebA;T={names[0]};P={names[1]}",
        synthetic=partial(biased_faces.words, variant=variant),
        biased_as="toy_faces/" + "_".join(names).lower() if variant.share == 1 and variant.suffix else "",
        adapt=variant.adapt,
        by_seed=TEST,
    )


RECIPES = {
    f"toy_faces/{'_'.join(names).lower()}{variant.suffix}": _recipe(names, variant)
    for names in SETTINGS
    for variant in (*VARIANTS, *biased_faces.STYLED)
}
