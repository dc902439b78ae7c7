"""Mean gradients at fixed weights: how a data set pulls at each parameter tensor (for AIM-Fair's mask)."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import nn

from fairnb.contract import Split
from fairnb.errors import TrainingFailed
from fairnb.nets import freezing
from fairnb.nets.models import device
from fairnb.training.batches import Batches, channels_last
from fairnb.training.losses import mean_loss


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
    """Mean over batches of the gradient of the batch's mean loss, per parameter name [AIM-Fair's code].

    One augmented pass over a copy of ``model`` in float32, incomplete batch left out; ``mode`` says whether batch
    normalisation uses the batch's statistics (``train``, as the code) or the running ones. ``model`` itself (weights,
    statistics, gradients) and the global random state stay as they were.

    Raises:
        BadData: an empty split. TrainingFailed: a gradient is not finite.
    """
    where = device()
    twin = channels_last(copy.deepcopy(model), where).requires_grad_(True)
    twin.zero_grad(set_to_none=True)
    batches = Batches(split, batch_size, where, augment, max_samples, seed)
    with freezing.seeded(seed, where) as generator, freezing.modes(twin, mode == "train"):
        for x, target in batches.shuffled(generator):
            (mean_loss(twin(x), target, batches.classes) / len(batches)).backward()
    found = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in twin.named_parameters()}
    bad = [name for name, gradient in found.items() if not gradient.isfinite().all()]
    if bad:
        raise TrainingFailed(f"the gradient of {bad[0]} is not finite: check the weights and the inputs of the model")
    return found
