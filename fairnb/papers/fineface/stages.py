"""The stages of a convolutional network, wherever it comes from: a stage ends where the image gets smaller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from fairnb.errors import BadData
from fairnb.nets import freezing
from fairnb.nets.models import ImageClassifier

PROBE = 224  # pixels: at this size the stages of every network here differ in size


def stages(model: ImageClassifier) -> dict[str, int]:
    """The last layer of each stage (its name in ``model.net``) and its channels, in order, by one forward pass.

    Layers whose output has one height and width are a stage, if any of them has weights (a final pooling has none).
    """
    trunk, prefix = _trunk(model.net)
    where = next(model.parameters()).device
    with outputs(trunk, _candidates(trunk)) as found, torch.no_grad():
        with freezing.modes(model, training=False):
            model(torch.zeros(1, *getattr(model.net, "expected", (3, PROBE, PROBE)), device=where))
    last: dict[tuple[int, ...], str] = {}
    weighted = set()
    for name, output in found.items():
        if isinstance(output, torch.Tensor) and output.ndim == 4:
            size = tuple(output.shape[2:])
            last[size] = name
            weighted |= {size} if any(True for _ in trunk.get_submodule(name).parameters()) else set()
    return {prefix + name: found[name].shape[1] for size, name in last.items() if size in weighted}


def _candidates(trunk: nn.Module) -> list[str]:
    """The layers that may end a stage: the trunk's children, and in place of a list of layers its members.

    A ``ModuleList`` is never called, and where one ``Sequential`` holds all the larger parts, the image gets smaller
    inside it (timm's EfficientNet).
    """
    own = dict(trunk.named_children())
    numbered = [name for name, child in own.items() if isinstance(child, nn.Sequential) and _deep(child)]
    found: list[str] = []
    for name, child in own.items():
        inside = isinstance(child, nn.ModuleList) or [name] == numbered
        found += [f"{name}.{member}" for member in _candidates(child)] if inside else [name]
    return found


def _deep(layers: nn.Sequential) -> bool:
    return any(any(True for _ in layer.children()) for layer in layers)


def last(found: dict[str, int], taps: int, what: str) -> tuple[list[str], list[int]]:
    """The last ``taps`` of the stages ``found``: names and channels. Raises BadData: a network ``what`` has fewer."""
    if len(found) < taps:
        known = ", ".join(found) or "none"
        raise BadData(
            f"a {what} has {len(found)} stages ({known}), too few for {taps} experts: lower taps or deepen it"
        )
    return list(found)[-taps:], list(found.values())[-taps:]


def _trunk(net: nn.Module) -> tuple[nn.Module, str]:
    """The module whose children are the stages, and its name's prefix: DenseNet has them in ``features``."""
    prefix = ""
    while True:
        inner = [(name, child) for name, child in net.named_children() if _convolves(child)]
        if len(inner) != 1 or isinstance(inner[0][1], nn.Conv2d):
            return net, prefix
        prefix, net = f"{prefix}{inner[0][0]}.", inner[0][1]


def _convolves(module: nn.Module) -> bool:
    return any(isinstance(layer, nn.Conv2d) for layer in module.modules())


@contextmanager
def outputs(module: nn.Module, names: list[str]) -> Iterator[dict[str, torch.Tensor]]:
    """The outputs of the submodules ``names`` in a forward pass inside, in the order in which they came.

    Of a layer that is called more than once (one ReLU for all) the first. Hooks for the time of a pass rather than for
    good: a copy of the network must not fill the original's list.
    """
    found: dict[str, torch.Tensor] = {}

    def keep(name: str) -> RemovableHandle:
        def kept(_: nn.Module, inputs: object, output: torch.Tensor) -> None:
            found.setdefault(name, output)

        return module.get_submodule(name).register_forward_hook(kept)

    handles = [keep(name) for name in names]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
