"""A split in memory, on the device, as batches: no worker processes, no copies, shuffled and augmented in place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from fairnb.contract import Split
from fairnb.errors import BadData
from fairnb.nets import precision
from fairnb.nets.models import to_pixels
from fairnb.training import augment as augmentations


class Batches:
    """The samples of a ``Split`` on one device, images as uint8 with the channels last.

    Args:
        split: uint8 images or float32 features.
        batch_size: samples a batch; a smaller split is one batch.
        where: the device.
        augment: an augmentation's name (``fairnb.training.augment``); features are never augmented.
        limit: keep at most so many samples, drawn with ``seed``.
        rows: the samples of a training epoch as indexes into the split, repeats allowed (default: each once).
        epoch_samples: so many of ``rows`` make one epoch, drawn anew each time (default: all).

    Raises:
        BadData: the split or ``rows`` is empty, or ``batch_size`` or ``epoch_samples`` is below 1. UnknownName: no
        such augmentation.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        where: torch.device,
        augment: str = "none",
        limit: int | None = None,
        seed: int = 0,
        rows: np.ndarray | None = None,
        epoch_samples: int | None = None,
    ) -> None:
        if len(split) == 0 or (rows is not None and len(rows) == 0):
            raise BadData(f"a split of {split.target_name} has no samples: check its selection or the data folder")
        if batch_size < 1 or (epoch_samples is not None and epoch_samples < 1):
            raise BadData(f"batch_size must be 1 or more, got {batch_size}, and so must epoch_samples: {epoch_samples}")
        self.augment = augmentations.augmentation(augment, split.aspect)
        if limit is not None and limit < len(split):
            split = split.take(np.sort(np.random.default_rng(seed).permutation(len(split))[:limit]))
        self.images = split.x.ndim == 4
        self.x = _resident(split.x, where)
        self.target = torch.as_tensor(np.ascontiguousarray(split.target)).to(where)
        self.classes = int(split.target.max()) + 1
        self.rows = None if rows is None else torch.as_tensor(rows)
        available = len(split) if rows is None else len(rows)
        self.epoch_samples = min(epoch_samples or available, available)
        self.batch_size = min(batch_size, self.epoch_samples)

    def __len__(self) -> int:
        """Batches in an epoch of training, the last incomplete one left out (as in AIM-Fair's code)."""
        return self.epoch_samples // self.batch_size

    def shuffled(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """One epoch of training: ``(x, target)``, x float in [0, 1], each sample at most once, augmented."""
        return ((x, target) for x, target, _ in self.shuffled_rows(generator))

    def shuffled_rows(self, generator: torch.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """As ``shuffled``, with the samples' indexes in the split, int64: ``(x, target, rows)``."""
        order = torch.randperm(len(self.target if self.rows is None else self.rows), generator=generator)
        order = (order if self.rows is None else self.rows[order]).to(self.target.device)
        for index in order[: len(self) * self.batch_size].split(self.batch_size):
            x = self._inputs(self.x.index_select(0, index), generator)
            yield x, self.target.index_select(0, index), index

    def in_order(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Every sample once, in the split's order, not augmented."""
        for x, target in zip(self.x.split(self.batch_size), self.target.split(self.batch_size), strict=True):
            yield self._inputs(x, None), target

    def _inputs(self, x: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        if not self.images:
            return x
        x = x.permute(0, 3, 1, 2)
        return to_pixels(x if generator is None else self.augment(x, generator), x.device)


def channels_last(model: nn.Module, where: torch.device) -> nn.Module:
    """``model`` itself, on the device, its convolutions mended and in the layout of the batches (a third faster)."""
    model = model.to(where).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return precision.mend_strides(model)


def _resident(x: np.ndarray, where: torch.device) -> torch.Tensor:
    """``x`` on the device: features as they are, images with the channels last; a memory map is read just once."""
    if x.ndim != 4:
        return torch.tensor(x, device=where)
    count, channels, height, width = x.shape
    out = torch.empty((count, height, width, channels), dtype=torch.uint8)
    out.numpy()[...] = x.transpose(0, 2, 3, 1)
    return out.to(where)
