"""Three baselines with more outputs than the target's: one for each group, a second task, an adversary."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Any, Literal, Unpack

import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Predictor, Task
from fairnb.nets.models import ImageClassifier, head_name, seeded
from fairnb.papers.fineface.rivals import cells
from fairnb.training.domain_heads import Merged, by_domain, own_domain_loss, replaced_head
from fairnb.training.fine_tuning import PreTraining, predictor_of
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method


@method(version="1", reads_groups=True, source="FineFACE Table 7")
def domain_independent_binary(
    task: Task, *, seed: int, merge: Literal["logits", "probabilities"] = "logits", **options: Unpack[PreTraining]
) -> Predictor:
    """One logit for each group on shared features, the loss on that of the true group [Wang et al. 2020, CelebA].

    Args:
        merge: what is summed over the groups at inference; both are in the authors' code.

    Raises:
        BadData: not two classes, one group only, or a group without training samples.
    """
    cells.require_binary(task.train, "domain_independent_binary")
    groups = cells.require_groups(task.train, "domain_independent_binary")
    model = replaced_head(dataclasses.replace(task, backbone=partial(cells.backbone, task)), seed, groups)
    group = cells.groups(task.train)

    def merged(logits: torch.Tensor) -> torch.Tensor:
        own = by_domain(logits, 1)
        return own.sum(1) if merge == "logits" else own.sigmoid().mean(1).logit(eps=1e-6)

    def loss(logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return own_domain_loss(logits, target, group[rows], 1)

    final = Merged(model, merged)
    history = cells.train(task, seed, cells.Learner(model, model, final), loss, **options)
    return predictor_of(final, history, merge=merge)


@method(version="1", reads_groups=True, source="FineFACE Table 5")
def multi_task(
    task: Task, *, seed: int, weights: Literal["dynamic", "equal"] = "dynamic", **options: Unpack[PreTraining]
) -> Predictor:
    """Heads for the target and the protected attribute on shared features [Das 2018].

    Args:
        weights: of the two cross-entropies: ``dynamic_weights``, or both 1.

    Raises:
        BadData: one group only, or a group without training samples.
    """
    network = TwoHeads(cells.backbone(task, seed), cells.require_groups(task.train, "multi_task"), seed)

    def combine(losses: torch.Tensor) -> torch.Tensor:
        return (losses if weights == "equal" else dynamic_weights(losses) * losses).sum()

    return _trained(task, seed, network, combine, {"weights": weights}, **options)


@method(version="1", reads_groups=True, source="FineFACE Table 5")
def race_adversary(task: Task, *, seed: int, strength: float = 1.0, **options: Unpack[PreTraining]) -> Predictor:
    """A head that learns the protected attribute from features that unlearn it: gradient reversal [Ganin 2015].

    The reversed gradient is multiplied by ``strength`` times ``ramp`` of the training's progress.

    Args:
        strength: 0 or more; 0 leaves the features to the target alone. A reversed loss has no bound: where the target
            is unlearned with the group (both go together in the data, or ``lr`` is large), take less, say 0.1.

    Raises:
        BadData: ``strength`` below 0, one group only, or a group without training samples.
    """
    cells.require_weight("strength", strength)
    steps = cells.steps(task, **options)
    groups = cells.require_groups(task.train, "race_adversary")
    network = TwoHeads(cells.backbone(task, seed), groups, seed, lambda done: strength * ramp(done / steps))
    return _trained(task, seed, network, torch.sum, {"strength": strength}, **options)


def _trained(
    task: Task, seed: int, network: TwoHeads, combine: Any, notes: dict[str, Any], **options: Any
) -> Predictor:
    group, classes = cells.groups(task.train), int(task.train.target.max()) + 1

    def loss(logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        own, other = logits.float().split([network.head.out_features, network.other.out_features], 1)
        losses = [mean_loss(own, target, classes), functional.cross_entropy(other, group[rows])]
        return combine(torch.stack(losses))

    history = cells.train(task, seed, network, loss, **options)
    return predictor_of(network.whole(), history, **notes)


class TwoHeads(nn.Module):
    """An image classifier and a linear head for ``groups`` on the inputs of its own head.

    In training mode: logits of both ``(N, C + groups)``; in evaluation mode: the classifier's ``(N, C)``.

    Args:
        model: taken apart; ``whole`` puts it together again. seed: of the new head.
        reverse: by what a training step's gradient is multiplied, with its sign turned, before it leaves the new head
            for the features, by the number of steps done; None: it is as it is.
    """

    def __init__(self, model: Any, groups: int, seed: int, reverse: Any = None) -> None:
        super().__init__()
        self._name, self.head, self._reverse, self.done = head_name(model.net), model.head, reverse, 0
        with seeded(seed + 1):  # not the first head's weights
            self.other = nn.Linear(self.head.in_features, groups)
        self.body = model
        self.body.net.set_submodule(self._name, nn.Identity())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of images ``x`` in [0, 1]."""
        features = self.body(x)
        if not self.training:
            return self.head(features)
        seen = features if self._reverse is None else reversed_gradient(features, self._reverse(self.done))
        self.done += 1
        return torch.cat([self.head(features), self.other(seen)], 1)

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
