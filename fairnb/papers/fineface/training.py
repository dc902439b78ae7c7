"""The loop around FineFACE and all that it is compared with: data, optimiser, schedule, choice of the epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, TrainingFailed
from fairnb.nets import freezing
from fairnb.nets.models import device, probabilities, to_pixels
from fairnb.nets.resizing import Pixels, resized
from fairnb.training.batches import Batches, channels_last
from fairnb.training.loop import TrainedPredictor

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4
EVALUATION_BATCH = 100  # smaller than elsewhere: the experts' maps of 448 pixels take much memory
State = dict[str, torch.Tensor]
Step = Callable[..., torch.Tensor]  # see ``tune``
Score = Callable[[nn.Module, torch.Tensor], torch.Tensor]
Rows = Callable[[], np.ndarray]


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: SGD with momentum 0.9 and weight decay 5e-4, cosine to 0 by epoch.

    Attributes:
        epochs, lr, batch_size, augment: as ever; an incomplete mini-batch is skipped. seed: of order and augmentation.
        backbone_rate: the pretrained layers' learning rate as a share of ``lr``.
        pixels: images are bilinearly resized to this width; None: they stay as they are. A pair: see ``resizing``, a
            window of the resized image, by chance in training and its middle else.

    Raises:
        BadData: a value out of its range.
    """

    epochs: int
    lr: float
    batch_size: int
    augment: str
    seed: int
    backbone_rate: float = 0.1
    pixels: Pixels = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2 or not self.lr > 0 or not self.backbone_rate > 0:
            found = f"{self.epochs}, {self.batch_size}, {self.lr:g} and {self.backbone_rate:g}"
            raise BadData(f"training needs 1 epoch, mini-batches of 2, lr and backbone_rate above 0, got {found}")

    def rate(self, epoch: int) -> float:
        """Of epoch t of T, counted from 0, as a share of the first: (1 + cos(π t / T)) / 2."""
        return (1 + math.cos(math.pi * epoch / self.epochs)) / 2


@dataclass
class Course:
    """What happened: mean loss of each optimiser step of a mini-batch by epoch, validation accuracy, the epoch kept."""

    train_loss: list[list[float]] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    best_epoch: int = -1


