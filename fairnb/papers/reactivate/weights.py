"""How often a sample is drawn in ICDM 2022's fine-tuning: balanced cells, and weights that grow with the bias."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch

from fairnb.errors import BadData
from fairnb.nets.networks import Networks
from fairnb.nets.stacked import EVALUATION_BATCH, Draws, Samples, as_inputs, probabilities
from fairnb.papers.reactivate.intra import MULTICLASS

UNEVEN = 1.05
Balance = Literal["none", "bootstrap"]


class Extended(Samples):
    """D'_val: samples, and after them an attacked copy of each, ``2 N`` in all.

    Args:
        copies: ``(S, N, ...)``, float32 or float16; kept as they are, beside the originals.
    """

    def __init__(self, samples: Samples, copies: torch.Tensor) -> None:
        super().__init__(samples.x, *(torch.cat([own, own], 1) for own in (samples.target, samples.protected)))
        self.copies = copies

    def take(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As ``Samples.take``, with indexes in [0, 2 N)."""
        index = index.to(self.target.device)
        n = self.copies.shape[1]
        x = as_inputs(self.x[self._rows, index % n])
        seed, place = (index >= n).nonzero(as_tuple=True)
        x[seed, place] = as_inputs(self.copies[seed, index[seed, place] - n])
        return x, self.target[self._rows, index], self.protected[self._rows, index]

    def parts(self, batch_size: int = EVALUATION_BATCH) -> Iterator[torch.Tensor]:
        """The originals and then the copies in order, ``(S, B, ...)`` at a time."""
        for x in (self.x, self.copies):
            yield from (as_inputs(part) for part in x.split(batch_size, dim=1))


def as_asked(samples: Samples, balance: Balance, draws: Draws) -> tuple[Samples, torch.Tensor]:
    """The samples as they are (``none``) or a bootstrap of them with equal cells, and their indexes ``(S, N)``."""
    if balance == "none":
        return samples, torch.arange(len(samples), device=samples.target.device).expand(samples.seeds, -1)
    index = balanced(samples, draws)
    rows = torch.arange(samples.seeds, device=index.device)[:, None]
    return Samples(*(part[rows, index] for part in (samples.x, samples.target, samples.protected))), index


def balanced(samples: Samples, draws: Draws) -> torch.Tensor:
    """Indexes ``(S, N)`` of a bootstrap with equal counts of all (label, group) cells, as equal as N allows.

    A seed whose largest cell has at most 1.05 times the smallest one's samples keeps its samples as they are.

    Raises:
        BadData: a cell has no sample.
    """
    places = draws.uniform((len(samples),)).to(samples.target.device)
    pairs = zip(samples.target, samples.protected, places, strict=True)
    return torch.stack([_balanced(*own) for own in pairs])


def _balanced(target: torch.Tensor, protected: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    groups = int(protected.max()) + 1
    cell = target * groups + protected
    counts = torch.bincount(cell, minlength=(int(target.max()) + 1) * groups)
    if not counts.all():
        label, group = divmod(int((counts == 0).nonzero()[0]), groups)
        raise BadData(
            f"the validation data have no sample of label {label} in protected group {group}, so its cells cannot be "
            "balanced: use a larger or another validation split, or balance='none'"
        )
    n, cells = len(cell), len(counts)
    if counts.max() <= UNEVEN * counts.min():
        return torch.arange(n, device=cell.device)
    wanted = torch.arange(n, device=cell.device) * cells // n
    size, start = counts[wanted], (counts.cumsum(0) - counts)[wanted]
    return cell.argsort(stable=True)[start + torch.minimum((place * size).long(), size - 1)]


def soft_bias(score: torch.Tensor, target: torch.Tensor, protected: torch.Tensor, measure: str) -> torch.Tensor:
    """The bias of every seed ``(S,)`` with scores in place of predictions; signed (group 0 minus group 1).

    Args:
        score: probability of class 1 ``(S, N)``; for ``measure="bias_amp"`` class probabilities ``(S, N, C)``, whose
            sums G and K by group give the mean over classes of max(G, K) / (G + K) - 1/2, in [0, 1/2].
    """
    if measure == MULTICLASS:
        first, second = ((score * (protected == g)[..., None]).sum(1) for g in (0, 1))
        return (torch.maximum(first, second) / (first + second)).mean(1) - 0.5

    def gap(rows: torch.Tensor) -> torch.Tensor:
        first, second = (_mean(score, rows & (protected == g)) for g in (0, 1))
        return first - second

    if measure == "spd":
        return gap(target >= 0)
    return gap(target == 1) if measure == "eod" else (gap(target == 1) + gap(target == 0)) / 2


def _mean(values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return (values * rows).sum(-1) / rows.sum(-1).clamp(min=1)


@torch.no_grad()
def column_gaps(networks: Networks, samples: Samples, column: int) -> torch.Tensor:
    """Ŷ_{a=0} - Ŷ_{a=1} of all samples, ``(S, N)``: two predictions, the protected column set to either group's value.

    The values are those that the column has in group 0 and group 1 of the samples (one each, as it is standardised).
    """
    found = [[samples.x[s, samples.protected[s, : samples.x.shape[1]] == g, column][0] for g in (0, 1)]
             for s in range(samples.seeds)]  # fmt: skip
    values = torch.stack([torch.stack(own) for own in found])
    gaps = []
    for x in samples.parts():
        first, second = (_with(networks, x, column, values[:, g]) for g in (0, 1))
        gaps.append(first - second)
    return torch.cat(gaps, 1)


def _with(networks: Networks, x: torch.Tensor, column: int, value: torch.Tensor) -> torch.Tensor:
    x = x.clone()
    x[..., column] = value[:, None]
    return probabilities(networks(x)[1])


def neighbour_gaps(score: torch.Tensor, samples: Samples, near: torch.Tensor) -> torch.Tensor:
    """For inputs without a protected column: mean score of those in D_i of x_i's own group minus that of the others.

    Args:
        score: ``(S, N)``, or ``(S, N, C)``, of which the true class's is taken. near: ``neighbours`` ``(S, N, m)``.

    Returns:
        ``(S, N)``; 0 where D_i has one half only.
    """
    if score.dim() == 3:
        score = score.gather(2, samples.target[..., None])[..., 0]
    rows = torch.arange(len(near), device=near.device)[:, None, None]
    drawn = score[rows, near]
    own = samples.protected[rows, near] == samples.protected[..., None]
    return (_mean(drawn, own) - _mean(drawn, ~own)) * (own.any(2) & ~own.all(2))


def sample_weights(
    bias: torch.Tensor, gap: torch.Tensor, *, slope: float = 20.0, tolerance: float = 0.05, gap_weight: float = 1.0
) -> torch.Tensor:
    """w = max(1, slope (|bias| - tolerance + gap_weight gap^2) + 1), ``(S, N)`` [ICDM 2022; λ, ε, ε_m].

    Args:
        bias: ``(S,)``. gap: Ŷ_{a=0} - Ŷ_{a=1}, ``(S, N)``.
    """
    return (slope * (bias.abs()[:, None] - tolerance + gap_weight * gap.square()) + 1).clamp(min=1)
