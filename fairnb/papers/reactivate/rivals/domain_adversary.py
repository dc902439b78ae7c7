"""CIFAR-10S's two adversarial baselines: a domain classifier against which the network is trained [Wang et al. 2020].

Both alternate: of three epochs the network moves in the first. The last epoch is kept, as in their released code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData, TrainingFailed
from fairnb.nets import freezing, precision
from fairnb.nets.models import device, head_name
from fairnb.papers.reactivate.rivals.domain import noted, protected_groups
from fairnb.training.batches import Batches, channels_last
from fairnb.training.fine_tuning import settings_of
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

PERIOD = 3  # the network moves in every third epoch
EPOCHS = 500  # Wang et al.'s code
SMALLEST = 1e-5  # norm of an adversary's gradient below which there is no direction to project on
Step = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class _Numbers:
    """Hyper-parameters, resolved; see ``uniform_confusion``."""

    alpha: float
    lr: float
    weight_decay: float
    epochs: int
    batch_size: int
    augment: str

    def adam(self, *modules: nn.Module) -> torch.optim.Optimizer:
        parameters = [tensor for module in modules for tensor in module.parameters()]
        return torch.optim.Adam(parameters, self.lr, weight_decay=self.weight_decay)


@method(version="1", reads_groups=True, source="ICDM 2022 Table I")
def uniform_confusion(
    task: Task,
    *,
    seed: int,
    alpha: float = 1.0,
    lr: float = 1e-4,
    weight_decay: float = 3e-4,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
) -> Predictor:
    """The features must leave a domain classifier undecided [Tzeng 2015, Alvi 2018].

    Network and class head minimise cross-entropy + ``alpha`` times ``confusion``, in every third epoch; in the others
    a linear domain head on the features learns the domain.

    Args:
        alpha: weight of the confusion, 0 or more.
        lr, weight_decay: of Adam.
        epochs: None: ``task.settings["domain_epochs"]``, else 500. batch_size, augment: None: as the task has them.

    Raises:
        BadData: ``alpha`` below 0 or ``epochs`` below 1. TrainingFailed: a loss became NaN or infinite.
    """
    numbers = _numbers(task, alpha, lr, weight_decay, epochs, batch_size, augment)
    model: Any = channels_last(task.backbone(seed), device())
    class_head, name = model.head, head_name(model.net)
    domain_head = _linear(class_head.in_features, protected_groups(task), seed)
    model.head = nn.Identity()
    network, adversary = numbers.adam(model, class_head), numbers.adam(domain_head)
    classes = int(task.train.target.max()) + 1

    def step(epoch: int, x: torch.Tensor, target: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        features = model(x).float()
        guess = domain_head(features)
        if epoch % PERIOD:
            return _minimise(functional.cross_entropy(guess, domain), adversary, domain_head)
        loss = mean_loss(class_head(features), target, classes) + numbers.alpha * confusion(guess)
        return _minimise(loss, network, model, class_head)

    losses = _epochs(task, seed, numbers, (model, class_head, domain_head), step)
    model.net.set_submodule(name, class_head)
    return noted(model, task, losses)


@method(version="1", reads_groups=True, source="ICDM 2022 Table I")
def domain_adversarial(
    task: Task,
    *,
    seed: int,
    alpha: float = 1.0,
    lr: float = 1e-4,
    weight_decay: float = 3e-4,
    epochs: int | None = None,
    batch_size: int | None = None,
    augment: str | None = None,
) -> Predictor:
    """Adversarial mitigation by gradient projection [Zhang 2018]: a linear domain head sees the class logits.

    The domain head learns from every batch. In every third epoch the network follows ``projected`` gradients. The
    arguments and errors are those of ``uniform_confusion``; ``alpha`` weighs the adversary's gradient.
    """
    numbers = _numbers(task, alpha, lr, weight_decay, epochs, batch_size, augment)
    model: Any = channels_last(task.backbone(seed), device())
    classes = int(task.train.target.max()) + 1
    domain_head = _linear(model.head.out_features, protected_groups(task), seed)
    network, adversary = numbers.adam(model), numbers.adam(domain_head)
    tensors, own = list(model.parameters()), list(domain_head.parameters())

    def step(epoch: int, x: torch.Tensor, target: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        logits = model(x).float()
        loss, against = mean_loss(logits, target, classes), functional.cross_entropy(domain_head(logits), domain)
        moves = epoch % PERIOD == 0
        _set(own, torch.autograd.grad(against, own, retain_graph=moves))
        if moves:
            pulls = torch.autograd.grad(loss, tensors, retain_graph=True)
            pushes = torch.autograd.grad(against, tensors)
            pairs = zip(pulls, pushes, strict=True)
            _set(tensors, (projected(pull, push, numbers.alpha) for pull, push in pairs))
            network.step()
        adversary.step()
        return loss.detach()

    return noted(model, task, _epochs(task, seed, numbers, (model, domain_head), step))


def confusion(guess: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of domain logits ``(N, domains)`` with the uniform distribution; log(domains) at least."""
    return -guess.log_softmax(1).mean()


