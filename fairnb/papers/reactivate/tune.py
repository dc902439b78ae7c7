"""A round of ICDM 2022's method: augment, search the mask, restart what it drops, fine-tune under sample weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from fairnb.contract import Task
from fairnb.errors import TrainingFailed
from fairnb.metrics.thresholds import Threshold
from fairnb.nets.networks import Networks
from fairnb.nets.stacked import Draws, Samples, adam, predict
from fairnb.papers.reactivate import intra, mask, weights
from fairnb.papers.reactivate.attack import neighbours
from fairnb.papers.reactivate.joint import augment, even
from fairnb.papers.reactivate.plan import Plan
from fairnb.training.together import Best, steps


class Tuning:
    """What the rounds share.

    Attributes:
        networks: what is trained, in place. best: each seed's best state after an epoch of fine-tuning, by Φ on D_val
            as it is; the biased networks and those with restarted weights are not among the candidates.
        samples: D_val with balanced cells. chances: of the attack types, ``(S, K)``.
    """

    def __init__(self, tasks: Sequence[Task], networks: Networks, val: Samples, plan: Plan, draws: Draws) -> None:
        self.tasks, self.networks, self.val, self.plan, self.draws = tasks, networks, val, plan, draws
        entries = val.x[0, 0].numel() - (tasks[0].protected_column is not None)  # that column stays as it is
        self.attacks, self.best = plan.attacks(networks, entries), Best(networks)
        self.chances = even(val.seeds, len(self.attacks))
        self.samples, self.index = weights.as_asked(val, plan.balance, draws)
        self._weights = torch.ones(val.seeds, 2 * len(val))
        self._dropped: list[torch.Tensor] = []

    def round(self, mask_epochs: int, epochs: int) -> None:
        """Attack the present networks, search a mask for so many epochs, restart what it drops, fine-tune."""
        plan, draws = self.plan, self.draws
        self.near = neighbours(self.samples, draws, m=plan.m, p_flip=plan.p_flip, group_aware=plan.variant != "ind")
        self.data = weights.Extended(self.samples, self._copies())
        self._weigh(self._scores())
        if plan.masked != "none":
            masks = self._masks(mask_epochs)
            self._dropped.append(1 - mask.kept_share(masks))
            mask.restart(self.networks, masks, plan.restart, draws)
        self._tune(epochs)

    def notes(self) -> list[dict[str, Any]]:
        """For the record of each seed: shares of dropped weights by round, best epoch (from 1), chances, weights."""
        return [
            {
                "dropped": [round(float(own[s]), 4) for own in self._dropped],
                "best_epoch": int(self.best.at[s]) + 1,
                "attacks": {a.norm: round(float(p), 4) for a, p in zip(self.attacks, self.chances[s], strict=True)},
                "weights": {name: float(getattr(self._weights[s], name)()) for name in ("min", "mean", "max")},
            }
            for s in range(self.val.seeds)
        ]

    def _copies(self) -> torch.Tensor:
        """What stands beside the samples in D'_val: their attacked copies, or themselves."""
        if not self.plan.attacked:
            return self.samples.x
        options: dict[str, Any] = {"column": self.tasks[0].protected_column, "gamma": self.plan.gamma}
        found, self.chances = augment(
            self.networks, self.samples, self.near, self.attacks, self.draws, chances=self.chances, **options
        )
        return found

    def _masks(self, epochs: int) -> dict[str, torch.Tensor]:
        plan = self.plan
        batches = [index for _ in range(epochs) for index in self._batches()]
        lr = mask.rate(len(batches)) if plan.mask_lr is None else plan.mask_lr
        options: dict[str, Any] = {"tau": plan.tau, "beta": plan.beta, "lr": lr, "weigh": self._loss_weights()}
        found = mask.search(self.networks, self.data, batches, draws=self.draws, **options)
        return mask.shuffled(found, self.draws) if plan.masked == "random" else found

    def _tune(self, epochs: int) -> None:
        optimizer = adam(self.networks.weights.values(), self.plan.lr)
        scores = self._scores()
        for _ in range(epochs):
            self._weigh(scores)
            steps(self.networks, optimizer, self.data, self.draws, self._batches(), self._loss_weights())
            scores = self._scores()
            self.best.look(torch.tensor([own.rank for own in self._assess(scores)]))

    def _scores(self) -> np.ndarray:
        scores = predict(self.networks, self.val)
        if not np.isfinite(scores).all():
            raise TrainingFailed(
                f"scores of {self.tasks[0].name} are not finite with lr {self.plan.lr:g}: use a lower lr, or check "
                "the biased model"
            )
        return scores

    def _assess(self, scores: np.ndarray) -> list[Threshold]:
        target, protected = self.val.target.cpu().numpy(), self.val.protected.cpu().numpy()
        return [
            intra.objectives(task, scores[s], target[s], protected[s], tolerance=self.plan.tolerance)
            for s, task in enumerate(self.tasks)
        ]

    def _weigh(self, scores: np.ndarray) -> None:
        """New weights of D'_val from scores of D_val: once an epoch, as the bias of one mini-batch is mostly noise."""
        if self.plan.weighting == "none":
            return
        plan, samples, column = self.plan, self.samples, self.tasks[0].protected_column
        rows = torch.arange(samples.seeds, device=self.index.device)[:, None]
        score = torch.from_numpy(scores).to(self.index.device)[rows, self.index]
        bias = weights.soft_bias(score, samples.target, samples.protected, self.tasks[0].settings["measure"])
        if column is None:
            gap = weights.neighbour_gaps(score, samples, self.near).repeat(1, 2)
        else:
            gap = weights.column_gaps(self.networks, self.data, column)
        numbers = {"slope": plan.slope, "tolerance": plan.tolerance, "gap_weight": plan.gap_weight}
        self._weights = weights.sample_weights(bias, gap, **numbers)

    def _batches(self) -> Iterator[torch.Tensor]:
        size = min(self.plan.batch_size, len(self.data))
        if self.plan.weighting == "sampling":
            return self.draws.weighted(self._weights, size, len(self.data) // size)
        return self.draws.epoch(len(self.data), size)

    def _loss_weights(self) -> Callable[[torch.Tensor], torch.Tensor] | None:
        if self.plan.weighting != "loss":
            return None
        return lambda index: self._weights.gather(1, index.to(self._weights.device))
