"""Adversarial mitigation, the row "Adv.Debias" of the ICDM 2022 tables IV to VI [Zhang et al. 2018; Savani's code]."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.nets.networks import Networks
from fairnb.nets.stacked import Draws, Samples, adam, losses
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate.rivals.critics import Critic, still
from fairnb.training.methods import method

PURPOSE = 25  # of the draws; the critic's is the next one
CRITIC_LR, ACTOR_LR = 1e-3, 1e-4


@method(version="2", together=True, reads_groups=True, source="ICDM 2022 Tables IV to VI; Zhang et al. 2018")
def adversarial_mitigation(
    tasks: Sequence[Task],
    *,
    seeds: Sequence[int],
    alpha: float = 0.8,
    epochs: int | None = None,
    steps: int | None = None,
    batch_size: int = 64,
    as_released: bool = False,
) -> list[Predictor]:
    """The biased model, fine-tuned on ``task.val`` so that a critic cannot tell the group from the representation.

    Critic (network fixed, in evaluation mode) and network take turns every epoch, both with Adam (1e-3 and 1e-4); the
    network's gradient is that of ``mitigated``. Then the threshold search.

    Args:
        alpha: weight of the critic's gradient, 0 or more.
        epochs, steps: None: ``task.settings["mitigation_epochs"]`` and ``["mitigation_steps"]`` (of the critic and
            again of the network in every epoch), and where there are none, 24 and 201.
        as_released: the projection without the norm of the critic's gradient, see ``mitigated``, and a last layer
            that never moves: the released loop skips every tensor that the critic does not look at.

    Raises:
        BadData: a hyper-parameter out of range, tasks and seeds that do not pair, a group absent from ``task.val``.
    """
    settings = tasks[0].settings if tasks else {}
    epochs = settings.get("mitigation_epochs", 24) if epochs is None else epochs
    steps = settings.get("mitigation_steps", 201) if steps is None else steps
    if min(epochs, steps, batch_size) < 1 or not alpha >= 0:
        raise BadData(
            f"adversarial mitigation needs epochs, steps and a batch_size of 1 or more and an alpha of 0 or more, "
            f"got {epochs}, {steps}, {batch_size} and {alpha}"
        )
    networks, val = intra.begin(tasks, seeds)
    width = list(networks.weights.values())[-2].shape[2]
    critic, draws = Critic(width, 2, seeds, PURPOSE + 1), Draws(seeds, PURPOSE)
    learner = adam(critic.weights, CRITIC_LR)
    optimizer = adam(networks.weights.values(), ACTOR_LR)
    for _ in range(epochs):
        for features, _, _, protected in still(networks, val, draws.integers(len(val), (steps, batch_size))):
            learner.zero_grad(set_to_none=True)
            losses(critic(features, train=True), protected).mean(1).sum().backward()
            learner.step()
        for index in draws.integers(len(val), (steps, batch_size)).unbind(1):
            _gradients(networks, critic, val, index, draws, alpha, as_released)
            optimizer.step()
    return intra.finish(tasks, networks, val)


def mitigated(own: torch.Tensor, adverse: torch.Tensor, alpha: float = 0.8, normalised: bool = True) -> torch.Tensor:
    """g_y - proj(g_y on g_a) - α g_a of one parameter tensor ``(S, ...)``, each seed for itself [Zhang et al., Eq. 1].

    Args:
        own, adverse: g_y and g_a, gradients of the network's and of the critic's loss. normalised: False takes
            (g_y · g_a) g_a for the projection, without 1 / ‖g_a‖², as the released code does.
    """
    inner = (own * adverse).flatten(1).sum(1)
    if normalised:
        inner = inner / adverse.flatten(1).square().sum(1).clamp_min(1e-30)
    return own - (inner.view(-1, *[1] * (own.dim() - 1)) + alpha) * adverse


def _gradients(
    networks: Networks, critic: Critic, val: Samples, index: torch.Tensor, draws: Draws, alpha: float, raw: bool
) -> None:
    x, target, protected = val.take(index)
    features, logits = networks(x, train=True, noise=draws.dropout(networks, index.shape[1]))
    weights = list(networks.weights.values())
    own = torch.autograd.grad(losses(logits, target).mean(1).sum(), weights, retain_graph=True)
    told = losses(critic(features), protected).mean(1).sum()
    adverse = torch.autograd.grad(told, weights, allow_unused=True)  # the last layer is not in front of the critic
    for weight, g, a in zip(weights, own, adverse, strict=True):
        weight.grad = (None if raw else g) if a is None else mitigated(g, a, alpha, not raw)
