"""Training perceptrons of many seeds as one batched model, each with its own split, order, dropout and early stop.

On a CPU a seed trains as it would alone to the last bit, where widths are multiples of 8 and batches of 16 (vectors
leave nothing over); for other sizes to rounding, which dropout and Adam let grow to percents of a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from fairnb.contract import Task
from fairnb.errors import TrainingFailed
from fairnb.nets.networks import Networks, Tensors, stack
from fairnb.nets.stacked import Draws, Samples, adam, losses

PLATEAU_FACTOR, PLATEAU_MARGIN, PLATEAU_LEAST = 0.1, 1e-4, 1e-8


def train_together(tasks: Sequence[Task], seeds: Sequence[int]) -> list[nn.Module]:
    """The default models of Savani et al. 2020 (tables) for several seeds: fresh perceptrons trained on ``task.train``.

    Adam, binary cross-entropy; the validation loss is looked at every ``check_every`` epochs; a seed has stopped when
    ``patience`` looks in a row were no better than its best, to which it then goes back. The released code
    means to do so, but its saved state is a reference to the weights and moves on. Its learning rate falls by
    ``Plateau``, which is told of the validation loss after every epoch, whatever ``check_every``. Where a rate cannot
    fall any more the weights no longer move, and so a seed stops there, too (the released code goes on).

    Returns:
        one module per seed, in evaluation mode. ``task.settings``: ``pretrain_epochs`` (at most), ``pretrain_lr``,
        ``batch_size``, ``check_every``, ``patience``, ``plateau_patience`` (epochs; none: a constant rate) and
        ``restore`` (``best``, or ``last`` as released).

    Raises:
        TrainingFailed: a validation loss is not finite.
    """
    numbers = tasks[0].settings
    networks = stack([task.backbone(seed) for task, seed in zip(tasks, seeds, strict=True)])
    train, val = (Samples.of([getattr(task, part) for task in tasks]) for part in ("train", "val"))
    optimizer = adam(networks.weights.values(), numbers["pretrain_lr"])
    last = numbers.get("restore", "best") == "last"
    draws, best = Draws(seeds, purpose=1), Best(networks, numbers["patience"], newest=last)
    plateau = Plateau(len(tasks), numbers["pretrain_lr"], numbers.get("plateau_patience"))
    for epoch in range(numbers["pretrain_epochs"]):
        batches = draws.epoch(len(train), numbers["batch_size"])
        steps(networks, optimizer, train, draws, batches, shares=plateau.shares)
        if epoch % numbers["check_every"] and plateau.patience is None:
            continue
        found = validation_loss(networks, val, numbers["pretrain_lr"], ~best.stopped)
        plateau.look(found)
        if epoch % numbers["check_every"] == 0:
            best.look(-found)
            best.stopped |= plateau.spent
        if best.stopped.all():
            break
    if last:
        best.keep(~best.stopped)
    return list(best.networks().modules())


def steps(
    networks: Networks,
    optimizer: torch.optim.Optimizer,
    samples: Samples,
    draws: Draws,
    batches: object,
    weigh: Callable[[torch.Tensor], torch.Tensor] | None = None,
    shares: torch.Tensor | None = None,
) -> None:
    """One optimiser step for each batch of indexes ``(S, B)``: the sum over seeds of their mean losses.

    A sum, not a mean: under Adam every seed then moves exactly as it would alone.

    Args:
        weigh: indexes -> weights ``(S, B)`` of the losses (default: all 1).
        shares: of the optimiser's learning rate, ``(S,)``: a seed goes only so far towards where the step leads. It
            must be one whose steps are proportional to its rate, as Adam's are.
    """
    move = optimizer.step if shares is None or bool((shares == 1).all()) else partial(_part_way, optimizer, shares)
    for index in batches:  # type: ignore[attr-defined]
        x, target, _ = samples.take(index)
        noise = draws.dropout(networks, index.shape[1])
        loss = losses(networks(x, train=True, noise=noise)[1], target)
        if weigh is not None:
            loss = loss * weigh(index)
        optimizer.zero_grad(set_to_none=True)
        loss.mean(1).sum().backward()
        move()


@torch.no_grad()
def _part_way(optimizer: torch.optim.Optimizer, shares: torch.Tensor) -> None:
    """A step of which every seed takes its share; a share of 1 is the whole step to the last bit."""
    tensors = [tensor for group in optimizer.param_groups for tensor in group["params"]]
    before = [tensor.clone() for tensor in tensors]
    optimizer.step()
    for tensor, start in zip(tensors, before, strict=True):
        own = shares.to(tensor).view(-1, *[1] * (tensor.dim() - 1))
        tensor.copy_(start.lerp(tensor, own))


@torch.no_grad()
def validation_loss(networks: Networks, val: Samples, lr: float, running: torch.Tensor | None = None) -> torch.Tensor:
    """Mean loss of every seed ``(S,)`` in evaluation mode. Raises TrainingFailed where a running one is not finite."""
    parts = [networks(x)[1] for x in val.parts()]
    found = losses(torch.cat(parts, 1), val.target).mean(1)
    bad = (~found.isfinite().cpu() & (True if running is None else running)).nonzero().flatten().tolist()
    if bad:
        raise TrainingFailed(f"the validation loss of networks {bad} is not finite with lr {lr:g}: use a lower lr")
    return found


class Plateau:
    """torch's ReduceLROnPlateau for every seed alone: ten times less after too long without a new best loss.

    Source: Savani et al. 2020, released code (tables), with torch's defaults; the rule (a new best is lower by a
    ten-thousandth at least; no cut of 1e-8 or less) is torch's.

    Args:
        seeds: their number S. lr: the rate at the start, above 0. patience: looks in a row without a new best that do
            not yet count; None: the rate stays.
    """

    def __init__(self, seeds: int, lr: float, patience: int | None = 10) -> None:
        self.patience, self._lr = patience, lr
        self._rates = torch.full((seeds,), lr, dtype=torch.float64)
        self._best, self._bad = torch.full((seeds,), torch.inf), torch.zeros(seeds)

    @property
    def shares(self) -> torch.Tensor | None:
        """Of ``lr``, what each seed's rate is now, ``(S,)``; None: all of it, always."""
        return None if self.patience is None else self._rates / self._lr

    @property
    def spent(self) -> torch.Tensor:
        """Which seeds have a rate that falls no more, bool ``(S,)``: a thousand steps of Adam move a weight by 1e-5."""
        return self._rates * (1 - PLATEAU_FACTOR) <= PLATEAU_LEAST

    def look(self, loss: torch.Tensor) -> None:
        """Take note of every seed's validation loss ``(S,)``; its rate may fall."""
        if self.patience is None:
            return
        loss = loss.cpu()
        better = loss < self._best * (1 - PLATEAU_MARGIN)
        self._best = torch.where(better, loss, self._best)
        self._bad = torch.where(better, 0, self._bad + 1)
        cut = self._bad > self.patience
        self._bad[cut] = 0
        smaller = torch.where(cut, self._rates * PLATEAU_FACTOR, self._rates)
        self._rates = torch.where(self._rates - smaller > PLATEAU_LEAST, smaller, self._rates)


