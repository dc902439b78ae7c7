"""The networks of a task: fresh ones, and the biased model of a seed, trained once and shared through the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from fairnb import paths
from fairnb.contract import Task
from fairnb.errors import MissingData

if TYPE_CHECKING:
    from torch import nn


def image_backbone(seed: int, pretrained: bool = True, *, settings: Mapping[str, Any]) -> nn.Module:
    """A ResNet-18 of the settings' ``width``, ``stem`` and number of ``classes``; new head, weights as they say.

    Raises:
        MissingData: the settings ask for ImageNet weights, which are not there.
    """
    from fairnb.models import resnet18

    weights = settings["weights"] if pretrained else None
    if weights == "imagenet":
        weights = Path(os.environ.get("FAIRNB_IMAGENET") or paths.data() / "weights" / "resnet18_imagenet.pth")
        if not weights.is_file():
            raise MissingData(
                f"ImageNet weights are not at {weights}: save torchvision's ResNet18_Weights.IMAGENET1K_V1 state dict "
                "there, or set FAIRNB_IMAGENET to its path"
            )
    shape = {name: settings[name] for name in ("classes", "stem") if name in settings}
    return resnet18(settings["width"], weights=weights, seed=seed, **shape)


def feature_backbone(seed: int, pretrained: bool = True, *, features: int, settings: Mapping[str, Any]) -> nn.Module:
    """A fresh multi-layer perceptron (there are no pretrained ones), see ``networks.Perceptron``."""
    from fairnb.networks import Perceptron

    return Perceptron(features, settings["layers"], settings["width"], settings["dropout"], seed=seed)


def image_model(task_of: Callable[[int], Task], seed: int, seeds: tuple[int, ...], file_of: Callable[[int], Path]):
    """The ERM model of ``seed`` on images; every seed is a training of its own."""
    from fairnb.methods import aimfair

    return _shared(task_of, seed, (seed,), file_of, lambda tasks, found: [aimfair.train_biased(tasks[0], found[0])])


def feature_model(task_of: Callable[[int], Task], seed: int, seeds: tuple[int, ...], file_of: Callable[[int], Path]):
    """The ERM model of ``seed`` on features; all ``seeds`` of the tier that are missing are trained as one batch."""
    from fairnb.stacked_training import train_together

    return _shared(task_of, seed, tuple(dict.fromkeys((*seeds, seed))), file_of, train_together)


def _shared(
    task_of: Callable[[int], Task],
    seed: int,
    seeds: tuple[int, ...],
    file_of: Callable[[int], Path],
    train: Callable[[list[Task], list[int]], list[nn.Module]],
) -> nn.Module:
    """The model of ``seed`` from its file; where there is none, those of all missing ``seeds`` are trained first."""
    from safetensors.torch import load_file, save

    from fairnb.files import write_atomic

    file = file_of(seed)
    file.parent.mkdir(parents=True, exist_ok=True)
    # One lock for all that are trained together: two processes must not train the same batch.
    with FileLock(file_of(min(seeds)).with_suffix(".lock")):
        if not file.exists():
            missing = [s for s in seeds if not file_of(s).exists()]
            for found, model in zip(missing, train([task_of(s) for s in missing], missing), strict=True):
                state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
                write_atomic(file_of(found), save(state))
    model = task_of(seed).backbone(seed)
    model.load_state_dict(load_file(file))
    return model


FAMILIES = {"images": image_model, "features": feature_model}
