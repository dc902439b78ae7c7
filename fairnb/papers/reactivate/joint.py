"""Augmented copies by one attack or by several whose chances follow their strength (joint training, ICDM 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fairnb.nets.networks import Networks
from fairnb.nets.stacked import Draws, Samples, as_inputs
from fairnb.papers.reactivate.attack import Attack, centres, features_of, perturb

ATTACK_BATCH = 256
REWARD = 0.05


def reward(chances: torch.Tensor, strongest: torch.Tensor, gamma: float = REWARD) -> torch.Tensor:
    """Chances ``(S, K)`` of the attack types after the type ``strongest`` ``(S,)`` won a mini-batch.

    P_i <- min(1, (1 + gamma) P_i) for the strongest i, P_j <- max(0, P_j - gamma P_i / (K - 1)) for the others, then
    divided by their sum, which the paper leaves open.
    """
    share = chances.gather(1, strongest[:, None])
    others = (chances - gamma * share / max(chances.shape[1] - 1, 1)).clamp(min=0)
    moved = others.scatter(1, strongest[:, None], ((1 + gamma) * share).clamp(max=1))
    return moved / moved.sum(1, keepdim=True)


def even(seeds: int, types: int) -> torch.Tensor:
    """The same chance for every type, ``(S, K)``."""
    return torch.full((seeds, types), 1 / types, dtype=torch.float64)


def augment(
    networks: Networks,
    samples: Samples,
    near: torch.Tensor,
    attacks: Sequence[Attack],
    draws: Draws,
    *,
    chances: torch.Tensor | None = None,
    column: int | None = None,
    gamma: float = REWARD,
) -> tuple[torch.Tensor, torch.Tensor]:
    """An attacked copy of every sample, ``(S, N, ...)``, and the chances of the attack types, ``(S, K)``, afterwards.

    For each mini-batch a seed's type is drawn by its chances, and the strongest type is rewarded: the one with the
    largest mean distance to the D_i (``direction="mix"``: the smallest).

    Args:
        near: ``neighbours``, ``(S, N, m)``. chances: of K > 1 attacks before (default: even). column: see ``perturb``.
        gamma: see ``reward``.

    Returns:
        copies in float32, those of images in float16: an error of at most 1/4 of an 8-bit grey level.
    """
    chances = even(samples.seeds, len(attacks)) if chances is None else chances
    features, copies = features_of(networks, samples), []
    for start in range(0, len(samples), ATTACK_BATCH):
        part = slice(start, start + ATTACK_BATCH)
        x, centre = as_inputs(samples.x[:, part]), centres(features, near[:, part])
        found = [perturb(networks, x, centre, attack, column) for attack in attacks]
        drawn = (draws.uniform((1,)) > chances.cumsum(1)).sum(1).clamp(max=len(attacks) - 1)
        copies.append(torch.stack([found[int(k)][0][s] for s, k in enumerate(drawn)]))
        strength = torch.stack([attack.sign * far.mean(1) for attack, (_, far) in zip(attacks, found, strict=True)], 1)
        chances = reward(chances, strength.argmax(1).cpu(), gamma)
    joined = torch.cat(copies, 1)
    return (joined if networks.bounds is None else joined.half()), chances
