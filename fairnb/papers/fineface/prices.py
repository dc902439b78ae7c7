"""What FineFACE's tables cost: FLOPs counted without computing any; at tier ``paper`` hours, memory and disk as well.

Needs no data. Hours are those of training alone, by an assumed speed; looks at validation and test images come on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.data.sources import DATA_SETS
from fairnb.evidence import layout, runs
from fairnb.papers.fineface import tables
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

TIER = "paper"
# Assumed, not measured by us, of an H100 in TF32: it trains ResNet-50 on 350 images of 448 pixels a second, limited by
# its memory, and reaches half of its peak in the experts' wide convolutions.
BACKBONE_SPEED, EXPERTS_SPEED = 34e12, 250e12  # FLOP a second
TRAINING_IMAGES = {"fairface": 78_070, "celeba": 162_770}  # nine tenths of the training part; the official part
# Plain steps that a rival takes on a mini-batch, where not one: two views; a gradient of a gradient on half as many.
PLAIN_STEPS = {"consistency": 2, "fair_mixup": 2}
NETWORK, SHAPE = ("backbone", "width", "stem", "expert_width", "expert_channels"), ("taps", "head", "block")
BATCH = 2  # batch normalisation needs two


def flops(run: Run) -> float:
    """FLOPs of a mini-batch of training by image (a multiplication and an addition are two); of rivals roughly."""
    shape = tuple((name, run.hparams[name]) for name in SHAPE if name in run.hparams)
    return _counted(*_network(run), True, shape) if run.method == FINEFACE[1] else _of_the_backbone(run)


def _of_the_backbone(run: Run) -> float:
    """FLOPs of the steps of a mini-batch without experts; FineFACE takes two more than it has of these."""
    options = run.hparams
    steps = 1 if options.get("penalty_weight") == 0 else PLAIN_STEPS.get(run.method, 1)
    steps = options.get("taps", 3) + 2 if run.method == FINEFACE[1] else steps * options.get("passes", 1)
    return steps * _counted(*_network(run), False)


def _network(run: Run) -> tuple[tuple, int]:
    own = tasks.settings_of(run.task, run.tier)
    return tuple((name, own[name]) for name in NETWORK if name in own), layout.pixels(own)


@cache
def _counted(network: tuple, pixels: int, experts: bool, shape: tuple = ()) -> float:
    """Of FineFACE's mini-batch, or of a step of the plain network; on torch's meta device, which computes nothing."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from fairnb.nets import backbones
    from fairnb.papers.fineface import mutual
    from fairnb.papers.fineface.method import fresh
    from fairnb.training.losses import mean_loss

    own = dict(network)
    with torch.device("meta"):
        model: Any = backbones.build(own.get("backbone", "resnet18"), own["width"], stem=own.get("stem", "imagenet"))
        x, target = torch.zeros(BATCH, 3, pixels, pixels), torch.zeros(BATCH, dtype=torch.long)
        if experts:
            settings = {name: own[name] for name in NETWORK[-2:] if name in own}
            train = SimpleNamespace(target=np.arange(2))
            task: Any = SimpleNamespace(train=train, settings=settings, backbone=lambda seed, pretrained: model)
            model = fresh(task, 0, **dict(shape))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with FlopCounterMode(display=False) as counter:
        if experts:
            mutual.mini_batch(model.train(), x, target, optimizer, mutual.Looking(), torch.Generator())
        else:
            mean_loss(model.train()(x), target, 2).backward()
    return counter.get_total_flops() / BATCH


def hours(run: Run) -> float:
    """Hours of an H100 that a training at tier ``paper`` takes: an estimate."""
    every, backbone = flops(run), _of_the_backbone(run)
    seconds = backbone / BACKBONE_SPEED + max(0.0, every - backbone) / EXPERTS_SPEED
    epochs = tasks.settings_of(run.task, run.tier)["finetune_epochs"] * run.hparams.get("longer", 1)
    return seconds * _images(run) * epochs / 3600


def gpu_gb(run: Run) -> float:
    """GB of GPU memory that the training images take, all of which stay there; network and mini-batch come on top."""
    return _images(run) * _bytes() / 1e9


def _images(run: Run) -> int:
    own = tasks.settings_of(run.task, run.tier)
    return own.get("n_train") or TRAINING_IMAGES[run.task.partition("/")[0]]


def _bytes() -> int:  # of an image, in memory and in the cache
    return 3 * tiers.settings(TIER, "fineface")["size"] ** 2


def compared(tier: str) -> pd.DataFrame:
    """What a mini-batch costs at ``tier`` and at ``paper`` on Table 2's and Table 6's first task.

    Returns:
        ``tier, task, row``, ``GFLOP`` an image, ``plain steps`` (as many cost the same), and at ``paper`` ``hours`` of
        a training and ``GB`` of images on the GPU (else NaN).
    """
    rows = []
    for where in dict.fromkeys((tier, TIER)):
        for name in ("T2", "T7"):
            grid = tables.grid(name, where)
            first = {run.label: run for run in grid if run.task == grid[0].task}
            for run in (first[row[0]] for row in (BASE, STEPS, FINEFACE) if row[0] in first):
                row = {"tier": where, "task": run.task, "row": run.label, "GFLOP": flops(run) / 1e9}
                row |= {"plain steps": flops(run) / flops(first[BASE[0]])}
                rows.append(row | ({"hours": hours(run), "GB": gpu_gb(run)} if where == TIER else {}))
    return pd.DataFrame(rows)


def told(tier: str, notebooks: Sequence[str]) -> list[str]:
    """A line for each of our notebooks, and what they take together; nothing at other tiers."""
    lines, counted, total = list[str](), set[str](), 0.0
    for name in [name for name in notebooks if name in tables.GRIDS and tier == TIER]:
        trained = {_key(run): run for run in map(runs.trained_by, tables.GRIDS[name](tier))}
        own = [run for key, run in trained.items() if key not in counted]
        cost, memory = sum(map(hours, own)), max(map(gpu_gb, trained.values()), default=0.0)
        total, counted = total + cost, counted | trained.keys()
        lines.append(f"  {name:24s} {len(own):4d} trainings, {cost:7,.0f} hours, {memory:.1f} GB of images on the GPU")
    if not lines:
        return []
    disk = {name: DATA_SETS[name].usable * _bytes() / 1e9 for name in ("fairface", "celeba", "utkface", "lfw")}
    return [
        f"FineFACE's tables, estimated (assumed, not measured: an H100 does {BACKBONE_SPEED / 1e12:g} TFLOP a second "
        f"of a backbone, {EXPERTS_SPEED / 1e12:g} of experts; training alone; what they share counts for the first):",
        *lines,
        f"  together {len(counted)} trainings, {total:,.0f} hours; fewer by SEEDS=, ONLY= and ATTRIBUTES=",
        f"  disk: {sum(disk.values()):.0f} GB of cache ({', '.join(f'{name} {gb:.0f}' for name, gb in disk.items())})",
    ]


def _key(run: Run) -> str:
    """A run's own key needs its data."""
    return f"{run.task} {run.method} {run.seed} {sorted(run.hparams.items())}"


PRICES = {"fineface": told}
