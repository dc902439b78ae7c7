"""CIFAR-10S's one mechanism [Wang et al. 2020]: a share of some classes keeps its colours, a share of the others not.

It knows nothing of CIFAR: any ten classes of colour images can be skewed. Protected attribute: 0 gray, 1 colour.
"""

from __future__ import annotations

import random
from collections.abc import Collection

import numpy as np

from fairnb.contract import Split
from fairnb.errors import BadData, UnknownName

GRAY, COLOUR = 0, 1
COLOUR_CLASSES = frozenset({1, 3, 5, 7, 9})  # automobile, cat, dog, horse, truck; the other five are mostly gray
SAMPLING_SEED = 42  # Wang et al.'s random.seed(42)
CHUNK = 1000
TARGET, PROTECTED = "Class", "Colour"
VALIDATION = ("balanced", "skewed")


def to_gray(images: np.ndarray) -> np.ndarray:
    """Gray versions of colour images, uint8 ``(N, 3, H, W)`` both: each channel Pillow's mode ``L``, bit for bit."""
    out = np.empty_like(images)
    for start in range(0, len(images), CHUNK):  # uint32 products take four times the memory of the images
        red, green, blue = np.moveaxis(images[start : start + CHUNK], 1, 0).astype(np.uint32)
        luma = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
        out[start : start + CHUNK] = luma.astype(np.uint8)[:, None]
    return out


def gray_rows(
    labels: np.ndarray, skew: float, seed: int = SAMPLING_SEED, colour_classes: Collection[int] = COLOUR_CLASSES
) -> np.ndarray:
    """Which samples become gray, bool ``(N,)``: ``skew`` percent of each class have the domain of their class.

    Drawn class by class with Python's ``random.sample``, as Wang et al.'s code does: with all 50,000 training images
    the same images become gray as there.

    Args:
        labels: class labels ``(N,)``.
        skew: percent in [50, 100); 50 is balanced.
        colour_classes: those that are mostly in colour.

    Raises:
        BadData: ``skew`` out of range.
    """
    if not 50 <= skew < 100:
        raise BadData(f"a colour skew is a percentage in [50, 100), got {skew}: 50 is balanced, CIFAR-10S has 95")
    chance, gray = random.Random(seed), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        major = chance.sample(rows.tolist(), round(len(rows) * skew / 100))
        gray[rows] = int(label) in colour_classes
        gray[major] = int(label) not in colour_classes
    return gray


def skewed(
    images: np.ndarray, labels: np.ndarray, skew: float | None, seed: int = SAMPLING_SEED
) -> tuple[np.ndarray, np.ndarray]:
    """Images ``(N, 3, H, W)`` of which some are gray now, and their domain, int64 ``(N,)``; see ``gray_rows``.

    ``skew=None`` keeps all in colour.
    """
    gray = np.zeros(len(labels), bool) if skew is None else gray_rows(labels, skew, seed)
    out = images.copy()
    out[gray] = to_gray(images[gray])
    return out, np.where(gray, GRAY, COLOUR)


def both_domains(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every image twice: ``(x, target, protected)`` of length 2N, first all in colour, then all gray, in one order."""
    protected = np.repeat([COLOUR, GRAY], len(labels))
    return np.concatenate([images, to_gray(images)]), np.tile(labels, 2), protected


def hold_out(labels: np.ndarray, per_class: int, seed: int = SAMPLING_SEED) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``(held, kept)``, int64, ascending: ``per_class`` random ones of every class, and all others.

    Raises:
        BadData: a class has fewer.
    """
    chance, held = random.Random(seed), np.zeros(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if per_class > len(rows):
            raise BadData(f"class {label} has {len(rows)} images, not {per_class}: ask for fewer")
        held[chance.sample(rows.tolist(), per_class)] = True
    return np.flatnonzero(held), np.flatnonzero(~held)


def training_rows(labels: np.ndarray, n_train: int | None, n_val: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the training and of the held-out images, as many of each class; ``n_train=None``: all that are left.

    Raises:
        BadData: there are not as many.
    """
    classes = len(np.unique(labels))
    val, rest = hold_out(labels, n_val // classes)
    if n_train is not None:
        rest = rest[hold_out(labels[rest], n_train // classes, SAMPLING_SEED + 1)[0]]
    return rest, val


def validation(images: np.ndarray, labels: np.ndarray, skew: float | None, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """The held-out images and their domain: half of each class gray (``balanced``), or as skewed as the training data.

    Raises:
        UnknownName: another ``kind``.
    """
    if kind not in VALIDATION:
        raise UnknownName("kind of validation data", kind, VALIDATION)
    return skewed(images, labels, 50 if kind == "balanced" and skew is not None else skew, SAMPLING_SEED + 2)


def split(part: str, x: np.ndarray, target: np.ndarray, protected: np.ndarray, rows: np.ndarray) -> Split:
    """A Split of class labels and domains; ids name the part, the row and the domain (``test-17-gray``)."""
    domain = np.array(["gray", "colour"])[protected]
    ids = np.array([f"{part}-{row}-{name}" for row, name in zip(rows, domain, strict=True)])
    return Split(x, target.astype(np.int64), protected.astype(np.int64), ids, TARGET, PROTECTED)
