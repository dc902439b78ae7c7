"""Which parameters train and which stay: switches for the time of a training, and the check that they held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from fairnb.errors import BadData, TrainingFailed, UnknownName

Tensors = Mapping[str, torch.Tensor]


@contextmanager
def seeded(seed: int, where: torch.device) -> Iterator[torch.Generator]:
    """A CPU generator for ``seed``; dropout is seeded too, cuDNN deterministic; the global state is restored after."""
    cuda = [where] if where.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), torch.backends.cudnn.flags(deterministic=True, benchmark=False):
        torch.manual_seed(seed)
        yield torch.Generator().manual_seed(seed)


@contextmanager
def modes(model: nn.Module, training: bool, freeze_bn_statistics: bool = False) -> Iterator[None]:
    """Training or evaluation mode; each module's own mode is restored after.

    ``freeze_bn_statistics`` keeps batch normalisation in evaluation mode: it uses its running statistics.
    """
    before = {module: module.training for module in model.modules()}
    for module in before:
        module.training = training and not (freeze_bn_statistics and isinstance(module, _BatchNorm))
    try:
        yield
    finally:
        for module, mode in before.items():
            module.training = mode


@contextmanager
def only(model: nn.Module, trainable: Collection[str] | None) -> Iterator[list[str]]:
    """Only ``trainable`` parameters require a gradient; yields their names in the model's order.

    ``None`` means those that require one already. All switches are restored and all gradients freed after.

    Raises:
        UnknownName: a name that the model does not have. BadData: nothing is trainable.
    """
    parameters = dict(model.named_parameters())
    unknown = sorted(set(trainable or ()) - set(parameters))
    if unknown:
        raise UnknownName("parameter", unknown[0], parameters)
    switches = {name: tensor.requires_grad for name, tensor in parameters.items()}
    names = [name for name in parameters if (switches[name] if trainable is None else name in trainable)]
    if not names:
        raise BadData("no parameter is trainable: name at least one in trainable")
    for name, tensor in parameters.items():
        tensor.requires_grad_(name in names)
    try:
        yield names
    finally:
        for name, tensor in parameters.items():
            tensor.requires_grad_(switches[name])
            tensor.grad = None


def snapshot(model: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters by name."""
    return {name: tensor.detach().clone() for name, tensor in model.named_parameters()}


def holder(model: nn.Module, before: Tensors, masks: Tensors) -> Callable[[], None]:
    """A function that puts the entries outside ``masks`` (bool, True: may move) back to their value ``before``."""
    parameters = dict(model.named_parameters())
    unknown = sorted(set(masks) - set(parameters))
    if unknown:
        raise UnknownName("parameter", unknown[0], parameters)
    held = [(parameters[name], mask.to(parameters[name].device), before[name]) for name, mask in masks.items()]

    @torch.no_grad()
    def hold() -> None:
        for tensor, mask, value in held:
            tensor.copy_(torch.where(mask, tensor, value))

    return hold


def check_moved(model: nn.Module, before: Tensors, trainable: Collection[str], masks: Tensors | None = None) -> None:
    """Check that each ``trainable`` tensor differs from ``before`` and everything else is bit-identical.

    Raises:
        TrainingFailed: a trainable tensor did not move, or a frozen tensor (or an entry outside ``masks``) did.
    """
    after = {name: tensor.detach() for name, tensor in model.named_parameters()}
    same = {name for name, tensor in after.items() if torch.equal(tensor, before[name])}
    stuck = [name for name in after if name in trainable and name in same]
    moved = [name for name in after if name not in trainable and name not in same]
    for name, mask in (masks or {}).items():
        outside = ~mask.to(after[name].device)
        if not torch.equal(after[name][outside], before[name][outside]):
            moved.append(name)
    if stuck:
        raise TrainingFailed(
            f"training did not move {_few(stuck)}: check that it is part of the loss and lr is above 0"
        )
    if moved:
        raise TrainingFailed(f"training moved {_few(moved)}, which is frozen: check that no code writes to it directly")


def _few(names: list[str]) -> str:
    """The first names and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
