"""The training loop of every image method, and mean gradients at fixed weights.

``fit`` is deterministic: the same seed gives bit-identical weights on one CPU with one number of threads (on a GPU as
far as cuDNN's deterministic kernels reach). It never sees a test split.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import nn

from fairnb.contract import Split
from fairnb.errors import BadData, TrainingFailed, UnknownName
from fairnb.nets import freezing, precision
from fairnb.nets.models import ModelPredictor, device
from fairnb.training.batches import Batches, channels_last
from fairnb.training.losses import accuracy, mean_loss
from fairnb.training.recipe import Recipe, optimizer_of, rates_of

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]  # logits, target, rows -> loss of a batch
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
    val: Split | None = None,
    trainable: Collection[str] | None = None,
    masks: freezing.Tensors | None = None,
    progress: Callable[[int, int, float], None] | None = None,
    loss: Loss | None = None,
    rows: np.ndarray | None = None,
    epoch_samples: int | None = None,
    **recipe: Any,
) -> History:
    """Train ``model`` in place: binary cross-entropy for one logit, cross-entropy for more.

    Batch normalisation is in training mode, so its running statistics move in frozen layers too, as in AIM-Fair's
    code, where the mask covers parameters but not buffers; ``freeze_bn_statistics`` prevents it.

    Args:
        val: measured after each epoch; needed for ``select="val_acc"``.
        trainable: names of the parameters to train; ``None`` means those that require a gradient now.
        masks: per parameter name a bool tensor of its shape: entries that may move. The others keep their value.
        progress: called after each epoch with (epochs done, epochs, mean loss).
        loss: replaces the cross-entropy: of a batch's logits, targets and rows in ``split``, a scalar.
        rows, epoch_samples: what an epoch is made of, see ``Batches``.
        recipe: the fields of ``Recipe``; epochs, lr, batch_size and seed are needed.

    Raises:
        BadData: an empty split, one class only, or a class without a logit. UnknownName: an unknown option or
        parameter. TrainingFailed: the loss became NaN or infinite, or the wrong tensors moved (``check_moved``).
    """
    unknown = sorted(set(recipe) - {option.name for option in fields(Recipe)})
    if unknown:
        raise UnknownName("training option", unknown[0], [option.name for option in fields(Recipe)])
    start = time.perf_counter()
    loop = _Loop(model, Recipe(**recipe), split, val, loss, rows=rows, epoch_samples=epoch_samples)
    with freezing.only(model, trainable) as names, freezing.seeded(loop.recipe.seed, device()) as loop.generator:
        before = freezing.snapshot(model)
        loop.run(names, freezing.holder(model, before, masks or {}), progress)
        freezing.check_moved(model, before, names, masks)
    loop.history.seconds = time.perf_counter() - start
    return loop.history


class _Loop:
    """One training: its data on the device, its optimiser, and the best weights so far."""

    generator: torch.Generator

    def __init__(
        self, model: nn.Module, recipe: Recipe, split: Split, val: Split | None, loss: Loss | None, **epoch: Any
    ) -> None:
        if recipe.select and val is None:
            raise BadData(f"select={recipe.select!r} needs a validation split: give val, or select=None")
        where, rows = device(), epoch["rows"]
        self.model, self.recipe, self.history = channels_last(model, where), recipe, History()
        self.batches = Batches(split, recipe.batch_size, where, recipe.augment, **epoch)
        smooth = recipe.label_smoothing
        self.loss = loss or (lambda logits, target, _: mean_loss(logits, target, self.batches.classes, smooth))
        used = split.target if rows is None else split.target[rows]
        if len(np.unique(used)) < 2:
            only = f"all {len(used)} training samples have {split.target_name} = {used[0]}"
            raise BadData(f"{only}, a classifier needs two classes: check the split's selection")
        self.val = None if val is None else Batches(val, EVALUATION_BATCH, where)

    def run(self, names: list[str], hold: Callable[[], None], progress: Callable | None) -> None:
        recipe, history, best = self.recipe, self.history, None
        chosen = [tensor for tensor in self.model.parameters() if tensor.requires_grad]
        optimizer = optimizer_of(chosen, recipe)
        rates = rates_of(optimizer, recipe, len(self.batches))
        for epoch in range(recipe.epochs):
            with freezing.modes(self.model, True, recipe.freeze_bn_statistics):
                losses = self._epoch(optimizer, rates, hold)
            history.train_loss.append(_finite_mean(losses, epoch, recipe.lr))
            if self.val is not None:
                history.val_accuracy.append(accuracy(self.model, self.val, recipe.amp))
            if _is_best(history.val_accuracy, recipe):
                history.best_epoch = epoch
                best = copy.deepcopy(self.model.state_dict()) if recipe.select else None
            if progress is not None:
                progress(epoch + 1, recipe.epochs, history.train_loss[-1])
        if best is not None:
            self.model.load_state_dict(best)
        if not all(tensor.isfinite().all() for tensor in chosen):  # the last step's update has no loss to show it
            raise TrainingFailed(f"the weights became NaN or infinite with lr {recipe.lr:g}: use a lower lr")

    def _epoch(self, optimizer: torch.optim.Optimizer, rates: Any, hold: Callable[[], None]) -> torch.Tensor:
        """One pass; the loss of each step ``(steps,)``, left on the device so that a GPU never waits for it."""
        losses = []
        for x, target, rows in self.batches.shuffled_rows(self.generator):
            with precision.mixed(x.device, self.recipe.amp):
                logits = self.model(x)
            loss = self.loss(logits, target, rows)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            clip(self.model, self.recipe.clip_norm)
            optimizer.step()
            hold()
            rates.step()
            losses.append(loss.detach())
        return torch.stack(losses)


def clip(model: nn.Module, norm: float | None) -> None:
    """Scale the gradients of ``model`` together down to ``norm`` where they are longer; nothing for None."""
    if norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), norm)


def _finite_mean(losses: torch.Tensor, epoch: int, lr: float) -> float:
    mean = losses.mean().item()
    if not np.isfinite(mean):
        step = int((~losses.isfinite()).int().argmax()) + 1
        where = f"in epoch {epoch + 1} at step {step} of {len(losses)}"
        raise TrainingFailed(f"the loss became NaN or infinite {where} with lr {lr:g}: use a lower lr, or amp=False")
    return mean


def _is_best(scores: list[float], recipe: Recipe) -> bool:
    """Whether the last epoch is the one to keep so far."""
    if recipe.select is None or len(scores) < 2:
        return True
    best = max(scores[:-1])
    return scores[-1] > best or (scores[-1] == best and recipe.tie == "last")
