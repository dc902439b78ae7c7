"""LfF, learning from failure [Nam 2020]: a network that is made biased tells another one what to attend to."""

from __future__ import annotations

from typing import Unpack

import torch
from torch import nn

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.training import comparators as common
from fairnb.training.fine_tuning import PreTraining
from fairnb.training.loop import TrainedPredictor
from fairnb.training.methods import method


@method(version="1", source="AIM-Fair Table 1")
def lff(task: Task, *, seed: int, q: float = 0.7, decay: float = 0.7, **options: Unpack[PreTraining]) -> Predictor:
    """Two networks at once, the second's samples weighted by how much harder they are for the first; costs two ERM.

    Args:
        q: of the first network's generalised cross-entropy, in (0, 1): how much it follows what it finds easy.
        decay: of the moving averages of both losses of each sample, in [0, 1).

    Raises:
        BadData: a value out of range.
    """
    if not 0 < q < 1 or not 0 <= decay < 1:
        raise BadData(f"LfF needs q in (0, 1) and decay in [0, 1), got {q} and {decay}")
    loss = FailureLoss(common.targets(task.train), q, decay)
    pair = Pair(task, seed)
    notes = common.train(task, seed, build=lambda _: pair, loss=loss, **options).notes
    return TrainedPredictor(pair.second, notes | {"q": q, "decay": decay, "mean_weights": loss.mean_weights()})


class Pair(nn.Module):
    """The biased network ``first`` and the one to keep, ``second``; they differ in the seed of their heads.

    In training mode the logits of both side by side ``(N, 2 logits)``, in evaluation mode the second's.
    """

    def __init__(self, task: Task, seed: int) -> None:
        super().__init__()
        self.second = task.backbone(seed)
        self.first = task.backbone(seed + 1_000_003)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of images ``x`` in [0, 1]."""
        if not self.training:
            return self.second(x)
        return torch.cat([self.first(x), self.second(x)], dim=1)


class FailureLoss:
    """Generalised cross-entropy of the first network plus the second's cross-entropy, weighted by difficulty."""

    def __init__(self, target: torch.Tensor, q: float, decay: float) -> None:
        self.target, self.q = target, q
        self.first, self.second = MovingAverage(target, decay), MovingAverage(target, decay)

    def __call__(self, logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Loss of the logits of a ``Pair`` in training mode."""
        one, two = (common.sample_losses(part, target) for part in logits.chunk(2, dim=1))
        self.first.update(one.detach(), rows)
        self.second.update(two.detach(), rows)
        return (generalised(one, self.q) + self.weights(rows) * two).mean()

    def weights(self, rows: torch.Tensor) -> torch.Tensor:
        """Relative difficulty in [0, 1] of the samples ``rows``: the first's share of both normalised losses."""
        one, two = self.first.normalised(rows), self.second.normalised(rows)
        return one / (one + two + 1e-8)

    def mean_weights(self) -> list[float]:
        """The mean final weight of each class."""
        weights = self.weights(torch.arange(len(self.target), device=self.target.device))
        return [weights[self.target == label].mean().item() for label in self.target.unique()]


def generalised(losses: torch.Tensor, q: float) -> torch.Tensor:
    """``losses`` (cross-entropies) times ``q p^q``, p being the probability of the right class.

    Its gradient is ``q`` times that of the generalised cross-entropy ``(1 - p^q) / q`` [Zhang and Sabuncu 2018], which
    is how the authors' code has it.
    """
    return losses * (q * (-q * losses.detach()).exp())


class MovingAverage:
    """A moving average of each sample's loss, compared within its class."""

    def __init__(self, target: torch.Tensor, decay: float) -> None:
        self.target, self.decay = target, decay
        self.value = torch.zeros(len(target), device=target.device)
        self.seen = torch.zeros(len(target), dtype=torch.bool, device=target.device)

    def update(self, losses: torch.Tensor, rows: torch.Tensor) -> None:
        """Take in the ``losses`` of the samples ``rows``; the first one of a sample counts whole."""
        mixed = self.decay * self.value[rows] + (1 - self.decay) * losses
        self.value[rows] = torch.where(self.seen[rows], mixed, losses)
        self.seen[rows] = True

    def normalised(self, rows: torch.Tensor) -> torch.Tensor:
        """The averages of the samples ``rows`` divided by the largest of their class so far."""
        largest = torch.zeros(int(self.target.max()) + 1, device=self.value.device)
        largest.scatter_reduce_(0, self.target, self.value, "amax")
        return self.value[rows] / largest[self.target[rows]].clamp(min=1e-12)
