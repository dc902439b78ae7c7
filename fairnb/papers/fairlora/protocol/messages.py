"""The one thing that crosses between the parties: the tensors of one adapter, as safetensors bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors.torch import load, save

from fairnb.errors import BadData

PARTIES = ("developer", "auditor")
FACTORS = {"A.weight": "B.weight", "B.weight": "A.weight"}  # of each, its partner; the rank is A's first axis
NAME = re.compile(r"[\w.]{1,200}", re.ASCII)  # of a tensor: it is shown in sentences
Shapes = Mapping[str, tuple[int, ...]]


class BadMessage(BadData):
    """A message that a party refuses: wrong type, sender or adapter, or not finite."""


@dataclass(frozen=True, slots=True)  # slots: nothing can be hung on it
class AdapterMessage:
    """One adapter on its way.

    Attributes:
        sender: one of ``PARTIES``. step: number of the exchange's step that made it.
        tensors: safetensors bytes of the adapter's A and B, float32, and of nothing else.

    Raises:
        BadMessage: another sender, or ``tensors`` that are no bytes.
    """

    sender: str
    step: int
    tensors: bytes

    def __post_init__(self) -> None:
        if self.sender not in PARTIES or not isinstance(self.step, int) or not isinstance(self.tensors, bytes):
            raise BadMessage(
                f"a message has a sender ({' or '.join(PARTIES)}), a step and bytes, got {self.sender!r}, "
                f"{self.step!r} and {type(self.tensors).__name__}"
            )

    @property
    def sha256(self) -> str:
        """Hash of the bytes, 64 hexadecimal digits."""
        return hashlib.sha256(self.tensors).hexdigest()


def seal(tensors: Mapping[str, torch.Tensor], sender: str, step: int) -> AdapterMessage:
    """A message with these tensors; safetensors sorts them, so that the same adapter gives the same bytes."""
    return AdapterMessage(sender, step, save({name: tensor.contiguous() for name, tensor in tensors.items()}))


def unseal(message: object) -> dict[str, torch.Tensor]:
    """The tensors of a message: those of an adapter, of whatever rank and layers.

    Raises:
        BadMessage: no ``AdapterMessage``; its bytes are no safetensors file in its one canonical form (nothing can
            hide in a header or between the tensors); or they hold another tensor than pairs of A and B, float32.
    """
    if type(message) is not AdapterMessage:
        kind = type(message).__name__
        raise BadMessage(f"only an AdapterMessage crosses between the parties, got {kind}: send the adapter by seal()")
    try:
        tensors = dict(sorted(load(message.tensors).items()))  # safetensors gives them in no fixed order
        again = save(tensors)
    except Exception:  # KeyError for some types, TypeError for some shapes ...; the text would quote a stranger's bytes
        raise BadMessage(
            f"the {message.sender}'s message is no safetensors file of an adapter: send it again"
        ) from None
    if again != message.tensors:
        raise BadMessage(f"the {message.sender}'s message holds more than tensors: send plain safetensors by seal()")
    _require_pairs(tensors, f"the {message.sender}'s message of step {message.step}")
    return tensors


def _require_pairs(tensors: Mapping[str, torch.Tensor], said: str) -> None:
    """BadMessage for anything but A ``(r, in)`` and B ``(out, r)`` of one rank r: no head, no logits, no labels."""
    if not tensors:
        raise BadMessage(f"{said} holds no tensor: send the adapter by seal()")
    ranks = set()
    for name, tensor in tensors.items():
        if not NAME.fullmatch(name):
            raise BadMessage(f"{said} has a tensor named {name[:40]!r}, which is no layer: use peft's names")
        layer, _, factor = name.rpartition(".lora_")
        if factor not in FACTORS or f"{layer}.lora_{FACTORS[factor]}" not in tensors or tensor.dim() != 2:
            found = f"{name} of shape {tuple(tensor.shape)}"
            raise BadMessage(f"{said} has {found}, which is no part of an adapter: send its pairs of A and B alone")
        if tensor.dtype != torch.float32:
            raise BadMessage(f"{said} has {name} as {tensor.dtype}: send float32")
        ranks.add(tensor.shape[list(FACTORS).index(factor)])
    if len(ranks) > 1:
        raise BadMessage(f"{said} has adapters of ranks {sorted(ranks)}: use one rank")


def check(message: object, expected: Shapes) -> dict[str, torch.Tensor]:
    """The tensors of a message that holds exactly the adapter ``expected`` (name -> shape).

    Raises:
        BadMessage: see ``unseal``; or another set of layers, rank or shape, or NaN or infinite values.
    """
    tensors = unseal(message)
    assert isinstance(message, AdapterMessage)  # as unseal found
    said = f"the {message.sender}'s message of step {message.step}"
    unknown, absent = sorted(set(tensors) - set(expected)), sorted(set(expected) - set(tensors))
    if unknown:
        raise BadMessage(f"{said} has a tensor {unknown[0]}, which is no part of the adapter: use one layer set")
    if absent:
        raise BadMessage(f"{said} lacks {absent[0]} ({len(absent)} of {len(expected)}): use one layer set")
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != tuple(expected[name]):
            rank = 0 if ".lora_A." in name else 1
            raise BadMessage(
                f"{said} has {name} of shape {tuple(tensor.shape)}, not {tuple(expected[name])}"
                f"{_ranks(tensor, expected[name], rank)}: give both parties the same adapter form and network"
            )
        if not tensor.isfinite().all():
            raise BadMessage(f"{said} has NaN or infinite values in {name}: lower the {message.sender}'s learning rate")
    return tensors


def _ranks(tensor: torch.Tensor, expected: tuple[int, ...], axis: int) -> str:
    """`` (rank 4, not 8)`` where it is the rank that differs."""
    if tensor.dim() != 2 or tensor.shape[axis] == expected[axis]:
        return ""
    return f" (rank {tensor.shape[axis]}, not {expected[axis]})"
