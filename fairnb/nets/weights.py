"""Weights in files: those of trained networks in the cache, and strangers', which are read and never run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb.data.files import plain_errors, sentence_of, write_atomic
from fairnb.data.kinds import impostor
from fairnb.errors import BadData

if TYPE_CHECKING:
    import torch
    from torch import nn

CONTAINERS = ("state_dict", "model_state_dict", "model")  # where a checkpoint keeps the weights beside an optimizer's
WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name
AGAIN = "delete this file, and it is made again"


def write(file: Path, model: nn.Module) -> None:
    """Keep the state of ``model`` in ``file`` (safetensors, atomic); folders are made."""
    from safetensors.torch import save

    write_atomic(file, save({name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}))


def read(file: Path, model: nn.Module) -> nn.Module:
    """``model`` itself with the state in ``file``.

    Raises:
        FileNotFoundError: there is none. BadData: it is damaged, or of another network.
    """
    state = read_state(file, AGAIN)
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise BadData(f"weights {file} are of another network ({reason}): {AGAIN}") from None
    return model


def read_state(file: Path, remedy: str) -> dict[str, torch.Tensor]:
    """The tensors by name in a file of safetensors or of ``torch.save``, on the CPU; nothing in it is executed.

    A checkpoint (a dict with the weights under one of ``CONTAINERS``) and what ``WRAPPERS`` put before all names are
    taken off.

    Args:
        remedy: what to do about a file that cannot be used, for the message.

    Raises:
        FileNotFoundError: there is no such file.
        BadData: it is no whole file of weights, holds other things than tensors, or values that are not finite.
        DiskTrouble: it may not be read now.
    """
    try:
        state = _bare(_tensors(_loaded(file)))
        if name := not_finite(state.items()):
            raise ValueError(f"{name} holds values that are not finite")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise sentence_of(error, file) from error
    except ValueError as error:
        raise BadData(f"weights {file} cannot be used, {error}: {remedy}") from None
    return state


def require_weights(folder: Path, remedy: str) -> None:
    """BadData for a .safetensors file in or below ``folder`` that is none: a web page, a note of Git LFS, empty."""
    for file in sorted(folder.rglob("*.safetensors")):
        with plain_errors(file):
            found = impostor(_head(file))
        if found:
            raise BadData(f"weights {file} cannot be used, {found}: {remedy}")


def not_finite(named: Iterable[tuple[str, torch.Tensor]]) -> str | None:
    """The first name whose tensor has a value that is infinite or none at all."""
    return next((name for name, t in named if t.is_floating_point() and not t.float().isfinite().all()), None)


def _head(file: Path) -> bytes:
    with open(file, "rb") as opened:
        return opened.read(512)


def _loaded(file: Path) -> Any:
    """What the file holds, by its content and not by its name; ValueError says what is wrong with it."""
    import torch
    from safetensors.torch import load_file

    if found := impostor(head := _head(file)):
        raise ValueError(found)
    try:
        if head[8:9] == b"{":  # safetensors: the length of a JSON header, and that header
            return load_file(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, about old files and programs, which are told below
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's own sentences advise to let the file run what it wants
        text = str(error)
        if "Unsupported global" in text or "TorchScript" in text:
            raise ValueError("it is a whole model, which could run any program: save its state_dict() alone") from None
        raise ValueError(f"it is truncated or no file of weights ({type(error).__name__})") from None


def _tensors(found: Any) -> dict[str, torch.Tensor]:
    """The tensors of a state dict, or of the one in a checkpoint."""
    import torch

    if not isinstance(found, Mapping):
        raise ValueError(f"it holds a {type(found).__name__} and not tensors by name")
    inner = [name for name in CONTAINERS if isinstance(found.get(name), Mapping)]
    if len(inner) > 1:
        raise ValueError(f"it holds {' and '.join(inner)}: save the one that is meant in a file of its own")
    state = found[inner[0]] if inner else found
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.is_quantized or value.is_sparse:
            raise ValueError(f"it holds {name!r}, which is no plain tensor")
    return dict(state)


def _bare(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state without a wrapper before all of its names."""
    for wrapper in (*WRAPPERS, *WRAPPERS):
        if state and all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): tensor for name, tensor in state.items()}
    return state
