"""Images resized on the device, so that a network sees more or fewer pixels than memory keeps."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def resized(x: torch.Tensor, pixels: int | None) -> torch.Tensor:
    """Images ``(B, 3, H, W)`` bilinearly resized to ``(B, 3, pixels, pixels)``; as they are for None."""
    if pixels is None or x.shape[2:] == (pixels, pixels):
        return x
    smaller = pixels < max(x.shape[2:])  # enlarged, both ways are one, and the plain one is faster
    return functional.interpolate(x, (pixels, pixels), mode="bilinear", align_corners=False, antialias=smaller)


class Resize(nn.Module):
    """A layer that does the same."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` to ``(N, 3, pixels, pixels)``."""
        return resized(x, self.pixels)
