"""How ``fit`` trains: the numbers of a training, checked once, its optimiser and its learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import lr_scheduler

from fairnb.errors import BadData, UnknownName

SCHEDULES = ("constant", "multistep", "cosine", "triangular")
OPTIMIZERS = ("sgd", "adam", "adamw")
RISE, START = 0.2, 0.2  # of a triangle: the share of all steps until the top, and the first rate as a share of it


@dataclass(frozen=True)
class Recipe:
    """How ``fit`` trains.

    Attributes:
        epochs, lr, batch_size: as ever; a split smaller than ``batch_size`` is one batch.
        seed: of the order, the augmentation and dropout.
        optimizer: ``sgd`` with ``momentum``, ``nesterov`` or not, and ``weight_decay`` (AIM-Fair's code: 0.9, not, and
            1e-4), plain ``adam`` (betas 0.9 and 0.999, eps 1e-8, no weight decay), or ``adamw`` (the same with
            ``weight_decay``).
        clip_norm: a longer gradient is scaled down to this norm; None: never.
        schedule: ``constant``, ``multistep`` (times ``gamma`` after each of the epochs ``milestones``), ``cosine`` (to
            0, stepped after each batch), or ``triangular`` (from a fifth up to ``lr`` in the first fifth of all
            batches, then down to 0, as in airbench).
        label_smoothing: the share of a label that is spread over all classes, [0, 1).
        augment: an augmentation of ``fairnb.training.augment``.
        select: ``val_acc`` goes back to the epoch of best accuracy on ``val``, ``None`` keeps the last one.
        tie: which of equally good epochs: AIM-Fair's code takes the ``last`` in pre-training, the ``first`` in
            fine-tuning.
        freeze_bn_statistics: normalise with the running statistics and keep them.
        amp: compute in bfloat16 where the device has it (``precision.mixed``); the weights stay float32.

    Raises:
        BadData, UnknownName: a value that cannot work.
    """

    epochs: int
    lr: float
    batch_size: int
    seed: int
    optimizer: Literal["sgd", "adam", "adamw"] = "sgd"
    clip_norm: float | None = None
    momentum: float = 0.9
    weight_decay: float = 1e-4
    nesterov: bool = False
    label_smoothing: float = 0.0
    schedule: Literal["constant", "multistep", "cosine", "triangular"] = "constant"
    milestones: Sequence[int] = ()
    gamma: float = 0.1
    augment: str = "flip_shift"
    select: Literal["val_acc"] | None = None
    tie: Literal["first", "last"] = "last"
    freeze_bn_statistics: bool = False
    amp: bool = True

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise UnknownName("schedule", self.schedule, SCHEDULES)
        if self.optimizer not in OPTIMIZERS:
            raise UnknownName("optimizer", self.optimizer, OPTIMIZERS)
        if self.select not in (None, "val_acc"):
            raise UnknownName("selection", self.select, ["val_acc"])
        if self.tie not in ("first", "last"):
            raise UnknownName("tie rule", self.tie, ["first", "last"])
        if self.epochs < 1 or not self.lr > 0:
            raise BadData(f"training needs epochs of 1 or more and an lr above 0, got {self.epochs} and {self.lr}")
        if not 0 <= self.label_smoothing < 1:
            raise BadData(f"label_smoothing must lie in [0, 1), got {self.label_smoothing}")


def optimizer_of(tensors: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser of the recipe for these tensors."""
    if recipe.optimizer == "adam":
        return torch.optim.Adam(tensors, recipe.lr, fused=True)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(tensors, recipe.lr, weight_decay=recipe.weight_decay, fused=True)
    options: dict[str, Any] = {"weight_decay": recipe.weight_decay, "nesterov": recipe.nesterov}
    return torch.optim.SGD(tensors, recipe.lr, recipe.momentum, fused=True, **options)


def rates_of(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> lr_scheduler.LRScheduler:
    """The schedule, stepped after each of the ``steps`` batches of an epoch."""
    if recipe.schedule == "cosine":
        return lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * steps)
    if recipe.schedule == "triangular":
        return lr_scheduler.LambdaLR(optimizer, partial(_triangle, recipe.epochs * steps))
    milestones = [epoch * steps for epoch in recipe.milestones] if recipe.schedule == "multistep" else []
    return lr_scheduler.MultiStepLR(optimizer, milestones, recipe.gamma)


def _triangle(steps: int, step: int) -> float:
    """The rate at ``step`` of ``steps`` as a share of the top: up from ``START`` until ``RISE``, then down to 0."""
    top = RISE * steps
    return START + (1 - START) * step / top if step < top else max(0.0, (steps - step) / (steps - top))
