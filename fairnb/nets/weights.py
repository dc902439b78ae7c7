"""Weights of trained networks in files of the cache: not results, and made again when they are gone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def write(file: Path, model: nn.Module) -> None:
    """Keep the state of ``model`` in ``file`` (safetensors, atomic); folders are made."""
    from safetensors.torch import save

    from fairnb.data.files import write_atomic

    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, save({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}))


def read(file: Path, model: nn.Module) -> nn.Module:
    """``model`` itself with the state in ``file``; FileNotFoundError if there is none."""
    from safetensors.torch import load_file

    model.load_state_dict(load_file(file))
    return model
