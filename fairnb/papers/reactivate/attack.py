"""The global attack of ICDM 2022: move a sample in feature space away from (or towards) samples of its own label.

Source: Zhang, Bao, Pei, Huang, "Toward Unified Data and Algorithm Fairness via Adversarial Data Augmentation and
Adaptive Model Fine-tuning", ICDM 2022, "global attack". Radii, steps and m are not in the paper; ours are said below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from fairnb.errors import BadData
from fairnb.nets.networks import Networks, Tensors
from fairnb.nets.stacked import Draws, Samples

Norm = Literal["linf", "l2"]
Direction = Literal["apart", "mix"]
NORMS: tuple[Norm, ...] = ("l2", "linf")
LINF = {"features": 0.1, "images": 8 / 255}


@dataclass(frozen=True)
class Attack:
    """Projected gradient steps on l_adj, the summed squared distance in features to the samples of D_i.

    Attributes:
        norm: ``linf`` steps along the sign of the gradient, ``l2`` along the normalised gradient.
        radius: of the ball, in units of the input (images: [0, 1]; features: standard deviations).
        steps: their number; each is a quarter of the radius long.
        direction: ``apart`` makes the distance larger (inner maximisation), ``mix`` smaller: the paper says both.

    Raises:
        BadData: a radius or number of steps that is not positive.
    """

    norm: Norm
    radius: float
    steps: int = 10
    direction: Direction = "apart"

    def __post_init__(self) -> None:
        if self.radius <= 0 or self.steps < 1:
            raise BadData(
                f"an attack needs a radius above 0 and 1 step or more, got {self.radius} and {self.steps}: "
                "to do without augmentation use another method"
            )

    @property
    def sign(self) -> int:
        """+1 for ascent on the distance, -1 for descent."""
        return 1 if self.direction == "apart" else -1


def default_radius(networks: Networks, norm: Norm, entries: int) -> float:
    """linf: 8/255 for images, 0.1 for standardised features; l2: as long as linf's corner. The paper gives none.

    Args:
        entries: d, of an input, those that an attack may move: l2 = linf · √d.
    """
    radius = LINF["features" if networks.bounds is None else "images"]
    return radius if norm == "linf" else radius * entries**0.5


def neighbours(
    samples: Samples, draws: Draws, *, m: int = 8, p_flip: float = 0.5, group_aware: bool = True
) -> torch.Tensor:
    """The D_i of all samples: indexes ``(S, N, m)`` of samples with the same label, drawn with replacement.

    Args:
        p_flip: chance that one has another protected value than x_i; else it has the same.
        group_aware: False draws among all samples of the label ("Proposed^ind").

    Raises:
        BadData: a label has samples of only one protected group, so that none can be drawn from another.
    """
    flip, place = (draws.uniform((len(samples), m)).to(samples.target.device) for _ in range(2))
    flips = flip < p_flip if group_aware else None
    found = [
        _drawn(samples.target[s], samples.protected[s], None if flips is None else flips[s], place[s])
        for s in range(samples.seeds)
    ]
    return torch.stack(found)


def _drawn(target: torch.Tensor, protected: torch.Tensor, flip: torch.Tensor | None, place: torch.Tensor):
    """Sorted by (label, group), a label is one block and a group one block inside it: drawing is arithmetic."""
    groups = int(protected.max()) + 1
    cell = target * groups + protected
    ordered, order = cell.sort(stable=True)
    start, stop = (torch.searchsorted(ordered, (target + i) * groups)[:, None] for i in (0, 1))
    if flip is None:
        return order[start + _below(stop - start, place)]
    own = torch.searchsorted(ordered, cell)[:, None]
    size = torch.searchsorted(ordered, cell, right=True)[:, None] - own
    rest = stop - start - size
    if flip.any() and not rest.all():
        label = int(target[(rest == 0)[:, 0]][0])
        raise BadData(
            f"label {label} has samples of only one protected group in the validation data: use a larger or another "
            "validation split, or variant 'ind', which does not look at the group"
        )
    other = start + _below(rest.clamp(min=1), place)
    other = other + (other >= own) * size
    return order[torch.where(flip, other, own + _below(size, place))]


def _below(size: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    return torch.minimum((place * size).long(), size - 1)  # float32 may round up to size


@torch.no_grad()
def features_of(networks: Networks, samples: Samples) -> torch.Tensor:
    """Penultimate features ``(S, N, H)`` of all samples in evaluation mode (f' of the paper)."""
    return torch.cat([networks(x)[0] for x in samples.parts()], 1)


def centres(features: torch.Tensor, near: torch.Tensor) -> torch.Tensor:
    """Mean features ``(S, B, H)`` of each D_i, from ``features`` ``(S, N, H)`` and indexes ``near`` ``(S, B, m)``."""
    rows = torch.arange(len(near), device=near.device)[:, None]
    return sum(features[rows, near[..., j]] for j in range(near.shape[2])) / near.shape[2]  # type: ignore[return-value]


def perturb(
    networks: Networks, x: torch.Tensor, centre: torch.Tensor, attack: Attack, column: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attacked inputs ``(S, B, ...)`` and their squared distance to ``centre``, ``(S, B)``.

    sum_j |f'(x) - f'(x_j)|^2 = m |f'(x) - centre|^2 + constant, so the mean of D_i is all that the gradient needs; the
    factor m drops out of normalised steps.

    Args:
        x: inputs within ``networks.bounds``. centre: ``(S, B, H)``. column: of the features, stays as it is.
    """
    weights = {name: tensor.detach() for name, tensor in networks.weights.items()}
    moved = x
    for _ in range(attack.steps):
        point = moved.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(_distance(networks, point, centre, weights).sum(), point)
        if column is not None:
            gradient[..., column] = 0
        moved = x + _project(moved - x + attack.sign * attack.radius / 4 * _unit(gradient, attack.norm), attack)
        if networks.bounds is not None:
            moved = moved.clamp(*networks.bounds)
    with torch.no_grad():
        return moved.detach(), _distance(networks, moved, centre, weights)


def _distance(networks: Networks, x: torch.Tensor, centre: torch.Tensor, weights: Tensors) -> torch.Tensor:
    return (networks(x, weights=weights)[0] - centre).square().sum(2)


def _length(step: torch.Tensor) -> torch.Tensor:
    return step.flatten(2).norm(dim=2).clamp(min=1e-12).view(step.shape[:2] + (1,) * (step.dim() - 2))


def _unit(gradient: torch.Tensor, norm: Norm) -> torch.Tensor:
    return gradient.sign() if norm == "linf" else gradient / _length(gradient)


def _project(step: torch.Tensor, attack: Attack) -> torch.Tensor:
    if attack.norm == "linf":
        return step.clamp(-attack.radius, attack.radius)
    return step * (attack.radius / _length(step)).clamp(max=1)
