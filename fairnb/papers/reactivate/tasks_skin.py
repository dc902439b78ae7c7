"""ICDM 2022's Table III: CelebA with predicted skin tones, and toy faces that stand for it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import celeba, fairface, skin_tone
from fairnb.data.labels import Labels
from fairnb.tasks import ages, biased_faces
from fairnb.tasks.recipes import DRAWS, TEST, Data, Files, Recipe, Variant, nothing

MEASURE = "aod"  # Savani et al.'s script; the table of ICDM 2022 does not say
SETTING = "CelebA;protected=Fitz_Dark"
FILES = Files((celeba.NAME, skin_tone.NAME))
TOY = "toy_faces/smiling_male"  # the task whose biased model the toy shares
TOY_FACES: dict[str, Any] = {"names": ("Smiling", "Male"), "variant": Variant()}


def _build(settings: dict[str, Any], seed: int, target: str) -> Data:
    """24,000 / 16,000 / 10,000 images of unambiguous skin tone, drawn by the run's seed [Savani et al. 2020].

    At tier ``open`` fewer (``subsets``), of the images that it looks at; the backbone learns other people's ages.
    """
    labels, kept = _labels(FILES(settings))
    if own := settings.get("weights") == "own":
        listed = celeba.open_rows(labels)
        kept = {part: np.intersect1d(rows, listed) for part, rows in kept.items()}
    sets = skin_tone.savani_subsets(kept, seed, settings.get("subsets"))
    parts = {part: labels.split(target, skin_tone.COLUMN, sets[part], settings["size"]) for part in sets}
    return Data(parts["train"], parts["val"], parts["test"], pretrain=_ages(settings["size"]) if own else None)


def _ages(size: int) -> Split:
    faces = fairface.read()
    return ages.split(faces, fairface.open_parts(faces)["train"], size)


_known: dict[str, tuple[Labels, dict[str, Any]]] = {}


def _labels(fingerprint: str) -> tuple[Labels, dict[str, Any]]:
    """Labels with skin tones, read once for all seeds."""
    if fingerprint not in _known:
        _known.clear()
        _known[fingerprint] = skin_tone.with_skin_tone(celeba.read())
    return _known[fingerprint]


def _adapt(settings: dict[str, Any]) -> dict[str, Any]:
    """Group 0 is the favoured one: light skin, and in the toy women, who smile more; the reject option must know."""
    return settings["faces"] | {"measure": MEASURE, "privileged": 0}


def _toy_build(settings: dict[str, Any], seed: int) -> Data:
    whole = biased_faces.build(settings, seed, **TOY_FACES)
    return Data(whole.train, whole.val, whole.test)


def _toy_fingerprint(settings: dict[str, Any]) -> str:
    return biased_faces.fingerprint(settings, **TOY_FACES)


def _recipe(target: str, files: Files) -> Recipe:
    return Recipe(partial(_build, target=target), files, "reactivate", SETTING, nothing, adapt=_adapt, by_seed=DRAWS)


RECIPES = {f"celeba/{target.lower()}_fitz": _recipe(target, FILES) for target in ("Young", "Smiling")}
RECIPES |= {
    f"celeba_open/{target.lower()}_fitz": _recipe(target, ages.files(celeba.NAME, skin_tone.NAME))
    for target in ("Young", "Smiling")
}
_toy = Recipe(_toy_build, _toy_fingerprint, "reactivate", SETTING, nothing, biased_as=TOY, adapt=_adapt, by_seed=TEST)
RECIPES[f"{TOY}_aod"] = _toy
