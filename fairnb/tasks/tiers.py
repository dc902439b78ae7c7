"""The four sizes of every notebook. All numbers that depend on the tier live in the rooms' ``tiers``: ``SIZES``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from fairnb import registry
from fairnb.errors import FairnbError, UnknownName


@dataclass(frozen=True)
class Tier:
    """One size of the experiments.

    Attributes:
        name: ``smoke``, ``quick``, ``open`` or ``paper``.
        purpose: one sentence for the reader.
        seeds: run seeds behind every number.
    """

    name: str
    purpose: str
    seeds: tuple[int, ...]

    @property
    def papers(self) -> dict[str, dict[str, Any]]:
        """Per paper slug its numbers at this tier, from the rooms.

        ``settings`` (data sizes, network, schedules) and ``plan`` (tasks and seeds of each table), ``baselines`` with
        hyper-parameters other than their papers', ``rows`` of a table where not all are run (for all tasks, or by
        task), ``fewer_seeds`` of a table's dearest rows, by label, and ``seeds`` if it has its own.
        """
        return _papers(self.name)


PRESET = "FAIRNB_PRESET"
# Notebook 02: a linear classifier on small toy faces, the same at every tier but smoke.
_FOUNDATIONS = {"size": 32, "n_train": 2000, "n_test": 2000}
_FOUNDATIONS_SMOKE = {"size": 24, "n_train": 400, "n_test": 400}
TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier("smoke", "a few hundred toy samples and one seed: does it run? Used by the tests", (0,)),
        Tier(
            "quick",
            "toy data made by fairnb on a laptop without GPU: the claims' orderings and signs",
            (0, 1, 2),
        ),
        Tier("open", "real data that anyone may have, small networks without ImageNet weights: CPU hours", (0, 1, 2)),
        Tier(
            "paper",
            "the paper's own sizes, epochs and seeds with ImageNet weights: GPU days",
            tuple(range(100, 1001, 100)),
        ),
    )
}
# Somebody's own data, of any size: no notebook has this tier, and its runs are nobody's evidence.
OWN = Tier("own", "your own data: sizes and schedules by the minutes that you give", (0, 1, 2))


@cache
def _papers(name: str) -> dict[str, dict[str, Any]]:
    numbers = {slug: room.door("tiers").SIZES for slug, room in registry.rooms().items()}
    own = {slug: sizes[name] for slug, sizes in numbers.items() if name in sizes}
    return own | {
        OWN.name: {"settings": {}},
        "foundations": {"settings": _FOUNDATIONS_SMOKE if name == "smoke" else _FOUNDATIONS},
    }


def get(name: str) -> Tier:
    """The tier of that name; ``FAIRNB_SEEDS`` (``3`` for the first three, or ``0,5,7``) replaces its seeds.

    Raises:
        UnknownName: no such tier. FairnbError: ``FAIRNB_SEEDS`` cannot be read.
    """
    if name not in TIERS and name != OWN.name:
        raise UnknownName("tier", name, TIERS)
    tier = TIERS.get(name, OWN)
    wanted = os.environ.get("FAIRNB_SEEDS", "").strip()
    return Tier(tier.name, tier.purpose, _seeds(wanted, tier.seeds)) if wanted else tier


def _seeds(text: str, default: tuple[int, ...]) -> tuple[int, ...]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise FairnbError(
            f"SEEDS={text!r} cannot be read: give a number of seeds (SEEDS=3) or a list (SEEDS=0,1,2)"
        ) from None
    if "," in text:
        return tuple(dict.fromkeys(numbers))
    if numbers[0] < 1:
        raise FairnbError(f"SEEDS={text!r} asks for no run: give at least SEEDS=1")
    step = default[1] - default[0] if len(default) > 1 else 1
    return tuple(default[0] + step * i for i in range(numbers[0]))


def settings(tier: str, paper: str) -> dict[str, Any]:
    """A copy of the settings of a paper slug at a tier (data sizes, network, schedules).

    ``FAIRNB_PRESET`` (``code``, ``paper``, ``ours``) replaces the hyper-parameters of a paper that has ``PRESETS``
    (AIM-Fair) by a whole preset.

    Raises:
        UnknownName: no such paper at this tier, or no such preset.
    """
    papers = get(tier).papers
    if paper not in papers:
        raise UnknownName(f"paper at tier {tier}", paper, papers)
    preset = os.environ.get(PRESET, "").strip()
    own = dict(papers[paper]["settings"])
    if not preset:
        return own
    known = registry.collected("tiers", "PRESETS")
    if preset not in known:
        raise UnknownName("preset", preset, known)
    takes = paper in registry.rooms() and hasattr(registry.room(paper).door("tiers"), "PRESETS")
    return own | (known[preset] if takes else {})


def baselines(tier: str, paper: str) -> dict[str, dict[str, Any]]:
    """Method -> hyper-parameters that a tier gives to a baseline instead of its paper's own."""
    return get(tier).papers[paper].get("baselines", {})


def seeds(tier: str, paper: str) -> tuple[int, ...]:
    """The run seeds of a paper at a tier: its own ones where it has some (ICDM's tables have ten), else the tier's."""
    found = get(tier)
    own = found.papers[paper].get("seeds")
    return _seeds(os.environ.get("FAIRNB_SEEDS", "").strip() or str(len(own)), own) if own else found.seeds


def rows(tier: str, paper: str, table: str, task: str) -> tuple[str, ...] | None:
    """The labels of the rows that a tier runs of a table for a task; None for all of them."""
    found = get(tier).papers[paper].get("rows", {}).get(table)
    return found.get(task) if isinstance(found, dict) else found


def seeds_of_row(tier: str, paper: str, table: str, label: str) -> int | None:
    """How many of a table's seeds a tier runs of the row ``label``, the dear ones say; None for all of them."""
    return get(tier).papers[paper].get("fewer_seeds", {}).get(table, {}).get(label)


def plan(tier: str, paper: str, table: str) -> list[tuple[str, tuple[int, ...]]]:
    """The tasks of a table at a tier, each with its seeds; empty where the tier does not run that table."""
    found = get(tier)
    if paper not in found.papers:
        raise UnknownName(f"paper at tier {tier}", paper, found.papers)
    parts = found.papers[paper].get("plan", {}).get(table, ())
    return [(task, seeds(tier, paper)[:count]) for names, count in parts for task in names]
