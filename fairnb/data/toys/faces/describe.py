"""Faces in words, and many faces on one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairnb.data.toys.faces.attributes import ATTRIBUTES, SKIN_TONES
from fairnb.errors import BadData

if TYPE_CHECKING:
    from PIL.Image import Image

_TONES = ("very fair", "fair", "light brown", "tan", "brown", "dark brown", "very dark")
_PHRASES = {
    "Bangs": "bangs", "Receding_Hairline": "receding hairline", "Eyeglasses": "glasses", "Wearing_Hat": "hat",
    "Mustache": "mustache", "Goatee": "goatee", "Wearing_Lipstick": "lipstick", "Big_Nose": "big nose",
    "Bags_Under_Eyes": "bags under eyes", "High_Cheekbones": "high cheekbones", "Narrow_Eyes": "narrow eyes",
    "Mouth_Slightly_Open": "open mouth", "Bushy_Eyebrows": "bushy eyebrows", "Arched_Eyebrows": "arched eyebrows",
    "Chubby": "chubby", "Rosy_Cheeks": "rosy cheeks",
}  # fmt: skip


def caption(attributes_row: np.ndarray, skin_tone: int) -> str:
    """A face in words, e.g. ``a photo of a smiling young woman, wavy brown hair, fair skin, glasses``.

    Args:
        attributes_row: ``(A,)`` of 0 and 1, as a row of ``Faces.attributes``. skin_tone: 0..6.
    """
    if len(attributes_row) != len(ATTRIBUTES) or not 0 <= skin_tone < SKIN_TONES:
        raise BadData(
            f"a caption needs {len(ATTRIBUTES)} attributes and a skin tone in 0..6, "
            f"got {len(attributes_row)} and {skin_tone}"
        )
    has = {name: bool(value) for name, value in zip(ATTRIBUTES, attributes_row, strict=True)}
    mood = "smiling" if has["Smiling"] else "serious"
    person = f"{'young' if has['Young'] else 'old'} {'man' if has['Male'] else 'woman'}"
    colour = next((c for c in ("black", "blond", "brown", "gray") if has[f"{c.capitalize()}_Hair"]), "auburn")
    hair = "bald head" if has["Bald"] else f"{'wavy' if has['Wavy_Hair'] else 'straight'} {colour} hair"
    parts = [f"a photo of a {mood} {person}", hair, f"{_TONES[skin_tone]} skin"]
    if not has["No_Beard"] and not (has["Mustache"] or has["Goatee"]):
        parts.append("beard")
    return ", ".join(parts + [phrase for name, phrase in _PHRASES.items() if has[name]])


def contact_sheet(images: np.ndarray, columns: int = 12, scale: int = 2) -> Image:
    """Images uint8 ``(N, 3, S, S)`` side by side, row by row, enlarged ``scale`` times, as an RGB picture."""
    from PIL import Image

    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1] != 3:
        raise BadData(f"a contact sheet needs uint8 images (N, 3, S, S), got {images.dtype} {images.shape}")
    n, _, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows * columns, height, width, 3), 255, np.uint8)
    sheet[:n] = images.transpose(0, 2, 3, 1)
    sheet = sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
    return Image.fromarray(sheet).resize((columns * width * scale, rows * height * scale), Image.Resampling.BICUBIC)
