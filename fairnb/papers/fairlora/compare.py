"""Adapters beside each other: their linear maps in order, and how parallel their changes are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from torch.nn import functional

from fairnb.errors import BadData
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.lora import Adapter, Tensors


def maps(tensors: Mapping[str, Tensors]) -> list[str]:
    """The linear maps that all adapters have, from the first block to the last (10 after 9).

    Args:
        tensors: whose adapter -> its tensors.

    Raises:
        BadData: no adapter, or adapters of different maps.
    """
    found = [sorted((name for name, _, _ in lora.pairs(own)), key=_place) for own in tensors.values()]
    if not found or not found[0] or any(own != found[0] for own in found):
        raise BadData("adapters beside each other need the same linear maps: give at least one, all of one form")
    return found[0]


def pictures(tensors: Mapping[str, Tensors], form: Adapter, most: int = 4) -> dict[str, list[np.ndarray]]:
    """Adapters as maps ``(rows, columns)``, one for each adapter: A (upright) and B of the first linear map, then |ΔW|.

    Args:
        tensors: whose adapter -> its tensors, all of the form ``form``. most: of how many maps, first to last, |ΔW| is.

    Raises:
        BadData: see ``maps``.
    """
    names = maps(tensors)
    found: dict[str, list[np.ndarray]] = {}
    chosen = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(int))
    for own in tensors.values():
        changes = lora.change(own, form)
        [(a, b)] = [(a, b) for name, a, b in lora.pairs(own) if name == names[0]]
        shown = {f"$A^T$\n{short(names[0])}": a.T, f"B\n{short(names[0])}": b}
        shown |= {f"|ΔW|\n{short(names[i])}": changes[names[i]].abs() for i in chosen}
        for title, picture in shown.items():
            found.setdefault(title, []).append(picture.numpy())
    return found


def short(name: str) -> str:
    """``block 3, q`` for ``vit.layers.3.attention.q_proj``; blocks are counted from 0."""
    return f"block {_place(name)[0]}, {name.rpartition('.')[2].removesuffix('_proj')}"


def cosines(tensors: Mapping[str, Tensors], form: Adapter, other: str = "auditor") -> pd.DataFrame:
    """The cosine of each adapter's change with that of the adapter ``other``, map by map; 0 where one of them is 0.

    Args:
        tensors: whose adapter -> its tensors, e.g. auditor, Erm (before), Orth (after).

    Returns:
        columns ``who, map`` (in short) and ``cosine``, in [-1, 1].

    Raises:
        BadData: adapters of different maps, or ``other`` is not among them.
    """
    names = maps(tensors)
    if other not in tensors:
        raise BadData(f"cosines are with the adapter of {other!r}, which is not among {list(tensors)}: add it")
    changes = {who: lora.change(own, form) for who, own in tensors.items()}
    lines = [
        (who, short(name), functional.cosine_similarity(own[name].ravel(), changes[other][name].ravel(), dim=0).item())
        for who, own in changes.items()
        for name in names
        if who != other
    ]
    return pd.DataFrame(lines, columns=["who", "map", "cosine"])


def _place(name: str) -> tuple[int, str]:
    return int(name.split(".layers.")[1].split(".")[0]), name
