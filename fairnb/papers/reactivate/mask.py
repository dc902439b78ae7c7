"""Which weights carry the bias: a mask found by straight-through gradients, and how masked weights start again.

Source: ICDM 2022, adaptive fine-tuning: min over masks of L_ft + beta R with R = log(max(|M|_0 / N, tau) / tau).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import torch

from fairnb.nets.networks import Networks, Tensors
from fairnb.nets.stacked import Draws, Samples, adam, losses

Kept = Literal["searched", "random", "none"]
Restart = Literal["zero", "kaiming"]
START = (1.0, 3.0)


def straight_through(logit: torch.Tensor) -> torch.Tensor:
    """M = 1[sigmoid(m) > 1/2], exactly 0 or 1, whose gradient with respect to ``logit`` m is that of the identity."""
    return (logit > 0).to(logit.dtype) + (logit - logit.detach())


def penalty(kept: torch.Tensor, tau: float) -> torch.Tensor:
    """R = log(max(kept, tau) / tau) of shares of kept weights, of any shape: 0 (with no gradient) below ``tau``."""
    return (kept.clamp(min=tau) / tau).log()


def kept_share(masks: Tensors) -> torch.Tensor:
    """|M|_0 / N of every seed, ``(S,)``, pooled over all layers."""
    total = sum(mask[0].numel() for mask in masks.values())
    return torch.stack([mask.flatten(1).sum(1) for mask in masks.values()]).sum(0) / total


def rate(steps: int) -> float:
    """Learning rate of a search of so many steps: 0.01, more where there are few.

    Under Adam m moves by at most about the rate in a step: from 1 nothing falls within 100 steps at 0.01.
    """
    return max(0.01, 4 / max(steps, 1))


def search(
    networks: Networks,
    samples: Samples,
    batches: Iterable[torch.Tensor],
    *,
    tau: float = 0.9,
    beta: float = 1.0,
    lr: float = 0.01,
    draws: Draws,
    weigh: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> Tensors:
    """Masks ``(S, ...)`` of 0 and 1, by name, for ``networks.maskable``; the networks stay exactly as they are.

    Evaluation mode: a mask is sought for the trained network, not for one with other batch statistics or dropout.
    m starts evenly spread in ``START``, so that all is kept ("+1 to +3"). From one value for all, the weights that R
    alone moves would fall in the same step, far below tau (Adult: up to half of them, and the network with them); so
    spread, 14 to 20 % fall on Adult with tau = 0.9, a tenth by R and the rest by the loss itself.

    Args:
        batches: indexes ``(S, B)`` into the samples, a step of Adam each.
        tau: share of weights down to which dropping is rewarded, in (0, 1]. beta: weight of R.
        lr: of Adam on m. draws: of the starts. weigh: indexes -> weights ``(S, B)`` of the losses (default: all 1).
    """
    frozen = {name: tensor.detach() for name, tensor in networks.weights.items()}
    logits = {name: _start(frozen[name], draws).requires_grad_() for name in networks.maskable}
    optimizer = adam(logits.values(), lr)
    for index in batches:
        masks = {name: straight_through(logit) for name, logit in logits.items()}
        x, target, _ = samples.take(index)
        masked = frozen | {name: frozen[name] * mask for name, mask in masks.items()}
        each = losses(networks(x, weights=masked)[1], target)
        each = each if weigh is None else each * weigh(index)
        loss = each.mean(1) + beta * penalty(kept_share(masks), tau)
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimizer.step()
    return {name: (logit.detach() > 0).to(logit.dtype) for name, logit in logits.items()}


def shuffled(masks: Tensors, draws: Draws) -> Tensors:
    """Masks with as many zeros in each tensor of a seed as ``masks`` have, at places drawn at random."""
    found = {}
    for name, own in masks.items():
        order = draws.uniform(tuple(own.shape[1:])).flatten(1).argsort(1).to(own.device)
        found[name] = own.flatten(1).gather(1, order).view_as(own)
    return found


def _start(weight: torch.Tensor, draws: Draws) -> torch.Tensor:
    low, high = START
    spread = draws.uniform(tuple(weight.shape[1:])).to(weight.device)
    return low + (high - low) * spread


@torch.no_grad()
def restart(networks: Networks, masks: Tensors, how: Restart, draws: Draws) -> None:
    """Keep theta * M in place; the dropped weights start again at 0 or with He's normal values, and train as all do."""
    for name, mask in masks.items():
        weight = networks.weights[name]
        weight.mul_(mask)
        if how == "kaiming":
            fan_in = weight[0, 0].numel()
            fresh = draws.normal(tuple(weight.shape[1:])).to(weight.device) * (2 / fan_in) ** 0.5
            weight.add_(fresh * (1 - mask))
