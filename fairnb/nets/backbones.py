"""The backbones of images by name: ResNet-18 and -50, DenseNet-121 and -169, of any width, and a small CNN."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import Bottleneck

from fairnb.errors import BadData, UnknownName
from fairnb.nets import models
from fairnb.nets.models import ImageClassifier, PerChannel
from fairnb.nets.quick_cnn import QuickCNN
from fairnb.nets.resnet import STANDARD_WIDTH, WideResNet, stem_convolution

OLD_KEY = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")


class WideDenseNet(DenseNet):
    """torchvision's DenseNet-BC with every layer's channels scaled by ``width / 64`` (same names and tensors).

    Args:
        blocks: how many layers each of the four dense blocks has.
    """

    def __init__(self, width: int, logits: int, stem: str = "imagenet", *, blocks: tuple[int, int, int, int]) -> None:
        if width % 2:
            raise BadData(f"a DenseNet of width {width} has no growth rate: give an even width, half of it is the rate")
        super().__init__(width // 2, blocks, width, num_classes=logits)
        if stem != "imagenet":
            self.features.conv0 = stem_convolution(width, stem)
            self.features.pool0 = nn.Identity()
            nn.init.kaiming_normal_(self.features.conv0.weight)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As every module's, but torchvision's ImageNet files still name layers ``norm.1`` that are now ``norm1``."""
        return super().load_state_dict({OLD_KEY.sub(r"\1\2", k): v for k, v in state_dict.items()}, strict, assign)


NETWORKS: Mapping[str, tuple[str, Callable[[int, int, str], nn.Module]]] = {
    "resnet18": ("ResNet-18", WideResNet),
    "resnet50": ("ResNet-50", partial(WideResNet, block=Bottleneck, blocks=(3, 4, 6, 3))),
    "densenet121": ("DenseNet-121", partial(WideDenseNet, blocks=(6, 12, 24, 16))),
    "densenet169": ("DenseNet-169", partial(WideDenseNet, blocks=(6, 12, 32, 32))),
    "quick_cnn": ("small CNN", QuickCNN),
}


def title_of(name: str) -> str:
    """The backbone ``name`` as papers write it (``ResNet-50``); UnknownName where there is none such."""
    if name not in NETWORKS:
        raise UnknownName("backbone", name, NETWORKS)
    return NETWORKS[name][0]


def build(
    name: str,
    width: int = STANDARD_WIDTH,
    classes: int = 2,
    weights: str | Path | None = None,
    seed: int = 0,
    *,
    stem: str = "imagenet",
    mean: PerChannel = 0.5,
    std: PerChannel = 0.5,
) -> ImageClassifier:
    """The network ``name`` of ``NETWORKS`` [He 2016; Huang 2017], every channel count scaled by ``width / 64``.

    Two classes share ONE logit, more have one each. ``resnet18`` is ``models.resnet18`` to the last bit.

    Args:
        width: channels of the first layer; a DenseNet's growth rate is half of it (so it must be even).
        weights: ``None`` (fresh), ``"toy_all"`` (shipped, width 8, pretrained on all attributes of toy faces),
            ``"toy"`` or ``"toy_some"`` (ResNet-18 alone, see ``models.toy_backbone``), or a ``.safetensors`` / ``.pth``
            file of torchvision's network (the head is left out).
        seed, stem, mean, std: as in ``models.resnet18``.

    Raises:
        UnknownName: no such network or stem. MissingData: the weights file is not there. BadData: it does not fit.
    """
    title, network = title_of(name), NETWORKS[name][1]
    with models.seeded(seed):
        net = network(width, models.logits_of(classes), stem)
    if weights is not None:
        models.load_backbone(net, models.weights_file(weights, width, name), title)
    return ImageClassifier(net, mean, std)
