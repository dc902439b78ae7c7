"""Toy shapes: ten classes of coloured shapes drawn with numpy, for tasks with a colour or gray domain.

Made in a second, no download, no licence. Each shape is a bit morphed towards its neighbour (disc and ring, square and
frame, ...), and ``colour_gray`` has one of the two among the coloured and one among the gray classes: where a shape is
hard to tell, a classifier is tempted by the domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairnb.errors import BadData

VERSION = "1"  # bump when the same seed gives other images
CLASSES = ("disc", "ring", "square", "frame", "triangle", "half-disc", "cross", "star", "bar", "two discs")
CHUNK = 512  # images in float at a time
BARS = 0.1  # share of images with a bar in front
CONTRAST = 0.4  # at least so much lighter or darker than the ground, so that gray images show the shape too
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]


def sample(n: int, seed: int, *, size: int = 24, difficulty: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 ``(n, 3, size, size)``, and their classes, int64 ``(n,)``; as many of each class, in random order.

    Each image has a shape of random place, size, tilt, stretch and colour on a background of random colour and
    texture, pixel noise, and one in ten has a bar in front.

    Args:
        seed: one seed, one data set (up to the last bit on one machine).
        size: pixels a side.
        difficulty: in [0, 1]: how far shapes may be morphed towards their neighbour (1: halfway), and how strong the
            noise is. From 0 to 1 a small network's accuracy on balanced domains falls from 0.98 to 0.78.

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
        shape, ground, bar: colours, ``(N, 3, 1, 1)``.
        waves: wave numbers and phase of the texture, ``(3, N, 1, 1)``. bars: place, tilt and half width of the bar in
            front (-1: none), ``(3, N, 1, 1)``.
        morph: towards the neighbour, ``(N, 1, 1)`` in [0, 0.5].
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

        ground, shape = colour(), colour()
        lighter = np.sign((shape - ground).mean(1, keepdims=True))
        bars = np.concatenate([uniform(-0.6, 0.6, 1), uniform(0, np.pi, 1), uniform(0.06, 0.2, 1)])
        bars[2, random.random(n) >= BARS] = -1
        return _Latents(
            centre=uniform(-1, 1, 2),
            radius=uniform(0.7, 0.85),
            angle=uniform(-0.2, 0.2),
            stretch=uniform(0.8, 1.25),
            shape=shape + lighter * np.float32(CONTRAST),
            ground=ground,
            bar=colour(),
            waves=np.concatenate([uniform(-9, 9, 2), uniform(0, 2 * np.pi, 1)]),
            bars=bars,
            morph=uniform(0, difficulty / 2),
        )


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
