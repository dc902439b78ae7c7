"""The auditor (compliance officer): images and protected labels; the head that predicts them never leaves it."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional

from fairnb.errors import BadData, UnknownName
from fairnb.nets.features import features
from fairnb.nets.models import probabilities
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.messages import AdapterMessage
from fairnb.papers.fairlora.protocol.party import Party
from fairnb.training.losses import mean_loss

Objective = Literal["adversarial", "uniform", "entropy"]


class Auditor(Party):
    """The party with (x, s)."""

    role = "auditor"
    actions = ("learn", "hide")

    def learn(self, step: int, received: None, *, steps: int, **recipe: Any) -> bool:
        """Cross-entropy on the protected attribute: an adapter, which is sent, and a head, which stays."""
        self._note(step, "learn", {"loss": self._fit(0, steps, [*self._adapter(), *self._head()], None, **recipe)})
        return True

    def hide(
        self,
        step: int,
        received: AdapterMessage,
        *,
        steps: int,
        objective: Objective,
        lr: float,
        turn: int = 0,
        **recipe: Any,
    ) -> bool:
        """Change the developer's adapter so that a freshly fitted head finds the protected attribute worse.

        The head is a logistic regression on the features, fitted to convergence and then frozen; ``steps`` optimiser
        steps follow on the adapter alone.

        Raises:
            UnknownName: no such objective. BadData: a negative ``lr``.
        """
        if objective not in OBJECTIVES:
            raise UnknownName("objective of the auditor", objective, OBJECTIVES)
        if not lr > 0:
            raise BadData(f"the auditor's steps need an lr above 0, got {lr:g}: leave it out (lora_erm) instead")
        lora.load(self.model, self._read(received))
        before = self._fit_head()
        lost = self._fit(turn, steps, self._adapter(), OBJECTIVES[objective], lr=lr, **recipe)
        self._note(step, "hide", {"loss": lost, "head_accuracy": before})
        return True

    def _fit_head(self) -> float:
        """The best linear head for the protected attribute on the current features; its accuracy on the own data."""
        x, head = features(self.model, self.data)[0].cpu().numpy(), cast(Any, self.model).head
        found = LogisticRegression(max_iter=1000).fit(x, self.data.target)
        with torch.no_grad():
            head.weight.copy_(torch.as_tensor(found.coef_))
            head.bias.copy_(torch.as_tensor(np.broadcast_to(found.intercept_, len(head.bias)).copy()))
        return round(float(found.score(x, self.data.target)), 6)


def _adversarial(logits: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Minus the cross-entropy: the head shall err."""
    return -mean_loss(logits, target, max(2, logits.shape[1]))


def _uniform(logits: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """KL(uniform | p): the head shall not know."""
    p = probabilities(logits.float())
    return functional.kl_div(p.clamp_min(1e-8).log(), torch.full_like(p, 1 / p.shape[1]), reduction="batchmean")


def _entropy(logits: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
    """Minus the entropy of the head's prediction."""
    p = probabilities(logits.float()).clamp_min(1e-8)
    return (p * p.log()).sum(1).mean()


OBJECTIVES = {"adversarial": _adversarial, "uniform": _uniform, "entropy": _entropy}
