"""Three baselines with more outputs than the target's: one for each group, a second task, an adversary."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any, Literal, Unpack

import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Predictor, Task
from fairnb.nets.models import ImageClassifier, head_name, seeded
from fairnb.papers.fineface.rivals import cells
from fairnb.papers.fineface.rivals.cells import Training
from fairnb.papers.fineface.training import Schedule, ScoredPredictor
from fairnb.training.domain_heads import by_domain, own_domain_loss, replaced_head
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

Combine = Callable[[torch.Tensor], torch.Tensor]


@method(version="2", reads_groups=True, source="FineFACE Table 7")
def domain_independent_binary(
    task: Task, *, seed: int, merge: Literal["logits", "probabilities"] = "logits", **options: Unpack[Training]
) -> Predictor:
    """One logit for each group on shared features, the loss on that of the true group [Wang et al. 2020, CelebA].

    Args:
        merge: what is summed over the groups at inference; both are in the authors' code.

    Raises:
        BadData: not two classes, one group only, or a group without training samples.
    """
    cells.require_binary(task.train, "domain_independent_binary")
    groups = cells.require_groups(task.train, "domain_independent_binary")
    model: Any = replaced_head(task, seed, groups)
    group = cells.groups(task.train)

    def merged(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
        own = by_domain(net(x), 1)
        return own.sum(1) if merge == "logits" else own.sigmoid().mean(1).logit(eps=1e-6)

    def loss(x: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return own_domain_loss(model(x), target, group[rows], 1)

    found = cells.train(task, model, model.head, cells.schedule(task, seed, **options), loss, score=merged)
    found.notes |= {"merge": merge}
    return found


@method(version="2", reads_groups=True, source="FineFACE Table 5")
def multi_task(
    task: Task, *, seed: int, weights: Literal["dynamic", "equal"] = "dynamic", **options: Unpack[Training]
) -> Predictor:
    """Heads for the target and the protected attribute on shared features [Das 2018].

    Args:
        weights: of the two cross-entropies: ``dynamic_weights``, or both 1.

    Raises:
        BadData: one group only, or a group without training samples.
    """
    network = TwoHeads(task.backbone(seed), cells.require_groups(task.train, "multi_task"), seed)

    def combine(losses: torch.Tensor) -> torch.Tensor:
        return (losses if weights == "equal" else dynamic_weights(losses) * losses).sum()

    found = _trained(task, network, cells.schedule(task, seed, **options), combine)
    found.notes |= {"weights": weights}
    return found


@method(version="2", reads_groups=True, source="FineFACE Table 5")
def race_adversary(task: Task, *, seed: int, strength: float = 1.0, **options: Unpack[Training]) -> Predictor:
    """A head that learns the protected attribute from features that unlearn it: gradient reversal [Ganin 2015].

    The reversed gradient is multiplied by ``strength`` times ``ramp`` of the training's progress.

    Args:
        strength: 0 or more; 0 leaves the features to the target alone. A reversed loss has no bound: where the target
            is unlearned with the group (both go together in the data, or ``lr`` is large), take less, say 0.1.

    Raises:
        BadData: ``strength`` below 0, one group only, or a group without training samples.
    """
    cells.require_weight("strength", strength)
    schedule = cells.schedule(task, seed, **options)
    groups = cells.require_groups(task.train, "race_adversary")
    steps, done = cells.steps(task, schedule), itertools.count()
    network = TwoHeads(task.backbone(seed), groups, seed, lambda: strength * ramp(next(done) / steps))
    found = _trained(task, network, schedule, torch.sum)
    found.notes |= {"strength": strength}
    return found


def _trained(task: Task, network: TwoHeads, schedule: Schedule, combine: Combine) -> ScoredPredictor:
    group, classes = cells.groups(task.train), int(task.train.target.max()) + 1

    def loss(x: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        own, other = network.both(x)
        losses = [mean_loss(own, target, classes), functional.cross_entropy(other, group[rows])]
        return combine(torch.stack(losses))

    found = cells.train(task, network, nn.ModuleList([network.head, network.other]), schedule, loss)
    found.model = network.whole()
    return found


class TwoHeads(nn.Module):
    """An image classifier and a linear head for ``groups`` on the inputs of its own head.

    Args:
        model: taken apart; ``whole`` puts it together again. seed: of the new head.
        reverse: asked at each ``both`` by what the gradient is multiplied, with its sign turned, where it leaves the
            new head for the features; None: it is as it is.
    """

    def __init__(self, model: Any, groups: int, seed: int, reverse: Callable[[], float] | None = None) -> None:
        super().__init__()
        self._name, self.head, self._reverse = head_name(model.net), model.head, reverse
        with seeded(seed + 1):  # not the first head's weights
            self.other = nn.Linear(self.head.in_features, groups)
        self.body = model
        self.body.net.set_submodule(self._name, nn.Identity())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The classifier's logits ``(N, C)`` of images ``x`` in [0, 1]."""
        return self.head(self.body(x))

    def both(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits ``(N, C)`` and ``(N, groups)`` of both heads."""
        features = self.body(x)
        seen = features if self._reverse is None else reversed_gradient(features, self._reverse())
        return self.head(features), self.other(seen)

    def whole(self) -> ImageClassifier:
        """The classifier alone, with its own head."""
        self.body.net.set_submodule(self._name, self.head)
        return self.body


def dynamic_weights(losses: torch.Tensor) -> torch.Tensor:
    """Weights ``(K,)`` with sum K, in proportion to the current ``losses`` ``(K,)`` (the harder task counts more)."""
    losses = losses.detach()
    return losses * len(losses) / losses.sum().clamp(min=1e-12)


def ramp(progress: float) -> float:
    """From 0 to (nearly) 1 as ``progress`` goes from 0 to 1: 2 / (1 + exp(-10 p)) - 1 [Ganin 2015]."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


def reversed_gradient(x: torch.Tensor, strength: float) -> torch.Tensor:
    """``x`` itself, whose gradient is multiplied by ``-strength``."""
    return _Reversed.apply(x, strength)


class _Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, strength: float) -> torch.Tensor:
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # type: ignore[override]
        return -ctx.strength * gradient, None
