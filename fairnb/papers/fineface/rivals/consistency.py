"""Consistency regularisation [Krishnan & Rattani 2023]: a strongly changed image must get the plain one's prediction.

Its exact operations and constants were not found; what is chosen here is marked [R].
"""

from __future__ import annotations

from typing import Any, Unpack

import torch
from torch.nn import functional
from torchvision.transforms.v2 import functional as operations

from fairnb.contract import Predictor, Task
from fairnb.errors import BadData
from fairnb.nets.models import probabilities
from fairnb.papers.fineface.rivals import cells
from fairnb.papers.fineface.rivals.cells import Training
from fairnb.training import augment
from fairnb.training.losses import mean_loss
from fairnb.training.methods import method

CROP_SCALE = (0.6, 1.0)  # [R] mild enough to leave a face in the image


@method(version="2", source="FineFACE Table 5")
def consistency(
    task: Task, *, seed: int, penalty_weight: float = 1.0, colour: float = 0.4, **options: Unpack[Training]
) -> Predictor:
    """Cross-entropy of the usual (weak) view + ``penalty_weight`` times KL(weak || strong), the weak side fixed.

    Both views go through the network as one batch. Reads no protected labels.

    Args:
        penalty_weight: λ, 0 or more [R: 1]. colour: of ``strong``'s ``colour_jitter``, in [0, 1) [R].

    Raises:
        BadData: ``penalty_weight`` or ``colour`` out of range.
    """
    cells.require_weight("penalty_weight", penalty_weight)
    if not 0 <= colour < 1:
        raise BadData(f"colour must be in [0, 1), got {colour}: factors of brightness are drawn from 1 ± colour")
    model: Any = task.backbone(seed)
    classes, generator = int(task.train.target.max()) + 1, torch.Generator().manual_seed(seed)

    def loss(x: torch.Tensor, target: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        weak, changed = model(torch.cat([x, strong(x, generator, colour)])).chunk(2)
        return mean_loss(weak, target, classes) + penalty_weight * divergence(weak, changed)

    found = cells.train(task, model, model.head, cells.schedule(task, seed, **options), loss)
    found.notes |= {"penalty_weight": penalty_weight}
    return found


def strong(x: torch.Tensor, generator: torch.Generator, colour: float = 0.4) -> torch.Tensor:
    """Another view of each image ``(N, 3, H, W)`` in [0, 1]: cropped, mirrored or not, in other colours."""
    cropped = augment.random_resized_crop(x, generator, scale=CROP_SCALE, flip=0.5)
    return colour_jitter(cropped, generator, colour).contiguous(memory_format=torch.channels_last)


def colour_jitter(x: torch.Tensor, generator: torch.Generator, strength: float) -> torch.Tensor:
    """Brightness, contrast and saturation, each times its own factor in 1 ± ``strength``, drawn for each image.

    In this order; torchvision's ``ColorJitter`` has the same formulas, but one factor for a whole batch.
    """
    draws = torch.rand(3, len(x), 1, 1, 1, generator=generator, device=generator.device).to(x.device)
    brightness, contrast, saturation = 1 + strength * (2 * draws - 1)
    x = (x * brightness).clamp(0, 1)
    mean = operations.rgb_to_grayscale(x).mean((1, 2, 3), keepdim=True)
    x = torch.lerp(mean, x, contrast).clamp(0, 1)
    return torch.lerp(operations.rgb_to_grayscale(x), x, saturation).clamp(0, 1)


def divergence(weak: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """Mean KL(p_weak || p_changed) of logits ``(N, C)``, or ``(N, 1)`` for two classes; ``weak`` gets no gradient."""
    fixed = probabilities(weak.detach())
    logs = [functional.logsigmoid(-changed), functional.logsigmoid(changed)]
    log_changed = torch.cat(logs, 1) if changed.shape[1] == 1 else changed.log_softmax(1)
    return functional.kl_div(log_changed, fixed, reduction="batchmean")
