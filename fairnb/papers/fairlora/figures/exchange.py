"""Figures of what crosses between FairLoRA's parties: the protocol, adapters as pictures, and what they give away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.errors import BadData
from fairnb.evidence import report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairnb.papers.fairlora.lora import Adapter, Tensors

WIDTH = 9.5
LABEL_SIZE = 8
OWN, OTHER, WIRE, PUBLIC = report.COLOURS[0], report.COLOURS[1], report.COLOURS[2], "0.35"


def protocol() -> Figure:
    """Who has what, what crosses, and what never does: a drawing without data."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(WIDTH, 4.3))
    ax.set(xlim=(0, 100), ylim=(0, 46))
    ax.axis("off")
    _party(ax, 1, "Solution developer", OWN, "images and targets  (x, y)", "head that predicts y")
    _party(ax, 67, "Auditor", OTHER, "other images and\nprotected labels  (x, s)", "head that predicts s")
    _box(ax, (37, 1), (26, 7.5), "frozen network $W_0$\npublic, the same for both", PUBLIC)
    for x, step in ((37, -1), (63, 1)):
        _arrow(ax, (x, 5), (x + 3.6 * step, 5), PUBLIC)
    for y, ends, told in (
        (28, (33.4, 66.6), "Adv, Ent: developer → auditor, each round"),
        (15.5, (66.6, 33.4), "Unl, Orth: auditor → developer, once\nAdv, Ent: each round"),
    ):
        _arrow(ax, (ends[0], y), (ends[1], y), WIRE)
        _factors(ax, 50, y + 4.1)
        ax.text(50, y - 1.1, told, ha="center", va="top", fontsize=LABEL_SIZE, color=WIRE)
    ax.text(50, 43.5, "the wire: adapters only", ha="center", va="center", fontsize=10, weight="bold", color=WIRE)
    ax.text(50, 39.6, "A and B of $W_0 + (α/r)\\,B\\,A$", ha="center", va="center", fontsize=9, color=WIRE)
    return fig


def _party(ax: Axes, x: float, name: str, colour: str, data: str, head: str) -> None:
    """A party from ``x`` on: what it works with, and below a dashed line around what never leaves it."""
    from matplotlib.patches import FancyBboxPatch

    ax.add_patch(FancyBboxPatch((x, 1), 32, 44, "round,pad=0,rounding_size=1.5", fc="white", ec=colour, lw=1.8))
    ax.text(x + 16, 41.8, name, ha="center", va="center", fontsize=11, weight="bold", color=colour)
    inner = FancyBboxPatch((x + 2, 3), 28, 21.5, "round,pad=0,rounding_size=1", fc="0.96", ec="0.4", ls="--", lw=1)
    ax.add_patch(inner)
    ax.text(x + 16, 21.9, "never leaves", ha="center", va="center", fontsize=LABEL_SIZE, style="italic", color="0.3")
    _box(ax, (x + 4, 12.5), (24, 7), data, colour)
    _box(ax, (x + 4, 4.5), (24, 6), head, colour)
    _box(ax, (x + 4, 27.5), (24, 8.5), "adapter: A and B\nof some linear maps", WIRE)


def _box(ax: Axes, corner: tuple[float, float], size: tuple[float, float], text: str, colour: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    ax.add_patch(FancyBboxPatch(corner, *size, "round,pad=0,rounding_size=1", fc="white", ec=colour, lw=1.2))
    middle = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    ax.text(*middle, text, ha="center", va="center", fontsize=9, color=colour)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2, "shrinkA": 0, "shrinkB": 0})


def _factors(ax: Axes, x: float, y: float) -> None:
    """A thin upright B and a flat A beside it, around the point ``(x, y)``."""
    from matplotlib.patches import Rectangle

    for name, corner, size in (("B", (x - 5, y - 3), (2.2, 6)), ("A", (x - 1, y - 1.1), (8, 2.2))):
        ax.add_patch(Rectangle(corner, *size, fc=WIRE, ec="white", alpha=0.85))
        middle = corner[0] + size[0] / 2, corner[1] + size[1] / 2
        ax.text(*middle, name, ha="center", va="center", fontsize=LABEL_SIZE, color="white", weight="bold")


def adapters(tensors: Mapping[str, Tensors], form: Adapter, most: int = 4) -> Figure:
    """Adapters as pictures, a line each: A and B of its first linear map, then |ΔW| of ``most`` maps, first to last.

    Args:
        tensors: whose adapter -> its tensors, all of the form ``form``. Each column has one scale for all lines, which
            ends at its largest 1 %.

    Raises:
        BadData: no adapter, or adapters of different maps.
    """
    from fairnb.papers.fairlora import lora

    maps = _maps(tensors)
    chosen = [maps[i] for i in np.unique(np.linspace(0, len(maps) - 1, min(most, len(maps))).round().astype(int))]
    columns: dict[str, list[np.ndarray]] = {f"{kind} of {_short(maps[0])}": [] for kind in ("$A^T$", "B")}
    columns |= {f"|ΔW| of {_short(name)}": [] for name in chosen}
    for own in tensors.values():
        factors, changes = {name: (a, b) for name, a, b in lora.pairs(own)}, lora.change(own, form)
        a, b = factors[maps[0]]
        pictures = [a.T, b, *(changes[name].abs() for name in chosen)]  # A upright beside B: inputs downwards
        for column, picture in zip(columns.values(), pictures, strict=True):
            column.append(picture.numpy())
    return _pictures(columns, list(tensors))


