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
        papers: settings per paper slug (task names, data sizes, network, schedules).
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
# Toy faces are small and few: smaller batches, a milder augmentation, a cosine schedule, a pretrained slim network.
_AIMFAIR_TOY = AIMFAIR_CODE | {
    "batch_size": 64,
    "pretrain_epochs": 12,
    "pretrain_lr": 0.03,
    "pretrain_schedule": "cosine",
    "finetune_epochs": 5,
    "finetune_lr": 0.02,
    "augment": "flip_shift",
    "gradient_samples": 1200,
    "width": 16,
    "weights": "toy",
    "size": 64,
}
# Notebook 02: a linear classifier on small toy faces, the same at every tier but smoke.
_FOUNDATIONS = {"foundations": {"tasks": (), "settings": {"size": 32, "n_train": 2000, "n_test": 2000}}}

TIERS: dict[str, Tier] = {
    "smoke": Tier(
        "smoke",
        "a few hundred toy faces and one seed: does it run? Used by the tests",
        (0,),
        {
            "foundations": {"tasks": (), "settings": {"size": 24, "n_train": 400, "n_test": 400}},
            "aimfair": {
                "tasks": ("toy_faces/smiling_male",),
                "far_task": "toy_faces/smiling_male_far",
                "settings": _AIMFAIR_TOY
                | {
                    "size": 32,
                    "width": 16,
                    "weights": "toy",
                    "n_train": 320,
                    "n_val": 160,
                    "n_test": 400,
                    "n_pool": 100,
                    "n_synthetic": 240,
                    "pretrain_epochs": 2,
                    "finetune_epochs": 1,
                    "gradient_samples": 128,
                },
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
                "tasks": ("toy_faces/smiling_male",),
                "far_task": "toy_faces/smiling_male_far",
                "settings": _AIMFAIR_TOY
                | {
                    "n_train": 4000,
                    "n_val": 1500,
                    "n_test": 6000,
                    "n_pool": 1200,
                    "n_synthetic": 2400,
                },
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
                "tasks": ("utkface/female_white",),
                "settings": AIMFAIR_CODE | {"size": 64, "width": 32, "weights": None},
            },
        },
    ),
    "paper": Tier(
        "paper",
        "the paper's own sizes, epochs and seeds with ImageNet weights: GPU days",
        tuple(range(100, 1001, 100)),
        _FOUNDATIONS
        | {
            "aimfair": {
                "tasks": ("utkface/female_white",),
                "settings": AIMFAIR_CODE | {"size": 224, "width": 64, "weights": "imagenet"},
            },
        },
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
    """A copy of the settings of a paper slug at a tier (data sizes, network, schedules)."""
    papers = get(tier).papers
    if paper not in papers:
        raise UnknownName(f"paper at tier {tier}", paper, papers)
    return dict(papers[paper]["settings"])


def far_task(tier: str, paper: str) -> str:
    """A task with the same real data and synthetic data farther away from it; empty where the tier has none."""
    return str(get(tier).papers[paper].get("far_task", ""))


def tasks(tier: str, paper: str) -> tuple[str, ...]:
    """Names of the tasks of a paper slug at a tier."""
    papers = get(tier).papers
    if paper not in papers:
        raise UnknownName(f"paper at tier {tier}", paper, papers)
    return tuple(papers[paper]["tasks"])
