"""ICDM 2022's Tables I and II: CIFAR-10S at four skews and clean, and toy shapes that stand for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from fairnb.contract import Split
from fairnb.data import cifar10, colour_gray
from fairnb.data.toys import shapes as toy_shapes
from fairnb.errors import BadData
from fairnb.tasks.drawings import of_run
from fairnb.tasks.recipes import TEST, Data, Files, Recipe, nothing

SKEWS: tuple[int | None, ...] = (95, 80, 90, 99, None)  # None: clean, all images in colour
TOY_SEEDS = {"train": 201, "test": 202}
VERSION = "1"  # of what ``_make`` does with the images
MEASURE = "bias_amp"  # named nowhere in ICDM 2022; its values are of the size of Wang et al.'s
Images = tuple[np.ndarray, np.ndarray]
Source = Callable[[str, dict[str, Any], int], Images]


def _cifar(part: str, settings: dict[str, Any], seed: int) -> Images:
    """All of CIFAR-10's training or test images."""
    if settings["size"] != 32:
        raise BadData(f"CIFAR-10 has 32 pixels a side, got size={settings['size']}: set it to 32")
    return cifar10.read(part == "train")


def _toy(part: str, settings: dict[str, Any], seed: int) -> Images:
    """As many toy shapes as the splits need; those of the test anew for each run ``seed``."""
    count, drawn = settings["n_train"] + settings["n_val"], TOY_SEEDS[part]
    if part == "test":
        count, drawn = settings["n_test"], of_run(drawn, seed)
    return toy_shapes.sample(count, drawn, size=settings["size"], difficulty=settings["difficulty"])


def _toy_fingerprint(settings: dict[str, Any]) -> str:
    return f"{VERSION}-toy_shapes-{toy_shapes.VERSION}-{TOY_SEEDS}"


def _build(settings: dict[str, Any], source: Source, fingerprint: Callable, skew: int | None, seed: int = 0) -> Data:
    """Training data skewed by ``skew``, D_val, and every test image twice (clean: once, in colour).

    D_val is held out before the skewing: half of each class in colour, half gray (``settings["validation"]`` may be
    ``skewed`` instead). ``n_train``, ``n_val`` and ``n_test`` count distinct images; ``n_train=None``: all there are.
    """
    names = ("n_train", "n_val", "n_test", "size", "difficulty", "validation")
    key = [fingerprint(settings), {name: settings.get(name) for name in names}]

    def split(part: str) -> Split:
        make, test = partial(_make, part, settings, source, skew, seed), part == "test"
        return _cached(part, [*key, skew, seed * test], make, passing=test and source is _toy)

    return Data(split("train"), split("val"), split("test"))


def _cached(part: str, key: list[Any], make: Callable[[], Split], passing: bool) -> Split:
    """A split whose images are computed once and memory-mapped by all processes."""
    from fairnb.data.cache import cached_arrays

    def arrays() -> dict[str, np.ndarray]:
        made = make()
        return {"x": made.x, "target": made.target, "protected": made.protected, "ids": made.ids}

    text = json.dumps(key)
    named = f"colour-{part}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    found = cached_arrays(named, arrays, passing=passing)
    labels: dict[str, Any] = {name: np.array(found[name]) for name in ("target", "protected", "ids")}
    return Split(found["x"], **labels, target_name=colour_gray.TARGET, protected_name=colour_gray.PROTECTED)


def _make(part: str, settings: dict[str, Any], source: Source, skew: int | None, seed: int) -> Split:
    x, labels = source("test" if part == "test" else "train", settings, seed)
    if part == "test":
        rows = colour_gray.hold_out(labels, settings["n_test"] // len(np.unique(labels)))[0]
        if skew is None:
            return colour_gray.split(part, x[rows], labels[rows], np.full(len(rows), colour_gray.COLOUR), rows)
        return colour_gray.split(part, *colour_gray.both_domains(x[rows], labels[rows]), np.tile(rows, 2))
    train, val = colour_gray.training_rows(labels, settings["n_train"], settings["n_val"])
    if part == "train":
        images, domain = colour_gray.skewed(x[train], labels[train], skew)
        return colour_gray.split(part, images, labels[train], domain, train)
    kind = settings.get("validation", "balanced")
    images, domain = colour_gray.validation(x[val], labels[val], skew, kind)
    return colour_gray.split(part, images, labels[val], domain, val)


def _adapt(settings: dict[str, Any]) -> dict[str, Any]:
    return settings["images"] | {"classes": len(cifar10.CLASSES), "measure": MEASURE}


def _recipe(source: Source, fingerprint: Callable, skew: int | None, by_seed: str) -> Recipe:
    build = partial(_build, source=source, fingerprint=fingerprint, skew=skew)
    setting = "CIFAR-10;clean" if skew is None else f"CIFAR-10S;skew={skew}"
    return Recipe(build, fingerprint, "reactivate", setting, nothing, adapt=_adapt, by_seed=by_seed)


RECIPES = {
    f"{place}/{'clean' if skew is None else f'skew{skew}'}": _recipe(source, fingerprint, skew, by_seed)
    for place, source, fingerprint, by_seed in (
        ("cifar10s", _cifar, Files((cifar10.NAME,), lambda settings: VERSION), ""),
        ("toy_shapes", _toy, _toy_fingerprint, TEST),
    )
    for skew in SKEWS
}
