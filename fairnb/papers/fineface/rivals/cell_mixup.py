"""Mixup inside a cell of (target, group): the GAN-free stand-in for g-SMOTE and adaptive sampling [Zietlow 2022].

g-SMOTE interpolates between neighbours of a cell in the latent space of a GAN; here it is between images.
"""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np
import torch

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData
from fairnb.papers.fineface.rivals import cells
from fairnb.papers.fineface.rivals.cells import Training
from fairnb.papers.fineface.training import Schedule, ScoredPredictor
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

STAND_IN = "mixup of two images of a cell; g-SMOTE interpolates in a GAN's latent space"


@method(version="2", reads_groups=True, source="FineFACE Table 7")
def cell_mixup(
    task: Task,
    *,
    seed: int,
    adaptive: bool = False,
    eta: float = 1.0,
    epoch_samples: Literal["train", "filled"] = "train",
    **options: Unpack[Training],
) -> Predictor:
    """Fill every cell (target, group) up to the largest with mixtures of two of its images, made anew in each epoch.

    A cell with n of the largest's m images gives as many samples as that one; 1 - n/m of them are mixtures
    ``x_i + u (x_j - x_i)`` with u uniform in [0, 1] and j any sample of the cell.

    Args:
        adaptive: after each epoch, cells are sampled ``reweighted`` by their validation error, with rate ``eta``.
        epoch_samples: an epoch is as many samples as the training set has (the Baseline's number of steps), or as the
            filled one would have.

    Raises:
        BadData: a cell without training samples (``adaptive``: or validation samples), or ``eta`` below 0.
    """
    if not eta >= 0:
        raise BadData(f"eta must be 0 or more, got {eta}: it says how fast sampling follows the errors")
    found = cells.cells(task.train, "cell_mixup")
    judged = cells.cells(task.val, "adaptive sampling", found) if adaptive else {}
    schedule, classes = cells.schedule(task, seed, **options), int(task.train.target.max()) + 1
    mixer, shares = Mixer(task.train, list(found.values()), seed, schedule), list[np.ndarray]()
    model: Any = task.backbone(seed)

    def loss(x: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return mean_loss(model(mixer(x, rows.cpu().numpy())), target, classes)

    def next_shares() -> np.ndarray:
        last = shares[-1] if shares else np.full(len(found), 1 / len(found))
        if adaptive and shares:
            wrong = ScoredPredictor(model, cells.called, schedule.pixels)(task.val.x).argmax(1) != task.val.target
            last = reweighted(last, np.array([wrong[rows].mean() for rows in judged.values()]), eta)
        shares.append(last)
        return last

    count = len(task.train) if epoch_samples == "train" else len(found) * int(mixer.sizes.max())
    rows = cells.redrawn(list(found.values()), count, seed, next_shares)
    predictor = cells.train(task, model, model.head, schedule, loss, rows=rows)
    named = {f"{t},{g}": np.round([share[i] for share in shares], 4).tolist() for i, (t, g) in enumerate(found)}
    predictor.notes |= {"stand_in": STAND_IN, "adaptive": adaptive, "shares": named}
    return predictor


def reweighted(shares: np.ndarray, errors: np.ndarray, eta: float) -> np.ndarray:
    """Shares ``(cells,)`` times exp(``eta`` times the cell's error in 0..1), scaled to sum 1."""
    raised = shares * np.exp(eta * errors)
    return raised / raised.sum()


class Mixer:
    """Turns a share of each cell's images into mixtures with others of the cell: 1 - n/m of a cell with n of m.

    Args:
        split: where the others come from. strata: rows of each cell, all of ``split`` together.
        seed: of all draws. schedule: how the others are augmented and resized, as the batch's own images are.

    Attributes:
        sizes: samples of each cell. made: share of its images that become mixtures.
    """

    def __init__(self, split: Split, strata: list[np.ndarray], seed: int, schedule: Schedule) -> None:
        self._split, self._strata, self._schedule = split, strata, schedule
        self.sizes = np.array([len(rows) for rows in strata])
        self.made = 1 - self.sizes / self.sizes.max()
        self._cell = np.empty(len(split), np.int64)
        for number, rows in enumerate(strata):
            self._cell[rows] = number
        self._random, self._generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)

    def __call__(self, x: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        """Images ``x`` ``(N, 3, H, W)`` of ``rows``, some of them mixed."""
        cell = self._cell[rows]
        chosen = np.flatnonzero(self._random.random(len(rows)) < self.made[cell])
        if not len(chosen):
            return x
        others = np.array([self._random.choice(self._strata[number]) for number in cell[chosen]])
        other = cells.images(self._split, others, self._schedule, self._generator)
        place = torch.rand(len(chosen), 1, 1, 1, generator=self._generator).to(x.device)
        index = torch.from_numpy(chosen).to(x.device)
        return x.index_copy(0, index, torch.lerp(x[index], other, place))
