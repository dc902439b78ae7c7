"""The grids behind the tables, by notebook: a notebook runs its grid, ``make plan`` lists it and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from fairnb.experiments import aimfair, asac, fairlora, fineface, reactivate
from fairnb.experiments.layout import grid_of as _together

if TYPE_CHECKING:
    from fairnb.runs import Run

_AIMFAIR, _REACTIVATE, _ASAC, _FAIRLORA, _FINEFACE = (
    partial(partial, _together, paper.grid) for paper in (aimfair, reactivate, asac, fairlora, fineface)
)


def _elsewhere(tier: str) -> list[Run]:
    """FineFACE's networks on other data: those of Table 2, where the tier has a test set of Table 3 or 4 for them."""
    away = _together(fineface.grid, ("T3", "T4"), tier)
    return fineface.grid("T2", tier) + away if away else []


GRIDS: dict[str, Callable[[str], list[Run]]] = {
    "10_aimfair": _AIMFAIR(("T3",)),
    "11_aimfair_comparison": _AIMFAIR(("T1", "T2")),
    "12_aimfair_partial_tuning": _AIMFAIR(("T4",)),
    "13_aimfair_prompts": _AIMFAIR(("T5",)),
    "14_aimfair_sensitivity": _AIMFAIR(("F5", "T6", "T7", "rates", "subsets")),
    "20_reactivate": _REACTIVATE(("T1", "T2", "ceiling")),
    "21_reactivate_tabular": _REACTIVATE(("T4", "T5", "T6", "newer_bank")),
    "22_reactivate_celeba": _REACTIVATE(("T3",)),
    "23_reactivate_choices": _REACTIVATE(("choices", "released")),
    "30_asac": _ASAC(("T1", "T3")),
    "31_asac_lfw": _ASAC(("T2",)),
    "32_asac_ablations": _ASAC(("T4", "T5", "T6")),
    "33_asac_attributions": _ASAC(("F",)),
    "40_fairlora": _FAIRLORA(("methods",)),
    "41_fairlora_tradeoff": _FAIRLORA(("methods", "strength", "choices")),
    "42_fairlora_privacy": _FAIRLORA(("methods",)),
    "50_fineface": _FINEFACE(("T2", "T5")),
    "51_fineface_transfer": _elsewhere,
    "52_fineface_attributes": _FINEFACE(("T7",)),
    "53_fineface_choices": _FINEFACE(("choices",)),
}


def grid_of(notebook: str, tier: str) -> list[Run]:
    """All runs that a notebook asks for at a tier; empty for notebooks that train nothing."""
    return GRIDS[notebook](tier) if notebook in GRIDS else []


def belongs(notebook: str, tier: str) -> bool:
    """Whether a notebook is part of a tier: one that trains is, where the tier has a run for it."""
    return notebook not in GRIDS or bool(grid_of(notebook, tier))
