"""Figures of FairLoRA's tables: five strategies, their strengths, the form of the adapter, what the messages weigh."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.errors import BadData
from fairnb.evidence import report, tables
from fairnb.evidence.figures import REFERENCE, TITLES, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRENGTH = ", λ = "
COLOURS = dict(
    zip(("Unl", "Adv", "Orth", "Ent", "Orth (product)", REFERENCE), (*report.COLOURS[:5], "0.1"), strict=True)
)
MARKS = dict(zip(COLOURS, "^sDvoP", strict=True))
# Hyper-parameter -> title of its group, and its place in the words of the plain form ("rank 8, q and v, all blocks").
FORMS = {"rank": ("rank", 0), "places": ("linear maps", 1), "part": ("blocks", 2)}


def tradeoff(frame: pd.DataFrame, utility: str = "acc", gap: str = "fpr_gap", columns: int = 2) -> Figure:
    """Utility against a gap, a panel per task, a line per method over its strengths, from the weakest (small mark) on.

    Points are means over seeds, bars their 95 % t-intervals; each panel shows all means, and longer bars are cut.

    Args:
        frame: from ``runs.run``; labels as in ``tables``: ``Orth, λ = 0.1`` ..., ``Erm``.
        columns: panels in a line.
    """
    import matplotlib.pyplot as plt

    table = tables.over_seeds(frame, (utility, gap))
    names = list(table["task"].unique())
    across = min(columns, len(names))
    lines = -(-len(names) // across)
    size = (WIDTH, 0.6 + (4.4 if across == 1 else 3.6) * lines)
    fig, axes = plt.subplots(lines, across, figsize=size, squeeze=False)
    for ax, task in zip(axes.flat, names, strict=False):
        part = table[table["task"] == task]
        for label, own in part.groupby(part["row"].str.partition(STRENGTH)[0], sort=False):
            _path(ax, own, str(label), utility, gap)
        _fit(ax, part, utility, gap)
        ax.set_title(task, fontsize=9)
        ax.set_xlabel(TITLES.get(gap, gap).replace("\n", " "), fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel(TITLES.get(utility, utility).replace("\n", " ").replace("right", "up"), fontsize=9)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    found = dict(zip(*reversed(axes.flat[0].get_legend_handles_labels()), strict=True))
    fig.legend(list(found.values()), list(found), loc="outside lower center", ncols=min(6, len(found)), fontsize=9)
    return fig


def _path(ax: Axes, own: pd.DataFrame, label: str, utility: str, gap: str) -> None:
    """One method's points in the order of λ."""
    strengths = own["row"].str.partition(STRENGTH)[2]
    own = own.assign(strength=pd.to_numeric(strengths, errors="coerce")).sort_values("strength")
    colour, mark = COLOURS.get(label, "0.5"), MARKS.get(label, "o")
    errors = [np.nan_to_num((own[f"{name}_high"] - own[name]).to_numpy(float)) for name in (gap, utility)]
    look: dict[str, Any] = {"color": colour, "elinewidth": 0.7, "alpha": 0.5}
    ax.errorbar(own[gap], own[utility], xerr=errors[0], yerr=errors[1], fmt="none", **look)
    ax.plot(own[gap], own[utility], "-", color=colour, lw=1.3, alpha=0.8)
    sizes = (22 if len(own) > 1 else 70) + 24 * np.arange(len(own))
    ax.scatter(own[gap], own[utility], sizes, colour, marker=mark, label=label, zorder=3)
    for x, y, strength in zip(own[gap], own[utility], own["strength"], strict=True):
        if np.isfinite(strength):
            ax.annotate(f"{strength:g}", (x, y), (5, 4), textcoords="offset points", fontsize=7, color=colour)


def _fit(ax: Axes, part: pd.DataFrame, utility: str, gap: str) -> None:
    """Limits that hold all means with a margin, so that one wide interval does not flatten the panel."""
    for name, limit in ((gap, ax.set_xlim), (utility, ax.set_ylim)):
        low, high = part[name].min(), part[name].max()
        room = max(0.15 * (high - low), 0.5)
        limit(max(0, low - room) if name == gap else low - room, high + 1.3 * room)


