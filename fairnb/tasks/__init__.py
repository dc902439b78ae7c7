"""Named problems: data, network and synthetic images, put together for methods (Task) and the runner (Problem)."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from fairnb import paths, tiers
from fairnb.contract import Split, Task
from fairnb.data import subsets
from fairnb.errors import BadData, MissingData, UnknownName
from fairnb.tasks import celeba, toy, utk
from fairnb.tasks.recipes import MAJORITY, Data, Recipe, biased_cells

if TYPE_CHECKING:
    from torch import nn

RECIPES: dict[str, Recipe] = toy.RECIPES | celeba.RECIPES | utk.RECIPES
TRAINING_VERSION = "1"  # of the shared biased model: bump when pre-training changes its numbers


@dataclass(frozen=True)
class Problem:
    """A task with its test split; only the runner and the notebooks see it."""

    task: Task
    test: Split


def check(name: str) -> None:
    """Raise UnknownName unless ``name`` is a task."""
    if name not in RECIPES:
        raise UnknownName("task", name, RECIPES)


def recipe(name: str) -> Recipe:
    """The recipe of a task (UnknownName if there is none)."""
    check(name)
    return RECIPES[name]


def settings_of(name: str, tier: str) -> dict[str, Any]:
    """The tier's settings as the task ``name`` has them (fewer images may train for more epochs, say)."""
    found = recipe(name)
    return found.adapt(tiers.settings(tier, found.paper))


def synthetic_words(name: str, tier: str) -> str:
    """What plays the synthetic images of the task ``name`` at ``tier``, in words."""
    return recipe(name).synthetic(settings_of(name, tier))


def version(name: str, tier: str) -> str:
    """Hash of all that decides a task's data and network at a tier, for run keys."""
    text = json.dumps(
        [name, TRAINING_VERSION, settings_of(name, tier), fingerprint(name, tier)], sort_keys=True, default=_plain
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else str(value)


@lru_cache(maxsize=64)
def fingerprint(name: str, tier: str) -> str:
    """Hash of a task's data: the drawing code's version for toy data, names and sizes of the files for real data.

    Raises:
        MissingData: the data set is not there; the sentence says how to get it.
    """
    return recipe(name).fingerprint(settings_of(name, tier))


def problem(name: str, tier: str) -> Problem:
    """The problem ``name`` at ``tier``: the same data for all seeds, as in the papers.

    Raises:
        UnknownName: task or tier. MissingData, BadData: its data set is absent or cannot be used.
    """
    return _problem(name, tier, version(name, tier))


@lru_cache(maxsize=4)
def _problem(name: str, tier: str, _version: str) -> Problem:
    """``problem``, kept as long as its version stays: a worker may serve one preset after the other."""
    found, settings = recipe(name), settings_of(name, tier)
    data = found.build(settings)
    backbone = partial(_backbone, settings=settings)
    task = Task(name, data.train, data.val, backbone, _unset, partial(_synthetic, data), settings)
    # The biased model is trained on the task itself, so it is bound last.
    owner = found.biased_as or name
    task = replace(task, biased_model=partial(_biased_model, task, f"{owner.replace('/', '-')}-{version(owner, tier)}"))
    return Problem(task, data.test)


def _unset(seed: int) -> nn.Module:
    raise NotImplementedError("biased_model is bound when the problem is built")


def _backbone(seed: int, pretrained: bool = True, *, settings: dict[str, Any]) -> nn.Module:
    from fairnb.models import resnet18

    weights = settings["weights"] if pretrained else None
    if weights == "imagenet":
        weights = Path(os.environ.get("FAIRNB_IMAGENET") or paths.data() / "weights" / "resnet18_imagenet.pth")
        if not weights.is_file():
            raise MissingData(
                f"ImageNet weights are not at {weights}: save torchvision's ResNet18_Weights.IMAGENET1K_V1 state dict "
                "there, or set FAIRNB_IMAGENET to its path"
            )
    return resnet18(settings["width"], weights=weights, seed=seed)


def _synthetic(data: Data, kind: str, seed: int, *, share: float = MAJORITY, ratio: float = 1.0) -> Split:
    """S2 (``balanced``) or S1 (``biased``), drawn from the pool by the run's seed; see ``subsets.fill``."""
    n = data.n_synthetic * ratio
    cells = {"balanced": subsets.balanced(round(n / 4)), "biased": biased_cells(n, share)}
    if kind not in cells:
        raise UnknownName("kind of synthetic data", kind, cells)
    if not (0.5 <= share < 1 and ratio > 0):
        raise BadData(f"synthetic data need a share in [0.5, 1) and a ratio above 0, got {share} and {ratio}")
    return data.pool.take(subsets.fill(data.pool.target, data.pool.protected, cells[kind], seed=seed))


def _biased_model(task: Task, name: str, seed: int) -> nn.Module:
    """The ERM model of ``seed``, trained once, shared by all methods and processes through the cache."""
    from safetensors.torch import load_file, save

    from fairnb.files import write_atomic
    from fairnb.methods import aimfair

    model = task.backbone(seed)
    file = paths.cache() / "models" / f"{name}-seed{seed}.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            trained = aimfair.train_biased(task, seed)
            state = {name: tensor.detach().cpu().contiguous() for name, tensor in trained.state_dict().items()}
            write_atomic(file, save(state))
    model.load_state_dict(load_file(file))
    return model
