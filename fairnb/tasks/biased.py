"""The networks of a task: fresh ones, and the biased model of a seed, trained once and shared through the cache."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb import paths
from fairnb.contract import Task
from fairnb.data import files
from fairnb.errors import MissingData
from fairnb.nets.weights import read as read_weights
from fairnb.nets.weights import write as write_weights
from fairnb.training import reading

if TYPE_CHECKING:
    from torch import nn


def image_backbone(seed: int, pretrained: bool = True, *, settings: Mapping[str, Any]) -> nn.Module:
    """The settings' ``backbone`` (a ResNet-18 unless named), see ``backbones.build``; new head, weights as they say.

    Settings: ``width`` and ``weights``; ``classes``, ``stem``, ``mean`` and ``std`` where they are not the defaults.
    A backbone that somebody brings is built by ``brought``; ``vit`` (``vit.vit_classifier``) has ``vit``, the fields of
    its ``Shape``, and neither width nor stem.

    Raises:
        UnknownName: no such backbone. MissingData: the settings ask for ImageNet weights, which are not there.
    """
    from fairnb.nets import brought
    from fairnb.nets.backbones import build

    name, weights = settings.get("backbone", "resnet18"), settings["weights"] if pretrained else None
    if brought.is_brought(name):
        return brought.build(seed, pretrained, settings)
    if name == "vit":
        return _transformer(seed, weights, settings)
    if weights == "imagenet":
        weights = _imagenet_file(name)
    options = {option: settings[option] for option in ("classes", "stem", "mean", "std") if option in settings}
    return build(name, settings["width"], weights=weights, seed=seed, **options)


def _transformer(seed: int, weights: str | Path | None, settings: Mapping[str, Any]) -> nn.Module:
    from fairnb.nets.vit import Shape, vit_classifier

    options = {option: settings[option] for option in ("classes", "mean", "std") if option in settings}
    return vit_classifier(weights=weights, seed=seed, shape=Shape.of(settings.get("vit", {})), **options)


def _imagenet_file(name: str) -> Path:
    """Where the ImageNet weights of the backbone ``name`` are, see ``paths.imagenet``."""
    from fairnb.nets.backbones import title_of

    title, file, given = title_of(name).replace("-", ""), paths.imagenet(), os.environ.get("FAIRNB_IMAGENET")
    with files.plain_errors(file):
        if not given or file.is_dir() or name != "resnet18":
            file /= f"{name}_imagenet.pth"
        there = file.is_file()
    if not there:
        raise MissingData(
            f"ImageNet weights are not at {file}: save torchvision's {title}_Weights.IMAGENET1K_V1 state dict there, "
            f"or set FAIRNB_IMAGENET to the folder of {name}_imagenet.pth"
        )
    return file


def feature_backbone(seed: int, pretrained: bool = True, *, features: int, settings: Mapping[str, Any]) -> nn.Module:
    """A fresh multi-layer perceptron (there are no pretrained ones), see ``networks.Perceptron``."""
    from fairnb.nets.networks import Perceptron

    return Perceptron(features, settings["layers"], settings["width"], settings["dropout"], seed=seed)


def image_model(task_of: Callable[[int], Task], seed: int, seeds: tuple[int, ...], file_of: Callable[[int], Path]):
    """The ERM model of ``seed`` on images; every seed is a training of its own."""
    from fairnb.training.fine_tuning import train_biased

    return _shared(task_of, seed, (seed,), file_of, lambda tasks, found: [train_biased(tasks[0], found[0])])


def feature_model(task_of: Callable[[int], Task], seed: int, seeds: tuple[int, ...], file_of: Callable[[int], Path]):
    """The ERM model of ``seed`` on features; all ``seeds`` of the tier that are missing are trained as one batch."""
    from fairnb.training.together import train_together

    return _shared(task_of, seed, tuple(dict.fromkeys((*seeds, seed))), file_of, train_together)


def _shared(
    task_of: Callable[[int], Task],
    seed: int,
    seeds: tuple[int, ...],
    file_of: Callable[[int], Path],
    train: Callable[[list[Task], list[int]], list[nn.Module]],
) -> nn.Module:
    """The model of ``seed`` from its file; where there is none, those of all missing ``seeds`` are trained first.

    Beside it lie the names of the settings that its training read, for runs that only read the model.
    """
    file = file_of(seed)
    if not _is_there(file):
        # One lock for all that are trained together: two processes must not train the same batch.
        with files.lock(file_of(min(seeds)).with_suffix(".lock")):
            missing = [s for s in seeds if not _is_there(file_of(s))]
            if seed in missing:
                with reading.watch() as read:
                    models = train([task_of(s) for s in missing], missing)
                for found, model in zip(missing, models, strict=True):
                    write_weights(file_of(found), model)
                    files.write_atomic(_names(file_of(found)), json.dumps(sorted(read)))
    with files.plain_errors(file):
        reading.note(json.loads(_names(file).read_text(encoding="utf-8")))
    return read_weights(file, task_of(seed).backbone(seed))


def _names(file: Path) -> Path:
    return file.with_suffix(".read.json")


def _is_there(file: Path) -> bool:
    return files.is_there(file) and files.is_there(_names(file))


FAMILIES = {"images": image_model, "features": feature_model}
