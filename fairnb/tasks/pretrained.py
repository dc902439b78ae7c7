"""Backbones that a task pretrains itself (settings ``weights``: ``own``), where there are no ImageNet weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fairnb import paths
from fairnb.contract import Split
from fairnb.data import files, machine
from fairnb.errors import BadData
from fairnb.tasks import biased

if TYPE_CHECKING:
    from torch import nn

VERSION = "1"  # bump when the training below changes its numbers
SEED = 0  # every run seed starts from the same weights, as from ImageNet's
SHAPE = ("backbone", "width", "stem", "mean", "std", "size")
SCHEDULE = ("own_epochs", "own_lr", "batch_size")


def own_backbone(
    seed: int,
    pretrained: bool = True,
    *,
    settings: dict[str, Any],
    split: Split | None,
    told: np.ndarray | None = None,
) -> nn.Module:
    """``biased.image_backbone`` with the weights of ``own_weights``, a new head; fresh if not ``pretrained``.

    Raises:
        BadData: the task has no images to pretrain on (``split`` None).
    """
    if split is None:
        raise BadData(
            "weights='own' needs images kept for pretraining, and this task has none: set its weights to a file, "
            "'imagenet', 'toy' or None"
        )
    file = str(own_weights(split, settings, told)) if pretrained else None
    return biased.image_backbone(seed, pretrained, settings=settings | {"weights": file})


def own_weights(split: Split, settings: dict[str, Any], told: np.ndarray | None = None) -> Path:
    """File of a backbone trained once to tell the classes of ``split`` apart, shared by all seeds and processes.

    With ``told``, binary attributes float32 ``(N, A)``, it learns these, one logit each, in place of the classes.

    ``own_optimizer`` (``sgd`` unless set; a transformer wants ``adam``) with a cosine schedule over ``own_epochs`` from
    ``own_lr``, ``flip_shift``, seed 0; images are enlarged to ``pixels`` if that is set, as later. The head
    is of no use then. Tasks that keep the same images for it share the file.
    """
    chosen = {name: settings.get(name) for name in (*SHAPE, *SCHEDULE)}
    chosen |= _later_choices(settings)
    shown = hashlib.sha256(np.ascontiguousarray(split.x).tobytes() + split.target.tobytes()).hexdigest()
    identity = [VERSION, shown, split.target_name, chosen]
    identity += [] if told is None else [hashlib.sha256(told.tobytes()).hexdigest()]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
    file = paths.cache() / "models" / f"own-{machine.file_name(split.target_name.lower())}-{key}.safetensors"
    if not files.is_there(file):
        with files.lock(file.with_suffix(".lock")):
            if not files.is_there(file):
                _train(split, settings, file, told)
    return file


def _later_choices(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What else the weights depend on, where it is used: files that were made before it keep their keys."""
    chosen = {name: settings[name] for name in ("own_optimizer", "pixels") if settings.get(name)}
    if settings.get("backbone") == "vit":
        from fairnb.nets.vit import Shape

        chosen["vit"] = asdict(Shape.of(settings.get("vit", {})))
    return chosen


def _train(split: Split, settings: dict[str, Any], file: Path, told: np.ndarray | None) -> None:
    import torch
    from torch import nn
    from torch.nn import functional

    from fairnb.nets import weights
    from fairnb.nets.models import device
    from fairnb.nets.resizing import Resize
    from fairnb.training import loop as training

    labels = torch.as_tensor(np.zeros(0) if told is None else told, device=device())
    classes = {"classes": int(split.target.max()) + 1 if told is None else told.shape[1]}
    model: Any = biased.image_backbone(SEED, pretrained=False, settings=settings | classes)
    net = model.net
    if settings.get("pixels"):
        model.net = nn.Sequential(Resize(settings["pixels"]), net)

    def all_of_them(logits: torch.Tensor, _: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(logits.float(), labels[rows])

    training.fit(
        model,
        split,
        loss=None if told is None else all_of_them,
        epochs=settings["own_epochs"],
        lr=settings["own_lr"],
        batch_size=settings["batch_size"],
        seed=SEED,
        optimizer=settings.get("own_optimizer", "sgd"),
        schedule="cosine",
        augment="flip_shift",
    )
    weights.write(file, net)