def choices(frame: pd.DataFrame, names: Sequence[str] = ("acc", "fpr_gap", "ddp")) -> Figure:
    """The form of the adapter: a line of panels per metric, a column for rank, linear maps and blocks, beside the rest.

    A colour per method; points are means over seeds, bars 95 % t-intervals.

    Args:
        frame: from ``runs.run``, of one task, labels ``Orth, rank 2`` ...; the hyper-parameter (``FORMS``) sorts a row
            into its column, and the plain form stands in all of them.

    Raises:
        BadData: runs of several tasks, or of one form only.
    """
    import matplotlib.pyplot as plt

    if frame["task"].nunique() != 1:
        raise BadData(f"choices draws one task, got {frame['task'].nunique()}: select the rows of one")
    table = _forms(frame, names)
    groups = [key for key in FORMS if key in set(table["varied"])]
    if not groups:
        raise BadData("these runs have one form of adapter: run the table 'choices'")
    size = (WIDTH, 0.9 + 1.75 * len(names))
    fig, axes = plt.subplots(len(names), len(groups), figsize=size, sharex="col", sharey="row", squeeze=False)
    for j, key in enumerate(groups):
        part = table[table["varied"].isin([key, ""])]
        words = [form if varied else _plain(form, key) for form, varied in part[["form", "varied"]].to_numpy()]
        part, order = part.assign(word=words), sorted(dict.fromkeys(words), key=_number)
        for ax, name in zip(axes[:, j], names, strict=True):
            _methods(ax, part, order, name)
        axes[0, j].set_title(FORMS[key][0], fontsize=9)
        shown = [word.removesuffix(" of the blocks").replace("rank ", "r = ") for word in order]
        axes[-1, j].set_xticks(range(len(order)), shown, fontsize=8)
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(TITLES.get(name, name).replace("right", "up").replace("left", "down"), fontsize=8)
    handles = axes[0, 0].get_legend_handles_labels()
    fig.legend(*handles, loc="outside lower center", ncols=len(handles[1]), fontsize=9)
    return fig


def _forms(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """``tables.over_seeds`` with columns label, form (the words after it) and varied (a key of ``FORMS`` or "")."""
    table = tables.over_seeds(frame, names)
    keys = {label: set(json.loads(text)) for label, text in zip(frame["label"], frame["hparams"], strict=True)}
    parts = table["row"].str.partition(", ")
    varied = [next((key for key in FORMS if key in keys[label]), "") for label in table["row"]]
    return table.assign(label=parts[0], form=parts[2], varied=varied)


def _plain(form: str, key: str) -> str:
    """What the plain form says of ``key``: ``rank 8`` of ``rank 8, q and v, all blocks``."""
    words = form.split(", ")
    return words[FORMS[key][1]] if len(words) == len(FORMS) else form


def _number(word: str) -> float:
    """Ranks by their size; words stay in their order."""
    found = re.search(r"\d+", word)
    return float(found[0]) if found else 0


def _methods(ax: Axes, part: pd.DataFrame, order: Sequence[str], name: str) -> None:
    for i, (label, own) in enumerate(part.groupby("label", sort=False)):
        x = [order.index(word) + 0.16 * (i - (part["label"].nunique() - 1) / 2) for word in own["word"]]
        error = np.nan_to_num((own[f"{name}_high"] - own[name]).to_numpy(float))
        look: dict[str, Any] = {"color": COLOURS.get(str(label), "0.5"), "ms": 5, "capsize": 2}
        ax.errorbar(x, own[name], error, fmt=MARKS.get(str(label), "o"), label=label, **look)
    ax.set_xlim(-0.5, len(order) - 0.5)
    ax.grid(axis="x", visible=False)


def bytes_per_round(frame: pd.DataFrame, network: int) -> Figure:
    """What crosses, in bytes on a log axis, a line per label: one message, the whole exchange, the whole network.

    Args:
        frame: from ``runs.run``, whose notes have the log of messages. network: bytes of all weights (``lora.size``),
            drawn once as a line and, hollow, as often as the exchange has messages.
    """
    import matplotlib.pyplot as plt

    logs = {label: part["notes"].iloc[0].get("messages", []) for label, part in frame.groupby("label", sort=False)}
    fig, ax = plt.subplots(figsize=(WIDTH, 1.2 + 0.36 * len(logs)))
    for y, log in enumerate(logs.values()):
        if not log:
            white, where = {"fc": "white", "ec": "none", "pad": 1}, ax.get_yaxis_transform()
            ax.text(0.01, y, "nothing crosses", va="center", fontsize=8, transform=where, bbox=white)
            continue
        sizes = [line["size"] for line in log]
        ax.plot([sizes[0], sum(sizes)], [y, y], "-", color=report.COLOURS[0], lw=1.2)
        ax.plot(sizes[0], y, "o", color=report.COLOURS[5], ms=9, label="one message")
        ax.plot(sum(sizes), y, "s", color=report.COLOURS[0], ms=4.5, label="all messages")
        text = f"{len(sizes)} × {sizes[0] / 1024:,.0f} KiB"
        ax.annotate(text, (sizes[0], y), (0, 6), textcoords="offset points", fontsize=7, ha="center")
        ax.plot(network * len(sizes), y, "s", mfc="none", color=report.COLOURS[1], ms=6, label="as many whole networks")
    ax.axvline(network, color=report.COLOURS[1], lw=1.5, ls="--", label="one whole network")
    ax.set_xscale("log")
    ax.set(xlabel="bytes (log axis)", ylim=(len(logs) - 0.4, -0.8))
    ax.set_yticks(range(len(logs)), list(logs), fontsize=9)
    found = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    fig.legend(list(found.values()), list(found), loc="outside lower center", ncols=4, fontsize=8)
    return fig
