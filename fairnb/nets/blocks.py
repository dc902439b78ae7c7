"""The blocks of any network, read from the names of its parameters: what a mask is shown by, and what freezes together.

A network is walked down from its root while one part of it alone is large (has parts that have parts). Where that
ends, each part is a block; layers before the first large part are the ``stem``, and the members of a numbered list that
is the only large part (a transformer's layers, an EfficientNet's stages) are blocks each. So a ResNet has ``stem``,
``layer1`` to ``layer4`` and ``fc``, a vision transformer ``stem``, ``layers.0`` ..., ``layernorm`` and ``fc``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairnb.errors import UnknownName

STEM = "stem"


@dataclass
class _Part:
    """A module as its parameters' names show it: tensors of its own, and parts."""

    own: list[str] = field(default_factory=list)
    parts: dict[str, _Part] = field(default_factory=dict)

    def names(self) -> list[str]:
        """All its tensors."""
        return [*self.own, *(name for part in self.parts.values() for name in part.names())]

    @property
    def depth(self) -> int:
        """How many levels of parts it has; a wrapper around one part is none."""
        below = max((part.depth for part in self.parts.values()), default=-1)
        return below if len(self.parts) == 1 and not self.own else below + 1


def blocks(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The parameters of each block, blocks in the network's order.

    Args:
        names: of all parameters, as ``named_parameters`` has them.
    """
    root = _Part()
    for name in names:
        *path, _ = name.split(".")
        here = root
        for step in path:
            here = here.parts.setdefault(step, _Part())
        here.own.append(name)
    found: dict[str, list[str]] = {}
    for block, own in _walked(root):
        found.setdefault(block, []).extend(own)
    place = {name: i for i, name in enumerate(names)}
    return {block: tuple(sorted(own, key=place.__getitem__)) for block, own in found.items()}


def _walked(whole: _Part) -> list[tuple[str, list[str]]]:
    """Blocks and their tensors, in order; a name may come twice."""
    large = [name for name, part in whole.parts.items() if part.depth > 1]
    before, found = bool(large), [(STEM, whole.own)] if whole.own else []
    for name, part in whole.parts.items():
        before &= name not in large
        if large != [name]:
            found.append((STEM if before else name, part.names()))
        elif all(member.isdigit() for member in part.parts):
            found += [(f"{name}.{i}", member.names()) for i, member in part.parts.items()]
        else:
            found += _walked(part)
    return found


def block_of(names: Sequence[str]) -> dict[str, str]:
    """The block of each parameter of ``names``, which are all of a network's."""
    return {name: block for block, own in blocks(names).items() for name in own}


def in_block(names: Sequence[str], block: str) -> frozenset[str]:
    """Those of ``names`` (all of a network's) that belong to ``block``. Raises UnknownName: no such block."""
    found = blocks(names)
    if block not in found:
        raise UnknownName("block", block, found)
    return frozenset(found[block])
