"""The folder of a transformers or timm checkpoint as a network from normalised images to logits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fairnb.data.files import plain_errors
from fairnb.errors import BadData, MissingData
from fairnb.nets import models
from fairnb.nets.weights import require_weights

REMEDY = "give the folder of a transformers or timm checkpoint (config.json, model.safetensors)"


class Logits(nn.Module):
    """A transformers classifier from images to logits.

    Args:
        inner: an ``AutoModelForImageClassification``.
    """

    def __init__(self, inner: nn.Module, side: int | None) -> None:
        super().__init__()
        self.inner = inner
        if side:
            self.expected = (3, side, side)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of normalised images ``x`` ``(N, 3, H, W)``."""
        return self.inner(pixel_values=x).logits


def numbers(folder: Path) -> dict[str, Any]:
    """``mean`` and ``std`` of the images that the checkpoint was trained on, and ``size`` where it takes one alone.

    Raises:
        MissingData, BadData: there is no checkpoint in the folder.
    """
    config = _config(folder, "model.safetensors")
    if "architecture" in config:  # timm's
        own = config.get("pretrained_cfg", {})
        found = {"mean": own.get("mean", 0.5), "std": own.get("std", 0.5)}
        side = own.get("input_size", [3, 0, 0])[-1] if own.get("fixed_input_size") else None
    else:
        own = _json(folder / "preprocessor_config.json") if (folder / "preprocessor_config.json").is_file() else {}
        found = {"mean": own.get("image_mean", 0.5), "std": own.get("image_std", 0.5)}
        side = config.get("image_size")
    return found | ({"size": int(side)} if isinstance(side, int) else {})


def build(folder: Path, with_weights: bool = True) -> nn.Module:
    """The checkpoint's network, from normalised images to logits of whatever classes; without its weights a fresh one.

    Raises:
        MissingData: no checkpoint, or timm is not installed. BadData: it cannot be loaded.
    """
    config = _config(folder, *["model.safetensors"] * with_weights)
    try:
        if "architecture" in config:
            return _timm(folder, config, with_weights)
        return _transformers(folder, config, with_weights)
    except (BadData, MissingData):
        raise
    except Exception as error:  # both libraries raise errors of many kinds
        reason = " ".join(str(error).split())[:200]
        raise BadData(f"the checkpoint {folder} cannot be loaded ({reason}): {REMEDY}") from error


def _transformers(folder: Path, config: dict[str, Any], weights: bool) -> nn.Module:
    from transformers import AutoConfig, AutoModelForImageClassification

    from fairnb.nets.vit import quiet

    with quiet():
        if weights:
            options = {"local_files_only": True, "use_safetensors": True, "dtype": torch.float32, "num_labels": 2}
            found = AutoModelForImageClassification.from_pretrained(folder, ignore_mismatched_sizes=True, **options)
        else:
            found = AutoModelForImageClassification.from_config(AutoConfig.from_pretrained(folder, num_labels=2))
    return Logits(found.train(), config.get("image_size"))


def _timm(folder: Path, config: dict[str, Any], weights: bool) -> nn.Module:
    try:
        import timm  # type: ignore[import-not-found]
    except ImportError:
        raise MissingData(f"{folder} is a checkpoint of timm: `pip install timm`") from None
    net = timm.create_model(config["architecture"], pretrained=False, num_classes=config.get("num_classes", 1000))
    if weights:
        models.load_backbone(net, folder / "model.safetensors", config["architecture"])
    return net


def _config(folder: Path, *needed: str) -> dict[str, Any]:
    with plain_errors(folder):
        if lost := [name for name in ("config.json", *needed) if not (folder / name).is_file()]:
            raise MissingData(f"the folder {str(folder)!r} has no {' and no '.join(lost)}: {REMEDY}")
    require_weights(folder, REMEDY)
    return _json(folder / "config.json")


def _json(file: Path) -> dict[str, Any]:
    try:
        with plain_errors(file):
            found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadData(f"{file} is no JSON object: {REMEDY}")
    return found
