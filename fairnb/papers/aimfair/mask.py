"""AIM-Fair's selective mask: which tensors react to bias and not to the domain of synthetic images.

With g the mean gradient at the biased model's weights (``gradients``) on real data R, biased synthetic data S1
and balanced synthetic data S2: R and S1 differ in domain and share the bias, S1 and S2 share the domain and differ in
bias. The mask is K1 ∩ K2: the k tensors of smallest |g_R - g_S1| and the k tensors of largest |g_S1 - g_S2|.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

from fairnb.errors import BadData, UnknownName
from fairnb.nets.blocks import block_of

Difference = Literal["absolute", "cosine", "relative"]
Gradients = Mapping[str, torch.Tensor]
WALK = 5000  # steps of ``random_as_heavy``


@dataclass(frozen=True)
class Mask:
    """A selection of parameters and what it was made from.

    Attributes:
        names: all parameter tensors, in the model's order.
        delta_domain: distance of the gradients on R and S1 per tensor, float64 ``(len(names),)``; small is wanted.
        delta_bias: distance of the gradients on S1 and S2 per tensor; large is wanted.
        selected: names of the tensors to train.
        entries: for a mask of single scalars: a bool tensor per selected name; else empty (all its entries).
    """

    names: tuple[str, ...]
    delta_domain: np.ndarray
    delta_bias: np.ndarray
    selected: frozenset[str]
    entries: dict[str, torch.Tensor] = field(default_factory=dict)

    def notes(self) -> dict[str, Any]:
        """The mask as JSON-able lists, in the model's order, for the run's record and the mask's picture."""
        return {
            "names": list(self.names),
            "delta_domain": self.delta_domain.tolist(),
            "delta_bias": self.delta_bias.tolist(),
            "selected": [name in self.selected for name in self.names],
        }


def distances(one: Gradients, other: Gradients, difference: Difference = "absolute") -> np.ndarray:
    """Distance of two gradients per tensor, float64 ``(tensors,)``.

    ``absolute``: the mean of |difference| over the tensor's entries (AIM-Fair's code). ``cosine``: 1 - cosine of the
    two tensors, in 0..2 (its Table 4); two zero tensors have 1. ``relative`` (ours): ``absolute`` over ``one``'s
    ``magnitudes``, so that a tensor's scale does not count; 0 where nothing differs.
    """
    if difference == "absolute":
        values = [(one[name] - other[name]).abs().mean(dtype=torch.float64) for name in one]
    elif difference == "relative":
        return distances(one, other) / np.maximum(magnitudes(one), np.finfo(float).tiny)
    elif difference == "cosine":
        pairs = [(one[name].flatten().double(), other[name].flatten().double()) for name in one]
        values = [1 - cosine_similarity(a, b, dim=0, eps=1e-30) for a, b in pairs]
    else:
        raise UnknownName("difference", difference, ["absolute", "cosine", "relative"])
    return np.array([value.item() for value in values])


def magnitudes(gradient: Gradients) -> np.ndarray:
    """The mean of |entries| of every tensor, float64 ``(tensors,)``."""
    return np.array([value.abs().mean(dtype=torch.float64).item() for value in gradient.values()])


def select_tensors(
    real: Gradients, biased: Gradients, balanced: Gradients, k: int, difference: Difference = "absolute"
) -> Mask:
    """The mask of whole tensors, as in AIM-Fair's code; at equal distance the earlier tensor comes first.

    Raises:
        BadData: ``k`` is not in 1..number of tensors, or no tensor is in both sets.
    """
    return select(tuple(real), distances(real, biased, difference), distances(biased, balanced, difference), k)


def select(names: tuple[str, ...], domain: np.ndarray, bias: np.ndarray, k: int) -> Mask:
    """The tensors that are among the k smallest of ``domain`` and the k largest of ``bias``, see ``select_tensors``."""
    if not 1 <= k <= len(names):
        raise BadData(f"k must be in 1..{len(names)}, the model's number of parameter tensors, got {k}")
    near = np.argsort(domain, kind="stable")[:k]
    far = np.argsort(-bias, kind="stable")[:k]
    chosen = frozenset(names[i] for i in np.intersect1d(near, far))
    if not chosen:
        ranks = (np.argsort(np.argsort(order, kind="stable"), kind="stable") for order in (domain, -bias))
        raise BadData(_empty(k, len(names), int(np.maximum(*ranks).min()) + 1))
    return Mask(names, domain, bias, chosen)


