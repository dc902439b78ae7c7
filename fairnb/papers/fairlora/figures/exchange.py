"""Figures of what crosses between FairLoRA's parties: the protocol, adapters as pictures, and what they give away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.evidence.pictures import pictures
from fairnb.papers.fairlora.figures.tables import LOOKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairnb.papers.fairlora.protocol.sites import PartyData

OWN, OTHER, WIRE, PUBLIC = *report.COLOURS[:3], "0.35"
ATTACKS = {"auc": "probe with labels", "label_free_auc": "no label at all"}


def protocol() -> Figure:
    """Who has what, what crosses, and what never does: a drawing without data."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(figures.WIDTH, 4.3))
    ax.set(xlim=(0, 100), ylim=(0, 46))
    ax.axis("off")
    developer = ("Solution developer", "images and targets  (x, y)", "head that predicts y")
    auditor = ("Auditor", "other images and\nprotected labels  (x, s)", "head that predicts s")
    for x, colour, (name, data, head) in ((1, OWN, developer), (67, OTHER, auditor)):
        _box(ax, (x, 1), (32, 44), colour, lw=1.8)
        _box(ax, (x + 2, 3), (28, 21.5), "0.4", fc="0.96", ls="--", lw=1)
        _text(ax, x + 16, 41.8, name, colour, 11, weight="bold")
        _text(ax, x + 16, 21.9, "never leaves", "0.3", style="italic")
        boxes = ((12.5, 7, data, colour), (4.5, 6, head, colour))
        for y, height, text, own in (*boxes, (27.5, 8.5, "adapter: A and B\nof some linear maps", WIRE)):
            _box(ax, (x + 4, y), (24, height), own, text)
    _box(ax, (37, 1), (26, 7.5), PUBLIC, "frozen network $W_0$\npublic, the same for both")
    once = "Unl, Orth: auditor → developer, once\nAdv, Ent: each round"
    for y, told in ((28, "Adv, Ent: developer → auditor, each round"), (15.5, once)):
        _text(ax, 50, y - 1.1, told, WIRE, va="top")
        for factor, corner, size in (("B", (45, y + 1.1), (2.2, 6)), ("A", (49, y + 3), (8, 2.2))):
            _box(ax, corner, size, WIRE, factor, fc=WIRE, lw=0, radius=0.1)
    arrows = ((33.4, 66.6, 28, WIRE), (66.6, 33.4, 15.5, WIRE), (37, 33.4, 5, PUBLIC), (63, 66.6, 5, PUBLIC))
    for start, end, height, colour in arrows:
        look = {"arrowstyle": "-|>", "color": colour, "lw": 2, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (end, height), (start, height), arrowprops=look)
    _text(ax, 50, 43.5, "the wire: adapters only", WIRE, 10, weight="bold")
    _text(ax, 50, 39.6, "A and B of $W_0 + (α/r)\\,B\\,A$", WIRE, 9)
    return fig


def _box(
    ax: Axes, corner: tuple[float, float], size: tuple[float, float], colour: str, text: str = "", **look: Any
) -> None:
    """A rounded box, white inside unless ``fc`` says else, with ``text`` in its middle."""
    from matplotlib.patches import FancyBboxPatch

    form = f"round,pad=0,rounding_size={look.pop('radius', 1)}"
    plain: dict[str, Any] = {"fc": "white", "ec": colour, "lw": 1.2}
    ax.add_patch(FancyBboxPatch(corner, *size, form, **plain | look))
    x, y = corner[0] + size[0] / 2, corner[1] + size[1] / 2
    _text(ax, x, y, text, "white" if look.get("fc") == colour else colour, 9)


def _text(ax: Axes, x: float, y: float, text: str, colour: str, size: float = 8, **look: Any) -> None:
    ax.text(x, y, text, color=colour, fontsize=size, ha="center", **{"va": "center"} | look)


