"""Toy shapes: ten classes of coloured shapes drawn with numpy, for tasks with a colour or gray domain.

Made in a second, no download, no licence. Neighbours 2k and 2k + 1 look alike, and ``colour_gray`` puts one of the two
into the coloured and one into the gray classes: where a shape is hard to see, a classifier is tempted by the domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairnb.errors import BadData

VERSION = "1"  # bump when the same seed gives other images
CLASSES = ("disc", "ring", "square", "frame", "triangle", "half-disc", "cross", "star", "bar", "two discs")
CHUNK = 512  # images in float at a time
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]


def sample(n: int, seed: int, *, size: int = 24, difficulty: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 ``(n, 3, size, size)``, and their classes, int64 ``(n,)``; as many of each class, in random order.

    Each image has a shape of random place, size, rotation, stretch and colour on a background of random colour and
    texture, a bar in front of some of them, and pixel noise.

    Args:
        seed: one seed, one data set (up to the last bit on one machine).
        size: pixels a side.
        difficulty: in [0, 1]: less contrast, smaller shapes, more rotation, more texture, more noise, more bars.

    Raises:
        BadData: a number out of range.
    """
    if n < len(CLASSES) or size < 12 or not 0 <= difficulty <= 1:
        raise BadData(
            f"toy shapes need n of 10 or more, a size of 12 or more and a difficulty in [0, 1], got {n}, {size} and "
            f"{difficulty}"
        )
    random = np.random.default_rng([seed, 20100])
    target = random.permutation(np.arange(n) % len(CLASSES))
    x = np.empty((n, 3, size, size), np.uint8)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        x[part] = _draw(target[part], _Latents.drawn(len(target[part]), difficulty, random), size, difficulty, random)
    return x, target.astype(np.int64)


@dataclass(frozen=True)
class _Latents:
    """What decides an image but for its class, float32; lengths are in half image widths.

    Attributes:
        centre, radius, angle, stretch: of the shape, ``(2, N, 1, 1)`` the first and ``(N, 1, 1)`` the others.
        shape, ground, bar: colours in [0, 1], ``(N, 3, 1, 1)``. light: direction and strength of the shape's shading.
        waves: of the texture: wave numbers and phase, ``(3, N, 1, 1)``. bars: place, tilt, width ``(3, N, 1, 1)``.
    """

    centre: np.ndarray
    radius: np.ndarray
    angle: np.ndarray
    stretch: np.ndarray
    shape: np.ndarray
    ground: np.ndarray
    bar: np.ndarray
    waves: np.ndarray
    bars: np.ndarray
    morph: np.ndarray

    @staticmethod
    def drawn(n: int, difficulty: float, random: np.random.Generator) -> _Latents:
        def uniform(low: float, high: float, *lead: int) -> np.ndarray:
            return random.uniform(low, high, (*lead, n, 1, 1)).astype(np.float32)

        def colour() -> np.ndarray:
            return random.uniform(0.1, 0.9, (n, 3, 1, 1)).astype(np.float32)

        radius = uniform(0.7, 0.85)
        ground, shape = colour(), colour()
        brighter = np.sign((shape - ground).mean(1, keepdims=True))
        away = brighter * np.float32(0.4)
        waves = np.concatenate([uniform(-9, 9, 2), uniform(0, 2 * np.pi, 1)])
        hidden = np.where(random.random((n, 1, 1)) < 0.1, uniform(0.06, 0.2), np.float32(-1))
        bars = np.concatenate([uniform(-0.6, 0.6, 1), uniform(0, np.pi, 1), hidden[None]])
        turn, stretch = uniform(-0.2, 0.2), uniform(0.8, 1.25)
        return _Latents(uniform(-1, 1, 2), radius, turn, stretch, shape + away, ground, colour(), waves, bars, uniform(0, 0.5 * difficulty))


def _draw(
    target: np.ndarray, latents: _Latents, size: int, difficulty: float, random: np.random.Generator
) -> np.ndarray:
    """The images of one chunk: background, shape, bar, noise."""
    ticks = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    y, x = np.meshgrid(ticks, ticks, indexing="ij")
    kx, ky, phase = latents.waves
    texture = np.float32(0.05) * np.sin(kx * x + ky * y + phase)
    image = latents.ground + texture[:, None]
    alpha = _coverage(target, latents, x, y)[:, None]
    image += alpha * (latents.shape + 0.3 * texture[:, None] - image)
    place, tilt, width = latents.bars
    distance = np.abs(np.cos(tilt) * x + np.sin(tilt) * y - place) - width
    image += _edge(distance, size)[:, None] * (latents.bar - image)
    image += np.float32(0.02 + 0.1 * difficulty) * random.standard_normal(image.shape, np.float32)
    return (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _coverage(target: np.ndarray, latents: _Latents, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much of each pixel the shape covers, ``(N, size, size)`` in [0, 1]."""
    room = np.float32(1) - latents.radius
    dx, dy = x - latents.centre[0] * room, y - latents.centre[1] * room
    cos, sin = np.cos(latents.angle), np.sin(latents.angle)
    u = (cos * dx + sin * dy) / latents.radius * latents.stretch
    v = (cos * dy - sin * dx) / latents.radius / latents.stretch
    distance = np.empty_like(u)
    for label, field in enumerate(FIELDS):
        rows = target == label
        twin, m = FIELDS[label ^ 1], latents.morph[rows]
        distance[rows] = (1 - m) * field(u[rows], v[rows]) + m * twin(u[rows], v[rows])
    return _edge(distance * latents.radius, x.shape[0])


def _edge(distance: np.ndarray, size: int) -> np.ndarray:
    """Coverage of pixels whose centre is ``distance`` (half image widths, negative inside) from an edge."""
    return (0.5 - distance * np.float32(size / 2)).clip(0, 1)


def _box(u: np.ndarray, v: np.ndarray, half_width: float, half_height: float) -> np.ndarray:
    return np.maximum(np.abs(u) - half_width, np.abs(v) - half_height)


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(-v, np.abs(u) * np.float32(np.sqrt(0.75)) + 0.5 * v) - 0.5


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.hypot(u, v) - (0.65 + 0.35 * np.cos(4 * np.arctan2(v, u)))


# About the distance to the edge in shape radii, negative inside, of points (u, v); in the order of CLASSES.
FIELDS: tuple[Field, ...] = (
    lambda u, v: np.hypot(u, v) - 0.85,
    lambda u, v: np.abs(np.hypot(u, v) - 0.65) - 0.25,
    lambda u, v: _box(u, v, 0.75, 0.75),
    lambda u, v: np.abs(_box(u, v, 0.57, 0.57)) - 0.22,
    _triangle,
    lambda u, v: np.maximum(np.hypot(u, v - 0.4) - 0.95, v - 0.4),
    lambda u, v: np.minimum(_box(u, v, 1, 0.3), _box(u, v, 0.3, 1)),
    _star,
    lambda u, v: _box(u, v, 1, 0.35),
    lambda u, v: np.hypot(np.abs(u) - 0.55, v) - 0.42,
)