class ScoredPredictor(TrainedPredictor):
    """Predictor ``(N, classes)`` of a model and the function ``score(model, x)`` that gives its logits.

    Attributes:
        snapshots: the Predictors of all epochs, the first one first; empty unless their states were kept.
    """

    def __init__(
        self,
        model: nn.Module,
        score: Score,
        pixels: Pixels,
        notes: dict[str, Any] | None = None,
        states: Sequence[State] = (),
    ) -> None:
        super().__init__(model, notes)
        self.score, self.pixels = score, pixels
        self.snapshots: list[Predictor] = [_Snapshot(self, state) for state in states]

    @torch.no_grad()  # not inference_mode: attention by a derivative needs a gradient
    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Probabilities, float32, of the images ``x`` (as in ``Split.x``)."""
        where, found = next(self.model.parameters()).device, []
        with freezing.modes(self.model, training=False):
            for start in range(0, len(x), EVALUATION_BATCH):
                part = resized(to_pixels(np.asarray(x[start : start + EVALUATION_BATCH]), where), self.pixels)
                found.append(probabilities(self.score(self.model, part).float()).cpu())
        return torch.cat(found).numpy()


class _Snapshot:
    """The Predictor of an epoch: a state that is put into a copy of the network only while it is asked."""

    def __init__(self, of: ScoredPredictor, state: State) -> None:
        self.of, self.state = of, state

    def __call__(self, x: np.ndarray) -> np.ndarray:
        model = copy.deepcopy(self.of.model)
        model.load_state_dict(self.state)
        return ScoredPredictor(model, self.of.score, self.of.pixels)(x)


def tune(
    model: nn.Module,
    new: nn.Module,
    task: Task,
    schedule: Schedule,
    step: Step,
    score: Score,
    keep: bool = False,
    rows: Rows | None = None,
) -> ScoredPredictor:
    """Train all of ``model`` in place and go back to the epoch of best validation accuracy, the first of equal ones.

    Args:
        new: the part (or parts, in a ModuleList) of ``model`` that learns at the full rate, the rest is the backbone.
        step: trains on a mini-batch, ``step(x, target, optimizer, generator) -> losses`` of its optimiser steps.
        score: logits in evaluation mode. keep: keep the weights of every epoch, for ``snapshots``.
        rows: asked before each epoch for the samples that make it, int64 ``(n,)``, n always the same, repeats allowed;
            ``step`` is then told those of its mini-batch, as a fifth argument. None: each sample once.

    Raises:
        BadData: no samples, or one class only. TrainingFailed: the loss diverged, or a tensor did not move.
    """
    _check_classes(task.train)
    where, course, states = device(), Course(), list[State]()
    channels_last(model, where)
    batches = Batches(task.train, schedule.batch_size, where, schedule.augment, rows=None if rows is None else rows())
    optimizer = _optimizer(model, new, schedule)
    first = [group["lr"] for group in optimizer.param_groups]
    predictor = ScoredPredictor(model, score, schedule.pixels)
    best = model.state_dict()
    with freezing.only(model, None) as names, freezing.seeded(schedule.seed, where) as generator:
        before = freezing.snapshot(model)
        for epoch in range(schedule.epochs):
            if rows is not None and epoch > 0:
                batches.rows = torch.as_tensor(rows())
            for group, rate in zip(optimizer.param_groups, first, strict=True):
                group["lr"] = rate * schedule.rate(epoch)
            course.train_loss.append(_epoch(model, batches, step, optimizer, generator, schedule, epoch))
            right = predictor(task.val.x).argmax(1) == task.val.target
            course.val_accuracy.append(round(float(right.mean()), 10))
            if epoch == 0 or course.val_accuracy[-1] > course.val_accuracy[course.best_epoch]:
                course.best_epoch, best = epoch, copy.deepcopy(model.state_dict())
            states += [_on_cpu(model)] if keep else []
        freezing.check_moved(model, before, names)
    model.load_state_dict(best)
    return ScoredPredictor(model, score, schedule.pixels, vars(course), states)


def _epoch(
    model: nn.Module,
    batches: Batches,
    step: Step,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    schedule: Schedule,
    epoch: int,
) -> list[float]:
    """One pass over the training images; the mean loss of each optimiser step of a mini-batch."""
    losses = []
    with freezing.modes(model, training=True):
        for x, target, rows in batches.shuffled_rows(generator):
            told = () if batches.rows is None else (rows,)
            losses.append(step(resized(x, schedule.pixels, generator), target, optimizer, generator, *told))
    mean = torch.stack(losses).mean(0).tolist()
    if not np.isfinite(mean).all():
        raise TrainingFailed(
            f"the loss became NaN or infinite in epoch {epoch + 1} with lr {schedule.lr:g}: use a lower lr"
        )
    return [round(value, 6) for value in mean]


def _optimizer(model: nn.Module, new: nn.Module, schedule: Schedule) -> torch.optim.SGD:
    fresh = list(new.parameters())
    known = {id(tensor) for tensor in fresh}
    backbone = [tensor for tensor in model.parameters() if id(tensor) not in known]
    groups: list[dict[str, Any]] = [{"params": fresh}, {"params": backbone, "lr": schedule.lr * schedule.backbone_rate}]
    # Not fused: torch's fused SGD fails where some tensors have had no gradient yet and others have.
    return torch.optim.SGD(groups, schedule.lr, MOMENTUM, weight_decay=WEIGHT_DECAY)


def _on_cpu(model: nn.Module) -> State:
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}


def _check_classes(split: Split) -> None:
    found = np.unique(split.target)
    if len(found) < 2:
        only = f"all {len(split)} training samples have {split.target_name} = {found.tolist()}"
        raise BadData(f"{only}, a classifier needs two classes: check the split's selection")
