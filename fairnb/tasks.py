"""Named problems: data, groups, network and synthetic images, put together for methods (Task) and for the runner (Problem)."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from fairnb import paths, reported, tiers
from fairnb.contract import Split, Task
from fairnb.data import subsets
from fairnb.errors import MissingData, UnknownName

if TYPE_CHECKING:
    from torch import nn

Cells = dict[tuple[int, int], int]
MAJORITY = 0.9  # all of AIM-Fair's settings: nine tenths of the training data in the cells (0, 1) and (1, 0)
TRAINING_VERSION = "1"  # of the shared biased model: bump when pre-training changes its numbers


@dataclass(frozen=True)
class Problem:
    """A task with its test split; only the runner and the notebooks see it."""

    task: Task
    test: Split


@dataclass(frozen=True)
class Data:
    """What a builder returns: the four parts of a problem. ``pool`` holds the images that play the synthetic ones."""

    train: Split
    val: Split
    test: Split
    pool: Split
    synthetic_cells: dict[str, Cells]


@dataclass(frozen=True)
class Recipe:
    """How a task is made: its builder, the version of its rule, and what plays the synthetic images (for tables)."""

    build: Callable[[dict[str, Any]], Data]
    fingerprint: Callable[[dict[str, Any]], str]
    paper: str
    setting: str
    synthetic: str


def check(name: str) -> None:
    """Raise UnknownName unless ``name`` is a task."""
    if name not in RECIPES:
        raise UnknownName("task", name, RECIPES)


def recipe(name: str) -> Recipe:
    """The recipe of a task (UnknownName if there is none)."""
    check(name)
    return RECIPES[name]


def version(name: str, tier: str) -> str:
    """Hash of all that decides a task's data and network at a tier, for run keys."""
    settings = tiers.settings(tier, recipe(name).paper)
    text = json.dumps([name, TRAINING_VERSION, settings, fingerprint(name, tier)], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else str(value)


@lru_cache(maxsize=32)
def fingerprint(name: str, tier: str) -> str:
    """Hash of a task's data: the drawing code's version for toy data, names and sizes of the files for real data.

    Raises:
        MissingData: the data set is not there; the sentence says how to get it.
    """
    return recipe(name).fingerprint(tiers.settings(tier, recipe(name).paper))


@lru_cache(maxsize=2)
def problem(name: str, tier: str) -> Problem:
    """The problem ``name`` at ``tier``: the same data for all seeds, as in the papers.

    Raises:
        UnknownName: task or tier. MissingData, BadData: its data set is absent or cannot be used.
    """
    found = recipe(name)
    settings = tiers.settings(tier, found.paper)
    data = found.build(settings)
    backbone = partial(_backbone, settings=settings)
    task = Task(name, data.train, data.val, backbone, _unset, partial(_synthetic, data), settings)
    # The biased model is trained on the task itself, so it is bound last.
    task = replace(task, biased_model=partial(_biased_model, task, version(name, tier)))
    return Problem(task, data.test)


def _unset(seed: int) -> nn.Module:
    raise NotImplementedError("biased_model is bound when the problem is built")


def _backbone(seed: int, pretrained: bool = True, *, settings: dict[str, Any]) -> nn.Module:
    from fairnb.models import resnet18

    weights = settings["weights"] if pretrained else None
    if weights == "imagenet":
        weights = os.environ.get("FAIRNB_IMAGENET") or paths.data() / "weights" / "resnet18_imagenet.pth"
    return resnet18(settings["width"], weights=weights, seed=seed)


def _synthetic(data: Data, kind: str, seed: int) -> Split:
    """S2 (``balanced``) or S1 (``biased``), drawn from the pool by the run's seed; see ``subsets.fill``."""
    if kind not in data.synthetic_cells:
        raise UnknownName("kind of synthetic data", kind, data.synthetic_cells)
    rows = subsets.fill(data.pool.target, data.pool.protected, data.synthetic_cells[kind], seed=seed)
    return data.pool.take(rows)


def _biased_model(task: Task, task_version: str, seed: int) -> nn.Module:
    """The ERM model of ``seed``, trained once, shared by all methods and processes through the cache."""
    from safetensors.torch import load_file, save

    from fairnb.files import write_atomic
    from fairnb.methods import aimfair

    model = task.backbone(seed)
    file = paths.cache() / "models" / f"{task.name.replace('/', '-')}-seed{seed}-{task_version}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            trained = aimfair.train_biased(task, seed)
            state = {name: tensor.detach().cpu().contiguous() for name, tensor in trained.state_dict().items()}
            write_atomic(file, save(state))
    model.load_state_dict(load_file(file))
    return model


def biased_cells(n: int) -> Cells:
    """``n`` samples with AIM-Fair's 9:1 ratio: 45 % each in (0, 1) and (1, 0), 5 % each in (0, 0) and (1, 1)."""
    major, minor = round(n * MAJORITY / 2), round(n * (1 - MAJORITY) / 2)
    return {(0, 0): minor, (0, 1): major, (1, 0): major, (1, 1): minor}


def shares_of(n: int, counts: np.ndarray) -> Cells:
    """``n`` samples in the proportions of ``counts`` ``(2, 2)``: a small test set with CelebA's own base rates."""
    exact = n * counts / counts.sum()
    return {(t, p): round(exact[t, p]) for t in range(2) for p in range(2)}


# --- toy faces -----------------------------------------------------------------------------------------------------

TOY_SEEDS = {"train": 101, "val": 102, "test": 103, "pool": 104}
TOY_LABEL_NOISE = 0.03  # as in real attribute labels
TOY_PROMPT_NOISE = 0.05  # share of generated images that do not show what was asked for
TOY_STYLE = "render"


def _toy(settings: dict[str, Any]) -> Data:
    natural = reported.test_counts("Smiling", "Male")
    n, size = {part: settings[f"n_{part}"] for part in ("train", "val", "test", "pool", "synthetic")}, settings["size"]
    plans = {
        "train": (biased_cells(n["train"]), "photo", TOY_LABEL_NOISE),
        "val": (shares_of(n["val"], natural), "photo", TOY_LABEL_NOISE),
        "test": (shares_of(n["test"], natural), "photo", TOY_LABEL_NOISE),
        "pool": (subsets.balanced(n["pool"]), TOY_STYLE, TOY_PROMPT_NOISE),
    }
    parts = {part: _toy_split(part, size, *plan) for part, plan in plans.items()}
    cells = {"balanced": subsets.balanced(n["synthetic"] // 4), "biased": biased_cells(n["synthetic"])}
    return Data(**parts, synthetic_cells=cells)


def _toy_split(part: str, size: int, cells: Cells, style: str, noise: float) -> Split:
    """One part of the toy data, rendered once and memory-mapped by all processes."""
    from fairnb.data import toy_faces
    from fairnb.data.cache import cached_arrays

    def make() -> dict[str, np.ndarray]:
        faces = toy_faces.sample(
            sum(cells.values()), seed=TOY_SEEDS[part], size=size, style=style, cells={("Smiling", "Male"): cells}
        )
        split = faces.split("Smiling", "Male", label_noise=noise)
        return {
            "x": split.x,
            "target": split.target,
            "protected": split.protected,
            "ids": np.asarray(split.ids).astype(str),
        }

    key = json.dumps(
        ["toy_faces", toy_faces.VERSION, part, TOY_SEEDS[part], size, sorted(map(str, cells.items())), style, noise]
    )
    arrays = cached_arrays(f"toy-{part}-{hashlib.sha256(key.encode()).hexdigest()[:16]}", make)
    labels = {name: np.array(arrays[name]) for name in ("target", "protected", "ids")}
    return Split(arrays["x"], **labels, target_name="Smiling", protected_name="Male")


def _toy_fingerprint(settings: dict[str, Any]) -> str:
    from fairnb.data import toy_faces

    return f"toy_faces-{toy_faces.VERSION}-{TOY_STYLE}-{TOY_LABEL_NOISE}-{TOY_PROMPT_NOISE}"


# --- UTKFace -------------------------------------------------------------------------------------------------------


def _utkface(settings: dict[str, Any]) -> Data:
    from fairnb.data import utkface

    labels = utkface.read()
    sets = subsets.utkface_aimfair(labels)
    parts = {part: labels.split(*subsets.UTKFACE_SETTING, rows, settings["size"]) for part, rows in sets.items()}
    # White men are scarce beside the training set, so a few of them repeat until validation is balanced.
    val = parts["val"]
    parts["val"] = val.take(subsets.fill(val.target, val.protected, subsets.balanced(subsets.UTKFACE_VAL), seed=0))
    cells = {
        "balanced": subsets.balanced(sum(subsets.UTKFACE_CELLS.values()) // 4),
        "biased": dict(subsets.UTKFACE_CELLS),
    }
    return Data(**parts, synthetic_cells=cells)


def _utkface_fingerprint(settings: dict[str, Any]) -> str:
    """Names and sizes of all images: cheap, and different for the originals and for a resized copy."""
    folder = paths.data() / "UTKFace"
    if not folder.is_dir():
        raise MissingData(
            f"UTKFace is not in {paths.data()}: run `make data` to see how to get it, then set FAIRNB_DATA "
            "to the folder that holds UTKFace/"
        )
    entries = sorted(f"{entry.name}:{entry.stat().st_size}" for entry in os.scandir(folder))
    return "utkface-" + hashlib.sha256("\n".join(entries).encode()).hexdigest()[:16]


RECIPES: dict[str, Recipe] = {
    "toy_faces/smiling_male": Recipe(
        _toy,
        _toy_fingerprint,
        "aimfair",
        "CelebA;T=Smiling;P=Male",
        "another rendering style of the toy faces, with 5 % wrong labels (text-to-image comes with part 2)",
    ),
    "utkface/female_white": Recipe(
        _utkface,
        _utkface_fingerprint,
        "aimfair",
        "UTKFace;T=Female;P=White",
        "held-out balanced real images as a stand-in; of white men only 118 are left, each used about 20 times",
    ),
}
