"""ASAC's mini-batch: candidates of every magnitude, their difficulty, their order, and the loss of a pair."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from fairnb.errors import BadData, UnknownName
from fairnb.nets import freezing
from fairnb.nets.models import probabilities
from fairnb.training.attacks import cross_entropy

Curriculum = Literal["ascending", "descending", "random"]
CURRICULA: tuple[Curriculum, ...] = ("ascending", "descending", "random")


@dataclass(frozen=True)
class Candidates:
    """The k·l candidates of a mini-batch of k images at l magnitudes, each distinct image once.

    Attributes:
        images: the k clean images, then those attacked at each magnitude above 0, ``(D, 3, H, W)`` in [0, 1].
        own: of each image, the index of its clean one, int64 ``(D,)``, 0..k-1.
        place: of each candidate ``e k + i`` (image i at magnitude e), where in ``images`` it is, int64 ``(k l,)``.
    """

    images: torch.Tensor
    own: torch.Tensor
    place: torch.Tensor


def candidates_of(x: torch.Tensor, epsilons: Sequence[float], attack: Callable[..., torch.Tensor] | None) -> Candidates:
    """The candidates of the images ``x`` ``(k, 3, H, W)``.

    Args:
        attack: ``attack(x, epsilons above 0) -> (E, k, 3, H, W)``; None where all magnitudes are 0.
    """
    rows = torch.arange(len(x), device=x.device)
    radii = [epsilon for epsilon in epsilons if epsilon > 0]
    images = x if attack is None else torch.cat([x, attack(x, radii).flatten(0, 1)])
    later = itertools.count(1)
    place = [rows + len(x) * (next(later) if epsilon > 0 else 0) for epsilon in epsilons]
    return Candidates(images, rows.repeat(1 + len(radii)), torch.cat(place))


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
    candidates: Candidates,
    target: torch.Tensor,
    curriculum: Curriculum,
    generator: torch.Generator,
) -> list[torch.Tensor]:
    """The k·l candidates as l lists of k indexes ``e k + i``, one per optimiser step.

    A sum does not depend on the order of its terms, so an order inside one averaged loss would change nothing; one step
    per chunk makes it matter (SPEC 3b step 4, [R]).
    """
    scores = difficulty(model, candidates.images, target[candidates.own])[candidates.place]
    return list(ordered(scores, curriculum, generator).split(len(target)))


def pair_loss(
    model: nn.Module, candidates: Candidates, part: torch.Tensor, target: torch.Tensor, alpha: float
) -> torch.Tensor:
    """Mean over the pairs ``part`` of α CE(M(x), y) + (1 - α) CE(M(x'), y) (SPEC 3b step 5).

    Every distinct image passes through M once, with the weight of all pairs that it is in: an image of magnitude 0 is
    its own counterfactual, and the versions of an image often share a chunk.
    """
    weight = torch.zeros(len(candidates.images), device=target.device)
    weight.index_add_(0, part % len(target), weight.new_full((len(part),), alpha))
    weight.index_add_(0, candidates.place[part], weight.new_full((len(part),), 1 - alpha))
    used = weight.nonzero()[:, 0]
    losses = cross_entropy(model(candidates.images[used]).float(), target[candidates.own[used]])
    return (weight[used] * losses).sum() / len(part)


def check_alpha(alpha: float) -> None:
    """Raise BadData unless ``alpha`` is in [0, 1]."""
    if not 0 <= alpha <= 1:
        raise BadData(f"alpha weighs clean images against attacked ones and must be in [0, 1], got {alpha:g}")
