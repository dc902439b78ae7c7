"""Networks and their Predictor: ResNet-18 of any width, with the normalisation inside the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from fairnb.errors import BadData, MissingData, UnknownName

ASSETS = Path(__file__).parent / "assets"
STANDARD_WIDTH = 64
PerChannel = float | Sequence[float]
STEMS = ("imagenet", "cifar", "cifar_stride2")


def toy_backbone(width: int) -> Path:
    """The shipped weights of that width (8 for the middle 48 of 64 pixels, 16 for all); scripts/ has what made them."""
    return ASSETS / f"toy_backbone_w{width}.safetensors"


class _WideResNet(ResNet):
    """torchvision's ResNet with every layer's channels scaled by ``width / 64`` (same names and tensors)."""

    def __init__(self, width: int, logits: int, stem: str = "imagenet") -> None:
        self._width = width
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=logits)
        kernel, stride = {"imagenet": (7, 2), "cifar": (3, 1), "cifar_stride2": (3, 2)}[stem]
        self.conv1 = nn.Conv2d(3, width, kernel, stride, kernel // 2, bias=False)
        if stem != "imagenet":
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(width)
        self.fc = nn.Linear(8 * width, logits)
        nn.init.kaiming_normal_(self.conv1.weight, mode="fan_out", nonlinearity="relu")

    def _make_layer(self, block, planes: int, blocks: int, stride: int = 1, dilate: bool = False) -> nn.Sequential:
        if planes == STANDARD_WIDTH:  # the first stage: the stem has just set inplanes to 64
            self.inplanes = self._width
        return super()._make_layer(block, planes * self._width // STANDARD_WIDTH, blocks, stride, dilate)


class ImageClassifier(nn.Module):
    """A network on images in [0, 1]: the normalisation is its first layer, so attacks and crops work on pixels.

    Args:
        net: maps normalised images ``(N, 3, H, W)`` to logits ``(N, logits)``.
        mean, std: mean and standard deviation, one for all channels or one each (AIM-Fair's code: 0.5 and 0.5).
    """

    mean: float | torch.Tensor
    std: float | torch.Tensor

    def __init__(self, net: nn.Module, mean: PerChannel = 0.5, std: PerChannel = 0.5) -> None:
        super().__init__()
        self.net = net
        for name, value in (("mean", mean), ("std", std)):
            if isinstance(value, int | float):
                setattr(self, name, value)
            else:  # in no state dict: the shipped weights have none
                self.register_buffer(name, torch.tensor(value)[:, None, None], persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits ``(N, logits)`` of images ``x`` in [0, 1]."""
        return self.net((x - self.mean) / self.std)

    @property
    def head(self) -> nn.Linear:
        """The last linear layer, whatever the network calls it (``fc``, ``classifier``); can be set.

        Raises:
            BadData: the network has no linear layer.
        """
        return cast(nn.Linear, self.net.get_submodule(head_name(self.net)))

    @head.setter
    def head(self, layer: nn.Linear) -> None:
        """Put ``layer`` in its place, under the same name."""
        self.net.set_submodule(head_name(self.net), layer)

    def __setattr__(self, name: str, value: Any) -> None:
        # nn.Module would register a layer called "head" beside the network and never ask the property.
        if name == "head":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)


def head_name(net: nn.Module) -> str:
    """The name of the last linear layer in ``net`` (dotted where it lies deeper); BadData where there is none."""
    linear = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise BadData(f"a {type(net).__name__} without a linear layer has no head: end the network in an nn.Linear")
    return linear[-1]


def resnet18(
    width: int = STANDARD_WIDTH,
    classes: int = 2,
    weights: str | Path | None = None,
    seed: int = 0,
    *,
    stem: str = "imagenet",
    mean: PerChannel = 0.5,
    std: PerChannel = 0.5,
) -> ImageClassifier:
    """ResNet-18 [He 2016] with base ``width`` channels: 62 parameter tensors at any width.

    Two classes share ONE logit, as in AIM-Fair's released code; more classes have one each.

    Args:
        weights: ``None`` (fresh), ``"toy"`` (widths 8 and 16, shipped with fairnb, pretrained on toy faces without
            ``Smiling``), or a ``.safetensors`` / ``.pth`` file of a torchvision ResNet-18 (the head is left out).
        seed: for the fresh weights and the new head.
        stem: ``imagenet`` (7x7, stride 2, max-pool), ``cifar`` for 32 pixels (3x3, stride 1, no max-pool, as Wang et
            al. 2020 have it), or ``cifar_stride2`` (the same at half the resolution: a quarter of the work).
        mean, std: see ``ImageClassifier``.

    Raises:
        UnknownName: no such stem. MissingData: the weights file is not there. BadData: its shapes do not fit.
    """
    if stem not in STEMS:
        raise UnknownName("stem", stem, STEMS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _WideResNet(width, 1 if classes == 2 else classes, stem)
    if weights is not None:
        _load_backbone(net, toy_backbone(width) if weights == "toy" else Path(weights))
    return ImageClassifier(net, mean, std)


def _load_backbone(net: nn.Module, file: Path) -> None:
    if not file.is_file():
        raise MissingData(
            f"pretrained weights {file} are not there: give the path of a ResNet-18 state dict, or weights=None"
        )
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(file)
    else:
        state = torch.load(file, map_location="cpu", weights_only=True)
    state = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
        if not name.startswith("fc.")
    }
    try:
        missing, unexpected = net.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise BadData(f"weights {file.name} do not fit this ResNet-18: {str(error).splitlines()[1].strip()}") from None
    lost = [name for name in missing if not name.startswith("fc.") and "num_batches_tracked" not in name]
    if lost or unexpected:
        raise BadData(f"weights {file.name} do not fit this ResNet-18: missing {lost[:3]}, unexpected {unexpected[:3]}")


def device() -> torch.device:
    """The device to train on: the first CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_pixels(x: np.ndarray | torch.Tensor, where: torch.device) -> torch.Tensor:
    """uint8 images (or float32 features) as float tensors on the device ``where``, images in [0, 1], channels_last."""
    tensor = (torch.tensor(x) if isinstance(x, np.ndarray) else x).to(where)  # a copy: memory maps are read-only
    if tensor.dtype != torch.uint8:
        return tensor
    return tensor.float().div_(255).contiguous(memory_format=torch.channels_last)


class ModelPredictor:
    """Predictor of a model: class probabilities ``(N, classes)`` as float32; runs in eval mode, in batches."""

    def __init__(self, model: nn.Module, batch_size: int = 250) -> None:
        self.model, self.batch_size = model, batch_size

    @torch.inference_mode()
    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Probabilities of the inputs ``x`` (as in ``Split.x``)."""
        where = next(self.model.parameters()).device
        was_training = self.model.training
        self.model.eval()
        out = []
        for start in range(0, len(x), self.batch_size):
            with torch.autocast(where.type, torch.bfloat16):
                logits = self.model(to_pixels(np.asarray(x[start : start + self.batch_size]), where))
            out.append(probabilities(logits.float()).cpu())
        self.model.train(was_training)
        return torch.cat(out).numpy()


def probabilities(logits: torch.Tensor) -> torch.Tensor:
    """Class probabilities ``(N, classes)`` from logits ``(N, 1)`` (two classes, BCE) or ``(N, classes)``."""
    if logits.shape[1] == 1:
        positive = logits.sigmoid()
        return torch.cat([1 - positive, positive], dim=1)
    return logits.softmax(dim=1)
