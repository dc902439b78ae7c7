"""BYOL [Grill 2020] on pairs of edited images, as DiGA [Zhang 2024] uses it: what the edit changes is unlearned."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Split
from fairnb.errors import BadData, TrainingFailed
from fairnb.nets import freezing, precision
from fairnb.nets.models import device
from fairnb.training.augment import random_resized_crop
from fairnb.training.batches import Batches, channels_last

HIDDEN, PROJECTION = 512, 128
CROP = (0.8, 1.0)
JITTER, JITTER_PROBABILITY, GRAY_PROBABILITY = 0.4, 0.8, 0.2
LUMINANCE = (0.299, 0.587, 0.114)


class Encoder(nn.Module):
    """An image classifier without its last layer, then BYOL's projector: images to ``(N, 128)``."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        features = model.head.in_features
        self.backbone: Any = copy.deepcopy(model)
        self.backbone.head = nn.Identity()
        self.projector = two_layers(features, PROJECTION)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Projections of images ``x`` in [0, 1]."""
        return self.projector(self.backbone(x))


def two_layers(inputs: int, outputs: int) -> nn.Sequential:
    """BYOL's projector and predictor."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(inplace=True), nn.Linear(HIDDEN, outputs)
    )


def byol(
    model: nn.Module,
    split: Split,
    edit: torch.Tensor,
    *,
    degrees: tuple[float, ...],
    epochs: int,
    lr: float,
    batch_size: int,
    decay: float,
    seed: int,
) -> tuple[nn.Module, list[float]]:
    """``model``'s backbone trained so that a positive and a negative edit of an image look the same to it.

    Args:
        model: an ``ImageClassifier``; it stays as it is.
        edit: what one degree adds to an image in [0, 1], ``(3, H, W)``.
        degrees: drawn from anew for each view. decay: of the target network.
        epochs, lr, batch_size, seed: of Adam; there is no selection.

    Returns:
        The backbone, ``(N, 3, H, W)`` in [0, 1] to ``(N, features)``, and the mean loss (0 to 8) of each epoch.

    Raises:
        BadData: a value out of range. TrainingFailed: the loss is not finite.
    """
    if epochs < 1 or not 0 <= decay < 1 or not degrees or batch_size < 2:
        raise BadData(
            "BYOL needs epochs of 1 or more, decay in [0, 1), a degree, and batches of 2 or more, got "
            f"{epochs}, {decay}, {tuple(degrees)} and {batch_size}"
        )
    where = device()
    batches, history = Batches(split, batch_size, where), []
    edit, steps = edit.to(where), torch.tensor(degrees, dtype=torch.float32)
    with freezing.seeded(seed, where) as generator:
        networks = Networks(model, where)
        optimizer = torch.optim.Adam([*networks.online.parameters(), *networks.predictor.parameters()], lr, fused=True)
        for epoch in range(epochs):
            losses = []
            for x, _ in batches.shuffled(generator):
                pair = (view(x, edit, sign * steps, generator) for sign in (1, -1))
                losses.append(networks.step(optimizer, *pair))
                follow(networks.target, networks.online, decay)
            history.append(torch.stack(losses).mean().item())
            if not history[-1] < float("inf"):
                raise TrainingFailed(f"BYOL's loss is not finite in epoch {epoch + 1} with lr {lr:g}: use a lower lr")
    return networks.online.backbone, history


class Networks:
    """BYOL's online network with its predictor, and the target network that follows it, all in training mode."""

    def __init__(self, model: nn.Module, where: torch.device) -> None:
        self.online = Encoder(model).train()
        channels_last(self.online, where)
        self.predictor = two_layers(PROJECTION, PROJECTION).to(where).train()
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def step(self, optimizer: torch.optim.Optimizer, one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
        """Train on one batch of pairs of views; the loss."""
        with precision.mixed(one.device):
            loss = agreement_loss(self.online, self.predictor, self.target, one, two)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()


def agreement_loss(
    online: nn.Module, predictor: nn.Module, target: nn.Module, one: torch.Tensor, two: torch.Tensor
) -> torch.Tensor:
    """BYOL's symmetric loss, 0 to 8: 2 - 2 cosines of a prediction and the other view's target, for both views."""
    total = torch.zeros((), device=one.device)
    for seen, other in ((one, two), (two, one)):
        with torch.no_grad():
            wanted = target(other).float()
        predicted = predictor(online(seen)).float()
        total = total + (2 - 2 * functional.cosine_similarity(predicted, wanted, dim=1)).mean()
    return total


@torch.no_grad()
def follow(target: nn.Module, online: nn.Module, decay: float) -> None:
    """Move the parameters of ``target`` to ``decay`` of themselves and the rest of ``online``'s."""
    for slow, fast in zip(target.parameters(), online.parameters(), strict=True):
        slow.mul_(decay).add_(fast, alpha=1 - decay)


def view(x: torch.Tensor, edit: torch.Tensor, degrees: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Images ``x`` in [0, 1], each edited by one of the ``degrees``, cropped, mirrored, and changed in colour."""
    x = edited(x, edit, degrees[torch.randint(len(degrees), (len(x),), generator=generator)])
    x = random_resized_crop(x, generator, scale=CROP, flip=0.5)
    return jittered(x, generator).contiguous(memory_format=torch.channels_last)


def edited(x: torch.Tensor, edit: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
    """Images ``x`` ``(N, 3, H, W)`` in [0, 1] moved along ``edit`` ``(3, H, W)`` by ``degrees`` ``(N,)``, clamped."""
    return (x + degrees.to(x.device)[:, None, None, None] * edit).clamp(0, 1)


def jittered(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Brightness, contrast and saturation times 0.6 to 1.4 for 80 % of the images, 20 % in grey.

    As DiGA's code, but for its change of hue by up to 0.1.
    """
    draws = torch.rand(5, len(x), 1, 1, 1, generator=generator).to(x.device)
    factors = torch.where(draws[3] < JITTER_PROBABILITY, 1 + JITTER * (2 * draws[:3] - 1), 1.0)
    x = (x * factors[0]).clamp(0, 1)
    mean = _gray(x).mean((2, 3), keepdim=True)
    x = (mean + (x - mean) * factors[1]).clamp(0, 1)
    gray = _gray(x)
    x = (gray + (x - gray) * factors[2]).clamp(0, 1)
    return torch.where(draws[4] < GRAY_PROBABILITY, _gray(x).expand_as(x), x)


def _gray(x: torch.Tensor) -> torch.Tensor:
    return (x * torch.tensor(LUMINANCE, device=x.device)[:, None, None]).sum(1, keepdim=True)
