"""ASAC: fine-tune on attacks against the protected attribute, easy ones first (arXiv 2404.11819, section 3)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData, TrainingFailed, UnknownName
from fairnb.nets import freezing
from fairnb.nets.models import device, to_pixels
from fairnb.papers.asac import base as asac_base
from fairnb.papers.asac.base import CLIP, LR, Start, protected_head
from fairnb.papers.asac.step import Candidates, Curriculum, candidates_of, check_alpha, chunks, pair_loss
from fairnb.training import attacks
from fairnb.training.batches import Batches, channels_last
from fairnb.training.loop import EVALUATION_BATCH, TrainedPredictor, clip
from fairnb.training.losses import accuracy
from fairnb.training.methods import method

Attack = Literal["fgsm", "pgd", "signs"]
Label = Literal["protected", "target"]
ATTACKS = (*attacks.ATTACKS, "signs")
EPSILONS = (0.0, 0.001, 0.01)
TRAVEL = attacks.STEPS * attacks.STEP  # of all steps of PGD together, in magnitudes


@dataclass(frozen=True)
class Options:
    """How ASAC fine-tunes; see ``asac`` for the meaning and the default of each."""

    attack: Attack
    epsilons: tuple[float, ...]
    curriculum: Curriculum
    alpha: float
    steps: int
    lr: float
    epochs: int
    batch_size: int
    augment: str
    clip_norm: float
    refresh: bool
    live: bool
    attack_label: Label

    def __post_init__(self) -> None:
        attacks.check_epsilons(self.epsilons)
        check_alpha(self.alpha)
        if self.attack not in ATTACKS:
            raise UnknownName("attack", self.attack, ATTACKS)
        if self.epochs < 1 or not self.lr > 0 or not self.clip_norm > 0:
            found = f"{self.epochs}, {self.lr:g} and {self.clip_norm:g}"
            raise BadData(f"ASAC needs 1 epoch or more, and lr and clip_norm above 0, got {found}")


@dataclass
class Course:
    """What happened: mean loss and validation accuracy of each epoch, mean magnitude of each optimiser step's chunk."""

    train_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    best_epoch: int = -1
    magnitude_by_step: list[float] = field(default_factory=list)


@method(version="2", reads_groups=True, keeps_model=True, source="ASAC Tables 1 to 6")
def asac(
    task: Task,
    *,
    seed: int,
    start: Start = "probe",
    attack: Attack = "fgsm",
    epsilons: tuple[float, ...] = EPSILONS,
    curriculum: Curriculum = "ascending",
    alpha: float = 0.5,
    steps: int | None = None,
    lr: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
    clip_norm: float = CLIP,
    refresh: bool = False,
    live: bool = False,
    attack_label: Label = "protected",
) -> Predictor:
    """Fine-tune all weights of the base classifier on images and their attribute-specific counterfactuals.

    Each image is attacked at every magnitude so that the protected-attribute head C errs; the target head M learns from
    the pairs (image, attacked image), ordered by how hard M finds the attacked one.

    Args:
        start: the base classifier, see ``asac_base``. attack: ``fgsm`` or ``pgd``; ``signs`` moves every pixel as far
            in a random direction and asks no head (a control).
        epsilons: magnitudes in [0, 1]; ``(0.0,)`` is the control without attack (as many epochs), ``(0.0, 0.0, 0.0)``
            the one with as many optimiser steps.
        curriculum: order of the k·l candidates of a mini-batch, cut into l steps.
        alpha: weight of the clean image in the loss, [0, 1].
        steps: of PGD, each 2.5 / steps of the magnitude long; None: ``task.settings["pgd_steps"]``, else 10.
        lr: of Adam; None: ``finetune_lr``, else 1e-3. epochs: None: ``finetune_epochs``, else 10. batch_size: k.
        augment: see ``fairnb.training.augment``.
        clip_norm: longest gradient. refresh: fit C anew on the current backbone before each epoch (default: C stays
            that of the base classifier). live: C's head, fitted once, on the backbone that is being trained, as the
            paper's Figure 2 draws it.
        attack_label: whose loss is raised: ``protected``, as the text says, or ``target``, the y printed in Eq. 2.

    Raises:
        BadData: a value out of its range; one class or one protected group only. TrainingFailed: the loss diverged.
    """
    own: dict[str, Any] = {"pgd_steps": attacks.STEPS, "finetune_lr": LR, "finetune_epochs": 10}
    own |= {"batch_size": 128, "augment": "flip"}
    given = dict(zip(own, (steps, lr, epochs, batch_size, augment), strict=True))
    known = own | {name: task.settings[name] for name in own if name in task.settings}
    known |= {name: value for name, value in given.items() if value is not None}
    pgd_steps, rate, passes, size, augmented = known.values()
    options = Options(
        attack, tuple(epsilons), curriculum, alpha, pgd_steps, rate, passes, size, augmented,
        clip_norm, refresh, live, attack_label,
    )  # fmt: skip
    model = asac_base.start_from(task, seed, start)
    course, fooled = _fine_tuned(model, task, seed, options)
    notes = {name: getattr(course, name) for name in course.__dataclass_fields__}
    best = course.val_accuracy[course.best_epoch]
    return TrainedPredictor(model, notes | {"start": start, "best_val_accuracy": best, "protected_head": fooled})


