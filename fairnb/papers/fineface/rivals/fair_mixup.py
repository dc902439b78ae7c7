"""Fair mixup [Chuang & Mroueh 2021]: between two groups, the prediction must not change along a straight line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Unpack

import numpy as np
import torch

from fairnb.contract import Predictor, Split, Task
from fairnb.nets.models import probabilities
from fairnb.papers.fineface.rivals import cells
from fairnb.papers.fineface.rivals.cells import Training
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

PENALTY_GRID = {"eo": (10.0, 20.0, 30.0), "dp": (1.0, 10.0, 20.0)}  # the authors'
Form = Literal["eo", "dp"]
Score = Callable[[torch.Tensor], torch.Tensor]


@method(version="2", reads_groups=True, source="FineFACE Table 7")
def fair_mixup(
    task: Task,
    *,
    seed: int,
    penalty_weight: float = 10.0,
    form: Form = "eo",
    penalty: Literal["mixup", "gap"] = "mixup",
    **options: Unpack[Training],
) -> Predictor:
    """Cross-entropy on balanced batches + ``penalty_weight`` times a penalty on extra images of two groups.

    Each step draws as many extra images as a batch has, equally of two groups (with more than two: a random pair) and,
    in the form ``eo``, of both targets.

    Args:
        penalty_weight: λ, 0 or more; the authors' grids are ``PENALTY_GRID``. 0 is FairMixup's own baseline.
        form: equalised odds (batches balanced over cells) or demographic parity (over groups).
        penalty: ``slope`` on mixed images, or the authors' GapReg: the difference of mean scores.

    Raises:
        BadData: ``penalty_weight`` below 0, not two classes, one group only, a cell without training samples.
    """
    cells.require_weight("penalty_weight", penalty_weight)
    cells.require_binary(task.train, "fair_mixup")
    cells.require_groups(task.train, "fair_mixup")
    levels = strata(task.train, form)
    random, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    schedule = cells.schedule(task, seed, **options)
    model: Any = task.backbone(seed)
    count = max(1, schedule.batch_size // (2 * len(levels)))
    measure = mixup_penalty if penalty == "mixup" else gap_penalty

    def score(x: torch.Tensor) -> torch.Tensor:
        return probabilities(model(x))[:, 1]

    def loss(x: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        plain = mean_loss(model(x), target, 2)
        if penalty_weight == 0:
            return plain
        one, other = (cells.images(task.train, rows, schedule, generator) for rows in pair(levels, count, random))
        return plain + penalty_weight * measure(score, one, other, len(levels), random)

    balanced = cells.redrawn([rows for level in levels for rows in level], len(task.train), seed)
    found = cells.train(task, model, model.head, schedule, loss, rows=balanced)
    found.notes |= {"penalty_weight": penalty_weight, "form": form, "penalty": penalty}
    return found


def strata(split: Split, form: Form) -> list[list[np.ndarray]]:
    """Rows by target (one level for ``dp``, which does not look at it) and group."""
    found = cells.cells(split, "fair_mixup")
    classes, groups = (int(labels.max()) + 1 for labels in (split.target, split.protected))
    levels = [[found[t, g] for g in range(groups)] for t in range(classes)]
    return levels if form == "eo" else [[np.concatenate(own) for own in zip(*levels, strict=True)]]


def pair(levels: list[list[np.ndarray]], count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Rows ``(levels * count,)`` of one group and of another (drawn at random), ``count`` of each level in turn."""
    first, second = random.choice(len(levels[0]), 2, replace=False)
    one, other = ([random.choice(level[group], count) for level in levels] for group in (first, second))
    return np.concatenate(one), np.concatenate(other)


def mixup_penalty(
    score: Score, one: torch.Tensor, other: torch.Tensor, levels: int, random: np.random.Generator
) -> torch.Tensor:
    """Sum over levels of |mean slope| at a point between the groups, uniform (Beta(1, 1)) and of each level its own.

    Args:
        score: images to probabilities of class 1 ``(B,)``. one, other: images of the groups, ``(B, 3, H, W)``, B being
            a multiple of ``levels``. random: of the points.
    """
    position = torch.from_numpy(random.random(levels).astype(np.float32)).to(one.device)
    place = position.repeat_interleave(len(one) // levels)[:, None, None, None]
    return slope(score, one, other, place).view(levels, -1).mean(1).abs().sum()


def slope(score: Score, one: torch.Tensor, other: torch.Tensor, place: torch.Tensor) -> torch.Tensor:
    """Derivative of ``score`` along ``other - one`` at ``place * one + (1 - place) * other``, ``(B,)``, with graph."""
    mixed = torch.lerp(other, one, place).requires_grad_()
    (gradient,) = torch.autograd.grad(score(mixed).sum(), mixed, create_graph=True)
    return (gradient * (other - one)).flatten(1).sum(1)


def gap_penalty(
    score: Score, one: torch.Tensor, other: torch.Tensor, levels: int, random: np.random.Generator
) -> torch.Tensor:
    """GapReg: the sum over levels of the absolute difference between both groups' mean scores. ``random`` is unused."""
    scores = score(torch.cat([one, other])).view(2, levels, -1).mean(2)
    return (scores[0] - scores[1]).abs().sum()