def parties(halves: Mapping[str, PartyData], few: int = 10) -> Figure:
    """All that a party knows of its images: a line for each value of its one label, with the first ``few`` of them."""
    return pictures(
        {
            f"{party}\n{own.name} = {label}": list(own.x[np.flatnonzero(own.labels == label)[:few]])
            for party, own in halves.items()
            for label in (0, 1)
        }
    )


def adapters(columns: Mapping[str, Sequence[np.ndarray]], names: Sequence[str]) -> Figure:
    """``compare.pictures`` of the adapters ``names``, a line each; a column's scale ends at its largest 1 %."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    ratios = [0.45, 0.45] + [1.0] * (len(columns) - 2)
    size = (figures.WIDTH, 0.93 * figures.WIDTH / sum(ratios) * len(names) + 0.4)
    fig, axes = plt.subplots(len(names), len(columns), figsize=size, squeeze=False, width_ratios=ratios)
    for j, (title, column) in enumerate(columns.items()):
        top = max(float(np.quantile(np.abs(picture), 0.99)) for picture in column) or 1.0
        look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -top} if j < 2 else {"cmap": "magma", "vmin": 0}
        look |= {"vmax": top, "cbar": False, "xticklabels": False, "yticklabels": False, "rasterized": True}
        for ax, picture in zip(axes[:, j], column, strict=True):
            sns.heatmap(picture, ax=ax, **look)
        axes[0, j].set_title(title)
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(name)
    return fig


def cosines(found: pd.DataFrame, other: str = "auditor") -> Figure:
    """``compare.cosines``, a bar for each map and adapter, and in the legend each adapter's mean |cosine|."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    means = found["cosine"].abs().groupby(found["who"]).mean()
    names = {
        who: f"{who}: mean |cosine| {means[who]:.2g}" for who in found["who"].unique()
    }  # bars may be too low to see
    fig, ax = plt.subplots(figsize=(figures.WIDTH, 3.2))
    looks = figures.looks_of(list(names)) | LOOKS
    palette = {text: looks[who][0] for who, text in names.items()}
    sns.barplot(
        found.assign(who=found["who"].map(names)), x="map", y="cosine", hue="who", palette=palette, saturation=1, ax=ax
    )
    ax.axhline(0, color="0.3", lw=1)
    ax.tick_params("x", rotation=30)
    ax.set(xlabel="", ylabel=f"cosine of ΔW with\nthat of the {other}")
    figures.legend(fig)
    return fig


def leakage(table: pd.DataFrame) -> Figure:
    """AUC of the protected attribute, percent: with labels (probe) and without, a line per network or message.

    Dots are seeds, bars 95 % t-intervals, up to 100 %, which no AUC passes; the dashed line is chance.

    Args:
        table: from ``leakage.table``.
    """
    from fairnb.papers.fairlora.leakage import BASE

    words = [who if who == BASE else f"{row}: {who}" for row, who in zip(table["row"], table["who"], strict=True)]
    found = seeds.tidy(table.drop(columns="who").assign(row=words), ATTACKS, seeds.SHARE)
    fig = figures.rows(found, label="AUC of the protected attribute, % (left: says less)", block="task")
    for ax in fig.axes:
        ax.axvline(50, color="0.3", lw=1, ls="--")
        ax.set_xlim(min(48, found["low"].min() - 1), 102)
    return fig


def attacks(table: pd.DataFrame) -> Figure:
    """AUC of each attack on each row, percent: dots are seeds, bars 95 % t-intervals; the dashed line is chance.

    Args:
        table: from ``attacks.table``.
    """
    words = [f"{name}: {row}" for name, row in zip(table["attack"], table["row"], strict=True)]
    found = seeds.tidy(table.drop(columns="row").assign(row=words), {"auc": ""}, seeds.SHARE)
    fig = figures.rows(found, label="AUC, % (50: nothing is learned)")
    [ax] = fig.axes
    ax.axvline(50, color="0.3", lw=1, ls="--")
    ax.set(xlim=(-2, 102), title="")
    return fig
