"""The gap dial: held-out photographs play the synthetic images, seen with ever fewer pixels.

So a generator would draw that knows no detail. Anybody can turn it who has the photographs, and nothing else changes
with it: not the faces, not the groups, not their number. On toy faces the positions are three ways to draw them.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from fairnb.contract import Split
from fairnb.errors import BadData
from fairnb.tasks.biased_faces import STYLES
from fairnb.tasks.recipes import Variant

# The positions beside "as they are", by the end of a task's name: pixels a side that are left of a synthetic image.
GAPS = {"_gap1": 24, "_gap2": 12, "_gap3": 8}
START = {"toy_faces": "tiny pipeline"}


def positions(suffix: str = "", share: float = 1.0) -> tuple[Variant, ...]:
    """The variant of a setting at every position but the first; ``suffix`` and ``share`` are those of the first."""
    return tuple(Variant(suffix + end, share, f"held-out, {pixels} pixels") for end, pixels in GAPS.items())


def pixels_of(variant: Variant) -> int | None:
    """How many pixels a side are left of its synthetic images; None: all."""
    return next((pixels for end, pixels in GAPS.items() if variant.suffix.endswith(end)), None)


def position(task: str) -> str:
    """Where a task stands on the dial, in a word or two; on toys by the style of its synthetic faces."""
    words = {end: f"{pixels} pixels" for end, pixels in GAPS.items()} | STYLES
    start = START.get(task.split("/")[0], "all pixels")
    return next((said for end, said in words.items() if task.endswith(end)), start)


def require_none(variant: Variant) -> None:
    """Raise BadData: the variant is a position of the dial, which generated images have none of."""
    if pixels := pixels_of(variant):
        raise BadData(
            f"the task's end {variant.suffix!r} makes photographs coarse ({pixels} pixels), and at this tier images "
            "are generated: leave it out, or take tier open"
        )


def turned(pool: Split, variant: Variant) -> Split:
    """The photographs of ``pool`` as the variant's position shows them."""
    pixels = pixels_of(variant)
    return replace(pool, x=coarse(pool.x, pixels)) if pixels else pool


def coarse(images: np.ndarray, pixels: int) -> np.ndarray:
    """Images uint8 ``(N, 3, S, S)`` as ``pixels`` a side can show them, enlarged to ``S`` again (Pillow, bilinear)."""

    def seen(image: np.ndarray) -> np.ndarray:
        small = Image.fromarray(image.transpose(1, 2, 0)).resize((pixels, pixels), Image.Resampling.BILINEAR)
        return np.asarray(small.resize(image.shape[1:], Image.Resampling.BILINEAR)).transpose(2, 0, 1)

    return np.stack([seen(image) for image in images])


def words(variant: Variant, size: int) -> str:
    """What a table says after "held-out photographs"."""
    pixels = pixels_of(variant)
    return f" with {pixels} pixels a side left of {size}" if pixels else ""
