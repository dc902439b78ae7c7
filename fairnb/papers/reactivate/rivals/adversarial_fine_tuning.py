"""Adversarial fine-tuning: a critic learns the bias of a batch, the network lowers it [Savani et al. 2020, Alg. 3]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.metrics import thresholds
from fairnb.nets.networks import Networks, stack
from fairnb.nets.stacked import Draws, Samples, adam, losses, probabilities
from fairnb.papers.reactivate import intra
from fairnb.papers.reactivate.rivals.critics import Critic, still
from fairnb.papers.reactivate.weights import Balance, as_asked, soft_bias
from fairnb.training.methods import method

PURPOSE = 23  # of the draws; the critic's is the next one
FEATURES = {
    "epochs": 32, "critic_steps": 201, "actor_steps": 301, "batch_size": 64,
    "critic_lr": 1e-3, "actor_lr": 1e-4, "delta": 0.02, "margin": 0.02,
}  # fmt: skip
IMAGES = {
    "epochs": 10, "critic_steps": 302, "actor_steps": 402, "batch_size": 32,
    "critic_lr": 1e-4, "actor_lr": 1e-4, "delta": 0.01, "margin": 0.01,
}  # fmt: skip
SETTINGS = {"epochs": "adversary_epochs", "critic_steps": "critic_steps", "actor_steps": "actor_steps"}


@method(version="2", together=True, reads_groups=True, source="ICDM 2022 Tables I and III to VI; Savani et al. 2020")
def adversarial_fine_tuning(
    tasks: Sequence[Task],
    *,
    seeds: Sequence[int],
    lam: float = 20.0,
    delta: float | None = None,
    epochs: int | None = None,
    critic_steps: int | None = None,
    actor_steps: int | None = None,
    batch_size: int | None = None,
    critic_lr: float | None = None,
    actor_lr: float | None = None,
    balance: Balance = "none",
    as_released: bool = False,
) -> list[Predictor]:
    """The biased model, fine-tuned on ``task.val`` with loss max(1, λ(|b̂| - ε + δ) + 1) · BCE, and its threshold.

    b̂ is the critic's estimate of a batch's soft bias from the concatenated representations of the whole batch; the
    critic learns it by squared error (as released, a rate of a cell that the batch lacks is 0). Critic (network fixed,
    in evaluation mode) and network take turns every epoch.

    Args:
        lam: λ, 0 or more (20; in the released tabular configuration it is missing). delta: δ (0.02; images 0.01).
        epochs, critic_steps, actor_steps: None: ``task.settings["adversary_epochs"]``, ``["critic_steps"]`` and
            ``["actor_steps"]``, and where there are none, 32, 201 and 301 (images 10, 302 and 402).
        batch_size: 64 (images 32). critic_lr: 1e-3 (images 1e-4). actor_lr: 1e-4. Both of Adam. The margin of the
            threshold search is 0.02 (images 0.01), as in the released scripts.
        balance: ``bootstrap`` has it learn from what ``reactivate`` learns from; the threshold as ever.
        as_released: what the CelebA code does, and that for tables does not: start from a fresh network (pretrained
            backbone, new head) instead of the biased one, and take the raw logits in the bias target. (Several classes
            keep their probabilities.)

    Raises:
        BadData: a hyper-parameter out of range, tasks and seeds that do not pair, a group absent from ``task.val``.
    """
    networks, val = intra.begin(tasks, seeds)
    if as_released:
        networks = stack([task.backbone(seed) for task, seed in zip(tasks, seeds, strict=True)])
    given = {
        "delta": delta, "epochs": epochs, "critic_steps": critic_steps, "actor_steps": actor_steps,
        "batch_size": batch_size, "critic_lr": critic_lr, "actor_lr": actor_lr,
    }  # fmt: skip
    numbers = _numbers(tasks[0], IMAGES if networks.bounds else FEATURES, given) | {"lam": lam}
    samples, _ = as_asked(val, balance, Draws(seeds, PURPOSE + 10))
    _train(networks, samples, seeds, tasks[0].settings["measure"], numbers, as_released)
    return intra.finish(tasks, networks, val, margin=numbers["margin"])


def bias_factor(predicted: torch.Tensor, lam: float, delta: float) -> torch.Tensor:
    """max(1, λ(|b̂| - ε + δ) + 1) for critics' estimates b̂ of any shape, with the tolerance ε = 0.05."""
    return (lam * (predicted.abs() - thresholds.TOLERANCE + delta) + 1).clamp_min(1)


def _numbers(task: Task, defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    tier = {name: task.settings[key] for name, key in SETTINGS.items() if key in task.settings}
    found = defaults | tier | {name: value for name, value in given.items() if value is not None}
    wrong = {name: value for name, value in found.items() if not value > 0 and name != "delta"}
    if wrong:
        raise BadData(f"adversarial fine-tuning needs numbers above 0, got {wrong}")
    return found


def _train(
    networks: Networks, val: Samples, seeds: Sequence[int], measure: str, numbers: dict[str, Any], logits: bool
) -> None:
    size = numbers["batch_size"]
    width = list(networks.weights.values())[-2].shape[2]
    critic = Critic(size * width, 1, seeds, PURPOSE + 1)
    draws = Draws(seeds, PURPOSE)
    learner = adam(critic.weights, numbers["critic_lr"])
    optimizer = adam(networks.weights.values(), numbers["actor_lr"])
    for _ in range(numbers["epochs"]):
        drawn = draws.integers(len(val), (numbers["critic_steps"], size))
        _train_critic(critic, learner, networks, val, drawn, measure, logits)
        drawn = draws.integers(len(val), (numbers["actor_steps"], size))
        for index in drawn.unbind(1):
            x, target, _ = val.take(index)
            features, found = networks(x, train=True, noise=draws.dropout(networks, size))
            predicted = critic(features.flatten(1)[:, None])[:, 0, 0]
            factor = bias_factor(predicted, numbers["lam"], numbers["delta"])
            optimizer.zero_grad(set_to_none=True)
            loss = (factor * losses(found, target).mean(1)).sum()
            loss.backward(inputs=list(networks.weights.values()))
            optimizer.step()


def _train_critic(
    critic: Critic,
    learner: torch.optim.Optimizer,
    networks: Networks,
    val: Samples,
    drawn: torch.Tensor,
    measure: str,
    raw: bool,
) -> None:
    for features, logits, target, protected in still(networks, val, drawn):
        scores = logits[..., 0] if raw and logits.shape[2] == 1 else probabilities(logits)
        wanted = soft_bias(scores, target, protected, measure)
        found = critic(features.flatten(1)[:, None], train=True)[:, 0, 0]
        learner.zero_grad(set_to_none=True)
        (found - wanted).square().sum().backward()
        learner.step()
