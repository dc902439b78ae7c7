"""Colours (sRGB in 0..1): seven skin tones, natural hair, eyes, and muted clothes and backgrounds."""

from __future__ import annotations

import numpy as np

SKIN = np.array([
    (0.965, 0.855, 0.790), (0.935, 0.785, 0.685), (0.870, 0.690, 0.555), (0.775, 0.575, 0.430),
    (0.640, 0.440, 0.315), (0.490, 0.325, 0.235), (0.355, 0.230, 0.170),
])  # fmt: skip
# Black, blond, brown, gray, auburn.
HAIR = np.array(
    [(0.115, 0.095, 0.095), (0.800, 0.640, 0.410), (0.345, 0.225, 0.150), (0.690, 0.685, 0.675), (0.485, 0.225, 0.120)]
)
IRIS = np.array([(0.30, 0.19, 0.11), (0.23, 0.14, 0.09), (0.35, 0.47, 0.58), (0.38, 0.45, 0.33), (0.42, 0.31, 0.17)])
CLOTH = np.array([
    (0.17, 0.20, 0.28), (0.27, 0.32, 0.40), (0.80, 0.79, 0.76), (0.42, 0.18, 0.19), (0.24, 0.34, 0.29),
    (0.50, 0.46, 0.42), (0.13, 0.13, 0.14), (0.66, 0.56, 0.45), (0.40, 0.46, 0.56), (0.60, 0.38, 0.34),
    (0.36, 0.27, 0.36), (0.72, 0.66, 0.60),
])  # fmt: skip
FRAME = np.array([(0.09, 0.08, 0.08), (0.24, 0.15, 0.10), (0.45, 0.40, 0.36), (0.20, 0.24, 0.32)])
LIPSTICK = np.array([(0.72, 0.20, 0.23), (0.76, 0.32, 0.36), (0.60, 0.14, 0.20), (0.82, 0.42, 0.42)])


def background(hue: np.ndarray, light: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    """Muted colours ``(N, 3)`` from hue in radians, lightness in 0..1 and saturation (0.1 is muted, 0.4 is loud)."""
    phase = hue[:, None] + np.array([0.0, 2 * np.pi / 3, 4 * np.pi / 3])
    chroma = saturation * np.minimum(light, 1 - light)
    return np.clip(
        light[:, None] + chroma[:, None] * np.cos(phase) - np.array([0.0, 0.02, 0.03]) * light[:, None], 0.02, 0.98
    )
