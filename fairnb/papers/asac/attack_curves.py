"""The target's probability while the protected attribute is under attack (ASAC, Figs 4 and 5), and its slope."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from fairnb.contract import Split
from fairnb.errors import BadData, UnknownName
from fairnb.nets import freezing
from fairnb.nets.models import probabilities, to_pixels
from fairnb.training import attacks

UNIT = 0.01  # slopes are per so much of epsilon
EPSILONS = tuple(round(0.005 * i, 3) for i in range(11))


def perturbed(
    classifier: nn.Module, split: Split, epsilons: Sequence[float] = EPSILONS, *, attack: str = "fgsm", batch: int = 64
) -> np.ndarray:
    """Images whose protected attribute ``classifier`` gets wrong more and more, float32 in [0, 1] ``(E, N, 3, H, W)``.

    Args:
        classifier: predicts the protected attribute (C in the paper); in eval mode here. split: images with labels.
        epsilons: largest change of a channel, in [0, 1]; 0 leaves the images as they are. attack: ``fgsm`` or ``pgd``.

    Raises:
        UnknownName: no such attack.
    """
    if attack not in attacks.ATTACKS:
        raise UnknownName("attack", attack, attacks.ATTACKS)
    where = next(classifier.parameters()).device
    moved = []
    with freezing.modes(classifier, training=False):
        for start in range(0, len(split), batch):
            labels = torch.as_tensor(split.protected[start : start + batch]).to(where)
            x = to_pixels(np.ascontiguousarray(split.x[start : start + batch]), where)
            loss = attacks.protected_loss(classifier, labels)
            moved.append(attacks.attacked(attack, loss, x, epsilons).cpu().numpy())
    return np.concatenate(moved, 1)


def noisy(split: Split, epsilons: Sequence[float] = EPSILONS, seed: int = 0) -> np.ndarray:
    """The images with a random sign times epsilon added to every channel: what an attack of that size does by chance.

    Returns:
        as ``perturbed``.
    """
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], np.float32), split.x.shape)
    x = split.x.astype(np.float32) / 255
    return np.stack([(x + np.float32(epsilon) * signs).clip(0, 1) for epsilon in epsilons])


@torch.inference_mode()
def probability(model: nn.Module, x: np.ndarray, batch: int = 256) -> np.ndarray:
    """p(y=1) in float32 ``(N, E)`` of float images in [0, 1] ``(E, N, 3, H, W)``, as from ``perturbed``."""
    where, flat = next(model.parameters()).device, x.reshape(-1, *x.shape[2:])
    with freezing.modes(model, training=False):
        found = [
            probabilities(model(to_pixels(flat[start : start + batch], where)).float())[:, 1].cpu()
            for start in range(0, len(flat), batch)
        ]
    return torch.cat(found).numpy().reshape(x.shape[:2]).T


def change(curves: np.ndarray, epsilons: Sequence[float] = EPSILONS) -> np.ndarray:
    """|p(x'_epsilon) - p(x)|, ``(N, E)``, of probabilities ``(N, E)``; one of the ``epsilons`` must be 0."""
    if 0 not in epsilons or len(epsilons) != curves.shape[1]:
        raise BadData(f"curves {curves.shape} need as many epsilons, one of them 0, not {list(epsilons)}")
    return np.abs(curves - curves[:, [list(epsilons).index(0)]])


def slope(curves: np.ndarray, epsilons: Sequence[float] = EPSILONS) -> float:
    """Slope of the mean over images of ``change`` against epsilon: least squares through the origin, per 0.01.

    This is the number that claim S8 compares: 0.05 means that an attack of 0.01 moves p(y=1) by 5 points.
    """
    at, mean = np.asarray(epsilons, float), change(curves, epsilons).mean(0, dtype=np.float64)
    if not at.any():
        raise BadData(f"a slope needs an epsilon above 0, got {list(epsilons)}")
    return float(UNIT * (at @ mean) / (at @ at))
