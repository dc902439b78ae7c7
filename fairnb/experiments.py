"""The grids behind the tables, by notebook: a notebook runs its grid, ``make plan`` lists it and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fairnb import tiers

if TYPE_CHECKING:
    from fairnb.runs import Run

# Label as printed in the paper, method, hyper-parameters. The biased model comes first: all others start from it.
AIMFAIR_TABLE3: tuple[tuple[str, str, dict], ...] = (
    ("Baseline (ERM)", "erm", {}),
    ("Trained on synthetic data", "synthetic_only", {}),
    ("Linear probing", "linear_probe", {}),
    ("Full fine-tuning", "full_fine_tuning", {}),
    ("Random mask", "random_mask", {}),
    ("AIM-Fair (selective)", "selective", {}),
)
# Our names for the printed rows of Table 3; rows without a run stay in the table, marked as quoted.
AIMFAIR_PRINTED = {
    "Baseline (ERM, real)": "Baseline (ERM)",
    "Trained on Synthetic Data": "Trained on synthetic data",
    "Data Supplementation": "Data supplementation",
    "Data Repairing": "Data repairing",
    "Linear Prob": "Linear probing",
    "Fully Fine-Tuning": "Full fine-tuning",
    "AIM-Fair": "AIM-Fair (selective)",
}
GAP_ROWS = ("synthetic_only", "full_fine_tuning", "random_mask", "selective")
AIMFAIR_METRICS = {"ACC": "acc", "WST": "wst", "EO": "eo_max", "STD": "std"}


def aimfair_table3(tier: str) -> list[Run]:
    """AIM-Fair's Table 3 at ``tier``, with the control that the paper lacks: a random mask of the same size."""
    from fairnb import runs

    return runs.grid(tier, tiers.tasks(tier, "aimfair"), AIMFAIR_TABLE3)


def aimfair_domain_gap(tier: str) -> list[Run]:
    """Table 3's rows that use synthetic data, with synthetic data farther from the real ones; three seeds, or none."""
    from fairnb import runs

    task = tiers.far_task(tier, "aimfair")
    rows = [row for row in AIMFAIR_TABLE3 if row[1] in GAP_ROWS]
    seeds = tiers.get(tier).seeds[:3]
    return [run for run in runs.grid(tier, [task], rows) if run.seed in seeds] if task else []


GRIDS: dict[str, Callable[[str], list[Run]]] = {
    "10_aimfair": lambda tier: aimfair_table3(tier) + aimfair_domain_gap(tier)
}


def grid_of(notebook: str, tier: str) -> list[Run]:
    """All runs that a notebook asks for at a tier; empty for notebooks that train nothing."""
    return GRIDS[notebook](tier) if notebook in GRIDS else []