def _fine_tuned(model: nn.Module, task: Task, seed: int, options: Options) -> tuple[Course, dict[str, float]]:
    """``model`` fine-tuned in place, the epoch of best validation accuracy (the first of equal ones); its course."""
    where, course, best = device(), Course(), model.state_dict()
    batches = Batches(task.train, options.batch_size, where, options.augment)
    val = Batches(task.val, EVALUATION_BATCH, where)
    head = _head_of(model, task, seed, options)
    fooled = head_accuracies(head, task.val, options) if head else {}
    optimizer = torch.optim.Adam(model.parameters(), options.lr, fused=True)
    with freezing.seeded(seed, where) as generator:
        for epoch in range(options.epochs):
            if head and options.refresh and epoch:
                head = _head_of(model, task, seed, options)
            loss, magnitudes = _epoch(model, head, batches, task.train, optimizer, options, generator)
            if not np.isfinite(loss):
                raise TrainingFailed(f"ASAC's loss became NaN or infinite in epoch {epoch + 1} with lr {options.lr:g}")
            course.train_loss.append(loss)
            course.val_accuracy.append(accuracy(model, val, amp=False))
            course.magnitude_by_step = magnitudes
            if epoch == 0 or course.val_accuracy[-1] > course.val_accuracy[course.best_epoch]:
                course.best_epoch, best = epoch, copy.deepcopy(model.state_dict())
    model.load_state_dict(best)
    return course, fooled


def _head_of(model: nn.Module, task: Task, seed: int, options: Options) -> nn.Module | None:
    """C on the backbone of ``model`` as it is now; the controls attack nothing and need none."""
    if not any(options.epsilons):
        return None
    fitted: Any = protected_head(model, task.train, seed, val=task.val, **asac_base.of_probe(task.settings))
    return asac_base.Live(model, fitted.head) if options.live else channels_last(fitted, device())


def head_accuracies(head: nn.Module, split: Split, options: Options) -> dict[str, float]:
    """Accuracy of C on ``split`` by magnitude (``{"0": 0.97, "0.01": 0.31}``): how far the attack fools it."""
    where, right = device(), []
    for first in range(0, len(split), EVALUATION_BATCH):
        x = to_pixels(np.asarray(split.x[first : first + EVALUATION_BATCH]), where)
        labels = torch.as_tensor(split.protected[first : first + EVALUATION_BATCH]).to(where)
        radii = sorted({0.0, *options.epsilons})
        moved = _moved(attacks.protected_loss(head, labels), x, radii, options, torch.Generator().manual_seed(0))
        with torch.no_grad():
            logits = head(moved.flatten(0, 1)).view(len(radii), len(x), -1)
        right.append(((logits[..., 0] > 0).long() if logits.shape[2] == 1 else logits.argmax(2)) == labels)
    means = torch.cat(right, 1).float().mean(1).tolist()
    return {f"{radius:g}": round(mean, 6) for radius, mean in zip(radii, means, strict=True)}


def _epoch(
    model: nn.Module,
    head: nn.Module | None,
    batches: Batches,
    split: Split,
    optimizer: torch.optim.Optimizer,
    options: Options,
    generator: torch.Generator,
) -> tuple[float, list[float]]:
    """One pass over the images: its mean loss, and the mean magnitude of each of a mini-batch's l steps."""
    labels = torch.as_tensor(np.ascontiguousarray(getattr(split, options.attack_label))).to(batches.target.device)
    losses, magnitudes = [], []
    with freezing.modes(model, training=True):
        for x, target, rows in batches.shuffled_rows(generator):
            found = candidates_of(x, options.epsilons, _attack_on(head, labels[rows], options, generator))
            parts = chunks(model, found, target, options.curriculum, generator)
            losses += [_step(model, found, part, target, optimizer, options) for part in parts]
            magnitudes.append(_mean_magnitudes(parts, options.epsilons, len(x)))
    by_step = torch.stack(magnitudes).mean(0).tolist()
    return torch.stack(losses).mean().item(), [round(value, 6) for value in by_step]


def _attack_on(
    head: nn.Module | None, labels: torch.Tensor, options: Options, generator: torch.Generator
) -> Callable[[torch.Tensor, Sequence[float]], torch.Tensor] | None:
    if head is None:
        return None
    loss = attacks.protected_loss(head, labels)
    return lambda x, radii: _moved(loss, x, radii, options, generator)


def _moved(
    loss: attacks.Loss, x: torch.Tensor, radii: Sequence[float], options: Options, generator: torch.Generator
) -> torch.Tensor:
    """The attacked images ``(E, N, ...)``; steps of PGD that are few are long: together they go as far as ten."""
    if options.attack == "signs":
        return attacks.random_signs(x, radii, generator)
    if options.attack == "pgd":
        return attacks.pgd(loss, x, radii, options.steps, TRAVEL / max(options.steps, 1))
    return attacks.attacked(options.attack, loss, x, radii, options.steps)


def _step(
    model: nn.Module,
    found: Candidates,
    part: torch.Tensor,
    target: torch.Tensor,
    optimizer: torch.optim.Optimizer,
    options: Options,
) -> torch.Tensor:
    """One optimiser step on the candidates ``part``."""
    loss = pair_loss(model, found, part, target, options.alpha)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    clip(model, options.clip_norm)
    optimizer.step()
    return loss.detach()


def _mean_magnitudes(parts: Sequence[torch.Tensor], epsilons: Sequence[float], count: int) -> torch.Tensor:
    radii = torch.tensor(epsilons, dtype=torch.float32, device=parts[0].device)
    return torch.stack([radii[part // count].mean() for part in parts])
