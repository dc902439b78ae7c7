"""How a printed table is laid out as runs: its rows, the tier's plan of tasks and seeds, the printed names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from fairnb import paths, registry
from fairnb.data import fingerprints
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

# What names a reader in the text of a notebook, and what may read anything.
READS = re.compile(r"fairnb\.data(?:\.\w+| import\s*(?:\([^)]*\)|[^\n\"]*))|paths\.data\b")
Row = tuple[str, str, dict[str, Any]]  # label in our tables, method, hyper-parameters


@dataclass(frozen=True)
class Table:
    """A printed table (or figure).

    Attributes:
        plan: the tier's entry of tasks and seeds (``tiers.plan``). rows: ours; the biased model comes first, because
            others start from it. printed: the paper's method names -> our labels. settings: suffix of a printed
            setting -> suffix of a task name, where the table has its own settings.
    """

    plan: str
    rows: tuple[Row, ...]
    printed: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=lambda: {"": ""})


def grid(paper: str, table: Table, tier: str, label_of: Callable[[str], str] = str) -> list[Run]:
    """The runs behind a table at a tier: row by row, then by task and seed; empty where the tier has none.

    Args:
        label_of: task -> label, for rows without one.
    """
    from fairnb.evidence.runs import Run

    others = tiers.baselines(tier, paper)
    planned = [(*found, tiers.rows(tier, paper, table.plan, found[0])) for found in tiers.plan(tier, paper, table.plan)]
    return [
        Run(task, method, seed, tier, others.get(method, {}) | hparams, label or label_of(task))
        for label, method, hparams in table.rows
        for task, seeds, wanted in planned
        if wanted is None or label in wanted
        for seed in seeds[: tiers.seeds_of_row(tier, paper, table.plan, label)]
    ]


def several(grid: Callable[[str, str], list[Run]], *names: str) -> Callable[[str], list[Run]]:
    """The runs of several tables together at a tier, for a room's ``GRIDS``."""
    return partial(_several, grid, names)


def _several(grid: Callable[[str, str], list[Run]], names: tuple[str, ...], tier: str) -> list[Run]:
    return [run for name in names for run in grid(name, tier)]


@cache
def grids() -> dict[str, Callable[[str], list[Run]]]:
    """Per notebook that trains the runs that it asks for at a tier: the ``GRIDS`` of the rooms' ``tables``.

    A notebook runs its grid; ``make plan`` lists it and runs nothing.
    """
    return registry.collected("tables", "GRIDS")


def grid_of(notebook: str, tier: str) -> list[Run]:
    """All runs that a notebook asks for at a tier; empty for notebooks that train nothing."""
    return grids()[notebook](tier) if notebook in grids() else []


def belongs(notebook: str, tier: str) -> bool:
    """Whether a notebook is part of a tier: one that trains is, where the tier has a run for it."""
    return notebook not in grids() or bool(grid_of(notebook, tier))


def data_of(notebook: str, tier: str) -> dict[str, str]:
    """Fingerprints of the real data that a notebook may read at a tier, by ``data of <task or data set>``.

    They are those of its runs' tasks, and of the data sets whose readers its text imports; of all data sets where it
    has no runs, for it may read them in any way. What is not there, or may not be read, is ``none``.
    """
    from fairnb import tasks

    sets = fingerprints.present()
    # Runs are not asked for where there is no data at all: making them imports their methods, and so torch.
    grid = grid_of(notebook, tier) if set(sets.values()) != {fingerprints.ABSENT} else []
    if notebook in grids():
        text = (paths.notebooks() / f"{notebook}.ipynb").read_text(encoding="utf-8", errors="replace")
        words = set(re.findall(r"\w+", " ".join(READS.findall(text))))
        sets = {name: found for name, found in sets.items() if words & {_module(name), "paths", "readers"}}
    own = {run.task for run in grid if tasks.recipe(run.task).reads}
    sets |= {task: fingerprints.told(partial(tasks.fingerprint, task, tier)) for task in own}
    return {f"data of {name}": found for name, found in sorted(sets.items())}


def _module(name: str) -> str:
    """The module of ``fairnb.data`` that reads the data set ``name``."""
    return name.removeprefix("celeba-").replace("-", "_")


def pixels(own: Mapping[str, Any]) -> int:
    """The width of what a network sees by the settings ``own`` of its task: resized to, else cut out, else stored."""
    found = own.get("pixels") or own.get("crop") or own["size"]
    return found if isinstance(found, int) else found[-1]


def network(task: str, tier: str) -> str:
    """Backbone and data of an image task at a tier in a few words."""
    from fairnb import tasks

    own = tasks.settings_of(task, tier)
    images = f"{own['n_train']} training images, " if own.get("n_train") else ""
    return (
        f"{images}{pixels(own)} px, {own.get('backbone', 'resnet18')} of width {own['width']}, weights {own['weights']}"
    )
