"""Images resized on the device, so that a network sees more or fewer pixels than memory keeps."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from fairnb.errors import BadData

PAD = 8  # black pixels around an image of which a random window is taken
Pixels = int | tuple[int, int] | None


def resized(x: torch.Tensor, pixels: Pixels, generator: torch.Generator | None = None) -> torch.Tensor:
    """Images ``(B, 3, H, W)`` bilinearly resized to ``(B, 3, pixels, pixels)``; as they are for None.

    Args:
        pixels: a pair is the side of the resized image and that of a window of it, which is returned: FineFACE's 460
            and 448, torchvision's ``Resize``, then ``CenterCrop``, or with a ``generator`` ``RandomCrop`` with padding.
        generator: draws a window for each image, also beyond the edges by up to ``PAD`` pixels, which are black. None:
            the middle.

    Raises:
        BadData: the window is larger than the image that it is cut out of.
    """
    side, window = (pixels, None) if pixels is None or isinstance(pixels, int) else pixels
    if side is not None and x.shape[2:] != (side, side):
        smaller = side < max(x.shape[2:])  # enlarged, both ways are one, and the plain one is faster
        x = functional.interpolate(x, (side, side), mode="bilinear", align_corners=False, antialias=smaller)
    return x if window is None else _window(x, window, generator)


def _window(x: torch.Tensor, window: int, generator: torch.Generator | None) -> torch.Tensor:
    """A part of ``window`` pixels a side of each image."""
    room = x.shape[3] - window
    if room < 0:
        raise BadData(
            f"a window of {window} pixels does not fit in images resized to {x.shape[3]}: lower the second number"
        )
    if generator is None:
        first = room // 2
        return x[:, :, first : first + window, first : first + window]
    starts = torch.randint(room + 2 * PAD + 1, (2, len(x)), generator=generator, device=generator.device).to(x.device)
    rows, columns = starts[:, :, None] + torch.arange(window, device=x.device)
    padded = functional.pad(x, (PAD,) * 4)
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return padded[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


class Resize(nn.Module):
    """A layer that does the same, without a generator."""

    def __init__(self, pixels: Pixels) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``(N, 3, H, W)`` to ``(N, 3, pixels, pixels)``, of a pair the window."""
        return resized(x, self.pixels)
