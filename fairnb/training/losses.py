"""Cross-entropy and accuracy of classifiers with one logit (two classes) or one per class."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData
from fairnb.nets import freezing, precision
from fairnb.training.batches import Batches


def mean_loss(logits: torch.Tensor, target: torch.Tensor, classes: int, smoothing: float = 0.0) -> torch.Tensor:
    """Mean cross-entropy of logits ``(N, 1)`` (binary) or ``(N, C)``; ``classes`` is 1 + the largest label.

    Args:
        smoothing: the share of each label that is spread evenly over all classes.
    """
    if classes > max(2, logits.shape[1]):
        raise BadData(f"label {classes - 1} has no logit, the model has {logits.shape[1]}: build it with more classes")
    if logits.shape[1] == 1:
        wanted = target.float() * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(logits.float()[:, 0], wanted)
    return functional.cross_entropy(logits.float(), target, label_smoothing=smoothing)


@torch.inference_mode()
def accuracy(model: nn.Module, batches: Batches, amp: bool = True) -> float:
    """Share of right predictions in 0..1 (threshold 0.5 for one logit), in evaluation mode."""
    right = torch.zeros((), dtype=torch.int64, device=batches.target.device)
    with freezing.modes(model, training=False):
        for x, target in batches.in_order():
            with precision.mixed(x.device, amp):
                logits = model(x)
            predicted = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
            right += (predicted == target).sum()
    return right.item() / len(batches.target)
