"""Named problems: data, network and synthetic images, put together for methods (Task) and the runner (Problem)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb import paths, registry
from fairnb.contract import Split, Task
from fairnb.data import readers, subsets
from fairnb.data.fingerprints import told
from fairnb.errors import BadData, UnknownName
from fairnb.tasks import biased, own, pretrained, tiers
from fairnb.tasks.recipes import MAJORITY, TEST, Data, Files, Recipe, biased_cells, sample_ids, weights_fingerprint
from fairnb.training import reading

if TYPE_CHECKING:
    from torch import nn

TRAINING_VERSION = "1"  # of the shared biased model: bump when pre-training changes its numbers


@dataclass(frozen=True)
class Problem:
    """A task with its test split; only the runner and the notebooks see it.

    ``ids`` is the hash of which samples its parts have, ``read`` names the settings that decided its data, and
    ``choose`` are the samples by which methods are chosen (``recipes.Data``).
    """

    task: Task
    test: Split
    ids: str = ""
    read: frozenset[str] = frozenset()
    choose: Split | None = None


@cache
def known() -> dict[str, Recipe]:
    """The recipes of all tasks by name: the ``RECIPES`` of the rooms' modules ``tasks``, ``tasks_...``."""
    return registry.collected("tasks", "RECIPES")


def check(name: str) -> None:
    """Raise UnknownName unless ``name`` is a task."""
    if name not in known() and not name.startswith(own.PREFIX):
        raise UnknownName("task", name, known())


def recipe(name: str) -> Recipe:
    """The recipe of a task (UnknownName if there is none)."""
    check(name)
    return own.recipe(name) if name.startswith(own.PREFIX) else known()[name]


def settings_of(name: str, tier: str) -> dict[str, Any]:
    """The tier's settings as the task ``name`` has them (fewer images may train for more epochs, say)."""
    found = recipe(name)
    return reading.plain(found.adapt(tiers.settings(tier, found.paper)))


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


def fingerprint(name: str, tier: str) -> str:
    """Hash of what a task is made from: a toy's drawing code, or the files of real data (``fingerprints``) and weights.

    Real files are looked at each time: a kernel or a worker may outlive a change of them.

    Raises:
        MissingData: the data set is not there; the sentence says how to get it. DiskTrouble: it may not be read.
    """
    settings = settings_of(name, tier)
    made = recipe(name).fingerprint(settings) if recipe(name).reads else _drawn(name, tier)
    return "-".join(filter(None, (made, weights_fingerprint(settings))))


@lru_cache(maxsize=256)
def _drawn(name: str, tier: str) -> str:
    found = recipe(name)
    return f"{found.fingerprint(settings_of(name, tier))}{'-test-by-seed' * (found.by_seed == TEST)}"


fingerprint.cache_clear = _drawn.cache_clear  # type: ignore[attr-defined]  # for tests that change a toy


def made_of(name: str, tier: str) -> str:
    """What a task is made of wherever it is made: as ``fingerprint``, but of real data without their files."""
    settings, found = settings_of(name, tier), recipe(name).fingerprint
    made = found.other(settings) if isinstance(found, Files) else _drawn(name, tier)
    return "-".join(filter(None, (made, weights_fingerprint(settings))))


def is_of_a_notebook(name: str, tier: str) -> bool:
    """Whether a cell of a notebook defines the task's network (``nets.brought``), so that no other process has it."""
    from fairnb.nets.brought import CELL

    return str(settings_of(name, tier).get("backbone", "")).startswith(CELL)


def data_version(name: str) -> str:
    """How the real data of a task differ from what their owners published, in words; empty where they do not.

    Whoever asks is warned once, and what he saves of them is marked (``versions.said``).
    """
    return "; ".join(filter(None, (told(partial(readers.version, source), "") for source in recipe(name).reads)))


def made_from(name: str, tier: str) -> dict[str, str]:
    """What a record keeps of a task's data: the fingerprint, and the version where it is not the owner's."""
    other = data_version(name)
    return {"data": fingerprint(name, tier)} | ({"data_version": other} if other else {})


def problem(name: str, tier: str, seed: int = 0) -> Problem:
    """The problem ``name`` at ``tier`` for a run's ``seed``.

    Real data are the same for all seeds, as in the papers, or split anew. Of a toy every seed has test images of its
    own: new ones cost little, and what a test set of this size does to a number is then in the spread over seeds.

    Raises:
        UnknownName: task or tier. MissingData, BadData: its data set is absent or cannot be used.
    """
    found = _problem(name, tier, version(name, tier), seed if recipe(name).by_seed else 0)
    reading.note(found.read)
    return found


@lru_cache(maxsize=32)
def _problem(name: str, tier: str, _version: str, seed: int) -> Problem:
    """``problem``, kept as long as its version stays: a worker may serve one preset after the other."""
    found, settings = recipe(name), reading.Settings(settings_of(name, tier))
    with reading.watch() as read:
        data = found.build(settings, seed=seed) if found.by_seed else found.build(settings)
        own_weights = settings.get("weights") == "own"
    if found.family == "images":
        backbone = partial(biased.image_backbone, settings=settings)
        if own_weights:
            backbone = partial(pretrained.own_backbone, settings=settings, split=data.pretrain, told=data.told)
    else:
        backbone = partial(biased.feature_backbone, features=data.train.x.shape[1], settings=settings)
    model = partial(_biased_model, name, tier)
    synthetic = partial(_synthetic, data)
    task = Task(name, data.train, data.val, backbone, model, synthetic, settings, data.protected_column)
    return Problem(task, data.test, sample_ids(data, found.by_seed), frozenset(read), data.choose)


def _biased_model(name: str, tier: str, seed: int) -> nn.Module:
    """The ERM model of ``seed``, see ``biased``; tasks with the same training data share that of ``biased_as``."""
    found = recipe(name)
    owner = found.biased_as or name
    stem = f"{owner.replace('/', '-')}-{version(owner, tier)}"

    def file_of(s: int) -> Path:
        return paths.cache() / "models" / f"{stem}-seed{s}.safetensors"

    seeds = tiers.seeds(tier, found.paper)
    return biased.FAMILIES[found.family](lambda s: problem(name, tier, s).task, seed, seeds, file_of)


def _synthetic(data: Data, kind: str, seed: int, *, share: float = MAJORITY, ratio: float = 1.0) -> Split:
    """S2 (``balanced``) or S1 (``biased``), drawn from the pool by the run's seed (``subsets.fill``), or ``all``."""
    if data.pool is None:
        raise BadData("this task has no synthetic data: use a method that does without, or a task of AIM-Fair")
    if kind == "all":
        return data.pool
    n = data.n_synthetic * ratio
    cells = {"balanced": subsets.balanced(round(n / 4)), "biased": biased_cells(n, share)}
    if kind not in cells:
        raise UnknownName("kind of synthetic data", kind, [*cells, "all"])
    if not (0.5 <= share < 1 and ratio > 0):
        raise BadData(f"synthetic data need a share in [0.5, 1) and a ratio above 0, got {share} and {ratio}")
    what = f"{kind} synthetic data"
    return data.pool.take(subsets.fill(data.pool.target, data.pool.protected, cells[kind], seed=seed, what=what))
