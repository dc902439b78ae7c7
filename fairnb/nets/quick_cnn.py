"""A small convolutional network for 32 pixels, quick to train on a CPU, in the manner of airbench [Jordan 2024].

As there: a first layer of 2x2 pixels that whitens and does not learn, three groups of two convolutions, max-pooling,
batch norms without a scale, GELU, and an identity start. Not its code, and slimmer: 32, 96 and 96 channels at width 32
where airbench94 has 64, 256 and 256.
"""

from __future__ import annotations

import itertools

import torch
from torch import nn
from torch.nn import functional

from fairnb.errors import UnknownName

# Standard deviations of CIFAR-10's 2x2 patches (pixels in [-1, 1]) along ``_axes``: opponent colours times Haar's four
# patterns. Along these axes no two are correlated by more than 0.11, so that dividing by these numbers whitens.
SPREADS = (1.60, 0.315, 0.288, 0.118, 0.461, 0.0644, 0.0595, 0.0201, 0.210, 0.0336, 0.0320, 0.0119)
LEAST = 0.02  # no axis is divided by less: the finest colours are mostly the noise of compression
GROWTH = (1, 3, 3)  # channels of the groups, in widths
MOMENTUM = 0.4  # of the running statistics: a training has few steps
SCALE = 1 / 9  # of the features, as in airbench
STEM = "cifar"


class ShiftNorm(nn.BatchNorm2d):
    """Batch normalisation whose scale stays 1: a buffer, so that it is no parameter to train or to mask."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, momentum=MOMENTUM)
        del self.weight
        self.register_buffer("weight", torch.ones(channels))

    def reset_parameters(self) -> None:
        """As of every batch norm, without a scale to reset."""
        self.reset_running_stats()
        if self.bias is not None:
            nn.init.zeros_(self.bias)


class QuickCNN(nn.Module):
    """Logits ``(N, logits)`` of images ``(N, 3, 32, 32)``, standardised to [-1, 1].

    Args:
        width: channels of the first group; the others have three times as many, and so have the features.
        stem: ``cifar``, there is no other.

    Raises:
        UnknownName: another stem.
    """

    whiten: torch.Tensor

    def __init__(self, width: int, logits: int, stem: str = STEM) -> None:
        super().__init__()
        if stem != STEM:
            raise UnknownName("stem of this network", stem, [STEM])
        self.register_buffer("whiten", whitening())
        self.shift = nn.Parameter(torch.zeros(len(self.whiten)))
        channels = [len(self.whiten), *(width * times for times in GROWTH)]
        self.groups = nn.Sequential(*(_group(*pair) for pair in itertools.pairwise(channels)))
        self.fc = nn.Linear(channels[-1], logits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        x = functional.gelu(functional.conv2d(x, self.whiten, self.shift))
        return self.fc(self.groups(x).amax((2, 3)) * SCALE)


def whitening() -> torch.Tensor:
    """The first layer's filters ``(24, 3, 2, 2)``: the twelve axes over their spreads, and their negatives."""
    spreads = torch.tensor(SPREADS).clamp(min=LEAST)
    filters = _axes() / spreads[:, None, None, None]
    return torch.cat([filters, -filters])


def _axes() -> torch.Tensor:
    """An orthonormal basis of 2x2 patches in colour, ``(12, 3, 2, 2)``: opponent colours times Haar's patterns."""
    colours = torch.tensor([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]) / torch.tensor([[3.0], [2], [6]]).sqrt()
    haar = torch.tensor([[[1.0, 1], [1, 1]], [[1, 1], [-1, -1]], [[1, -1], [1, -1]], [[1, -1], [-1, 1]]]) / 2
    return (colours[:, None, :, None, None] * haar[None, :, None]).reshape(12, 3, 2, 2)


def _group(inside: int, outside: int) -> nn.Sequential:
    first, second = (nn.Conv2d(n, outside, 3, padding=1, bias=False) for n in (inside, outside))
    for layer in (first, second):
        nn.init.dirac_(layer.weight.data[: layer.in_channels])  # identity where there is a channel to copy
    parts = (first, nn.MaxPool2d(2), ShiftNorm(outside), nn.GELU(), second, ShiftNorm(outside), nn.GELU())
    return nn.Sequential(*parts)