def projected(pull: torch.Tensor, push: torch.Tensor, alpha: float) -> torch.Tensor:
    """One parameter's gradient: ``pull`` without its part along ``push``, minus ``alpha`` times ``push``.

    ``push`` is the adversary's gradient; one with a norm of 1e-5 or less gives no direction to project on.
    """
    square = push.square().sum()
    along = (pull * push).sum() / square if square > SMALLEST**2 else 0.0
    return pull - (along + alpha) * push


def _numbers(
    task: Task,
    alpha: float,
    lr: float,
    weight_decay: float,
    epochs: int | None,
    batch_size: int | None,
    augment: str | None,
) -> _Numbers:
    """What was None is taken from the task's settings."""
    known = settings_of(task, "pretrain", batch_size=batch_size, augment=augment)
    epochs = task.settings.get("domain_epochs", EPOCHS) if epochs is None else epochs
    if epochs < 1 or alpha < 0:
        raise BadData(f"an adversary needs epochs of 1 or more and alpha of 0 or more, got {epochs} and {alpha}")
    return _Numbers(alpha, lr, weight_decay, epochs, known["batch_size"], known["augment"])


def _linear(inputs: int, outputs: int, seed: int) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)  # not the class head's weights
        return nn.Linear(inputs, outputs).to(device())


def _minimise(loss: torch.Tensor, optimizer: torch.optim.Optimizer, *modules: nn.Module) -> torch.Tensor:
    """One step of ``modules`` alone, whatever else the loss depends on."""
    tensors = [tensor for module in modules for tensor in module.parameters()]
    _set(tensors, torch.autograd.grad(loss, tensors))
    optimizer.step()
    return loss.detach()


def _set(tensors: Iterable[nn.Parameter], gradients: Iterable[torch.Tensor]) -> None:
    for tensor, gradient in zip(tensors, gradients, strict=True):
        tensor.grad = gradient


def _epochs(task: Task, seed: int, numbers: _Numbers, modules: tuple[nn.Module, ...], step: Step) -> list[float]:
    """Run ``step(epoch, x, target, domain)`` over all epochs in mixed precision; the mean loss of each."""
    where = device()
    batches = Batches(task.train, numbers.batch_size, where, numbers.augment)
    domain = torch.as_tensor(np.ascontiguousarray(task.train.protected)).to(where)
    means: list[float] = []
    with freezing.seeded(seed, where) as generator, freezing.modes(nn.ModuleList(modules), training=True):
        for epoch in range(numbers.epochs):
            losses = []
            for x, target, rows in batches.shuffled_rows(generator):
                with precision.mixed(where):
                    losses.append(step(epoch, x, target, domain[rows]))
            means.append(torch.stack(losses).mean().item())
            if not np.isfinite(means[-1]):
                raise TrainingFailed(f"the loss became NaN or infinite in epoch {epoch + 1} with lr {numbers.lr:g}")
    return means
