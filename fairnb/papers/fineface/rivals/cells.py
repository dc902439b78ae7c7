"""What FineFACE's comparators share: cells of (target, group), draws from them, and training with another loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from fairnb.contract import Split, Task
from fairnb.errors import BadData
from fairnb.nets.models import device, to_pixels
from fairnb.nets.resizing import Resize
from fairnb.training import augment
from fairnb.training import comparators as common
from fairnb.training.fine_tuning import settings_of
from fairnb.training.loop import History, Loss, fit

OPTIMISER = ("optimizer", "momentum", "weight_decay", "clip_norm", "amp")
Maps = Callable[[torch.Tensor], torch.Tensor]


class Learner(nn.Module):
    """A network that says something else to its loss than to the world: two functions on the same ``parts``.

    Args:
        parts: the modules that train. learn: forward in training mode. predict: forward in evaluation mode, logits.
    """

    def __init__(self, parts: nn.Module, learn: Maps, predict: Maps) -> None:
        super().__init__()
        self.parts = parts
        self._learn, self._predict = [learn], [predict]  # in lists: a module here would be registered twice

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What ``learn`` or ``predict`` makes of images ``x`` in [0, 1]."""
        return (self._learn if self.training else self._predict)[0](x)


def backbone(task: Task, seed: int, pretrained: bool = True) -> Any:
    """``task.backbone`` that first resizes images to ``task.settings["pixels"]`` as FineFACE does, if that is set."""
    model: Any = task.backbone(seed, pretrained=pretrained)
    if task.settings.get("pixels"):
        model.net = nn.Sequential(Resize(task.settings["pixels"]), model.net)
    return model


def train(task: Task, seed: int, model: nn.Module, loss: Loss | None = None, **options: Any) -> History:
    """Train ``model`` in place as ERM is, but for ``loss``; the best epoch by validation accuracy, the last of equals.

    Args:
        options: of pre-training (``fine_tuning.PreTraining``), and ``rows`` and ``progress`` of ``training.fit``.

    Raises:
        BadData, TrainingFailed: as ``training.fit``.
    """
    extra = {name: options.pop(name) for name in ("rows", "progress") if name in options}
    return fit(
        model, task.train, val=task.val, seed=seed, loss=loss, select="val_acc", **numbers(task, **options), **extra
    )


def numbers(task: Task, **options: Any) -> dict[str, Any]:
    """The task's pre-training schedule and optimiser as options of ``training.fit``; ``options`` go first."""
    known = settings_of(task, "pretrain", **options)
    return common.schedule(task, **options) | {name: known[name] for name in OPTIMISER if name in known}


def steps(task: Task, **options: Any) -> int:
    """Optimiser steps of a whole training."""
    found = numbers(task, **options)
    return found["epochs"] * (len(task.train) // min(found["batch_size"], len(task.train)))


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
) -> tuple[np.ndarray, Callable[..., None]]:
    """``rows`` and ``progress`` of ``training.fit`` that make every epoch of ``count`` rows drawn anew.

    Args:
        shares: of the strata, asked after each epoch (the first has equal ones); None: always equal.
    """
    random, equal = np.random.default_rng(seed), np.full(len(strata), 1 / len(strata))
    rows = drawn(strata, equal, count, random)

    def progress(*_: float) -> None:
        # In place: Batches looks at this very memory when it shuffles the next epoch.
        rows[:] = drawn(strata, equal if shares is None else shares(), count, random)

    return rows, progress


def images(split: Split, rows: np.ndarray, augmentation: str, generator: torch.Generator) -> torch.Tensor:
    """Images of ``rows``, augmented, in [0, 1] on the device: what a batch of these rows would be."""
    x = torch.from_numpy(split.x[rows])
    return to_pixels(augment.augmentation(augmentation)(x, generator), device())


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
