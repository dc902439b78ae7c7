"""ASAC on UTKFace, which the paper does not have: the part of its protocol that real data without ImageNet can show."""

from __future__ import annotations

from functools import partial

from fairnb.papers.asac.tasks import own_numbers
from fairnb.tasks.recipes import Recipe, nothing
from fairnb.tasks.utkface_parts import AGE_GROUP, OVER35, UTKFACE, build


def _recipe(names: tuple[str, str], other: str, words: tuple[str, str]) -> Recipe:
    """``other``: the attribute, neither target nor protected, whose classes pretrain the backbone."""
    setting = f"UTKFace;P={words[1]};T={words[0]}"
    data = partial(build, names=names, other=other)
    return Recipe(data, UTKFACE, "asac", setting, nothing, adapt=own_numbers)


RECIPES = {
    "utkface/over35_female": _recipe((OVER35, "Female"), "Race", ("Over 35", "Gender")),
    "utkface/female_white_natural": _recipe(("Female", "White"), AGE_GROUP, ("Female", "White")),
}
