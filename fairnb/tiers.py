"""The four sizes of every notebook. All numbers that depend on the tier live in this file and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from fairnb.errors import FairnbError, UnknownName


@dataclass(frozen=True)
class Tier:
    """One size of the experiments.

    Attributes:
        name: ``smoke``, ``quick``, ``open`` or ``paper``.
        purpose: one sentence for the reader.
        seeds: run seeds behind every number.
        papers: per paper slug its ``settings`` (data sizes, network, schedules) and its ``plan`` (tasks and seeds of
            each table), and ``baselines`` with hyper-parameters other than their papers'.
    """

    name: str
    purpose: str
    seeds: tuple[int, ...]
    papers: dict[str, dict[str, Any]] = field(default_factory=dict)


# AIM-Fair's released code (runner.sh): SGD momentum 0.9, weight decay 1e-4, batch 128, 15 + 10 epochs, top-k 55.
AIMFAIR_CODE = {
    "batch_size": 128,
    "pretrain_epochs": 15,
    "pretrain_lr": 0.01,
    "pretrain_schedule": "multistep",
    "pretrain_milestones": (10,),
    "pretrain_gamma": 0.1,
    "finetune_epochs": 10,
    "finetune_lr": 0.06,
    "finetune_schedule": "constant",
    "augment": "resized_crop",
    "top_k": 55,
    "gradient_samples": None,
}
# "code" is the released runner.sh. "paper" is the text, whose fine-tuning rates look like misprints (ten times the
# code's). "ours" is the code with its learning rate chosen on validation data from a tenth of the paper's grid.
_AIMFAIR_RELEASED = AIMFAIR_CODE | {"lr_grid": (0.04, 0.05, 0.06), "granularity": "tensor"}
AIMFAIR_PRESETS: dict[str, dict[str, Any]] = {
    "code": _AIMFAIR_RELEASED,
    "paper": _AIMFAIR_RELEASED
    | {"pretrain_gamma": 0.01, "finetune_lr": "val", "lr_grid": (0.4, 0.5, 0.6), "granularity": "scalar"},
    "ours": _AIMFAIR_RELEASED | {"finetune_lr": "val"},
}
PRESET = "FAIRNB_PRESET"
# Toy faces are small and few: a slim pretrained network, its own schedule, and only the face (the crop) of each image.
_AIMFAIR_TOY = AIMFAIR_CODE | {
    "batch_size": 64,
    "pretrain_epochs": 8,
    "pretrain_lr": 0.06,
    "pretrain_schedule": "cosine",
    "finetune_epochs": 4,
    "finetune_lr": 0.03,
    "augment": "flip_shift",
    "gradient_samples": 800,
    "width": 8,
    "weights": "toy",
    "size": 64,
    "crop": 48,
    "difficulty": 0.3,
    "epochs_at_share": {"50": 1, "25": 1, "10": 2},
    "jtt_epoch_samples": "train",
}
# Real photographs without ImageNet weights on a CPU: the paper's sizes, a slim network, a schedule that it can afford.
_AIMFAIR_OPEN = AIMFAIR_CODE | {
    "batch_size": 64,
    "pretrain_epochs": 8,
    "pretrain_lr": 0.05,
    "pretrain_schedule": "cosine",
    "finetune_epochs": 4,
    "finetune_lr": 0.02,
    "augment": "flip_shift",
    "gradient_samples": 4000,
    "size": 48,
    "width": 16,
    "weights": None,
    "synthetic": "held-out",
    "jtt_epoch_samples": "train",
}
_AIMFAIR_PAPER = AIMFAIR_CODE | {"size": 224, "width": 64, "weights": "imagenet", "synthetic": "pack"}

# Hyper-parameters of Table 1's baselines that differ from their papers' at quick and open. The papers' own values (0.1,
# 20, 0.7) stay near chance on the toy; these have the best validation accuracy of small grids (seed 0, never test).
_BASELINES = {"cvar_dro": {"alpha": 0.5}, "jtt": {"lambda_up": 5}, "lff": {"q": 0.1}}

# Which tasks stand behind each table, and with how many of the tier's seeds (None: all); see experiments/aimfair.py.
Plan = dict[str, tuple[tuple[tuple[str, ...], int | None], ...]]
_RATIOS, _PROMPTS = ("50", "25", "10"), ("plain", "contextual25", "contextual50")


def _aimfair_plan(place: str, main: int | None, others: int | None, tune: tuple[str, ...]) -> Plan:
    """All of AIM-Fair's tables for the tasks of ``place``; ``tune`` are those of Tables 3 and 4 beside Smiling/Male."""
    first, young, male = (f"{place}/{name}" for name in ("smiling_male", "smiling_young", "young_male"))
    return {
        "table1": (((first, young, male), others),),
        "table2": ((tuple(f"{first}_{share}" for share in _RATIOS), others),),
        "table3": (((first,), main), ((young, *tune), others)),
        "table4": (((first, *tune), others),),
        "table5": (((*(f"{first}_{prompts}" for prompts in _PROMPTS), first), others),),
        "sweeps": (((first,), others),),
    }


