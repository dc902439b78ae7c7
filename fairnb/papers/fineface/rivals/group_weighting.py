"""Two baselines that change only the loss: weights by cell, and a penalty on the gap between groups."""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np
import torch
from torch.nn import functional

from fairnb.contract import Predictor, Split, Task
from fairnb.nets.models import device, probabilities
from fairnb.papers.fineface.rivals import cells
from fairnb.papers.fineface.rivals.cells import Training
from fairnb.training import comparators as common
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

PENALTY_GRID = (0.1, 1.0, 10.0)  # SPEC 6.6


@method(version="2", reads_groups=True, source="FineFACE Table 7")
def group_weighting(task: Task, *, seed: int, **options: Unpack[Training]) -> Predictor:
    """The Baseline with each sample's loss weighted by the inverse frequency of its cell (target, group).

    Raises:
        BadData: a cell without training samples.
    """
    weights = sample_weights(task.train).to(device())
    model: Any = task.backbone(seed)

    def loss(x: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return (weights[rows] * common.sample_losses(model(x), target)).mean()

    found = cells.train(task, model, model.head, cells.schedule(task, seed, **options), loss)
    found.notes |= {"largest_weight": weights.max().item()}
    return found


@method(version="2", reads_groups=True, source="FineFACE Table 7")
def gap_regularised(
    task: Task,
    *,
    seed: int,
    penalty_weight: float = 1.0,
    gap: Literal["tpr", "both"] = "tpr",
    **options: Unpack[Training],
) -> Predictor:
    """Cross-entropy + ``penalty_weight`` times a differentiable gap between groups [Padala & Gujar 2020; Wick 2019].

    Args:
        penalty_weight: λ, 0 or more; the usual grid is ``PENALTY_GRID``.
        gap: of each batch's soft true positive rates, or also (added) of its soft false positive rates (``both``).

    Raises:
        BadData: ``penalty_weight`` below 0, not two classes, a cell without training samples.
    """
    cells.require_weight("penalty_weight", penalty_weight)
    cells.require_binary(task.train, "gap_regularised")
    cells.cells(task.train, "gap_regularised")
    group = cells.groups(task.train)
    model: Any = task.backbone(seed)

    def loss(x: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        logits = model(x)
        positive = probabilities(logits.float())[:, 1]
        penalty = sum(soft_gap(positive, target == y, group[rows]) for y in ((1, 0) if gap == "both" else (1,)))
        return mean_loss(logits, target, 2) + penalty_weight * penalty

    found = cells.train(task, model, model.head, cells.schedule(task, seed, **options), loss)
    found.notes |= {"penalty_weight": penalty_weight, "gap": gap}
    return found


def sample_weights(split: Split) -> torch.Tensor:
    """n / (T G n_cell) of each sample's cell, float32 ``(N,)``: with mean 1, and every cell has the same total."""
    found = cells.cells(split, "group_weighting")
    weights = np.empty(len(split), np.float32)
    for rows in found.values():
        weights[rows] = len(split) / (len(found) * len(rows))
    return torch.from_numpy(weights)


def soft_gap(positive: torch.Tensor, chosen: torch.Tensor, group: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference between the groups' mean scores, over all pairs of groups in the batch; a scalar.

    For two groups that is |soft TPR gap| if ``chosen`` are the positives. A batch with fewer than two groups has 0.

    Args:
        positive: probabilities of class 1 ``(B,)``. chosen: which samples count, bool ``(B,)``. group: int64 ``(B,)``.
    """
    members = functional.one_hot(group).to(positive.dtype) * chosen[:, None]
    counts = members.sum(0)
    means = (members * positive[:, None]).sum(0) / counts.clamp(min=1)
    pairs = torch.triu((counts > 0) & (counts > 0)[:, None], diagonal=1)
    return ((means - means[:, None]).abs() * pairs).sum() / pairs.sum().clamp(min=1)
