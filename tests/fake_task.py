"""A tiny AIM-Fair task for tests: a bright square above or below is the target, a tint is the protected attribute."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import torch

from fairnb.contract import Split, Task
from fairnb.nets.models import resnet18
from fairnb.tasks import recipes
from fairnb.training import fine_tuning

BIASED = {(0, 0): 4, (0, 1): 36, (1, 0): 36, (1, 1): 4}
SETTINGS = {
    "batch_size": 20,
    "pretrain_epochs": 3,
    "pretrain_lr": 0.05,
    "pretrain_schedule": "cosine",
    "finetune_epochs": 2,
    "finetune_lr": 0.02,
    "augment": "flip_shift",
    "gradient_samples": 60,
}


def squares(cells: dict[tuple[int, int], int], seed: int, size: int = 32, noise: float = 40.0) -> Split:
    """``cells`` samples per (target, protected) as uint8 images ``(N, 3, size, size)``."""
    rng = np.random.default_rng(seed)
    target, protected = np.repeat(np.array(list(cells)), list(cells.values()), axis=0).T
    x = rng.normal(110, noise, (len(target), 3, size, size))
    half = size // 2
    for image, t, p in zip(x, target, protected, strict=True):
        rows = slice(half, size) if t else slice(0, half)
        image[:, rows, half // 2 : half + half // 2] += 70
        image[0] += 50 * p
    ids = np.array([f"{seed}-{i}" for i in range(len(target))])
    return Split(x.clip(0, 255).astype(np.uint8), target, protected, ids, "Below", "Tint")


def balanced(count: int) -> dict[tuple[int, int], int]:
    """``count`` samples in each cell."""
    return dict.fromkeys(BIASED, count)


def fake_task(size: int = 32, width: int = 8, **settings) -> Task:
    """The task; its biased model is trained once per seed and copied."""

    def backbone(seed: int, pretrained: bool = True) -> torch.nn.Module:
        return resnet18(width, seed=seed)

    def synthetic(kind: str, seed: int, *, share: float = 0.9, ratio: float = 1.0) -> Split:
        n = 80 * ratio
        cells = {"balanced": balanced(round(n / 4)), "biased": recipes.biased_cells(n, share), "all": balanced(20)}
        return squares(cells[kind], 1000 + seed, size, noise=20)

    @cache
    def trained(seed: int) -> torch.nn.Module:
        return fine_tuning.train_biased(task, seed)

    def biased_model(seed: int) -> torch.nn.Module:
        return copy.deepcopy(trained(seed))

    parts = squares(BIASED, 1, size), squares(balanced(15), 2, size)
    task = Task("fake/squares", *parts, backbone, biased_model, synthetic, SETTINGS | settings)
    return task
