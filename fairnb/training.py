"""The training loop of every image method, and mean gradients at fixed weights.

``fit`` is deterministic: the same seed gives bit-identical weights on one CPU with one number of threads (on a GPU as
far as cuDNN's deterministic kernels reach). It never sees a test split.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler

from fairnb.batches import Batches
from fairnb.contract import Split
from fairnb.errors import BadData, TrainingFailed, UnknownName
from fairnb.models import ModelPredictor, device

Schedule = Literal["constant", "multistep", "cosine"]
Tie = Literal["first", "last"]
Masks = Mapping[str, torch.Tensor]
SCHEDULES = ("constant", "multistep", "cosine")
EVALUATION_BATCH = 250


@dataclass
class History:
    """What happened in each epoch.

    Attributes:
        train_loss: mean loss of the epoch's batches.
        val_accuracy: accuracy in 0..1 on the validation split after the epoch (empty without one).
        best_epoch: the epoch, counted from 0, whose weights the model now has.
        seconds: wall time.
    """

    train_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    best_epoch: int = -1
    seconds: float = 0.0


class TrainedPredictor(ModelPredictor):
    """A model's Predictor with ``notes``: what its training chose (JSON-able), for the run's record."""

    def __init__(self, model: nn.Module, notes: dict[str, Any] | None = None) -> None:
        super().__init__(model)
        self.notes = notes or {}


def fit(
    model: nn.Module,
    split: Split,
    *,
    epochs: int,
    lr: float,
    batch_size: int,
    seed: int,
    val: Split | None = None,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    schedule: Schedule = "constant",
    milestones: Sequence[int] = (),
    gamma: float = 0.1,
    augment: str = "flip_shift",
    trainable: Collection[str] | None = None,
    masks: Masks | None = None,
    select: Literal["val_acc"] | None = None,
    tie: Tie = "last",
    freeze_bn_statistics: bool = False,
    amp: bool = True,
    progress: Callable[[int, int, float], None] | None = None,
) -> History:
    """Train ``model`` in place with SGD: binary cross-entropy for one logit, cross-entropy for more.

    Batch normalisation is in training mode, so its running statistics move in frozen layers too (AIM-Fair's code:
    a mask covers parameters, not buffers) unless ``freeze_bn_statistics``, which normalises with them instead.

    Args:
        milestones, gamma: for ``multistep``: epochs after which the learning rate is multiplied by ``gamma``.
        trainable: names of the parameters to train; ``None`` means those that require a gradient now.
        masks: per parameter name a bool tensor of its shape: entries that may move. The others keep their value.
        select: ``val_acc`` reloads the epoch of best accuracy on ``val``; of equal ones the ``tie`` one (AIM-Fair's
            code: last in pre-training, first in fine-tuning). ``None`` keeps the last epoch.
        amp: compute in bfloat16 where it is safe; the weights stay float32.
        progress: called after each epoch with (epochs done, epochs, mean loss).

    Raises:
        BadData: an empty split, one class only, classes without a logit, or unusable options.
        UnknownName: schedule, augmentation or parameter name. TrainingFailed: see ``check_moved`` and ``_epoch``.
    """
    _check(split, val, epochs, schedule, select)
    start, where = time.perf_counter(), device()
    model.to(where, memory_format=torch.channels_last)
    batches = Batches(split, batch_size, where, augment)
    held_out = None if val is None else Batches(val, EVALUATION_BATCH, where)
    history, best = History(), None
    with _seeded(seed, where) as generator, _training(model, trainable, freeze_bn_statistics) as names:
        before = {name: tensor.detach().clone() for name, tensor in model.named_parameters()}
        optimizer = torch.optim.SGD(_chosen(model, names), lr, momentum, weight_decay=weight_decay, fused=True)
        rates = _rates(optimizer, schedule, epochs, len(batches), milestones, gamma)
        hold = _holder(model, before, masks or {})
        for epoch in range(epochs):
            history.train_loss.append(_epoch(model, batches, optimizer, rates, generator, hold, epoch, amp))
            if held_out is not None:
                history.val_accuracy.append(accuracy(model, held_out, amp))
            if _is_best(history.val_accuracy, select, tie):
                history.best_epoch, best = epoch, copy.deepcopy(model.state_dict()) if select else None
            if progress is not None:
                progress(epoch + 1, epochs, history.train_loss[-1])
        if best is not None:
            model.load_state_dict(best)
        check_moved(model, before, names, masks or {})
    history.seconds = time.perf_counter() - start
    return history


def gradients(
    model: nn.Module,
    split: Split,
    *,
    batch_size: int,
    augment: str,
    seed: int,
    max_samples: int | None = None,
    mode: Literal["train", "eval"] = "train",
) -> dict[str, torch.Tensor]:
    """Mean over batches of the gradient of the batch's mean loss, per parameter name [AIM-Fair, Eq. 4-6 and code].

    One augmented pass over a copy of ``model`` in float32, incomplete batch left out; ``mode`` is that of batch
    normalisation. ``model`` itself (weights, statistics, gradients) and the global random state stay as they were.

    Raises:
        BadData: an empty split. TrainingFailed: a gradient is not finite.
    """
    where = device()
    twin = copy.deepcopy(model).to(where, memory_format=torch.channels_last).requires_grad_(True).train(mode == "train")
    twin.zero_grad(set_to_none=True)
    batches = Batches(split, batch_size, where, augment, max_samples, seed)
    with _seeded(seed, where) as generator:
        for x, target in batches.shuffled(generator):
            (mean_loss(twin(x), target, batches.classes) / len(batches)).backward()
    found = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in twin.named_parameters()}
    bad = [name for name, gradient in found.items() if not gradient.isfinite().all()]
    if bad:
        raise TrainingFailed(f"the gradient of {bad[0]} is not finite: check the weights and the inputs of the model")
    return found


def mean_loss(logits: torch.Tensor, target: torch.Tensor, classes: int) -> torch.Tensor:
    """Mean cross-entropy of logits ``(N, 1)`` (binary) or ``(N, C)``; ``classes`` is 1 + the largest label."""
    if classes > max(2, logits.shape[1]):
        raise BadData(f"label {classes - 1} has no logit (the model has {logits.shape[1]}): give the model more classes")
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits.float()[:, 0], target.float())
    return functional.cross_entropy(logits.float(), target)


@torch.inference_mode()
def accuracy(model: nn.Module, batches: Batches, amp: bool = True) -> float:
    """Share of right predictions in 0..1 (threshold 0.5 for one logit), in eval mode; ``model``'s mode is restored."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    right = torch.zeros((), dtype=torch.int64, device=batches.target.device)
    for x, target in batches.in_order():
        with torch.autocast(x.device.type, torch.bfloat16, enabled=amp):
            logits = model(x)
        predicted = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
        right += (predicted == target).sum()
    for module, training in modes.items():
        module.training = training
    return right.item() / len(batches.target)


