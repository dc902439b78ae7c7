"""Critics of S seeds as batched matrices, and what they read: the representations of a network that stands still."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from fairnb.nets.models import device
from fairnb.nets.networks import Networks
from fairnb.nets.stacked import EVALUATION_BATCH, Draws, Samples

WIDTH, HIDDEN, DROPOUT = 32, 3, 0.2


class Critic:
    """S multi-layer perceptrons as one: 3 hidden layers of 32 units, each with ReLU and dropout [Savani et al. 2020].

    Args:
        inputs, outputs: sizes. seeds: of weights and dropout; a seed's critic does not depend on the others.
        purpose: of the draws, see ``stacked.Draws``.

    Attributes:
        weights: matrices ``(S, out, in)`` and biases ``(S, 1, out)`` in turn, leaves that require a gradient.
    """

    def __init__(self, inputs: int, outputs: int, seeds: Sequence[int], purpose: int) -> None:
        self._draws = Draws(seeds, purpose)
        sizes = [inputs, *[WIDTH] * HIDDEN, outputs]
        self.weights: list[torch.Tensor] = []
        for before, after in itertools.pairwise(sizes):
            for shape in ((after, before), (1, after)):  # torch's own initialisation of a linear layer
                uniform = (2 * self._draws.uniform(shape) - 1) / before**0.5
                self.weights.append(uniform.to(device()).requires_grad_())

    def __call__(self, x: torch.Tensor, train: bool = False) -> torch.Tensor:
        """Outputs ``(S, B, outputs)`` of ``x`` ``(S, B, inputs)``, with dropout if ``train``."""
        layers = list(zip(self.weights[::2], self.weights[1::2], strict=True))
        if train:
            noise = self._draws.uniform((HIDDEN, x.shape[1], WIDTH)).to(x.device)
            kept = (noise >= DROPOUT).float() / (1 - DROPOUT)
        for i, (matrix, bias) in enumerate(layers[:-1]):
            x = functional.relu(torch.baddbmm(bias, x, matrix.transpose(1, 2)))
            x = x * kept[:, i] if train else x
        return torch.baddbmm(layers[-1][1], x, layers[-1][0].transpose(1, 2))


Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def still(networks: Networks, samples: Samples, drawn: torch.Tensor) -> Iterator[Batch]:
    """Features ``(S, B, H)``, logits ``(S, B, C)``, target and protected ``(S, B)`` of batches, by a fixed network.

    The network is evaluated once for all batches: on all samples, or on those drawn if these are fewer.

    Args:
        drawn: indexes ``(S, steps, B)``.
    """
    steps, size = drawn.shape[1:]
    flat = drawn.flatten(1)
    few = steps * size < len(samples)
    parts = (samples.take(part)[0] for part in flat.split(EVALUATION_BATCH, 1)) if few else samples.parts()
    with torch.no_grad():
        found = [networks(x) for x in parts]
    features, logits = (torch.cat(own, 1) for own in zip(*found, strict=True))
    place = torch.arange(flat.shape[1]).expand_as(flat) if few else flat
    rows = torch.arange(len(flat), device=features.device)[:, None]
    for at, index in zip(place.split(size, 1), flat.split(size, 1), strict=True):
        at, index = at.to(features.device), index.to(features.device)
        yield features[rows, at], logits[rows, at], samples.target[rows, index], samples.protected[rows, index]
