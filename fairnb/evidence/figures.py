"""Figures that several papers draw: methods against metrics, a point per seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence import report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.5
REFERENCE = "Erm"
TITLES = {
    "acc": "accuracy, %\n(right: better)",
    "bacc": "balanced accuracy, %\n(right: better)",
    "f1": "F1, %\n(right: better)",
    "fpr_gap": "gap in FPR, points\n(left: fairer)",
    "ddp": "DP gap (DDP), points\n(left: fairer)",
    "tpr_gap": "gap in TPR, points\n(left: fairer)",
    "eo_max": "EO max, points\n(left: fairer)",
}


def methods_table(frame: pd.DataFrame, names: Sequence[str] = ("acc", "fpr_gap", "ddp", "tpr_gap", "eo_max")) -> Figure:
    """Methods x metrics, a line of panels per task: points are seeds, diamonds means, bars 95 % t-intervals over seeds.

    Args:
        frame: from ``runs.run``. names: metrics. The dashed line is Erm's mean, where the frame has Erm.
    """
    import matplotlib.pyplot as plt

    tasks, labels = list(frame["task"].unique()), list(frame["label"].unique())
    size = (WIDTH, 0.55 + len(tasks) * (0.35 + 0.27 * len(labels)))
    fig, axes = plt.subplots(len(tasks), len(names), figsize=size, sharey=True, sharex="col", squeeze=False)
    for line, task in zip(axes, tasks, strict=True):
        for ax, name in zip(line, names, strict=True):
            for y, label in enumerate(labels):
                own = frame[(frame["task"] == task) & (frame["label"] == label)]
                _row(ax, 100 * own[name].dropna().to_numpy(float), y, label == REFERENCE)
            ax.set_ylim(len(labels) - 0.4, -0.6)
            ax.set_yticks(range(len(labels)), labels, fontsize=9)
            ax.tick_params(axis="x", labelsize=8)
        line[0].set_ylabel(task.replace("/", "\n", 1), fontsize=8)
    for ax, name in zip(axes[-1], names, strict=True):
        ax.set_xlabel(TITLES.get(name, name), fontsize=8)
    return fig


def _row(ax: Axes, values: np.ndarray, y: float, reference: bool) -> None:
    if not len(values):
        return
    interval = metrics.seed_interval(values)
    ax.plot(values, [y] * len(values), "o", color=report.COLOURS[0], alpha=0.45, ms=4)
    ax.plot([interval.low, interval.high], [y + 0.22] * 2, color=report.COLOURS[1], lw=2)
    ax.plot(interval.mean, y + 0.22, "d", color=report.COLOURS[1], ms=5)
    if reference:
        ax.axvline(interval.mean, color="0.4", lw=1, ls="--")
