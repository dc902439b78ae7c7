"""CIFAR-10S's two baselines with an output for each class in each domain [Wang et al. 2020]; both read the domain.

Trained from scratch, the last epoch is kept (as there; nothing is chosen on validation data).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Unpack

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Predictor, Split, Task
from fairnb.errors import BadData
from fairnb.losses import mean_loss
from fairnb.methods import method
from fairnb.methods.aimfair_engine import PreTraining, settings_of
from fairnb.methods.baselines import common
from fairnb.models import device, seeded
from fairnb.training import TrainedPredictor, fit

Merge = Callable[[torch.Tensor], torch.Tensor]


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


def by_domain(logits: torch.Tensor, classes: int) -> torch.Tensor:
    """Logits ``(N, domains * classes)``, ordered by domain, as float32 ``(N, domains, classes)``."""
    return logits.float().unflatten(1, (-1, classes))


def merge_pairs(logits: torch.Tensor, log_prior: torch.Tensor, classes: int, merge: str = "sum") -> torch.Tensor:
    """Log scores ``(N, classes)``: the softmax over all pairs, divided by their prior, summed (or max) over domains.

    Args:
        logits: of pairs, ``(N, domains * classes)``. log_prior: log share of each pair, ``(domains * classes,)``.
    """
    scores = by_domain(logits.float().log_softmax(1) - log_prior, classes)
    return scores.logsumexp(1) if merge == "sum" else scores.amax(1)


def own_domain_loss(logits: torch.Tensor, target: torch.Tensor, domain: torch.Tensor, classes: int) -> torch.Tensor:
    """Mean cross-entropy of ``target`` within the logits of each sample's own ``domain`` (binary where it has one)."""
    own = by_domain(logits, classes)[torch.arange(len(target), device=logits.device), domain]
    return mean_loss(own, target, max(2, classes))


class Merged(nn.Module):
    """A network on pairs of class and domain, seen as a classifier: ``merge`` maps its logits to ``(N, classes)``."""

    def __init__(self, pairs: nn.Module, merge: Merge) -> None:
        super().__init__()
        self.pairs, self.merge = pairs, merge

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Log scores ``(N, classes)`` up to a constant; their softmax is the prediction."""
        return self.merge(self.pairs(x))


def protected_groups(task: Task) -> int:
    """Number of domains in the training data (labels 0..G-1)."""
    return int(task.train.protected.max()) + 1


def replaced_head(task: Task, seed: int, outputs: int) -> nn.Module:
    """The task's network of ``seed`` with a fresh last layer of so many outputs."""
    model: Any = task.backbone(seed)
    with seeded(seed):
        model.head = nn.Linear(model.head.in_features, outputs)
    return model


def noted(model: nn.Module, task: Task, train_loss: list[float]) -> TrainedPredictor:
    """A Predictor of ``model`` whose notes have the losses and the accuracy on the validation data at the end."""
    found = TrainedPredictor(model)
    right = float((found(task.val.x).argmax(1) == task.val.target).mean())
    found.notes = {"train_loss": train_loss, "best_val_accuracy": right}
    return found


def _train(task: Task, seed: int, loss: Any, merge: Merge, **options: Any) -> TrainedPredictor:
    model = replaced_head(task, seed, protected_groups(task) * _classes(task))
    numbers = common.schedule(task, **options)
    if "weight_decay" in (known := settings_of(task, "pretrain")):
        numbers["weight_decay"] = known["weight_decay"]
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
