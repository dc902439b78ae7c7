"""ResNets of any width: torchvision's, with other channel counts and first layers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from fairnb.errors import UnknownName

STANDARD_WIDTH = 64
STEMS = {"imagenet": (7, 2), "cifar": (3, 1), "cifar_stride2": (3, 2)}  # kernel size and stride


def stem_convolution(width: int, stem: str) -> nn.Conv2d:
    """The first convolution (3 to ``width`` channels) of one of ``STEMS``; UnknownName for another."""
    if stem not in STEMS:
        raise UnknownName("stem", stem, STEMS)
    kernel, stride = STEMS[stem]
    return nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False)


class WideResNet(ResNet):
    """torchvision's ResNet with every layer's channels scaled by ``width / 64`` (same names and tensors).

    Args:
        block, blocks: torchvision's block and how many of them each stage has (default: those of ResNet-18).
    """

    def __init__(
        self,
        width: int,
        logits: int,
        stem: str = "imagenet",
        block: type[BasicBlock | Bottleneck] = BasicBlock,
        blocks: Sequence[int] = (2, 2, 2, 2),
    ) -> None:
        self._width = width
        super().__init__(block, list(blocks), num_classes=logits)
        self.conv1 = stem_convolution(width, stem)
        if stem != "imagenet":
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(width)
        self.fc = nn.Linear(8 * width * block.expansion, logits)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")

    def _make_layer(self, block, planes: int, blocks: int, stride: int = 1, dilate: bool = False) -> nn.Sequential:
        if planes == STANDARD_WIDTH:  # the first stage: the stem has just set inplanes to 64
            self.inplanes = self._width
        return super()._make_layer(block, planes * self._width // STANDARD_WIDTH, blocks, stride, dilate)
