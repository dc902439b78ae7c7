"""The grids behind the tables, by notebook: a notebook runs its grid, ``make plan`` lists it and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fairnb.experiments import aimfair

if TYPE_CHECKING:
    from fairnb.runs import Run

GRIDS: dict[str, Callable[[str], list[Run]]] = {
    "10_aimfair": aimfair.grid_of("T3"),
    "11_aimfair_comparison": aimfair.grid_of("T1", "T2"),
    "12_aimfair_partial_tuning": aimfair.grid_of("T4"),
    "13_aimfair_prompts": aimfair.grid_of("T5"),
    "14_aimfair_sensitivity": aimfair.grid_of("F5", "T6", "T7", "rates", "subsets"),
}


def grid_of(notebook: str, tier: str) -> list[Run]:
    """All runs that a notebook asks for at a tier; empty for notebooks that train nothing."""
    return GRIDS[notebook](tier) if notebook in GRIDS else []


def belongs(notebook: str, tier: str) -> bool:
    """Whether a notebook is part of a tier: one that trains is, where the tier has a run for it."""
    return notebook not in GRIDS or bool(grid_of(notebook, tier))
