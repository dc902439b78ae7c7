"""Networks and their Predictor: ResNet-18 of any width, with the normalisation inside (deeper ones: ``backbones``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from fairnb import paths
from fairnb.data.files import is_there
from fairnb.errors import BadData, MissingData
from fairnb.nets import precision
from fairnb.nets.weights import read_state

ASSETS = paths.assets()
PerChannel = float | Sequence[float]
TOY_KINDS = ("toy", "toy_all", "toy_some")


def toy_backbone(width: int, name: str = "resnet18", kind: str = "toy") -> Path:
    """The shipped weights of that width; ``scripts/pretrain_toy_backbone.py`` made them.

    Args:
        kind: ``toy`` was never told who smiles (AIM-Fair trains from it; 64 pixels at width 16, their middle 48 at
            width 8), ``toy_all`` was of every face (width 8, the middle 32 of 43 pixels), ``toy_some`` of a few (the
            same): a linear probe on it knows smiles, and not as well as a network that is trained.
    """
    return ASSETS / f"{kind}_backbone_{'' if name == 'resnet18' else name + '_'}w{width}.safetensors"


def weights_file(weights: str | Path, width: int, name: str = "resnet18") -> Path:
    """The file of ``weights``: a kind of shipped ones (``toy``, ``toy_all``, ``toy_some``), or a path."""
    return toy_backbone(width, name, str(weights)) if weights in TOY_KINDS else Path(weights)


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
    width: int = 64,
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
        weights: ``None`` (fresh), ``"toy"``, ``"toy_all"`` or ``"toy_some"`` (shipped, pretrained on toy faces, see
            ``toy_backbone``), or a ``.safetensors`` / ``.pth`` file of a torchvision ResNet-18 (the head is left out).
        seed: for the fresh weights and the new head.
        stem: ``imagenet`` (7x7, stride 2, max-pool), ``cifar`` for 32 pixels (3x3, stride 1, no max-pool, as Wang et
            al. 2020 have it), or ``cifar_stride2`` (the same at half the resolution: a quarter of the work).
        mean, std: see ``ImageClassifier``.

    Raises:
        UnknownName: no such stem. MissingData: the weights file is not there. BadData: its shapes do not fit.
    """
    from fairnb.nets.resnet import WideResNet  # torchvision takes seconds, and most notebooks build no network

    with seeded(seed):
        net = WideResNet(width, logits_of(classes), stem)
    if weights is not None:
        load_backbone(net, weights_file(weights, width))
    return ImageClassifier(net, mean, std)


def logits_of(classes: int) -> int:
    """How many logits a network for that many classes has: two share one."""
    return 1 if classes == 2 else classes


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Fresh weights of ``seed`` inside, and torch's own random state as it was afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def load_backbone(net: nn.Module, file: Path, what: str = "ResNet-18") -> None:
    """Put a torchvision state dict into ``net``, but for the head, which stays as it is; see ``weights.read_state``.

    Raises:
        MissingData: ``file`` is not there. BadData: it is damaged, or of another network than the kind ``what``.
    """
    remedy = f"give the path of a {what} state dict, or weights=None"
    if not is_there(file):
        raise MissingData(f"pretrained weights {file} are not there: {remedy}")
    head = f"{head_name(net)}."
    state = {name: tensor for name, tensor in read_state(file, remedy).items() if not name.startswith(head)}
    if whole := [name for name, tensor in state.items() if tensor.dim() and not tensor.is_floating_point()]:
        raise BadData(
            f"weights {file} do not fit this {what}: {whole[0]} is {state[whole[0]].dtype}, no float; {remedy}"
        )
    state = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    try:
        missing, unexpected = net.load_state_dict(state, strict=False)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise BadData(f"weights {file} do not fit this {what}: {reason}; {remedy}") from None
    lost = [name for name in missing if not name.startswith(head) and "num_batches_tracked" not in name]
    if lost or unexpected:
        raise BadData(
            f"weights {file} do not fit this {what}: missing {lost[:3]}, unexpected {unexpected[:3]}; {remedy}"
        )


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
            with precision.mixed(where):
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
