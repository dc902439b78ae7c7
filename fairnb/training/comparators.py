"""What the baselines share: training with another loss or other samples, a reference model, losses by sample."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Split, Task
from fairnb.errors import BadData
from fairnb.nets import freezing, precision
from fairnb.nets.models import device
from fairnb.training.batches import Batches
from fairnb.training.fine_tuning import predictor_of, settings_of
from fairnb.training.loop import EVALUATION_BATCH, Loss, TrainedPredictor, fit

SCHEDULE = ("lr", "epochs", "batch_size", "schedule", "milestones", "gamma", "augment")


def train(
    task: Task,
    seed: int,
    *,
    build: Callable[[int], nn.Module] | None = None,
    loss: Loss | None = None,
    rows: np.ndarray | None = None,
    epoch_samples: int | None = None,
    **options: Any,
) -> TrainedPredictor:
    """A network trained on ``task.train`` as ERM is, but for what is given; notes as ``predictor_of``'s.

    Args:
        build: the network of a seed (default: ``task.backbone``).
        loss, rows, epoch_samples: as in ``training.fit``.
        options: of pre-training (``fine_tuning.PreTraining``).

    Raises:
        BadData, TrainingFailed: as ``training.fit``.
    """
    model = (build or task.backbone)(seed)
    extra: dict[str, Any] = {"loss": loss, "rows": rows, "epoch_samples": epoch_samples}
    history = fit(
        model, task.train, val=task.val, seed=seed, select="val_acc", tie="last", **schedule(task, **options), **extra
    )
    return predictor_of(model, history)


def schedule(task: Task, **options: Any) -> dict[str, Any]:
    """The task's pre-training schedule as options of ``training.fit``; ``options`` that are not ``None`` go first."""
    numbers = settings_of(task, "pretrain", **options)
    return {name: numbers[name] for name in SCHEDULE}


def reference(task: Task, seed: int, stop_after: int, **options: Any) -> nn.Module:
    """ERM stopped after ``stop_after`` epochs: the biased view of the data that EIIL, JTT and MAPLE start from.

    The learning rate stays constant, as it nearly is at the beginning of any schedule.

    Raises:
        BadData: ``stop_after`` below 1.
    """
    if stop_after < 1:
        raise BadData(f"the reference model needs 1 epoch or more, got {stop_after}")
    model = task.backbone(seed)
    fit(model, task.train, seed=seed, **schedule(task, **options) | {"epochs": stop_after, "schedule": "constant"})
    return model


@torch.inference_mode()
def outputs(model: nn.Module, split: Split) -> torch.Tensor:
    """What ``model`` says of every sample, not augmented, in evaluation mode: float32 ``(N, ...)`` on its device."""
    batches = Batches(split, EVALUATION_BATCH, next(model.parameters()).device)
    found = []
    with freezing.modes(model, training=False):
        for x, _ in batches.in_order():
            with precision.mixed(x.device):
                found.append(model(x).float())
    return torch.cat(found)


def features(model: nn.Module, split: Split) -> torch.Tensor:
    """The inputs of the last layer, the head, float32 ``(N, features)``."""
    twin: Any = copy.deepcopy(model)
    twin.head = nn.Identity()
    return outputs(twin, split)


def sample_losses(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of each sample ``(N,)``, from logits ``(N, 1)`` (binary) or ``(N, classes)``."""
    logits = _single_or_double(logits)
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], target.to(logits.dtype), reduction="none")
    return functional.cross_entropy(logits, target, reduction="none")


def scale_gradients(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Derivative at s = 1 of each sample's cross-entropy of ``s * logits`` with respect to s ``(N,)``.

    In closed form, and itself differentiable in the logits: binary ``(sigmoid(z) - y) z``, else the sum over classes.
    """
    logits = _single_or_double(logits)
    if logits.shape[1] == 1:
        return (logits[:, 0].sigmoid() - target) * logits[:, 0]
    return ((logits.softmax(1) - functional.one_hot(target, logits.shape[1])) * logits).sum(1)


def targets(split: Split) -> torch.Tensor:
    """The class labels on the device, int64 ``(N,)``."""
    return torch.as_tensor(np.ascontiguousarray(split.target)).to(device())


def _single_or_double(logits: torch.Tensor) -> torch.Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
