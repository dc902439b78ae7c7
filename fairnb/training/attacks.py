"""Adversarial attacks on whole batches: FGSM and PGD in the l-infinity ball, for many magnitudes at once.

Images are float32 in [0, 1] and so are magnitudes (0.01 is 2.55 of 255 gray levels); a model normalises inside (see
``models.ImageClassifier``). Everything runs in float32: bfloat16 would round a step of 0.001 away. No attack touches a
parameter or its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData, UnknownName

Loss = Callable[[torch.Tensor], torch.Tensor]  # images (N, ...) -> loss of each (N,), to be made larger
ATTACKS = ("fgsm", "pgd")
STEPS, STEP = 10, 0.25


def fgsm(loss: Loss, x: torch.Tensor, epsilons: Sequence[float]) -> torch.Tensor:
    """One step of each magnitude along the sign of the gradient [Goodfellow 2015]: clip(x + epsilon sign(grad)).

    One gradient serves all magnitudes.

    Args:
        loss: per image, ascended. x: ``(N, ...)`` in [0, 1]. epsilons: ``E`` magnitudes in [0, 1].

    Returns:
        attacked images ``(E, N, ...)``; a magnitude of 0 gives ``x``.

    Raises:
        BadData: a magnitude outside [0, 1], or none.
    """
    check_epsilons(epsilons)
    sign = _gradient(loss, x).sign()
    return torch.stack([(x + epsilon * sign).clamp_(0, 1) for epsilon in epsilons])


def pgd(loss: Loss, x: torch.Tensor, epsilons: Sequence[float], steps: int = STEPS, step: float = STEP) -> torch.Tensor:
    """``steps`` signed gradient steps, each projected on the ball and on [0, 1] [Madry 2018]; no random start.

    Args:
        loss, x, epsilons: as ``fgsm``; all magnitudes go through the model as one batch of ``E N`` images, in which
            image ``n`` of magnitude ``e`` has the index ``e N + n`` (``protected_loss`` repeats its labels so).
        step: length of a step as a share of the magnitude, above 0.

    Returns:
        attacked images ``(E, N, ...)``.

    Raises:
        BadData: as ``fgsm``, or ``steps`` below 1, or ``step`` not above 0.
    """
    check_epsilons(epsilons)
    if steps < 1 or not step > 0:
        raise BadData(f"PGD needs 1 step or more and a step length above 0, got {steps} and {step}")
    radius = x.new_tensor(list(epsilons)).repeat_interleave(len(x)).view(-1, *[1] * (x.dim() - 1))
    start = x.repeat(len(epsilons), *[1] * (x.dim() - 1))
    low, high = (start - radius).clamp_(min=0), (start + radius).clamp_(max=1)
    moved = start
    for _ in range(steps):
        moved = torch.clamp(moved + step * radius * _gradient(loss, moved).sign(), low, high)
    return moved.view(len(epsilons), *x.shape)


def random_signs(x: torch.Tensor, epsilons: Sequence[float], generator: torch.Generator) -> torch.Tensor:
    """No attack: as large as one, in a random direction, clip(x + epsilon s) with every s of -1 and 1 equally likely.

    Args:
        x, epsilons: as ``fgsm``; all magnitudes have the same signs. generator: on the CPU.

    Returns:
        images ``(E, N, ...)``.
    """
    check_epsilons(epsilons)
    sign = (2 * torch.randint(2, x.shape, generator=generator) - 1).to(x)
    return torch.stack([(x + epsilon * sign).clamp_(0, 1) for epsilon in epsilons])


def attacked(name: str, loss: Loss, x: torch.Tensor, epsilons: Sequence[float], steps: int = STEPS) -> torch.Tensor:
    """``fgsm``, or ``pgd`` with so many ``steps``, by name; UnknownName for another."""
    if name not in ATTACKS:
        raise UnknownName("attack", name, ATTACKS)
    return fgsm(loss, x, epsilons) if name == "fgsm" else pgd(loss, x, epsilons, steps)


def protected_loss(model: nn.Module, labels: torch.Tensor) -> Loss:
    """Cross-entropy of ``model`` (one logit, or one per class) with the true ``labels`` ``(N,)``: untargeted attacks.

    The labels are repeated for a batch of several magnitudes. The model should be in evaluation mode.
    """

    def loss(x: torch.Tensor) -> torch.Tensor:
        return cross_entropy(model(x).float(), labels.repeat(len(x) // len(labels)))

    return loss


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy per sample ``(N,)`` of logits ``(N, 1)`` (two classes) or ``(N, C)``."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float(), reduction="none")
    return functional.cross_entropy(logits, labels, reduction="none")


def check_epsilons(epsilons: Sequence[float]) -> None:
    """Raise BadData unless there are magnitudes and all lie in [0, 1]."""
    outside = [epsilon for epsilon in epsilons if not 0 <= epsilon <= 1]
    if outside or not len(epsilons):
        found = f"got {outside[0]:g}" if outside else "got none"
        raise BadData(f"attack magnitudes are shares of the pixel range, from 0 to 1 (8/255 is 0.031), {found}")


def _gradient(loss: Loss, x: torch.Tensor) -> torch.Tensor:
    """Gradient of the summed loss in ``x``; parameters get none."""
    point = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(loss(point).sum(), point)
    return gradient
