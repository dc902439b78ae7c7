"""FairLoRA's ideas on toys: weights of two inputs, difference against ratio, inputs sorted by a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report
from fairnb.papers.fairlora.figures.tables import LOOKS
from fairnb.papers.fairlora.toy import AUDITOR

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def weights(found: Mapping[str, pd.DataFrame]) -> Figure:
    """What each strategy weighs the target's and the protected input with, as arrows from 0, a panel per title.

    Args:
        found: title -> from ``toy.measured``.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    looks = {AUDITOR: ("0.6", "o")} | LOOKS
    colours, marks = ({name: look[i] for name, look in looks.items()} for i in (0, 1))
    same = {"x": "w on u", "y": "w on v", "hue": "strategy", "style": "strategy", "palette": colours}
    fig, axes = plt.subplots(1, len(found), figsize=(figures.WIDTH, 4), sharex=True, sharey=True, squeeze=False)
    for ax, (title, ends) in zip(axes[0], found.items(), strict=True):
        rays = pd.concat([ends, ends.assign(**{"w on u": 0, "w on v": 0})])
        dashes = {name: (1, 1) if name == "Unl" else "" for name in looks}  # where it ends, Erm ends as well
        sns.lineplot(rays, dashes=dashes, lw=2.5, estimator=None, legend=False, ax=ax, **same)
        sizes = {name: 160 if name == "Erm" else 50 for name in looks}
        sns.scatterplot(ends, markers=marks, size="strategy", sizes=sizes, linewidth=0, zorder=3, ax=ax, **same)
        ax.axhline(0, color="0.3", lw=1)
        ax.set(title=title, xlabel="weight on u (target)", ylabel="weight on v (protected)")
    figures.legend(fig, 5)
    return fig


def by_shown(found: pd.DataFrame) -> Figure:
    """The demographic parity gap of each strategy by how much the frozen network shows of the protected input.

    Args:
        found: columns ``strategy``, ``shown`` (weight of v in W0) and ``DDP`` (percent).
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    fig, ax = plt.subplots(figsize=(figures.WIDTH, 3.4))
    look = {"hue": "strategy", "style": "strategy", "markers": True, "dashes": False, "palette": report.COLOURS[:4]}
    sns.lineplot(found, x="shown", y="DDP", ax=ax, **look)
    ax.set(xlabel="what W₀ shows of v (its weight)", ylabel="gap in demographic parity, %", ylim=(0, None))
    figures.legend(fig, 4)
    return fig


def parity(curves: pd.DataFrame, levels: pd.DataFrame) -> Figure:
    """Difference and ratio of two false positive rates by threshold, and the mean ratio of equal ones by sample size.

    Args:
        curves: columns ``shift δ, threshold, difference, ratio``, fractions. levels: columns ``n, FPR, ratio``.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    percent = curves.assign(difference=100 * curves["difference"], delta="δ = " + curves["shift δ"].astype(str))
    sizes = levels.assign(FPR=100 * levels["FPR"], n="n = " + levels["n"].map("{:,}".format))
    fig, axes = plt.subplots(1, 3, figsize=(figures.WIDTH, 3.1))
    for ax, name, colour in zip(axes, ("difference", "ratio"), report.COLOURS, strict=False):
        sns.lineplot(percent, x="threshold", y=name, style="delta", color=colour, ax=ax)
    sns.lineplot(sizes, x="FPR", y="ratio", hue="n", palette=report.COLOURS[2:5], marker="o", ax=axes[2])
    for ax, title in zip(axes, ("difference, points", "ratio (1: fair)", "mean ratio, both rates equal"), strict=True):
        ax.set(title=title, xlabel="threshold (right: fewer yes)", ylabel="")
        ax.get_legend().set_title(None)
    axes[1].set_ylim(0, 1.05)
    axes[2].set(xlabel="FPR, %", ylim=(0, 1.05), xscale="log")
    axes[2].set_xticks([0.5, 1, 5, 10, 40], ["0.5", "1", "5", "10", "40"])
    axes[2].minorticks_off()
    return fig


def sorted_by(scores: Mapping[str, np.ndarray], groups: np.ndarray) -> Figure:
    """Where inputs lie along each direction, a panel under its words; colours are the groups ``(n,)``."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    names, order = [f"s = {group}" for group in groups], [f"s = {group}" for group in np.unique(groups)]
    look = {"hue": names, "hue_order": order, "palette": report.COLOURS[:2], "linewidth": 0, "alpha": 0.6}
    fig, axes = plt.subplots(1, len(scores), figsize=(figures.WIDTH, 2.8), squeeze=False)
    for ax, (words, score) in zip(axes[0], scores.items(), strict=True):
        sns.histplot(x=score, bins=40, ax=ax, **look)
        ax.set(title=words, xlabel="place along the direction", ylabel="", yticks=[])
        ax.get_legend().set_title(None)
    return fig
