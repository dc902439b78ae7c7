"""CIFAR-10S's two baselines with an output for each class in each domain [Wang et al. 2020]; both read the domain.

Trained from scratch, the last epoch is kept (as there; nothing is chosen on validation data).
"""

from __future__ import annotations

from typing import Any, Literal, Unpack

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData
from fairnb.nets.models import device
from fairnb.training import comparators as common
from fairnb.training.domain_heads import Merge, Merged, by_domain, own_domain_loss, replaced_head
from fairnb.training.fine_tuning import PreTraining, settings_of
from fairnb.training.loop import TrainedPredictor, fit
from fairnb.training.methods import method


@method(version="1", reads_groups=True, source="ICDM 2022 Table I")
def domain_discriminative(
    task: Task,
    *,
    seed: int,
    merge: Literal["sum", "max"] = "sum",
    prior_correction: bool = True,
    **options: Unpack[PreTraining],
) -> Predictor:
    """One cross-entropy over all pairs (class, domain) [Wang et al. 2020, "ND-way"].

    At test, the pairs' probabilities are divided by their share of the training data and merged over the domains.

    Args:
        merge: ``sum`` of the domains' probabilities or their ``max``.
        prior_correction: whether to divide by the shares.

    Raises:
        BadData: a pair of class and domain has no training sample.
    """
    classes, protected = _classes(task), _protected(task.train)
    log_prior = _log_prior(task.train, classes) if prior_correction else torch.zeros(protected_groups(task) * classes)

    def loss(logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits.float(), target + classes * protected[rows])

    log_prior = log_prior.to(device())
    return _train(task, seed, loss, lambda logits: merge_pairs(logits, log_prior, classes, merge), **options)


@method(version="1", reads_groups=True, source="ICDM 2022 Table I")
def domain_independent(task: Task, *, seed: int, **options: Unpack[PreTraining]) -> Predictor:
    """One classifier for each domain on shared features [Wang et al. 2020]; at test, their logits are added."""
    classes, protected = _classes(task), _protected(task.train)

    def loss(logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return own_domain_loss(logits, target, protected[rows], classes)

    return _train(task, seed, loss, lambda logits: by_domain(logits, classes).sum(1), **options)


def merge_pairs(logits: torch.Tensor, log_prior: torch.Tensor, classes: int, merge: str = "sum") -> torch.Tensor:
    """Log scores ``(N, classes)``: the softmax over all pairs, divided by their prior, summed (or max) over domains.

    Args:
        logits: of pairs, ``(N, domains * classes)``. log_prior: log share of each pair, ``(domains * classes,)``.
    """
    scores = by_domain(logits.float().log_softmax(1) - log_prior, classes)
    return scores.logsumexp(1) if merge == "sum" else scores.amax(1)


def protected_groups(task: Task) -> int:
    """Number of domains in the training data (labels 0..G-1)."""
    return int(task.train.protected.max()) + 1


def noted(model: nn.Module, task: Task, train_loss: list[float]) -> TrainedPredictor:
    """A Predictor of ``model`` whose notes have the losses and the accuracy on the validation data at the end."""
    found = TrainedPredictor(model)
    right = float((found(task.val.x).argmax(1) == task.val.target).mean())
    found.notes = {"train_loss": train_loss, "best_val_accuracy": right}
    return found


def _train(task: Task, seed: int, loss: Any, merge: Merge, **options: Any) -> TrainedPredictor:
    model = replaced_head(task, seed, protected_groups(task) * _classes(task))
    known = settings_of(task, "pretrain")
    of_sgd = {name: known[name] for name in ("weight_decay", "momentum", "nesterov") if name in known}
    numbers = common.schedule(task, **options) | of_sgd
    history = fit(model, task.train, seed=seed, loss=loss, **numbers)
    return noted(Merged(model, merge), task, history.train_loss)


def _classes(task: Task) -> int:
    return int(max(task.train.target.max(), task.val.target.max())) + 1


def _protected(split: Split) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(split.protected)).to(device())


def _log_prior(split: Split, classes: int) -> torch.Tensor:
    """Log share of each pair in the split, ordered by domain, ``(domains * classes,)``."""
    groups = int(split.protected.max()) + 1
    counts = np.bincount(split.target + classes * split.protected, minlength=groups * classes)
    if counts.min() == 0:
        domain, label = divmod(int(counts.argmin()), classes)
        raise BadData(
            f"no training sample has {split.target_name} = {label} and {split.protected_name} = {domain}: "
            "domain_discriminative needs all pairs, or prior_correction=False"
        )
    return torch.from_numpy(np.log(counts / counts.sum())).float()
