"""Data, dropout and predictions for ``Networks``: everything has a leading seed axis, and every seed its own draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional

from fairnb.contract import Split
from fairnb.errors import BadData
from fairnb.nets.models import device
from fairnb.nets.networks import Networks, Tensors

EVALUATION_BATCH = 512
LANES = 16  # floats in the widest CPU vector


class Samples:
    """The splits of S seeds as one: inputs ``(S, N, ...)``, target and protected ``(S, N)``, on the device.

    Args:
        x: float32 features, float inputs, or uint8 images (which become floats in [0, 1] when they are taken).
        target, protected: int64 ``(S, N)``.
    """

    def __init__(self, x: torch.Tensor, target: torch.Tensor, protected: torch.Tensor) -> None:
        self.x, self.target, self.protected = x, target, protected
        self._rows = torch.arange(len(target), device=target.device)[:, None]

    @classmethod
    def of(cls, splits: Sequence[Split]) -> Samples:
        """The splits, which must have one length. Raises BadData if they do not."""
        sizes = {len(split) for split in splits}
        if len(sizes) != 1:
            raise BadData(f"splits of {sorted(sizes)} samples cannot be stacked: they need one length")
        where = device()
        arrays = ([getattr(split, name) for split in splits] for name in ("x", "target", "protected"))
        return cls(*(torch.from_numpy(np.stack([np.asarray(part) for part in own])).to(where) for own in arrays))

    def __len__(self) -> int:
        """N."""
        return self.target.shape[1]

    @property
    def seeds(self) -> int:
        """S."""
        return len(self.target)

    def take(self, index: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Inputs (float), target and protected at ``index`` ``(S, B)``, an own row for every seed."""
        flat = (index.to(self.target.device) + len(self) * self._rows).flatten()
        x, target, protected = (
            values.flatten(0, 1).index_select(0, flat).unflatten(0, index.shape)  # faster than values[rows, index]
            for values in (self.x, self.target, self.protected)
        )
        return as_inputs(x), target, protected

    def parts(self, batch_size: int = EVALUATION_BATCH) -> Iterator[torch.Tensor]:
        """Inputs of all samples in order, ``(S, B, ...)`` at a time."""
        return (as_inputs(self.x[:, i : i + batch_size]) for i in range(0, len(self), batch_size))

    def join(self, other: Samples) -> Samples:
        """These samples and then the other's."""
        x = torch.cat([as_inputs(self.x), as_inputs(other.x)], 1)
        labels = ((self.target, other.target), (self.protected, other.protected))
        return Samples(x, *(torch.cat(pair, 1) for pair in labels))


def as_inputs(x: torch.Tensor) -> torch.Tensor:
    """uint8 images as floats in [0, 1]; other inputs as float32."""
    return x.float().div_(255) if x.dtype == torch.uint8 else x.float()


class Draws:
    """A generator per seed, so that a seed draws the same numbers whatever seeds are stacked beside it."""

    def __init__(self, seeds: Sequence[int], purpose: int = 0) -> None:
        self._torch = [torch.Generator().manual_seed(1_000_003 * purpose + seed) for seed in seeds]
        self._bits = [np.random.SFC64([purpose, seed]) for seed in seeds]

    def permutation(self, n: int) -> torch.Tensor:
        """A random order of ``n`` samples for every seed, int64 ``(S, n)``."""
        return torch.stack([torch.randperm(n, generator=generator) for generator in self._torch])

    def epoch(self, n: int, batch_size: int) -> Iterator[torch.Tensor]:
        """Indexes ``(S, batch_size)`` of the batches of an epoch; the last incomplete batch is left out."""
        size = min(batch_size, n)
        return iter(self.permutation(n)[:, : n // size * size].split(size, dim=1))

    def weighted(self, weights: torch.Tensor, batch_size: int, steps: int) -> Iterator[torch.Tensor]:
        """``steps`` batches of indexes ``(S, batch_size)``, drawn with replacement by weights ``(S, N)`` >= 0."""
        count = batch_size * steps
        pairs = zip(weights.cpu(), self._torch, strict=True)
        drawn = [torch.multinomial(own, count, replacement=True, generator=generator) for own, generator in pairs]
        return iter(torch.stack(drawn).split(batch_size, dim=1))

    def integers(self, high: int, shape: tuple[int, ...]) -> torch.Tensor:
        """Integers in [0, high), int64 ``(S, *shape)``."""
        return torch.stack([torch.randint(high, shape, generator=generator) for generator in self._torch])

    def uniform(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Floats in [0, 1), ``(S, *shape)``."""
        return torch.stack([torch.rand(shape, generator=generator) for generator in self._torch])

    def normal(self, shape: tuple[int, ...]) -> torch.Tensor:
        """Standard normal floats ``(S, *shape)``."""
        return torch.stack([torch.randn(shape, generator=generator) for generator in self._torch])

    def dropout(self, networks: Networks, batch_size: int) -> torch.Tensor | None:
        """Factors 0 or 1 / (1 - p) for all hidden units, ``(layers, S, width, B)``; None without dropout.

        16 random bits a unit: ten times faster than a float each, and p is met to 1e-5.
        """
        p = getattr(getattr(networks, "_module", None), "dropout", 0.0)
        if not p:
            return None
        layers, width = networks.depth, networks.width  # type: ignore[attr-defined]
        count = layers * width * batch_size
        words = np.stack([own.random_raw(-(-count // 4)) for own in self._bits])
        kept = words.view(np.uint16)[:, :count] >= round(p * 2**16)
        factors = np.multiply(kept, np.float32(1 / (1 - p)), dtype=np.float32)
        return torch.from_numpy(factors).view(-1, layers, width, batch_size).transpose(0, 1).to(device())


def adam(tensors: Iterable[torch.Tensor], lr: float) -> torch.optim.Adam:
    """Adam for tensors ``(S, ...)`` that rounds every seed as it would alone; fused where that is so.

    The fused step rounds whole vectors otherwise than what is left over at the end, so a seed whose part of a tensor
    is no whole number of vectors would depend on its place, and under Adam one rounding grows to percents of a loss.
    """
    found: dict[bool, list[torch.Tensor]] = {}
    for tensor in tensors:
        found.setdefault(tensor[0].numel() % LANES == 0 or tensor.is_cuda, []).append(tensor)
    return torch.optim.Adam([{"params": own, "fused": fused} for fused, own in found.items()], lr)


def losses(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy ``(S, B)`` of logits ``(S, B, 1)`` (binary) or ``(S, B, C)``."""
    if logits.shape[2] == 1:
        return functional.binary_cross_entropy_with_logits(logits[..., 0], target.to(logits.dtype), reduction="none")
    return functional.cross_entropy(logits.transpose(1, 2), target, reduction="none")


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Probability of class 1, ``(S, B)``, for one logit; class probabilities ``(S, B, C)`` for more."""
    return logits[..., 0].sigmoid() if logits.shape[2] == 1 else logits.softmax(2)


@torch.no_grad()
def predict(networks: Networks, samples: Samples, weights: Tensors | None = None) -> np.ndarray:
    """``probabilities`` of all samples in evaluation mode, float32 ``(S, N)`` or ``(S, N, C)``."""
    parts = [probabilities(networks(x, weights=weights)[1]) for x in samples.parts()]
    return torch.cat(parts, 1).cpu().numpy()
