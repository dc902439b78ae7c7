"""Which weights carry the bias: a mask found by straight-through gradients, and how masked weights start again.

Source: ICDM 2022, adaptive fine-tuning: min over masks of L_ft + beta R with R = log(max(|M|_0 / N, tau) / tau).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch

from fairnb.networks import Networks, Tensors
from fairnb.stacked import Draws, Samples, losses

Restart = Literal["zero", "kaiming"]


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


def search(
    networks: Networks,
    samples: Samples,
    batches: Iterable[torch.Tensor],
    *,
    tau: float = 0.9,
    beta: float = 1.0,
    lr: float = 0.01,
    start: float = 1.0,
) -> Tensors:
    """Masks ``(S, ...)`` of 0 and 1, by name, for ``networks.maskable``; the networks stay exactly as they are.

    Evaluation mode: a mask is sought for the trained network, not for one with other batch statistics or dropout.

    Args:
        batches: indexes ``(S, B)`` into the samples, a step of Adam each.
        tau: share of weights down to which dropping is rewarded, in (0, 1]. beta: weight of R.
        lr: of Adam on m. start: of all m, above 0.
    """
    frozen = {name: tensor.detach() for name, tensor in networks.weights.items()}
    logits = {name: torch.full_like(frozen[name], start).requires_grad_() for name in networks.maskable}
    optimizer = torch.optim.Adam(list(logits.values()), lr, fused=True)
    for index in batches:
        masks = {name: straight_through(logit) for name, logit in logits.items()}
        x, target, _ = samples.take(index)
        masked = frozen | {name: frozen[name] * mask for name, mask in masks.items()}
        loss = losses(networks(x, weights=masked)[1], target).mean(1) + beta * penalty(kept_share(masks), tau)
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimizer.step()
    return {name: (logit.detach() > 0).to(logit.dtype) for name, logit in logits.items()}


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
