"""FairLoRA's tables: five strategies, their strengths, and the form of the adapter. The layout is ours.

The paper's tables could not be had, so nothing is printed beside: every row is our reconstruction, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from fairnb.evidence import layout
from fairnb.evidence.layout import Row, Table

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

COLUMNS = ("acc", "bacc", "f1", "fpr_gap", "fpr_ratio", "ddp", "tpr_gap", "eo_max")
RECONSTRUCTION = "our reconstruction"
ERM: Row = ("Erm", "lora_erm", {})
UNL: Row = ("Unl", "lora_unl", {})
ADV: Row = ("Adv", "lora_adv", {})
ORTH: Row = ("Orth", "lora_orth", {})
ENT: Row = ("Ent", "lora_ent", {})
METHODS = (ERM, UNL, ADV, ORTH, ENT)
# The plain row of a method has the middle one (its default), and is run once. The overlap of normalised adapters is
# small, hence the large λ of Orth; λ of Adv and Ent is the auditor's rate in units of the developer's.
STRENGTHS: dict[str, tuple[float, ...]] = {
    "lora_unl": (0.25, 0.5, 1.0),
    "lora_adv": (0.2, 1.0, 5.0),
    "lora_orth": (1.0, 10.0, 100.0),
    "lora_ent": (0.2, 1.0, 5.0),
}
PRODUCT = {"form": "product"}


def _swept(row: Row, **own: Any) -> tuple[Row, ...]:
    """The row at each strength of its method, λ in the label."""
    label, method, _ = row
    name = f"{label} ({own['form']})" if own else label
    plain = STRENGTHS[method][1]
    return tuple(
        (f"{name}, λ = {value:g}", method, own | ({} if value == plain else {"strength": value}))
        for value in STRENGTHS[method]
    )


_FORMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("rank 8, q and v, all blocks", {}),
    ("rank 2", {"rank": 2, "alpha": 4.0}),
    ("rank 32", {"rank": 32, "alpha": 64.0}),
    ("first half of the blocks", {"part": "first_half"}),
    ("last half of the blocks", {"part": "last_half"}),
    ("q, k, v and o", {"places": ("q_proj", "k_proj", "v_proj", "o_proj")}),
    ("MLPs", {"places": ("fc1", "fc2")}),
)
TABLES = {
    "methods": Table("methods", METHODS),
    "strength": Table(
        "strength",
        (ERM, *_swept(UNL), *_swept(ADV), *_swept(ORTH), *_swept(ORTH, **PRODUCT), *_swept(ENT)),
    ),
    "choices": Table(
        "choices",
        tuple((f"{row[0]}, {name}", row[1], dict(own)) for name, own in _FORMS for row in (ERM, ORTH)),
    ),
}


def grid(name: str, tier: str) -> list[Run]:
    """The runs behind ``methods``, ``strength`` or ``choices`` at a tier, see ``layout.grid``."""
    return layout.grid("fairlora", TABLES[name], tier)


GRIDS = {
    "40_fairlora": layout.several(grid, "methods"),
    "41_fairlora_tradeoff": layout.several(grid, "methods", "strength", "choices"),
    "42_fairlora_privacy": layout.several(grid, "methods"),
}


def table(frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """A table to save: means with 95 % intervals over seeds in percent, what the data and the network are.

    Args:
        frame: from ``runs.run``.
    """
    from fairnb.evidence import tables

    made = tables.over_seeds(frame, COLUMNS)
    return made.assign(source=RECONSTRUCTION, network=[network(task, tier) for task in made["task"]])


def network(task: str, tier: str) -> str:
    """Data and backbone of a task at a tier in a few words."""
    from fairnb import tasks

    own = tasks.settings_of(task, tier)
    each = f"{own['n_train'] // 2} images each party, " if own.get("n_train") else ""
    vit = own.get("vit", {})
    shape = f"ViT {vit['layers']} x {vit['width']}, " if vit else ""
    return f"{each}{own.get('crop') or own['size']} px, {shape}weights {own['weights']}"
