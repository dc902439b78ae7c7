"""One head per domain on shared features: reading its logits, the loss within the own domain, and merging [Wang 2020].

Source: Wang et al., "Towards Fairness in Visual Recognition: Effective Strategies for Bias Mitigation", CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from fairnb.contract import Task
from fairnb.nets.models import seeded
from fairnb.training.losses import mean_loss

Merge = Callable[[torch.Tensor], torch.Tensor]


def by_domain(logits: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits ``(N, domains * classes)``, ordered by domain, as float32 ``(N, domains, classes)``."""
    return logits.float().unflatten(1, (-1, classes))


def own_domain_loss(logits: torch.Tensor, target: torch.Tensor, domain: torch.Tensor, classes: int) -> torch.Tensor:
    """Mean cross-entropy of ``target`` within the logits of each sample's own ``domain`` (binary where it has one)."""
    own = by_domain(logits, classes)[torch.arange(len(target), device=logits.device), domain]
    return mean_loss(own, target, max(2, classes))


class Merged(nn.Module):
    """A network on pairs of class and domain, seen as a classifier: ``merge`` maps its logits to ``(N, classes)``."""

    def __init__(self, pairs: nn.Module, merge: Merge) -> None:
        super().__init__()
        self.pairs, self.merge = pairs, merge

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Log scores ``(N, classes)`` up to a constant; their softmax is the prediction."""
        return self.merge(self.pairs(x))


def replaced_head(task: Task, seed: int, outputs: int) -> nn.Module:
    """The task's network of ``seed`` with a fresh last layer of so many outputs."""
    model: Any = task.backbone(seed)
    with seeded(seed):
        model.head = nn.Linear(model.head.in_features, outputs)
    return model
