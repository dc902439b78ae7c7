"""The shipped pack of generated faces and their counterfactuals of the other gender, one set per target.

``scripts/make_counterfactuals.py`` makes it; the pack's header says how, and how good the pairs are (``quality``). For
Smiling they are good: 97 % flip gender, 96 % keep the smile. For Big_Nose and Wavy_Hair 95 % flip, but only 74 % keep
the target (63 % and 70 % by chance): captions hardly steer the generator there, so that the latents do not tell the
target (separators are right on 80 % and 76 %, the majority class on 78 % and 76 %), and their labels are noisy.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from fairnb.contract import Split
from fairnb.data.cache import central
from fairnb.errors import BadData, UnknownName
from fairnb.synthesis import packs

PACK = "toy_counterfactuals"
PROTECTED = "Male"
SIZE = 64  # pixels a side, as drawn
TARGETS = ("Smiling", "Big_Nose", "Wavy_Hair")
ORIGINAL = "original"  # ``side`` of G(z); that of G(z') is its target's name


def counterfactual_pool(target: str, protected: str, size: int, crop: int | None = None) -> Split:
    """G(z) and G(z') of ``target`` with the labels that they are trained with, as many of the one as of the other.

    The labels of G(z) are a classifier's; G(z') has the same target and the other gender.

    Args:
        size: of the faces, resized with Pillow's antialiased bilinear filter if they were drawn larger (64 pixels).
        crop: the central pixels kept, see ``data.cache.central``. Ids are ``toy_counterfactuals/<pair>-<side>``.

    Raises:
        UnknownName: no counterfactuals of that target, or another protected attribute than Male.
        MissingData, BadData: the pack is not there or damaged.
    """
    _check(target, protected)
    pool = packs.packed_pool(str(packs.FOLDER / f"{PACK}.tar"), target, protected, SIZE)
    sides = np.array([str(name).rpartition("-")[2] for name in pool.ids])
    chosen = pool.take(np.isin(sides, [ORIGINAL, target]))
    bilinear = Image.Resampling.BILINEAR
    x = np.stack([packs.resized(image.transpose(1, 2, 0), size, bilinear).transpose(2, 0, 1) for image in chosen.x])
    return dataclasses.replace(chosen, x=central(x, crop))


def pairs(target: str, n: int | None = None) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """The first ``n`` pairs (None: all) for a figure.

    Returns:
        G(z) and G(z'), uint8 ``(n, 3, 64, 64)`` each, and a row per pair: ``pair``, ``prompt``, ``seed``, the target
        and ``Male`` of G(z) by the classifier that labels, and ``Male`` of G(z') as ``flipped``: ``1 - Male``.

    Raises:
        UnknownName: no counterfactuals of that target. BadData: ``n`` below 1 or above what there is.
    """
    _check(target, PROTECTED)
    pack = _pack()
    sides = pack.manifest["side"].to_numpy()
    one, other = (np.flatnonzero(sides == side) for side in (ORIGINAL, target))
    if n is not None and not 1 <= n <= len(one):
        raise BadData(f"there are {len(one)} pairs of {target}, got n={n}: ask for 1 to {len(one)}")
    rows = pack.manifest.iloc[one[:n]][["pair", "prompt", "seed", target, PROTECTED]].reset_index(drop=True)
    rows["flipped"] = pack.manifest[PROTECTED].to_numpy()[other[:n]]
    return pack.images[one[:n]], pack.images[other[:n]], rows


def quality(target: str) -> Mapping[str, Any]:
    """What was measured of the pairs of ``target`` when they were made, shares in 0..1.

    ``separator_s``, ``separator_y``: cross-validated accuracy of the separators; ``cosine`` of their normals; by a
    second classifier that shares no training face with the one that labels: ``flipped``, the share of pairs whose two
    images differ in gender, ``kept``, whose target is the same (``chance``: if the two had nothing to do with each
    other), and ``both``; ``positive``: share of target 1 among G(z).

    Raises:
        UnknownName: no counterfactuals of that target.
    """
    _check(target, PROTECTED)
    return _pack().header["quality"][target]


@lru_cache(maxsize=1)
def _pack() -> packs.Pack:
    return packs.read(PACK, cached=True)


def _check(target: str, protected: str) -> None:
    if target not in TARGETS:
        raise UnknownName("target with counterfactuals", target, TARGETS)
    if protected != PROTECTED:
        raise UnknownName("protected attribute with counterfactuals", protected, [PROTECTED])