def _pictures(columns: Mapping[str, Sequence[np.ndarray]], names: Sequence[str]) -> Figure:
    import matplotlib.pyplot as plt

    ratios = [0.45, 0.45] + [1.0] * (len(columns) - 2)
    side = WIDTH / sum(ratios)
    size = (WIDTH, (0.93 * side) * len(names) + 0.4)
    fig, axes = plt.subplots(len(names), len(columns), figsize=size, squeeze=False, width_ratios=ratios)
    for j, (title, pictures) in enumerate(columns.items()):
        top = max(float(np.quantile(np.abs(picture), 0.99)) for picture in pictures) or 1.0
        look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -top, "vmax": top} if j < 2 else {"cmap": "magma", "vmin": 0}
        axes[0, j].set_title(title.replace(" of ", "\n", 1), fontsize=LABEL_SIZE)
        for ax, picture in zip(axes[:, j], pictures, strict=True):
            ax.imshow(picture, aspect="auto", interpolation="nearest", **({"vmax": top} | look))
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(name, fontsize=9)
    return fig


def cosines(tensors: Mapping[str, Tensors], form: Adapter, other: str = "auditor") -> Figure:
    """For each linear map the cosine of an adapter's change with that of the adapter ``other``; 0 is orthogonal.

    Args:
        tensors: whose adapter -> its tensors, e.g. auditor, Erm (before), Orth (after).

    Raises:
        BadData: adapters of different maps, or ``other`` is not among them.
    """
    import matplotlib.pyplot as plt

    from fairnb.papers.fairlora import lora

    maps = _maps(tensors)
    if other not in tensors:
        raise BadData(f"cosines are with the adapter of {other!r}, which is not among {list(tensors)}: add it")
    changes = {name: lora.change(own, form) for name, own in tensors.items()}
    fig, ax = plt.subplots(figsize=(WIDTH, 3.2))
    names = [name for name in tensors if name != other]
    width = 0.8 / max(1, len(names))
    for i, name in enumerate(names):
        values = [_cosine(changes[name][key].numpy(), changes[other][key].numpy()) for key in maps]
        places = np.arange(len(maps)) + (i - (len(names) - 1) / 2) * width
        text = f"{name}: mean |cosine| {np.abs(values).mean():.2g}"  # bars of Orth may be too low to see
        ax.bar(places, values, 0.9 * width, label=text, color=report.COLOURS[i % len(report.COLOURS)])
    ax.axhline(0, color="0.3", lw=1)
    ax.set_xticks(range(len(maps)), [_short(name) for name in maps], fontsize=LABEL_SIZE, rotation=30, ha="right")
    ax.set_ylabel(f"cosine of ΔW with\nthat of the {other}", fontsize=9)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=len(names) or 1, fontsize=9)
    return fig


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    """0 where one of them is 0."""
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-12))


def _maps(tensors: Mapping[str, Tensors]) -> list[str]:
    from fairnb.papers.fairlora import lora

    found = [sorted((name for name, _, _ in lora.pairs(own)), key=_place) for own in tensors.values()]
    if not found or not found[0] or any(maps != found[0] for maps in found):
        raise BadData("adapters beside each other need the same linear maps: give at least one, all of one form")
    return found[0]


def _place(name: str) -> tuple[int, str]:
    """Blocks in their own order, 10 after 9."""
    return int(name.split(".layers.")[1].split(".")[0]), name


def _short(name: str) -> str:
    """``block 3, q`` for ``vit.layers.3.attention.q_proj``; blocks are counted from 0."""
    return f"block {_place(name)[0]}, {name.rpartition('.')[2].removesuffix('_proj')}"


def leakage(frame: pd.DataFrame) -> Figure:
    """AUC of the protected attribute, per cent: with labels (probe) and without, a line per network or message.

    Points are seeds, diamonds means, bars 95 % t-intervals; the dashed line is chance. A line of panels per task.

    Args:
        frame: from ``leakage.of_run``, of one run or many: columns task, label, who, seed, auc, label_free_auc.
    """
    import matplotlib.pyplot as plt

    from fairnb.papers.fairlora.leakage import BASE

    lines = [
        BASE if who == BASE else f"{label}: {who}" for label, who in zip(frame["label"], frame["who"], strict=True)
    ]
    shown = frame.assign(line=lines).drop_duplicates(["task", "line", "seed"])
    order = sorted(shown["line"].unique(), key=lambda line: (line != BASE, "message" in line))
    names, heads = list(shown["task"].unique()), {"auc": "probe with labels", "label_free_auc": "no label at all"}
    size = (WIDTH, len(names) * (0.9 + 0.27 * len(order)))
    fig, axes = plt.subplots(len(names), 2, figsize=size, sharex=True, sharey=True, squeeze=False)
    for row, task in zip(axes, names, strict=True):
        part = shown[shown["task"] == task]
        for ax, (column, head) in zip(row, heads.items(), strict=True):
            for y, line in enumerate(order):
                _points(ax, 100 * part.loc[part["line"] == line, column].dropna().to_numpy(float), y)
            ax.axvline(50, color="0.3", lw=1, ls="--")
            ax.set_title(f"{task}\n{head}" if len(names) > 1 else head, fontsize=9)
            ax.set_yticks(range(len(order)), order, fontsize=LABEL_SIZE)
            ax.set_ylim(len(order) - 0.4, -0.6)
    for ax in axes[-1]:
        ax.set_xlabel("AUC of the protected attribute, % (left: says less)", fontsize=9)
    return fig


def _points(ax: Axes, values: np.ndarray, y: float) -> None:
    if not len(values):
        return
    interval = metrics.seed_interval(values)
    ax.plot(values, [y] * len(values), "o", color=OWN, alpha=0.45, ms=4)
    ax.plot([interval.low, interval.high], [y + 0.2] * 2, color=OTHER, lw=2)
    ax.plot(interval.mean, y + 0.2, "d", color=OTHER, ms=5)
