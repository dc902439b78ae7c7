"""Low-rank adapters (Hu et al. 2022) on a classifier, through peft: W = W0 + (alpha / r) B A, and W0 never moves.

An adapter's tensors are named as in peft's files: ``vit.layers.3.attention.q_proj.lora_A.weight`` is A ``(r, in)`` and
``... .lora_B.weight`` is B ``(out, r)``. B starts at 0, so a fresh adapter changes nothing.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn

from fairnb.errors import BadData
from fairnb.nets.models import head_name, seeded

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "IProgress not found")  # of bars for notebooks, which nobody sees here
    from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
    from peft.tuners.lora import LoraLayer

Tensors = Mapping[str, torch.Tensor]
TASK, PROTECTED = "task", "protected"


@dataclass(frozen=True)
class Adapter:
    """The form of an adapter; both parties need the same one.

    Attributes:
        rank: r. alpha: the change is scaled by alpha / r. dropout: on the adapter's input while training, [0, 1).
        places: which linear maps of a block have one, by the last part of their names: ``q_proj``, ``k_proj``,
            ``v_proj``, ``o_proj``, ``fc1`` and ``fc2`` of a vision transformer, see the function ``places``.
        layers: of which blocks, counted from 0; empty for all.

    Raises:
        BadData: a value that no adapter can have.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.1
    places: tuple[str, ...] = ("q_proj", "v_proj")
    layers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", tuple(self.places))  # a list where it comes back from JSON
        object.__setattr__(self, "layers", tuple(self.layers))
        if not isinstance(self.rank, int) or self.rank < 1 or not self.alpha > 0 or not 0 <= self.dropout < 1:
            found = f"{self.rank}, {self.alpha:g} and {self.dropout:g}"
            raise BadData(f"an adapter needs a whole rank from 1, alpha above 0 and dropout in [0, 1), got {found}")
        if not self.places:
            raise BadData("an adapter sits in linear maps, and none is named: give places, e.g. ('q_proj', 'v_proj')")


def attach(model: nn.Module, form: Adapter, name: str = TASK, *, seed: int = 0) -> nn.Module:
    """``model`` itself with a fresh adapter ``name`` (its A drawn with ``seed``) that trains; nothing else in it does.

    Raises:
        BadData: the network has no such linear maps, or no such blocks.
    """
    net = cast(Any, model).net
    require_places(net, form)
    config = LoraConfig(
        r=form.rank,
        lora_alpha=form.alpha,  # type: ignore[arg-type]  # peft scales by alpha / r: a fraction is fine
        lora_dropout=form.dropout,
        target_modules=list(form.places),
        layers_to_transform=list(form.layers) or None,
    )
    with seeded(seed), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Already found a `peft_config`")  # a second adapter is meant
        try:
            inject_adapter_in_model(config, net, name)
        except ValueError as error:
            where = f"no {', '.join(form.places)} in layers {list(form.layers) or 'any'} of this network"
            raise BadData(f"{where}: name others, or leave them out") from error
    found = {int(number) for key in parameters(model, name) for number in re.findall(r"\.(\d+)\.", f".{key}")[:1]}
    if missing := set(form.layers) - found:
        raise BadData(f"this network has no layer {min(missing)}: count its layers from 0")
    activate(model, name)
    return model


def places(net: nn.Module) -> list[str]:
    """The linear maps that adapters can sit in, by the last part of their names: all but the head.

    Not that of torch's own ``MultiheadAttention``, which reads the weight past the adapter: it would never learn.
    """
    past = tuple(f"{name}." for name, layer in net.named_modules() if isinstance(layer, nn.MultiheadAttention))
    names = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear) and name != head_name(net)]
    own = [name.removesuffix(".base_layer") for name in names if ".lora_" not in name and not name.startswith(past)]
    return list(dict.fromkeys(name.rpartition(".")[2] for name in own))


