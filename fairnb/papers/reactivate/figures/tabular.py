"""Figures of ICDM 2022's tables of people: accuracy against bias, a threshold sweep, and what single choices change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import report
from fairnb.evidence.verdicts import less
from fairnb.papers.reactivate.tables import TOLERANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour: what kind of method. Marker: which of them.
STYLES: dict[str, tuple[str, str]] = {
    "Baseline": (report.COLOURS[6], "*"),
    "ROC": (report.COLOURS[4], "o"),
    "EqOdds": (report.COLOURS[4], "s"),
    "CalibEqOdds": (report.COLOURS[4], "^"),
    "Adv.Debias": (report.COLOURS[3], "o"),
    "RndPert": (report.COLOURS[0], "o"),
    "LayerwiseOpt": (report.COLOURS[0], "s"),
    "Adv.Ft": (report.COLOURS[0], "^"),
    "Proposed": (report.COLOURS[1], "o"),
    "Proposed-joint": (report.COLOURS[1], "s"),
}
TITLES = {"accuracy": "balanced accuracy", "bias": "|bias|"}


def words(task: str) -> str:
    """A task's name for a title: ``toy_tables/adult_sex_aod`` is ``adult sex AOD``."""
    place, _, name = task.partition("/")
    *parts, measure = name.replace("age25", "age").split("_")
    return " ".join([*([] if place.startswith("toy") else [place.replace("25", "")]), *parts, measure.upper()])


def scatter(table: pd.DataFrame) -> Figure:
    """Balanced accuracy against |bias|, a panel per task, a marker per row, bars are standard deviations over seeds.

    Printed values are hollow markers; one whose accuracy is printed as a dash lies on the lower edge.

    Args:
        table: from ``tables.table``, of one table or several.
    """
    import matplotlib.pyplot as plt

    names = list(table["task"].unique())
    lines = -(-(len(names) + 1) // 3)
    fig, axes = plt.subplots(lines, 3, figsize=(9.5, 3.1 * lines), squeeze=False)
    for ax, task in zip(axes.flat, names, strict=False):
        _panel(ax, table[table["task"] == task])
        ax.set(title=words(task), xlabel="|bias|")
    for line in axes:
        line[0].set_ylabel("balanced accuracy")
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    axes.flat[-1].legend(*_key(axes.flat[0]), loc="center", fontsize=8, handletextpad=0.8)
    return fig


def _panel(ax: Axes, part: pd.DataFrame) -> None:
    within = part["accuracy"].dropna(), part["printed_accuracy"].dropna()
    floor = min(0.48, *(float(values.min()) - 0.02 for values in within if len(values)))
    ax.axvspan(0, TOLERANCE, color=report.COLOURS[2], alpha=0.1, lw=0)
    ax.axvline(TOLERANCE, color=report.COLOURS[2], lw=1)
    ax.axhline(0.5, color="0.5", lw=0.8, ls=":")
    for row in part.to_dict("records"):
        colour, marker = STYLES.get(row["row"], ("0.5", "D"))
        error = {"xerr": row["bias_std"], "yerr": row["accuracy_std"]}
        known = {name: value for name, value in error.items() if np.isfinite(value)}
        looks: dict[str, Any] = {"color": colour, "marker": marker, "ms": 9 if marker == "*" else 6}
        ax.errorbar(row["bias"], row["accuracy"], **known, **looks, ls="", elinewidth=0.7, label=row["row"])
        if np.isfinite(row["printed_bias"]):
            height = row["printed_accuracy"] if np.isfinite(row["printed_accuracy"]) else floor
            ax.plot(row["printed_bias"], height, **looks, mfc="none", ls="", clip_on=False, zorder=3)
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=floor)


def _key(ax: Axes) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles, labels = ax.get_legend_handles_labels()
    extra: dict[str, Any] = {
        "printed (hollow)": Line2D([], [], marker="o", color="0.3", mfc="none", ls=""),
        "within tolerance": Patch(color=report.COLOURS[2], alpha=0.2),
    }
    return [*handles, *extra.values()], [*labels, *extra]


def sweep(thresholds: np.ndarray, bacc: np.ndarray, bias: np.ndarray, limit: float = TOLERANCE) -> Figure:
    """Balanced accuracy, signed bias and Φ at every threshold, ``(T,)`` each; the tolerance ± ``limit`` is shaded."""
    import matplotlib.pyplot as plt

    from fairnb.metrics.thresholds import phi

    fig, axes = plt.subplots(1, 3, figsize=(9.5, 2.9), sharex=True)
    curves = {"balanced accuracy ρ": bacc, "bias μ": bias, "Φ: ρ where |μ| < ε, else 0": phi(bacc, bias, limit)}
    inside = np.abs(bias) < limit
    for ax, (title, values), colour in zip(axes, curves.items(), report.COLOURS, strict=False):
        ax.plot(thresholds, values, color=colour)
        ax.set(title=title, xlabel="threshold")
        ends = ax.get_ylim()
        ax.fill_between(thresholds, *ends, where=inside, step="mid", color=report.COLOURS[2], alpha=0.12, lw=0)
        ax.set_ylim(ends)
    axes[1].axhline(limit, color="0.3", lw=0.8, ls=":")
    axes[1].axhline(-limit, color="0.3", lw=0.8, ls=":")
    return fig


def changes(frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], groups: Mapping[str, str] | None = None) -> Figure:
    """What a row has more than another, in points, paired by seed: dots are seeds, bars 95 % t-intervals.

    One line of panels for each task, one column for accuracy and one for |bias|.

    Args:
        frame: from ``tables.measured``. pairs: (row, the row that it is compared with).
        groups: row -> a word in front of its name, unless it begins with it.
    """
    import matplotlib.pyplot as plt

    names = list(frame["task"].unique())
    size = (9.5, 0.9 + (0.5 + 0.32 * len(pairs)) * len(names))
    fig, axes = plt.subplots(len(names), 2, figsize=size, squeeze=False, sharey=True, sharex="col")
    for line, task in zip(axes, names, strict=True):
        for ax, metric in zip(line, TITLES, strict=True):
            _differences(ax, frame, pairs, metric, task)
            ax.set_title(f"{words(task)}: {TITLES[metric]}", fontsize=9)
        labels = [_label(row, (groups or {}).get(row, "")) for row, _ in pairs]
        line[0].set_yticks(range(len(pairs)), labels, fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("difference in points")
    return fig


def _label(row: str, group: str) -> str:
    return row if row.startswith(group) else f"{group}: {row}"


def _differences(ax: Axes, frame: pd.DataFrame, pairs: Sequence[tuple[str, str]], metric: str, task: str) -> None:
    for y, (row, other) in enumerate(pairs):
        condition = less(frame, metric, other, row, task, "label")
        ax.plot(condition.values, [y] * len(condition.values), "o", color=report.COLOURS[0], alpha=0.5, ms=4)
        interval = condition.interval
        ax.plot([interval.low, interval.high], [y + 0.25] * 2, color=report.COLOURS[1], lw=2.5)
    ax.axvline(0, color="0.3", lw=1)
    ax.set_ylim(len(pairs) - 0.4, -0.6)