def check_moved(model: nn.Module, before: Masks, names: Collection[str], masks: Masks) -> None:
    """Check that each tensor of ``names`` differs from ``before`` and everything else is bit-identical.

    Raises:
        TrainingFailed: a trainable tensor did not move, or a frozen tensor (or entry, with ``masks``) did.
    """
    after = {name: tensor.detach() for name, tensor in model.named_parameters()}
    stuck = [name for name in names if torch.equal(after[name], before[name])]
    moved = [name for name in after if name not in names and not torch.equal(after[name], before[name])]
    moved += [n for n, mask in masks.items() if not torch.equal(after[n][~mask], before[n][~mask])]
    if stuck:
        raise TrainingFailed(f"training did not move {', '.join(stuck[:3])}: is it part of the loss, and lr above 0?")
    if moved:
        raise TrainingFailed(f"training moved {', '.join(moved[:3])}, which should be frozen: is a tensor shared?")


def _check(split: Split, val: Split | None, epochs: int, schedule: str, select: str | None) -> None:
    if len(split) and len(np.unique(split.target)) < 2:
        raise BadData(f"all {len(split)} training samples have {split.target_name} = {split.target[0]}: need two classes")
    if schedule not in SCHEDULES:
        raise UnknownName("schedule", schedule, SCHEDULES)
    if select not in (None, "val_acc"):
        raise UnknownName("selection", select, ["val_acc"])
    if select and val is None:
        raise BadData(f"select={select!r} needs a validation split: give val, or select=None for the last epoch")
    if epochs < 1:
        raise BadData(f"epochs must be 1 or more, got {epochs}")


@contextmanager
def _seeded(seed: int, where: torch.device) -> Iterator[torch.Generator]:
    """A generator for ``seed``; dropout is seeded too, cuDNN deterministic, and the global state restored after."""
    cuda = [where] if where.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        torch.manual_seed(seed)
        yield torch.Generator().manual_seed(seed)


@contextmanager
def _training(model: nn.Module, trainable: Collection[str] | None, freeze_bn: bool) -> Iterator[list[str]]:
    """Training mode with only ``trainable`` parameters; yields their names and restores all flags after."""
    parameters = dict(model.named_parameters())
    unknown = sorted(set(trainable or ()) - set(parameters))
    if unknown:
        raise UnknownName("parameter", unknown[0], parameters)
    flags = {name: tensor.requires_grad for name, tensor in parameters.items()}
    names = [name for name in parameters if (flags[name] if trainable is None else name in trainable)]
    if not names:
        raise BadData("no parameter is trainable: name some in trainable")
    modes = {module: module.training for module in model.modules()}
    for name, tensor in parameters.items():
        tensor.requires_grad_(name in names)
    for module in model.modules():
        module.training = not (freeze_bn and isinstance(module, nn.modules.batchnorm._BatchNorm))
    try:
        yield names
    finally:
        for module, training in modes.items():
            module.training = training
        for name, tensor in parameters.items():
            tensor.requires_grad_(flags[name])
            tensor.grad = None
