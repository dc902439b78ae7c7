"""How large, how long and how often, for the minutes that there are: measured on this machine, with these data."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from fairnb import paths
from fairnb.errors import BadData
from fairnb.yours.found import Found
from fairnb.yours.rows import Row

SIZES = (96, 64, 48, 32)  # pixels a side that are tried, the largest first
LARGER = (224, 160, 128)  # before those, with weights that were trained on images of such a size
LEAST_SEEDS, MOST_SEEDS = 3, 12
FEWEST = 200  # training samples
SPARED = 0.75  # of the budget is planned: the rest is reading, measuring and what was guessed wrong
PROBES = 4  # steps that are timed, after two that are not
# Trained from the start: there need not be pretrained weights. Fine-tuning as the papers do on real photographs.
IMAGES: dict[str, Any] = {
    "backbone": "resnet18",
    "width": 16,
    "weights": None,
    "batch_size": 64,
    "augment": "flip",
    "pretrain_epochs": 12,
    "pretrain_lr": 0.05,
    "pretrain_schedule": "cosine",
    "finetune_epochs": 3,
    "finetune_lr": 1e-3,
    "clip_norm": 1.0,
    "jtt_epoch_samples": "train",
    "measure": "aod",
    "reactivate_epochs": 3,
    "reactivate_mask_epochs": 2,
    "reactivate_attack_steps": 3,
    "reactivate_lr": 1e-3,
}
FEATURES: dict[str, Any] = {
    "layers": 3,
    "width": 64,
    "dropout": 0.2,
    "batch_size": 128,
    "pretrain_epochs": 60,
    "pretrain_lr": 1e-3,
    "check_every": 2,
    "patience": 8,
    "plateau_patience": 10,
    "measure": "aod",
    "mitigation_epochs": 12,
    "mitigation_steps": 100,
}
COPIES = 4  # of all rows in a process that works: read, scaled, in parts, as tensors
FEATURES_PER_MINUTE = 4e6  # rows that a core trains on in a minute: so small a network is not worth a probe


@dataclass(frozen=True)
class Plan:
    """What fits into the budget.

    Attributes:
        settings: of network and training. seeds: of every row. minutes: that it will take, about.
    """

    settings: dict[str, Any]
    seeds: int
    minutes: float


def plan(found: Found, rows: Sequence[Row], minutes: float, jobs: int, settings: dict[str, Any] | None = None) -> Plan:
    """Sizes and seeds for a budget of ``minutes`` with ``jobs`` worker processes: the largest images that fit, then
    seeds; where not even the smallest ones do, fewer epochs and training samples.

    Args:
        settings: numbers that are fixed (``size``, ``pretrain_epochs``, ...).
    """
    own = (IMAGES if found.images else FEATURES) | (settings or {})
    trainings, n = sum(row.cost for row in rows), int((found.part == "train").sum())
    allowed = minutes * SPARED * max(jobs, 1) / LEAST_SEEDS
    if not found.images:
        return _fewer(own, trainings * own["pretrain_epochs"] * n / FEATURES_PER_MINUTE, n, allowed, minutes, jobs)
    sizes = (*LARGER, *SIZES[:2]) if own["weights"] else SIZES
    for size in [own["size"]] if "size" in own else sizes:
        own |= {"size": size}
        per_image = _seconds_per_image(own) / 60
        per_seed = trainings * own["pretrain_epochs"] * n * per_image
        if per_seed <= allowed:
            return _seeded(own, per_seed, minutes, jobs)
    own["pretrain_epochs"] = max(4, int(own["pretrain_epochs"] * allowed / per_seed))
    return _fewer(own, trainings * own["pretrain_epochs"] * n * per_image, n, allowed, minutes, jobs)


def _fewer(own: dict[str, Any], per_seed: float, n: int, allowed: float, minutes: float, jobs: int) -> Plan:
    """With fewer of the ``n`` training samples, where a seed of all would take more minutes than are ``allowed``."""
    if per_seed > allowed and "n_train" not in own:
        own["n_train"] = min(n, max(FEWEST, int(n * allowed / per_seed)))
        per_seed *= own["n_train"] / n
    return _seeded(own, per_seed, minutes, jobs)


def require_room(found: Found, settings: dict[str, Any], jobs: int) -> None:
    """BadData where the decoded images do not fit on the disk of the cache, or the rows into memory."""
    if found.images:
        need, cache = len(found) * 3 * settings["size"] ** 2, paths.cache()
        free = shutil.disk_usage(next(place for place in (cache, *cache.parents) if place.exists())).free
        what, remedy = f"of disk for the images at {settings['size']} pixels", "set FAIRNB_CACHE to a larger disk"
    else:
        need, free = (1 + COPIES * jobs) * found.x.nbytes, psutil.virtual_memory().available
        what, remedy = f"of memory for the rows in {jobs} processes", "use fewer (jobs=, --jobs), or fewer rows"
    if need > free:
        raise BadData(f"this takes about {need / 1e9:.1f} GB {what}, and {free / 1e9:.1f} GB are free: {remedy}")


def _seeded(settings: dict[str, Any], per_seed: float, minutes: float, jobs: int) -> Plan:
    seeds = int(np.clip(minutes * SPARED * jobs / max(per_seed, 1e-9), LEAST_SEEDS, MOST_SEEDS))
    return Plan(settings, seeds, per_seed * seeds / jobs)


def _seconds_per_image(settings: dict[str, Any]) -> float:
    """Of a step of training the settings' network on one core."""
    import torch
    from torch.nn import functional

    from fairnb.nets.models import device
    from fairnb.tasks import biased
    from fairnb.training.batches import channels_last

    where, batch, size = device(), settings["batch_size"], settings["size"]
    model = channels_last(biased.image_backbone(0, False, settings=settings), where).train()
    x = torch.rand(batch, 3, size, size, device=where).contiguous(memory_format=torch.channels_last)
    for step in range(2 + PROBES):
        if step == 2:
            start = time.perf_counter()
        loss = functional.softplus(model(x)).mean()
        model.zero_grad(set_to_none=True)
        loss.backward()
        loss.item()
    return (time.perf_counter() - start) / PROBES / batch
