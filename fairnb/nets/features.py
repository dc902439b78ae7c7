"""What the last layer of a network sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from fairnb.contract import Split
from fairnb.nets import freezing
from fairnb.nets.models import device, to_pixels

PARTS = 250  # images a forward pass


@torch.no_grad()
def features(model: Any, split: Split, mirrored: bool = False) -> torch.Tensor:
    """What the head sees, float32 ``(1, N, D)``; ``mirrored`` adds that of the mirrored images: ``(2, N, D)``."""
    seen: list[torch.Tensor] = []
    hook = model.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with freezing.modes(model, training=False):
            for start in range(0, len(split), PARTS):
                x = to_pixels(np.asarray(split.x[start : start + PARTS]), device())
                for view in (x, x.flip(3)) if mirrored else (x,):
                    model(view)
    finally:
        hook.remove()
    views = 2 if mirrored else 1
    return torch.stack([torch.cat(seen[view::views]) for view in range(views)])
