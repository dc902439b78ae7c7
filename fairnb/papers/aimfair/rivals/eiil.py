"""EIIL, environment inference for invariant learning [Creager 2021]: find the groups, then ask for invariance."""

from __future__ import annotations

from typing import Literal, Unpack

import torch

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.nets import freezing
from fairnb.training import comparators as common
from fairnb.training.fine_tuning import PreTraining
from fairnb.training.loop import Loss
from fairnb.training.methods import method

INFERENCE_LR = 1e-3
GROUP_STEP = 0.01  # of GroupDRO's weights, as in its authors' code


@method(version="1", source="AIM-Fair Table 1")
def eiil(
    task: Task,
    *,
    seed: int,
    reference_epochs: int = 1,
    inference_steps: int = 10_000,
    invariance: Literal["groupdro", "irmv1"] = "groupdro",
    penalty_weight: float = 10.0,
    anneal: float = 0.4,
    **options: Unpack[PreTraining],
) -> Predictor:
    """Two environments on which an early-stopped ERM model is least invariant, then GroupDRO or IRMv1 on them.

    Args:
        reference_epochs: of that ERM model.
        inference_steps: of Adam on the soft assignments.
        invariance: what is asked for on the environments. The paper has both: GroupDRO [Sagawa 2020] on real data, and
            IRMv1 on Colored MNIST; with few samples of an environment in a batch, IRMv1 hardly leaves the constant
            predictor, which is invariant too.
        penalty_weight: of IRMv1's penalty after ``anneal``; the usual grid is 10, 100, 1e3, 1e4.
        anneal: the share of the training before, with weight 1 (IRM's code on Colored MNIST: 190 of 501 steps).

    Raises:
        BadData: a value out of range, or an environment is empty.
    """
    if penalty_weight < 0 or not 0 <= anneal < 1:
        raise BadData(
            f"EIIL needs a penalty_weight of 0 or more and anneal in [0, 1), got {penalty_weight} and {anneal}"
        )
    model = common.reference(task, seed, reference_epochs, **options)
    logits, target = common.outputs(model, task.train), common.targets(task.train)
    environments = infer_environments(logits, target, seed, inference_steps)
    numbers = common.schedule(task, **options)
    steps = numbers["epochs"] * max(1, len(target) // numbers["batch_size"])
    loss: Loss = WorstEnvironment(environments)
    if invariance == "irmv1":
        loss = InvariantRisk(environments, penalty_weight, round(anneal * steps))
    predictor = common.train(task, seed, loss=loss, **options)
    sizes = environments.long().bincount(minlength=2).tolist()
    predictor.notes |= {"environment_sizes": sizes, "invariance": invariance, "penalty_weight": penalty_weight}
    return predictor


def infer_environments(logits: torch.Tensor, target: torch.Tensor, seed: int, steps: int = 10_000) -> torch.Tensor:
    """The environment of each sample, bool ``(N,)``, that makes IRMv1's penalty of the ``logits`` largest.

    Soft assignments q = sigmoid(w), w from N(0, 1), climb ``((mean q g)^2 + (mean (1 - q) g)^2) / 2`` with Adam, g
    being the samples' derivatives with respect to a common scale of the logits. These never change, so the gradient
    is written down and a step costs a few operations on ``(N,)``.

    Raises:
        BadData: ``steps`` is below 1 or one environment is empty.
    """
    if steps < 1:
        raise BadData(f"EIIL needs 1 inference step or more, got {steps}")
    slopes = common.scale_gradients(logits, target)
    with freezing.seeded(seed, slopes.device) as generator:
        scores = torch.randn(len(slopes), generator=generator).to(slopes.device)
    optimizer = torch.optim.Adam([scores], INFERENCE_LR, fused=True)
    for _ in range(steps):
        scores.grad = -assignment_gradient(scores, slopes)
        optimizer.step()
    environments = scores > 0
    for side, name in ((environments, "q > 0.5"), (~environments, "q <= 0.5")):
        if not side.any():
            raise BadData(
                f"EIIL's environment {name} is empty: take fewer inference_steps, or another number of reference_epochs"
            )
    return environments


def assignment_gradient(scores: torch.Tensor, slopes: torch.Tensor) -> torch.Tensor:
    """Gradient ``(N,)`` of EIIL's objective with respect to the assignments' ``scores`` w, for the ``slopes`` g."""
    soft = scores.sigmoid()
    difference = ((2 * soft - 1) * slopes).mean()
    return difference * slopes * soft * (1 - soft) / len(slopes)


class InvariantRisk:
    """IRMv1 [Arjovsky 2019] on batches: the environments' mean risk plus the weighted mean of their squared slopes.

    An environment without a sample in a batch does not count there. The weight is 1 for ``anneal_steps`` batches; above
    1 it divides the whole loss (both as in EIIL's code).
    """

    def __init__(self, environments: torch.Tensor, weight: float, anneal_steps: int) -> None:
        self.environments, self.weight, self.waiting = environments, weight, anneal_steps

    def __call__(self, logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Loss of a batch whose samples are ``rows`` of the training split."""
        weight = 1.0 if self.waiting > 0 else self.weight
        self.waiting -= 1
        risk, penalty = invariant_risk(logits, target, self.environments[rows])
        return (risk + weight * penalty) / max(1.0, weight)


class WorstEnvironment:
    """GroupDRO on batches: the environments' mean losses, weighted more and more towards the larger one."""

    def __init__(self, environments: torch.Tensor) -> None:
        self.environments = environments.long()
        self.weights = torch.full((2,), 0.5, device=environments.device)

    def __call__(self, logits: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Loss of a batch whose samples are ``rows`` of the training split; an absent environment counts as 0."""
        losses, sides = common.sample_losses(logits, target), self.environments[rows]
        means = torch.stack([losses[sides == side].sum() / (sides == side).sum().clamp(min=1) for side in (0, 1)])
        self.weights = (self.weights.log() + GROUP_STEP * means.detach()).softmax(0)
        return (self.weights * means).sum()


def invariant_risk(
    logits: torch.Tensor, target: torch.Tensor, environments: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean over the two ``environments`` (bool ``(N,)``) of the mean loss, and of its squared derivative by scale."""
    losses, slopes = common.sample_losses(logits, target), common.scale_gradients(logits, target)
    sides = [side for side in (environments, ~environments) if side.any()]
    risks = [losses[side].mean() for side in sides]
    penalties = [slopes[side].mean().square() for side in sides]
    return torch.stack(risks).mean(), torch.stack(penalties).mean()