class Best:
    """The best state that each seed has had so far, whatever the others do.

    Args:
        patience: a seed stops after so many looks in a row without a new best; later looks leave it alone (a seed must
            not gain from the ones that train on beside it). None: never.
        newest: keep the newest state of a seed until it stops, not its best.

    Attributes:
        value: the best score of every seed, ``(S,)``. at: the look, counted from 0, that gave it.
        stopped: which seeds have stopped, bool ``(S,)``.
    """

    def __init__(self, networks: Networks, patience: int | None = None, newest: bool = False) -> None:
        self._live, self._kept, self._patience, self._newest = networks, networks.copy(), patience, newest
        self.value = torch.full((networks.size,), -torch.inf)
        self.at, self._since = torch.full((networks.size,), -1), torch.zeros(networks.size)
        self.stopped, self._looks = torch.zeros(networks.size, dtype=torch.bool), 0

    def look(self, score: torch.Tensor) -> None:
        """Keep the present state of the seeds whose ``score`` ``(S,)`` is above their best."""
        running = ~self.stopped
        better = (score.cpu() > self.value) & running
        self.value = torch.where(better, score.cpu().float(), self.value)
        self.at[better] = self._looks
        self._since = torch.where(better, 0, self._since + 1)
        if self._patience is not None:
            self.stopped |= self._since >= self._patience
        self._looks += 1
        self.keep(running if self._newest else better)

    def keep(self, rows: torch.Tensor) -> None:
        """Keep the present state of these seeds, bool ``(S,)``."""
        for kept, live in ((self._kept.weights, self._live.weights), (self._kept.statistics, self._live.statistics)):
            _copy_rows(kept, live, rows)

    def networks(self) -> Networks:
        """Networks with the best state of every seed."""
        return self._kept


@torch.no_grad()
def _copy_rows(kept: Tensors, live: Tensors, rows: torch.Tensor) -> None:
    for name, tensor in kept.items():
        chosen = rows.to(tensor.device)
        tensor[chosen] = live[name][chosen]