def select_scalars(real: Gradients, biased: Gradients, balanced: Gradients, k: int) -> Mask:
    """The mask of single scalars, as AIM-Fair's text has it: both sets hold ``k / tensors`` of all scalars.

    Raises:
        BadData: as ``select_tensors``.
    """
    names = tuple(real)
    if not 1 <= k <= len(names):
        raise BadData(f"k must be in 1..{len(names)}, the model's number of parameter tensors, got {k}")
    domain = torch.cat([(real[name] - biased[name]).abs().flatten() for name in names])
    bias = torch.cat([(biased[name] - balanced[name]).abs().flatten() for name in names])
    count = max(1, round(len(domain) * k / len(names)))
    chosen = _first(domain, count, descending=False) & _first(bias, count, descending=True)
    if not chosen.any():
        ranks = [order.argsort(stable=True).argsort() for order in (domain, -bias)]
        needed = int(torch.maximum(*ranks).min()) + 1
        raise BadData(_empty(k, len(names), -(-needed * len(names) // len(domain))))
    parts = zip(names, chosen.split([real[name].numel() for name in names]), strict=True)
    entries = {name: part.view_as(real[name]) for name, part in parts if part.any()}
    return Mask(names, distances(real, biased), distances(biased, balanced), frozenset(entries), entries)


def random_tensors(names: Sequence[str], count: int, seed: int, draw: int = 0) -> frozenset[str]:
    """``count`` of ``names``, drawn without replacement; each ``draw`` of a ``seed`` is another one.

    Raises:
        BadData: ``count`` is not in 1..``len(names)``.
    """
    if not 1 <= count <= len(names):
        raise BadData(f"a random mask needs 1..{len(names)} tensors, got {count}: choose another share")
    return frozenset(np.random.default_rng((seed, draw)).choice(list(names), count, replace=False).tolist())


def random_like(
    chosen: frozenset[str], shapes: Mapping[str, Sequence[int]], seed: int, draw: int = 0
) -> frozenset[str]:
    """Tensors drawn at random, of every block and shape as many as ``chosen`` has: so as many weights, too.

    Args:
        shapes: of all parameter tensors, by name.
    """
    random, classes, block = np.random.default_rng((seed, draw)), dict[tuple, list[str]](), block_of(list(shapes))
    for name, shape in shapes.items():
        classes.setdefault((block[name], *shape), []).append(name)
    drawn = [random.choice(names, len(chosen.intersection(names)), replace=False) for names in classes.values()]
    return frozenset(np.concatenate(drawn).tolist())


def random_as_heavy(
    chosen: frozenset[str], sizes: Mapping[str, int], within: float, seed: int, draw: int = 0
) -> frozenset[str]:
    """As many tensors as ``chosen`` has, drawn at random among the sets that have about as many weights.

    A walk from ``chosen``: one to four tensors are exchanged for others at random wherever the weights stay within
    the bound; any such step is as likely as its way back, so that in the end all sets in reach are alike.

    Args:
        sizes: weights of all parameter tensors, by name. within: how far their sum may be from that of ``chosen``, as
            a share of it, 0 or more.
    """
    random, names = np.random.default_rng((seed, draw)), np.array(list(sizes))
    weights, inside = np.array([sizes[name] for name in names]), np.isin(names, list(chosen))
    goal = total = weights[inside].sum()
    for _ in range(WALK):
        ins, outs = np.flatnonzero(inside), np.flatnonzero(~inside)
        count = random.integers(1, 5)
        if count > min(len(ins), len(outs)):
            continue
        leave, enter = (random.choice(group, count, replace=False) for group in (ins, outs))
        changed = total + weights[enter].sum() - weights[leave].sum()
        if abs(changed - goal) <= within * goal:
            inside[leave], inside[enter], total = False, True, changed
    return frozenset(names[inside].tolist())


def _first(values: torch.Tensor, count: int, descending: bool) -> torch.Tensor:
    """Bool ``(len(values),)``: the ``count`` smallest (or largest) values; of equal ones the earlier."""
    chosen = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    chosen[values.argsort(descending=descending, stable=True)[:count]] = True
    return chosen


def _empty(k: int, tensors: int, works: int) -> str:
    return f"the mask is empty: nothing is in both sets of k = {k} of {tensors}; the smallest k that works is {works}"
