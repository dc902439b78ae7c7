"""What FineFACE's comparators share: the Baseline's training with another loss, cells of (target, group), draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
from torch import nn

from fairnb.contract import Split, Task
from fairnb.errors import BadData
from fairnb.nets.models import device, to_pixels
from fairnb.nets.resizing import resized
from fairnb.papers.fineface import training
from fairnb.papers.fineface.method import schedule_of
from fairnb.papers.fineface.training import Rows, Schedule, Score, ScoredPredictor
from fairnb.training import augment

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]  # images, target, rows -> a scalar


class Training(TypedDict, total=False):
    """Hyper-parameters of the plain Baseline's training; ``None`` means as ``fineface_base`` has them."""

    lr: float
    epochs: int
    batch_size: int
    augment: str


def schedule(task: Task, seed: int, **options: Unpack[Training]) -> Schedule:
    """The schedule of ``fineface_base``, of new layers and backbone alike; BadData where it has no sense."""
    asked: dict[str, Any] = dict.fromkeys(Training.__annotations__) | options
    return schedule_of(task, seed, **asked, backbone_rate=None)


def steps(task: Task, schedule: Schedule) -> int:
    """Optimiser steps of a whole training."""
    return schedule.epochs * (len(task.train) // min(schedule.batch_size, len(task.train)))


def called(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The usual ``Score``: what ``net`` says of images ``x``."""
    return net(x)


def train(
    task: Task,
    model: nn.Module,
    new: nn.Module,
    schedule: Schedule,
    loss: Loss,
    *,
    score: Score = called,
    rows: Rows | None = None,
) -> ScoredPredictor:
    """Train ``model`` in place exactly as ``fineface_base`` is, but for ``loss`` (and ``rows``).

    So: one step of SGD a mini-batch, the part ``new`` at the full rate; the epoch of best validation accuracy is kept,
    the first of equally good ones (``training.tune``).

    Args:
        loss: of a mini-batch's images (float32 in [0, 1], resized), targets and rows in the training split.
        score: logits in evaluation mode. rows: of each epoch, default: each sample once.

    Raises:
        BadData, TrainingFailed: as ``training.tune``.
    """

    def step(x: torch.Tensor, target: torch.Tensor, optimizer: Any, _: Any, index: torch.Tensor) -> torch.Tensor:
        value = loss(x, target, index)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        optimizer.step()
        return value.detach()[None]

    everything = np.arange(len(task.train))
    return training.tune(model, new, task, schedule, step, score, rows=rows or (lambda: everything))


def cells(
    split: Split, method: str, wanted: Iterable[tuple[int, int]] | None = None
) -> dict[tuple[int, int], np.ndarray]:
    """Rows of ``split`` by cell (target, group), int64; the ``wanted`` cells (default: the split's own grid).

    Raises:
        BadData: a cell is empty, so that ``method`` cannot work.
    """
    found = {(t, g): np.flatnonzero((split.target == t) & (split.protected == g)) for t, g in wanted or split.counts()}
    for (t, g), rows in found.items():
        if not len(rows):
            names = f"{split.target_name} = {t} and {split.protected_name} = {g}"
            raise BadData(f"no sample has {names}, and {method} needs every cell: choose other attributes or more data")
    return found


def drawn(strata: Sequence[np.ndarray], shares: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` rows, int64: each from a stratum chosen with its share (``shares`` sum to 1), then any row of it."""
    sizes = np.array([len(rows) for rows in strata])
    chosen = random.choice(len(strata), count, p=shares)
    place = (random.random(count) * sizes[chosen]).astype(np.int64)
    return np.concatenate(strata)[(np.cumsum(sizes) - sizes)[chosen] + place]


def redrawn(
    strata: Sequence[np.ndarray], count: int, seed: int, shares: Callable[[], np.ndarray] | None = None
) -> Rows:
    """``rows`` of ``training.tune`` that draw each epoch's ``count`` anew.

    Args:
        shares: of the strata, asked before each epoch; None: always equal.
    """
    random, equal = np.random.default_rng(seed), np.full(len(strata), 1 / len(strata))
    return lambda: drawn(strata, equal if shares is None else shares(), count, random)


def images(split: Split, rows: np.ndarray, schedule: Schedule, generator: torch.Generator) -> torch.Tensor:
    """Images of ``rows``, augmented, in [0, 1], resized, on the device: what a mini-batch of these rows would be."""
    changed = augment.augmentation(schedule.augment, split.aspect)(torch.from_numpy(split.x[rows]), generator)
    return resized(to_pixels(changed, device()), schedule.pixels, generator)


def groups(split: Split) -> torch.Tensor:
    """The protected labels on the device, int64 ``(N,)``."""
    return torch.as_tensor(np.ascontiguousarray(split.protected)).to(device())


def require_weight(name: str, value: float) -> None:
    """Raise BadData where a loss's weight is below 0 (or no number)."""
    if not value >= 0:
        raise BadData(f"{name} must be 0 or more, got {value}: it is the weight of a loss, 0 turns it off")


def require_binary(split: Split, method: str) -> None:
    """Raise BadData where the target has other labels than 0 and 1."""
    if set(np.unique(split.target)) - {0, 1}:
        classes = int(split.target.max()) + 1
        raise BadData(f"{method} needs a target of two classes, {split.target_name} has {classes}: choose another")


def require_groups(split: Split, method: str) -> int:
    """Number of groups; BadData where a label has no sample or there is one group only."""
    counts = np.bincount(split.protected)
    if len(counts) < 2 or counts.min() == 0:
        found = f"{split.protected_name} has {counts.tolist()} samples by group"
        raise BadData(f"{method} needs two groups or more, all with samples, and {found}: check the selection")
    return len(counts)