_PAPER_PLAN = _aimfair_plan("celeba", None, None, ("utkface/female_white",)) | {
    "table5": (
        (
            tuple(f"celeba/smiling_{p}{end}" for p in ("male", "young") for end in (*(f"_{x}" for x in _PROMPTS), "")),
            None,
        ),
    ),
    "table4": ((("celeba/smiling_male", "celeba/smiling_young", "utkface/female_white"), None),),
    "subsets": ((("celeba/smiling_male", *(f"celeba/smiling_male_random{i}" for i in (1, 2, 3))), None),),
}
_UTK = (("utkface/female_white",), None)
# Notebook 02: a linear classifier on small toy faces, the same at every tier but smoke.
_FOUNDATIONS = {"foundations": {"settings": {"size": 32, "n_train": 2000, "n_test": 2000}}}
_SMALL = {"n_train": 320, "n_val": 160, "n_test": 400, "n_synthetic": 240}
_SHORT = {"pretrain_epochs": 2, "finetune_epochs": 1, "gradient_samples": 128, "diga_epochs": 1, "diga_components": 24}

TIERS: dict[str, Tier] = {
    "smoke": Tier(
        "smoke",
        "a few hundred toy faces and one seed: does it run? Used by the tests",
        (0,),
        {
            "foundations": {"settings": {"size": 24, "n_train": 400, "n_test": 400}},
            "aimfair": {
                "plan": _aimfair_plan("toy_faces", None, None, ()),
                "settings": _AIMFAIR_TOY | _SMALL | _SHORT,
            },
        },
    ),
    "quick": Tier(
        "quick",
        "toy faces made by fairnb on a laptop without GPU: the claims' orderings and signs",
        (0, 1, 2, 3, 4),
        _FOUNDATIONS
        | {
            "aimfair": {
                "plan": _aimfair_plan("toy_faces", 4, 3, ()),
                "baselines": _BASELINES | {"diga": {"byol_epochs": 2}},
                "settings": _AIMFAIR_TOY | {"n_train": 2000, "n_val": 600, "n_test": 4000, "n_synthetic": 2000},
            },
        },
    ),
    "open": Tier(
        "open",
        "real data that anyone may have, small networks without ImageNet weights: CPU hours",
        (0, 1, 2),
        _FOUNDATIONS
        | {
            "aimfair": {
                "plan": {"table1": (_UTK,), "table3": (_UTK,), "table4": (_UTK,)},
                "baselines": _BASELINES,
                "settings": _AIMFAIR_OPEN,
            },
        },
    ),
    "paper": Tier(
        "paper",
        "the paper's own sizes, epochs and seeds with ImageNet weights: GPU days",
        tuple(range(100, 1001, 100)),
        _FOUNDATIONS | {"aimfair": {"plan": _PAPER_PLAN, "settings": _AIMFAIR_PAPER}},
    ),
}


def get(name: str) -> Tier:
    """The tier of that name; ``FAIRNB_SEEDS`` (``3`` for the first three, or ``0,5,7``) replaces its seeds.

    Raises:
        UnknownName: no such tier. FairnbError: ``FAIRNB_SEEDS`` cannot be read.
    """
    if name not in TIERS:
        raise UnknownName("tier", name, TIERS)
    tier = TIERS[name]
    wanted = os.environ.get("FAIRNB_SEEDS", "").strip()
    return Tier(tier.name, tier.purpose, _seeds(wanted, tier.seeds), tier.papers) if wanted else tier


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

    ``FAIRNB_PRESET`` (``code``, ``paper``, ``ours``) replaces AIM-Fair's hyper-parameters by a whole preset.

    Raises:
        UnknownName: no such paper at this tier, or no such preset.
    """
    papers = get(tier).papers
    if paper not in papers:
        raise UnknownName(f"paper at tier {tier}", paper, papers)
    preset = os.environ.get(PRESET, "").strip()
    if preset and preset not in AIMFAIR_PRESETS:
        raise UnknownName("preset", preset, AIMFAIR_PRESETS)
    chosen = AIMFAIR_PRESETS[preset] if preset and paper == "aimfair" else {}
    return dict(papers[paper]["settings"]) | chosen


def baselines(tier: str, paper: str) -> dict[str, dict[str, Any]]:
    """Method -> hyper-parameters that a tier gives to a baseline instead of its paper's own."""
    return get(tier).papers[paper].get("baselines", {})


def plan(tier: str, paper: str, table: str) -> list[tuple[str, tuple[int, ...]]]:
    """The tasks of a table at a tier, each with its seeds; empty where the tier does not run that table."""
    found = get(tier)
    if paper not in found.papers:
        raise UnknownName(f"paper at tier {tier}", paper, found.papers)
    parts = found.papers[paper].get("plan", {}).get(table, ())
    return [(task, found.seeds[:count]) for names, count in parts for task in names]
