"""The rooms: a folder for each paper, found by themselves. Nothing below a room knows its name.

A room is a package whose ``paper.py`` has a ``PAPER``. Rooms of ours lie in ``fairnb/papers``; one in another
distribution announces itself by an entry point of the group ``fairnb.papers``: ``slug = "package.of.the.room"``.
What a room offers lies behind its doors (``DOORS``): everybody else asks for a door by its name.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from fairnb.errors import BadData, UnknownName

PAPERS = "fairnb.papers"  # the package that holds our rooms, and the group of entry points for those of others
# What every room has, and what it has where something is printed.
DOORS = ("paper", "method", "tasks", "tiers", "tables", "claims", "figures")
PRINTED = ("audit",)


@dataclass(frozen=True)
class Paper:
    """A paper that is rerun.

    Attributes:
        slug: how records, settings and files call it. title, source: as published.
        notebooks: number of its first notebook, the tens digit being the paper's (10 for ``10_aimfair``); rooms are
            listed in this order. 10 to 59 are taken, a sixth and a seventh paper have 60 to 79.
    """

    slug: str
    title: str
    source: str
    notebooks: int


@dataclass(frozen=True)
class Room:
    """A paper's package. ``package`` is its dotted name, ``folder`` where it lies."""

    paper: Paper
    package: str
    folder: Path

    def door(self, name: str) -> ModuleType:
        """The module behind a door, e.g. ``tables``. Raises BadData: the room has no such door."""
        if not self.offers(name):
            raise BadData(f"paper {self.paper.slug} has no {name} in {self.folder}: add one, see `fairnb new-paper`")
        return importlib.import_module(f"{self.package}.{name}")

    def doors(self, start: str) -> list[str]:
        """Names of the room's modules that are called ``start``, or ``start_`` and more (``tasks_celeba``), sorted."""
        return [name for name in _modules(self.folder) if name == start or name.startswith(f"{start}_")]

    def offers(self, name: str) -> bool:
        """Whether the room has this very door."""
        return name in self.doors(name)


@cache
def _modules(folder: Path) -> list[str]:
    return sorted(entry.stem for entry in folder.iterdir() if entry.suffix == ".py" or entry.is_dir())


@cache
def rooms() -> dict[str, Room]:
    """All rooms by slug, in the order of their notebooks.

    Raises:
        BadData: a room is not what it announces, or two have one slug.
    """
    found: dict[str, Room] = {}
    for package in _packages():
        room = _opened(package)
        if room.paper.slug in found:
            other = found[room.paper.slug].package
            raise BadData(f"two papers are called {room.paper.slug!r}, in {other} and in {package}: rename one of them")
        found[room.paper.slug] = room
    return dict(sorted(found.items(), key=lambda item: (item[1].paper.notebooks, item[0])))


def room(slug: str) -> Room:
    """The room of a paper. Raises UnknownName with the nearest one."""
    if slug not in rooms():
        raise UnknownName("paper", slug, rooms())
    return rooms()[slug]


def collected(start: str, name: str) -> dict[str, Any]:
    """The dictionaries ``name`` of all rooms' modules behind the doors ``start`` put together, in the rooms' order.

    Raises:
        BadData: two modules have an entry of the same name.
    """
    found: dict[str, Any] = {}
    for own in rooms().values():
        for door in own.doors(start):
            entries = getattr(own.door(door), name, {})
            if twice := sorted(found.keys() & entries.keys()):
                raise BadData(f"{name} of {own.package}.{door} has {twice[0]!r}, which another room has too: rename it")
            found |= entries
    return found


def _packages() -> list[str]:
    own = [file.parent.name for file in sorted(Path(__file__).parent.glob("papers/*/paper.py"))]
    announced = [entry.value for entry in entry_points(group=PAPERS)]
    return [f"{PAPERS}.{name}" for name in own] + sorted(announced)


def _opened(package: str) -> Room:
    try:
        module = importlib.import_module(f"{package}.paper")
    except Exception as error:  # whatever is wrong with somebody else's package
        raise BadData(f"the paper in {package} cannot be opened ({error!r}): mend it, or uninstall it") from error
    if not isinstance(getattr(module, "PAPER", None), Paper) or module.__file__ is None:
        raise BadData(f"{package}.paper has no PAPER: give it one, a fairnb.registry.Paper")
    return Room(module.PAPER, package, Path(module.__file__).parent)
