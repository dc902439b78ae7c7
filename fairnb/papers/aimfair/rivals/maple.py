"""MAPLE [Zhou 2022]: a small part of the training set, learned so that training on it generalises out of distribution.

The paper solves a bilevel problem over whole networks (30 outer steps of 150 inner epochs). As a stand-in the bilevel
search here trains a linear head on the frozen features of an early-stopped ERM network; the network itself is then
trained once, on the samples that the search keeps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Unpack

import numpy as np
import torch
from torch.nn import functional

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData, UnknownName
from fairnb.nets import freezing
from fairnb.papers.aimfair.rivals.eiil import infer_environments, invariant_risk
from fairnb.training import comparators as common
from fairnb.training.fine_tuning import PreTraining
from fairnb.training.methods import method

STAND_IN = "bilevel search with a linear head on frozen features of an early-stopped ERM network; environments by EIIL"
OUTER_LR, CLIP_NORM = 1.5, 3.0
RISKS = ("irmv1", "vrex")
SQUEEZE = 1e-6  # keeps the logits of probabilities 0 and 1 finite
BISECTIONS = 60


@method(version="1", source="AIM-Fair Table 1")
def maple(
    task: Task,
    *,
    seed: int,
    kept: int | None = None,
    risk: Literal["irmv1", "vrex"] = "irmv1",
    penalty_weight: float = 10.0,
    outer_steps: int = 30,
    inner_steps: int = 150,
    draws: int = 2,
    reference_epochs: int = 1,
    inference_steps: int = 10_000,
    **options: Unpack[PreTraining],
) -> Predictor:
    """ERM on the ``kept`` samples that a bilevel search finds; a stand-in for MAPLE, see the module.

    Its epochs have as many samples as ERM's, so the kept ones repeat.

    Args:
        kept: K; ``None``: 30 % of the training samples, as the authors' 15,000 of 50,000.
        risk: IRMv1 or V-REx [Krueger 2021] over the two environments that EIIL infers.
        penalty_weight: of its penalty.
        outer_steps, inner_steps: of the search. draws: masks that an outer step averages over.
        reference_epochs, inference_steps: as in ``eiil``.

    Raises:
        BadData: a value out of range, or an environment is empty.
    """
    count = len(task.train)
    kept = max(1, round(0.3 * count)) if kept is None else kept
    if not 1 <= kept <= count:
        raise BadData(f"MAPLE keeps 1 to {count} samples (all of the training set), got kept={kept}")
    if min(outer_steps, inner_steps, draws) < 1:
        raise BadData(f"MAPLE needs steps and draws of 1 or more, got {outer_steps}, {inner_steps} and {draws}")
    model = common.reference(task, seed, reference_epochs, **options)
    target = common.targets(task.train)
    environments = infer_environments(common.outputs(model, task.train), target, seed, inference_steps)
    search = Search(standardised(common.features(model, task.train)), target, environments, risk, penalty_weight)
    scores = search.keep_probabilities(kept, outer_steps, inner_steps, draws, seed)
    rows = most_probable(scores, kept, seed)
    repeats = np.tile(rows, math.ceil(count / kept))
    predictor = common.train(task, seed, rows=repeats, epoch_samples=count, **options)
    predictor.notes |= {"stand_in": STAND_IN, "kept": kept, "risk": risk, "penalty_weight": penalty_weight}
    predictor.notes["environment_sizes"] = environments.long().bincount(minlength=2).tolist()
    predictor.notes["kept_of_environments"] = environments[rows].long().bincount(minlength=2).tolist()
    return predictor


@dataclass(frozen=True)
class Search:
    """The bilevel problem: which samples to train a linear head on so that its risk over environments is small.

    Attributes:
        features: float32 ``(N, F)``. target: int64 ``(N,)``. environments: bool ``(N,)``.
        risk: ``irmv1`` or ``vrex``. penalty_weight: of its penalty.

    Raises:
        UnknownName: no such risk.
    """

    features: torch.Tensor
    target: torch.Tensor
    environments: torch.Tensor
    risk: str = "irmv1"
    penalty_weight: float = 10.0

    def __post_init__(self) -> None:
        if self.risk not in RISKS:
            raise UnknownName("risk", self.risk, RISKS)

    def keep_probabilities(self, kept: int, outer_steps: int, inner_steps: int, draws: int, seed: int) -> torch.Tensor:
        """Probabilities ``(N,)`` in [0, 1] with a sum of at most ``kept``: Adam, clipped, projected [MAPLE's code]."""
        scores = torch.full_like(self.target, kept / len(self.target), dtype=torch.float32).requires_grad_()
        optimizer = torch.optim.Adam([scores], OUTER_LR)
        step = self.step_size()
        with freezing.seeded(seed, scores.device) as generator:
            for done in range(outer_steps):
                sharpness = 1 / (0.97 * (1 - done / outer_steps) + 0.03)
                optimizer.zero_grad()
                for _ in range(draws):
                    mask = gumbel_mask(scores, sharpness, generator)
                    head = self.trained(mask.detach(), inner_steps - 1, step)
                    (self.outer(self.stepped(head, mask, step)) / draws).backward()
                torch.nn.utils.clip_grad_norm_([scores], CLIP_NORM)
                optimizer.step()
                with torch.no_grad():
                    scores.copy_(project(scores, kept))
        return scores.detach()

    def step_size(self) -> float:
        """A step of gradient descent on the head's mean loss that cannot overshoot by much on any part of the data."""
        curvature = torch.linalg.eigvalsh(self.features.T @ self.features / len(self.features))[-1].item()
        return 2 / max(curvature, 1e-12)

    def trained(self, mask: torch.Tensor, steps: int, step: float) -> torch.Tensor:
        """The head ``(F, logits)`` after ``steps`` of gradient descent from zero on the samples of ``mask``."""
        inside = mask > 0
        part = Search(self.features[inside], self.target[inside], self.environments[inside])
        logits = 1 if int(self.target.max()) < 2 else int(self.target.max()) + 1
        head = self.features.new_zeros(self.features.shape[1], logits)
        for _ in range(steps):
            head = part.stepped(head, mask[inside], step)
        return head

    def stepped(self, head: torch.Tensor, mask: torch.Tensor, step: float) -> torch.Tensor:
        """``head`` after one more step, differentiable in ``mask`` ``(N,)``: what the hypergradient goes through."""
        logits = self.features @ head
        if logits.shape[1] == 1:
            residuals = logits.sigmoid() - self.target[:, None]
        else:
            residuals = logits.softmax(1) - functional.one_hot(self.target, logits.shape[1])
        return head - step * self.features.T @ (mask[:, None] * residuals) / mask.detach().sum().clamp(min=1)

    def outer(self, head: torch.Tensor) -> torch.Tensor:
        """The risk over environments of ``head``, on all samples."""
        logits = self.features @ head
        risk, penalty = invariant_risk(logits, self.target, self.environments)
        if self.risk == "vrex":
            losses = common.sample_losses(logits, self.target)
            penalty = (losses[self.environments].mean() - losses[~self.environments].mean()).square() / 4
        return risk + self.penalty_weight * penalty


def gumbel_mask(scores: torch.Tensor, sharpness: float, generator: torch.Generator) -> torch.Tensor:
    """A mask of zeros and ones ``(N,)``, one with probability ``scores``; its gradient is that of a soft mask.

    Gumbel-sigmoid: the soft mask is the sigmoid of (logit of ``scores`` + logistic noise) times ``sharpness``.
    """
    uniform = torch.rand(len(scores), generator=generator).clamp(SQUEEZE, 1 - SQUEEZE).to(scores.device)
    inside = SQUEEZE + (1 - 2 * SQUEEZE) * scores
    soft = ((inside.logit() + uniform.logit()) * sharpness).sigmoid()
    return (soft - soft.detach()) + (soft >= 0.5)


def project(scores: torch.Tensor, budget: float) -> torch.Tensor:
    """The nearest point with entries in [0, 1] and a sum of at most ``budget`` (bisection on a common shift)."""
    low, high = 0.0, max(0.0, scores.max().item())
    if scores.clamp(0, 1).sum().item() <= budget:
        return scores.clamp(0, 1)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        inside = (scores - middle).clamp(0, 1).sum().item() <= budget
        low, high = (low, middle) if inside else (middle, high)
    return (scores - high).clamp(0, 1)


def most_probable(scores: torch.Tensor, count: int, seed: int) -> np.ndarray:
    """Indexes of the ``count`` largest ``scores``, in ascending order; equal ones are drawn at random."""
    ties = np.random.default_rng(seed).random(len(scores))
    return np.sort(np.lexsort((ties, -scores.cpu().numpy()))[:count])


def standardised(features: torch.Tensor) -> torch.Tensor:
    """``features`` with mean 0 and deviation 1 each, and a column of ones for the bias."""
    centred = features - features.mean(0)
    scaled = centred / centred.std(0).clamp(min=1e-6)
    return torch.cat([scaled, torch.ones_like(scaled[:, :1])], 1)
