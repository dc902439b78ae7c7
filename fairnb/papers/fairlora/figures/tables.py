"""Figures of FairLoRA's tables: five strategies, their strengths, the form of the adapter, what the messages weigh."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.evidence.figures import REFERENCE, TITLES, WIDTH
from fairnb.papers.fairlora.tables import STRENGTH, forms, strengths

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A strategy looks the same in every figure, the toys' too.
NAMES = ("Unl", "Adv", "Orth", "Ent", "Orth (product)")
LOOKS = {REFERENCE: ("0.1", "P")} | dict(zip(NAMES, zip(report.COLOURS, "^sDvo", strict=False), strict=True))
BYTES: figures.Looks = {
    "one message": (report.COLOURS[5], "o"),
    "all messages": (report.COLOURS[0], "s"),
    "one whole network": (report.COLOURS[4], "o"),
    "as many whole networks": (report.COLOURS[1], "s"),
}


def tradeoff(frame: pd.DataFrame, utility: str = "acc", gap: str = "fpr_gap") -> Figure:
    """Utility against a gap, a panel per method and task, Erm in each; a line joins the strengths, λ above their bars.

    Marks are means over seeds, bars their 95 % t-intervals.

    Args:
        frame: from ``runs.run``; labels as in ``tables``: ``Orth, λ = 0.1`` ..., ``Erm``.
    """
    import seaborn as sns

    whole = strengths(frame, (utility, gap))
    looks = {row: LOOKS[method] for row, method in zip(whole["row"], whole["method"], strict=True)}
    titles = {gap: TITLES.get(gap, gap), utility: TITLES.get(utility, utility).replace("right", "up")}
    fig = figures.tradeoff(whole, (gap, utility), looks, titles, panel="panel")
    for ax, (_, part) in zip(fig.axes, whole.dropna(subset="strength").groupby("panel", sort=False), strict=False):
        for handle, row in zip(*ax.get_legend_handles_labels(), strict=True):
            handle.set_label(row.partition(STRENGTH)[0])
        words, colour = ax.get_ylabel(), looks[part["row"].iloc[0]][0]
        sns.lineplot(part, x=gap, y=utility, color=colour, sort=False, estimator=None, legend=False, ax=ax)
        ax.set_ylabel(words)
        tops = part[f"{utility}_high"].fillna(part[utility])
        for x, y, strength in zip(part[gap], tops, part["strength"], strict=True):
            ax.annotate(f"{strength:g}", (x, y), (0, 7), textcoords="offset points", fontsize=8, ha="center")
        ax.margins(0.12, 0.15)
    figures.legend(fig, 6)
    return fig


def choices(frame: pd.DataFrame, names: Sequence[str] = ("acc", "fpr_gap", "ddp")) -> Figure:
    """The form of the adapter, Erm and Orth beside each other: means and 95 % t-intervals; see ``tables.forms``."""
    titles = {name: TITLES.get(name, name) for name in names}
    return figures.rows(seeds.tidy(forms(frame, names), titles, seeds.SHARE), block="block", looks=LOOKS)


def bytes_per_round(table: pd.DataFrame) -> Figure:
    """What crosses in a row of ``inside.messages``, on a log axis, and what whole networks would weigh instead."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    times, network = table["messages per run"], table["KiB of the network"]
    sizes = [table["KiB per message"], table["KiB per run"], network, network * times]
    found = pd.DataFrame(dict(zip(BYTES, sizes, strict=True))).where(times > 0).rename_axis("y").reset_index()
    found = found.melt("y", var_name="what", value_name="KiB").dropna()
    lines = found["y"].astype(str) + found["what"].str.contains("network").astype(str)
    look: dict[str, Any] = {
        name: {what: own[i] for what, own in BYTES.items()} for i, name in enumerate(("palette", "markers"))
    }
    fig, ax = plt.subplots(figsize=(WIDTH, 1.2 + 0.36 * len(table)))
    sns.lineplot(found, x="KiB", y="y", units=lines, estimator=None, color="0.5", lw=1.2, ax=ax)
    look |= {"hue": "what", "style": "what", "size": "what", "sizes": [90, 28] * 2, "linewidth": 0, "zorder": 3}
    sns.scatterplot(found, x="KiB", y="y", ax=ax, **look)
    rows = table["row"].str.replace(", ", ",\n")
    said = [f"{n} × {size:,.0f} KiB" if n else "nothing crosses" for n, size in zip(times, sizes[0], strict=True)]
    ax.set_yticks(range(len(table)), [f"{row}: {words}" for row, words in zip(rows, said, strict=True)])
    ax.set(xscale="log", xlabel="KiB (log axis)", ylabel="", ylim=(len(table) - 0.5, -0.5))
    figures.legend(fig)
    return fig


def ratios(frame: pd.DataFrame) -> Figure:
    """The ratio of both groups' FPR against their difference and against their mean: a mark per run, looks by task."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    names = {"fpr_gap": "difference of FPR, points (left: fairer)", "mean": "mean FPR of the groups, %"}
    found = 100 * frame[["fpr_gap", "fpr_ratio"]].assign(mean=(frame["fpr_min"] + frame["fpr_max"]) / 2)
    tasks = list(frame["task"].unique())
    look: dict[str, Any] = {"palette": [own[0] for own in figures.looks_of(tasks).values()], "alpha": 0.7, "s": 24}
    look |= {"markers": list("osD^vPX*")[: len(tasks)], "hue": "task", "style": "task", "linewidth": 0}
    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6), sharey=True)
    for ax, (name, title) in zip(axes, names.items(), strict=True):
        sns.scatterplot(found.assign(task=frame["task"]), x=name, y="fpr_ratio", ax=ax, **look)
        ax.set(xlabel=title, ylabel="ratio of FPR, % (up: fairer)")
    figures.legend(fig)
    return fig
