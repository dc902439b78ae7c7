"""ASAC's mini-batch: candidates of every magnitude, their difficulty, their order, and the loss of a pair."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from fairnb import freezing
from fairnb.attacks import cross_entropy
from fairnb.errors import BadData, UnknownName
from fairnb.models import probabilities

Curriculum = Literal["ascending", "descending", "random"]
CURRICULA: tuple[Curriculum, ...] = ("ascending", "descending", "random")


@torch.no_grad()
def difficulty(model: nn.Module, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """DS(x') = 1 - p(true class | x'), ``(N,)`` in [0, 1], of ``model`` in evaluation mode (SPEC 3b step 3)."""
    with freezing.modes(model, training=False):
        return 1 - probabilities(model(x).float()).gather(1, target[:, None])[:, 0]


def ordered(scores: torch.Tensor, curriculum: Curriculum, generator: torch.Generator) -> torch.Tensor:
    """Indexes of all candidates in the order of training: easy first, hard first, or shuffled (SPEC 3b step 4).

    Raises:
        UnknownName: another curriculum.
    """
    if curriculum == "random":
        return torch.randperm(len(scores), generator=generator).to(scores.device)
    if curriculum not in CURRICULA:
        raise UnknownName("curriculum", curriculum, CURRICULA)
    return scores.argsort(descending=curriculum == "descending", stable=True)


def chunks(
    model: nn.Module,
    moved: torch.Tensor,
    target: torch.Tensor,
    curriculum: Curriculum,
    generator: torch.Generator,
) -> list[torch.Tensor]:
    """The k·l candidates ``moved`` ``(l, k, ...)`` as l lists of k indexes ``e k + i``, one per optimiser step.

    A sum does not depend on the order of its terms, so an order inside one averaged loss would change nothing; one step
    per chunk makes it matter (SPEC 3b step 4, [R]).
    """
    magnitudes, count = moved.shape[:2]
    scores = difficulty(model, moved.flatten(0, 1), target.repeat(magnitudes))
    return list(ordered(scores, curriculum, generator).split(count))


def pair_loss(
    model: nn.Module, x: torch.Tensor, moved: torch.Tensor | None, target: torch.Tensor, alpha: float
) -> torch.Tensor:
    """Mean over pairs of α CE(M(x), y) + (1 - α) CE(M(x'), y) (SPEC 3b step 5); both halves are one forward pass.

    Without attack (``moved`` is None, so x' = x) this is CE(M(x), y), at half of the cost.
    """
    if moved is None:
        return cross_entropy(model(x).float(), target).mean()
    losses = cross_entropy(model(torch.cat([x, moved])).float(), target.repeat(2))
    clean, adversarial = losses.chunk(2)
    return (alpha * clean + (1 - alpha) * adversarial).mean()


def check_alpha(alpha: float) -> None:
    """Raise BadData unless ``alpha`` is in [0, 1]."""
    if not 0 <= alpha <= 1:
        raise BadData(f"alpha weighs clean images against attacked ones and must be in [0, 1], got {alpha:g}")
