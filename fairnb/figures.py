"""Figures that several notebooks draw: bars beside printed values, differences by seed, which tensors are trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb import report, tables
from fairnb.claims import less

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "acc": "ACC (higher is better)",
    "wst": "WST (higher is better)",
    "eo_max": "EO max (lower is better)",
}
FLOOR = 50.0  # accuracies are drawn from here on: below lies chance


def bars(table: pd.DataFrame, names: Sequence[str] = ("acc", "wst", "eo_max")) -> Figure:
    """Rerun rows as bars with 95 % intervals, one line of panels per task; printed values as diamonds.

    Args:
        table: from ``tables.beside``: columns task, row, source, and per metric x, x_low, x_high, printed_x (percent).
        names: metrics, one panel each.
    """
    import matplotlib.pyplot as plt

    tasks = table["task"].unique()
    fig, axes = plt.subplots(len(tasks), len(names), figsize=(9.5, 3.5 * len(tasks)), squeeze=False)
    for line, task in zip(axes, tasks, strict=True):
        part = table[(table["task"] == task) & (table["source"] == tables.RERUN)]
        for ax, name in zip(line, names, strict=True):
            ends = part[[f"{name}_low", f"{name}_high"]].to_numpy()
            error = np.nan_to_num(np.abs(ends - part[[name]].to_numpy())).T
            ax.barh(part["row"], part[name], color=report.COLOURS[0], alpha=0.75, xerr=error, ecolor="0.2")
            label = "printed (the paper's own, another experiment)"
            ax.plot(part[f"printed_{name}"], part["row"], "D", color=report.COLOURS[1], ms=5, label=label)
            lowest = min(part[f"{name}_low"].fillna(part[name]).min(), part[f"printed_{name}"].min())
            ax.set_xlim(left=0 if name.startswith("eo") else min(FLOOR, 10 * np.floor(lowest / 10)))
            ax.set_title(TITLES.get(name, name), fontsize=9)
            ax.invert_yaxis()
            ax.label_outer()
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center")
    return fig


def differences(frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], names: Sequence[str], task: str) -> Figure:
    """For each pair (one, other) of methods: metric of one minus metric of other, per seed, with its 95 % t-interval.

    Args:
        frame: from ``runs.run``. names: metrics, one panel each.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(names), figsize=(9.5, 0.9 + 0.5 * len(pairs)), sharey=True)
    for ax, name in zip(axes, names, strict=True):
        for y, (one, other) in enumerate(pairs):
            condition = less(frame, name, other, one, task)
            ax.plot(
                condition.values,
                [y] * len(condition.values),
                "o",
                color=report.COLOURS[0],
                alpha=0.5,
                ms=4,
            )
            interval = condition.interval
            ax.plot([interval.low, interval.high], [y + 0.25] * 2, color=report.COLOURS[1], lw=2.5)
        ax.axvline(0, color="0.3", lw=1)
        ax.set(title=name, xlabel="difference in points", ylim=(len(pairs) - 0.4, -0.5))
        ax.set_yticks(range(len(pairs)), [f"{one} −\n{other}" for one, other in pairs], fontsize=8)
    return fig


def mask(notes: Sequence[dict[str, Any]]) -> Figure:
    """Gradient differences per tensor and which tensors were trained, from the ``mask`` notes of selective runs.

    Args:
        notes: one dict per seed: names, delta_domain, delta_bias, selected; tensors in the network's order.
    """
    import matplotlib.pyplot as plt

    from fairnb.methods.aimfair_mask import block_of

    blocks = [block_of(name) for name in notes[0]["names"]]
    edges = [i for i in range(len(blocks)) if i == 0 or blocks[i] != blocks[i - 1]]
    fig, axes = plt.subplots(3, 1, figsize=(9.5, 4.6), sharex=True, height_ratios=[2, 2, 0.6])
    texts = {"delta_domain": "domain: |g(R) − g(S1)|", "delta_bias": "bias: |g(S1) − g(S2)|"}
    for ax, (key, text) in zip(axes, texts.items(), strict=False):
        for note in notes:
            ax.semilogy(note[key], ".", color=report.COLOURS[0], alpha=0.5, ms=4)
        ax.set_title(text, loc="left", fontsize=9)
    share = np.mean([note["selected"] for note in notes], axis=0)
    axes[2].imshow(share[None], aspect="auto", cmap="Greens", vmin=0, vmax=1)
    axes[2].set_title("trained (green) or left alone (white): share of seeds", loc="left", fontsize=9)
    axes[2].set(yticks=[], xticks=edges, xticklabels=[blocks[i] for i in edges])
    axes[2].grid(False)
    return fig