def require_places(net: nn.Module, form: Adapter) -> None:
    """BadData where ``net`` lacks a linear map that the adapter would sit in."""
    known = places(net)
    if strange := [place for place in form.places if place not in known]:
        told = f"it has {', '.join(known)}" if known else "it has none but its head: take a vision transformer"
        raise BadData(f"an adapter sits in linear maps, and this network has no {', '.join(strange)}: {told}")


def layers(model: nn.Module) -> Iterator[LoraLayer]:
    """The linear maps of ``model`` that have adapters."""
    return (layer for layer in model.modules() if isinstance(layer, LoraLayer))


def readers(model: nn.Module, name: str = TASK) -> Iterator[nn.Linear]:
    """The adapter's A of each map, a linear layer without a bias; A is random at the start, B is 0."""
    return (cast(nn.Linear, layer.lora_A[name]) for layer in layers(model))


def activate(model: nn.Module, trained: str, *fixed: str) -> None:
    """Use the adapters ``trained`` and ``fixed`` together; of all parameters only those of ``trained`` train."""
    for layer in layers(model):
        layer.set_adapter([trained, *fixed])
    for key, tensor in model.named_parameters():
        tensor.requires_grad_(f".{trained}." in key and "lora_" in key)


def state(model: nn.Module, name: str = TASK) -> dict[str, torch.Tensor]:
    """Copies of the adapter's tensors on the CPU, float32, by their names in a message."""
    found = get_peft_model_state_dict(cast(Any, model).net, adapter_name=name)
    return {key: tensor.detach().cpu().clone().contiguous() for key, tensor in found.items()}


def parameters(model: nn.Module, name: str = TASK) -> dict[str, nn.Parameter]:
    """The adapter's own parameters by their names in a message."""
    found = dict(cast(Any, model).net.named_parameters())
    return {key.replace(f".{name}.", "."): value for key, value in found.items() if f".{name}." in key}


@torch.no_grad()
def load(model: nn.Module, tensors: Tensors, name: str = TASK) -> None:
    """Put ``tensors``, all that the adapter has (see ``protocol.messages.check``), into the adapter ``name``."""
    own = parameters(model, name)
    for key, tensor in tensors.items():
        own[key].copy_(tensor)


def negate(model: nn.Module, tensors: Tensors, form: Adapter, strength: float) -> None:
    """Task-arithmetic negation (Ilharco et al. 2023): W0 becomes W0 - strength (alpha / r) B_s A_s, and stays there.

    The change is an adapter of its own beside that of the task, so that W0 itself keeps its bits.

    Raises:
        BadData: strength below 0.
    """
    if not strength >= 0:
        raise BadData(f"the strength of a negation is 0 or more, got {strength:g}")
    attach(model, replace(form, dropout=0.0), PROTECTED)  # a weight is not dropped
    load(model, tensors, PROTECTED)
    for layer in layers(model):
        layer.set_scale(PROTECTED, -strength)
    activate(model, TASK, PROTECTED)


def pairs(tensors: Tensors) -> Iterator[tuple[str, torch.Tensor, torch.Tensor]]:
    """``(layer, A (r, in), B (out, r))`` of each linear map."""
    for key in tensors:
        if ".lora_A." in key:
            yield key.split(".lora_A.")[0], tensors[key], tensors[key.replace(".lora_A.", ".lora_B.")]


def change(tensors: Tensors, form: Adapter) -> dict[str, torch.Tensor]:
    """(alpha / r) B A of each linear map, ``(out, in)``: what the adapter adds to its weights."""
    return {layer: form.alpha / form.rank * b @ a for layer, a, b in pairs(tensors)}


def shuffled(tensors: Tensors, seed: int) -> dict[str, torch.Tensor]:
    """The same numbers at random places of each tensor: nothing that was learned is left in their order."""
    draws = torch.Generator().manual_seed(seed)
    places = {key: torch.randperm(value.numel(), generator=draws).to(value.device) for key, value in tensors.items()}
    return {key: value.flatten()[places[key]].view_as(value) for key, value in tensors.items()}


def size(tensors: Collection[torch.Tensor]) -> int:
    """Bytes of the tensors."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
