"""Adversarial examples as data [Zhang & Sang 2020, "AEDA"]: images whose group a classifier misjudges fill small cells.

Their code was not found. What its description leaves open is marked [R].
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, TrainingFailed
from fairnb.nets import freezing
from fairnb.nets.models import device
from fairnb.training import attacks
from fairnb.training.batches import Batches, channels_last
from fairnb.training.fine_tuning import predictor_of, settings_of
from fairnb.training.loop import EVALUATION_BATCH, History
from fairnb.training.losses import accuracy, mean_loss
from fairnb.training.methods import method

EPSILON = 8 / 255
BASE_EPOCHS, FINETUNE_EPOCHS = 50, 10  # ASAC's, so that the rows of a table have seen as many epochs
CELLS = 4  # two targets times two groups; a cell's number is 2 target + group


@method(version="1", reads_groups=True, source="ASAC Tables 1, 2; Zhang & Sang 2020")
def adversarial_augmentation(
    task: Task,
    *,
    seed: int,
    robust: bool = False,
    epsilon: float = EPSILON,
    attack_steps: int | None = None,
    lr: float = 1e-3,
    clip_norm: float = 1.0,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
) -> Predictor:
    """Train on real images and on copies that make a bias network take them for the other group (AEDA, online).

    Two networks start from the task's backbone: T learns the target, B the protected attribute. In each batch images
    of a cell (target y, group s) that is larger than (y, 1-s) are copied with probability ``copy_probabilities``, and
    the copies attacked until the current B says 1-s. They keep y and stand for (y, 1-s), which makes s balanced given
    y in expectation. T learns from real images and copies, B from real ones. The epoch of T's best validation
    accuracy is kept, the first of equal ones. Everything is float32: bfloat16 rounds small steps away.

    Args:
        robust: B also learns its attacked copies with their true group, so that the perturbations transfer [R: the
            copies that T gets] (AEDA_robust).
        epsilon: magnitude of the attack in the l-infinity ball, as a share of the pixel range [R].
        attack_steps: of PGD; None: ``task.settings["aeda_steps"]``, else 10 [R]. A step is a quarter of ``epsilon``
            (2/255), longer where there are too few to cross the ball.
        lr, clip_norm: of Adam, and the norm to which longer gradients of either network are scaled down (ASAC's).
        epochs: None: ``base_epochs`` + ``finetune_epochs`` of ``task.settings``, else 50 + 10 (ASAC's).
        batch_size, augment: None: as in ``task.settings``.

    Returns:
        T's predictor. Notes beside the training's course: ``copies_per_epoch`` (mean, by the cell that they stand
        for), ``fooled`` (of each epoch, the share of copies that B takes for the other group, by their true group;
        None without copies) and ``bias_val_accuracy`` (of B after the last epoch, on the protected attribute).

    Raises:
        BadData: not two targets and two groups, ``epochs`` or ``attack_steps`` below 1, ``lr`` or ``clip_norm`` not
        above 0, ``epsilon`` outside [0, 1]. TrainingFailed: a loss or a weight became NaN or infinite.
    """
    numbers = _numbers(task, robust, epsilon, attack_steps, lr, clip_norm, epochs, batch_size, augment)
    for split in (task.train, _of_groups(task.train)):
        _check_binary(split)
    coupled = _Coupled(task, seed, numbers)
    history, fooled = History(), []
    val, groups = (Batches(split, EVALUATION_BATCH, device()) for split in (task.val, _of_groups(task.val)))
    best: dict[str, torch.Tensor] = {}
    with freezing.seeded(seed, device()) as generator:
        for epoch in range(numbers.epochs):
            history.train_loss.append(coupled.epoch(generator))
            fooled.append(coupled.fooled_shares())
            history.val_accuracy.append(accuracy(coupled.target_net, val, amp=False))
            if history.val_accuracy[-1] > max(history.val_accuracy[:-1], default=-1.0):
                history.best_epoch, best = epoch, copy.deepcopy(coupled.target_net.state_dict())
    coupled.target_net.load_state_dict(best)
    bias = accuracy(coupled.bias_net, groups, amp=False)
    copies = coupled.copies_per_cell(numbers.epochs)
    return predictor_of(coupled.target_net, history, copies_per_epoch=copies, fooled=fooled, bias_val_accuracy=bias)


def copy_probabilities(counts: Mapping[tuple[int, int], int]) -> np.ndarray:
    """Probability of a copy of each image of a cell ``(target, group)``, float ``(2, 2)``.

    It is (n - m) / n where the cell has n images and the other group with the same target has m < n, else 0: in
    expectation n - m copies join the smaller cell, which makes both equal.
    """
    table = np.array([[counts[target, group] for group in (0, 1)] for target in (0, 1)])
    return (table - table[:, ::-1]).clip(min=0) / table.clip(min=1)


@dataclass(frozen=True)
class _Numbers:
    """Hyper-parameters, resolved; see ``adversarial_augmentation``."""

    robust: bool
    epsilon: float
    attack_steps: int
    lr: float
    clip_norm: float
    epochs: int
    batch_size: int
    augment: str


def _numbers(
    task: Task,
    robust: bool,
    epsilon: float,
    attack_steps: int | None,
    lr: float,
    clip_norm: float,
    epochs: int | None,
    batch_size: int | None,
    augment: str | None,
) -> _Numbers:
    """What was None is taken from the task's settings."""
    known = settings_of(task, "pretrain", batch_size=batch_size, augment=augment)
    settings = task.settings
    if epochs is None:
        epochs = settings.get("base_epochs", BASE_EPOCHS) + settings.get("finetune_epochs", FINETUNE_EPOCHS)
    if attack_steps is None:
        attack_steps = settings.get("aeda_steps", attacks.STEPS)
    if epochs < 1 or attack_steps < 1 or not (lr > 0 and clip_norm > 0):
        raise BadData(
            "adversarial_augmentation needs epochs and attack_steps of 1 or more and lr and clip_norm above 0, "
            f"got {epochs}, {attack_steps}, {lr:g} and {clip_norm:g}"
        )
    attacks.check_epsilons([epsilon])
    return _Numbers(robust, epsilon, attack_steps, lr, clip_norm, epochs, known["batch_size"], known["augment"])


def _of_groups(split: Split) -> Split:
    """The split with target and protected attribute in each other's place."""
    return dataclasses.replace(
        split,
        target=split.protected,
        protected=split.target,
        target_name=split.protected_name,
        protected_name=split.target_name,
    )


def _check_binary(split: Split) -> None:
    if list(found := np.unique(split.target)) != [0, 1]:
        name = split.target_name
        raise BadData(f"adversarial_augmentation needs {name} to be 0 and 1, got {found.tolist()}: merge its values")


class _Coupled:
    """Target and bias network, trained side by side; the counts of copies and of the last epoch's fooled ones."""

    def __init__(self, task: Task, seed: int, numbers: _Numbers) -> None:
        where, split = device(), task.train
        self.numbers = numbers
        self.target_net: nn.Module = channels_last(task.backbone(seed), where)
        self.bias_net: nn.Module = channels_last(task.backbone(seed + 1), where)  # another head
        self.batches = Batches(split, numbers.batch_size, where, numbers.augment)
        self.groups = torch.as_tensor(np.ascontiguousarray(split.protected)).to(where)
        self.probability = torch.from_numpy(copy_probabilities(split.counts()).ravel()).to(where)
        self.optimizers = {
            net: torch.optim.Adam(net.parameters(), numbers.lr, fused=True) for net in (self.target_net, self.bias_net)
        }
        self.copies = torch.zeros(CELLS, dtype=torch.int64, device=where)  # of all epochs, by the cell copied
        self.seen = torch.zeros(2, 2, dtype=torch.int64, device=where)  # of the last epoch: copies, fooled; by group

    def epoch(self, generator: torch.Generator) -> float:
        """One pass over the training data; T's mean loss."""
        self.seen.zero_()
        both = nn.ModuleList([self.target_net, self.bias_net])
        with freezing.modes(both, training=True):
            losses = [self._step(*batch, generator) for batch in self.batches.shuffled_rows(generator)]
        mean = torch.stack(losses).mean().item()
        if not (np.isfinite(mean) and all(tensor.isfinite().all() for tensor in both.parameters())):
            raise TrainingFailed(
                f"the loss or a weight became NaN or infinite with lr {self.numbers.lr:g}: use a lower lr"
            )
        return mean

    def attacked(self, x: torch.Tensor, group: torch.Tensor) -> torch.Tensor:
        """``x`` moved until B, in evaluation mode, takes images of ``group`` for the other one; same shape."""
        steps, other = self.numbers.attack_steps, 1 - group
        loss = attacks.protected_loss(self.bias_net, other)
        with freezing.modes(self.bias_net, training=False):
            length = max(attacks.STEP, 1 / steps)
            moved = attacks.pgd(lambda at: -loss(at), x, [self.numbers.epsilon], steps, length)[0]
            with torch.no_grad():
                fooled = _guess(self.bias_net(moved)) == other
        self.seen += torch.stack([torch.bincount(group, minlength=2), torch.bincount(group[fooled], minlength=2)])
        return moved.contiguous(memory_format=torch.channels_last)

    def fooled_shares(self) -> list[float | None]:
        """Share of the last epoch's copies that B misjudged, by their true group; None where there was none."""
        copies, fooled = self.seen.tolist()
        return [hits / count if count else None for hits, count in zip(fooled, copies, strict=True)]

    def copies_per_cell(self, epochs: int) -> dict[str, float]:
        """Copies in a mean epoch by the cell that they stand for, as ``target 0, group 1``."""
        found = self.copies.view(2, 2).flip(1) / epochs
        return {f"target {y}, group {s}": found[y, s].item() for y in (0, 1) for s in (0, 1)}

    def _step(self, x: torch.Tensor, y: torch.Tensor, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        group = self.groups[rows]
        cell = 2 * y + group
        picked = torch.rand(len(x), generator=generator).to(x.device) < self.probability[cell]
        self.copies += torch.bincount(cell[picked], minlength=CELLS)
        both, copied = x, group[picked]
        if len(copied):
            both = torch.cat([x, self.attacked(x[picked], copied)])
        loss = self._learn(self.target_net, both, torch.cat([y, y[picked]]))
        seen = (both, torch.cat([group, copied])) if self.numbers.robust else (x, group)
        self._learn(self.bias_net, *seen)
        return loss

    def _learn(self, net: nn.Module, x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """One step of Adam on the mean loss, which is returned."""
        loss = mean_loss(net(x), labels, 2)
        self.optimizers[net].zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), self.numbers.clip_norm)
        self.optimizers[net].step()
        return loss.detach()


def _guess(logits: torch.Tensor) -> torch.Tensor:
    """Group of each image ``(N,)`` from one logit or two."""
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
