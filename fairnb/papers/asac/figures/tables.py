"""Figures of ASAC's tables: accuracy against gap for every row, and which step of the recipe brings which gain."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import report, tables
from fairnb.evidence.verdicts import Condition, per_seed
from fairnb.papers.asac.tables import AEDA, CONTROL, FGSM, GENERATOR, PGD, PROBE, STEPS, TRAINED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PATH = tuple(row[0] for row in (PROBE, CONTROL, STEPS, FGSM))
TITLES = {"acc": "accuracy", "eo_sum": "DEO (sum of both gaps)", "eo_avg": "DEO (average of both gaps)"}
WIDTH = 9.5
MARKS = "os^Dv"
# A row looks the same in every figure: a colour for each idea, a square for its second form.
LOOKS = {
    row[0]: (report.COLOURS[colour], mark)
    for row, colour, mark in (
        (PROBE, 0, "o"),
        (TRAINED, 0, "s"),
        (CONTROL, 1, "o"),
        (STEPS, 1, "s"),
        (AEDA, 2, "o"),
        (GENERATOR, 3, "o"),
        (FGSM, 6, "o"),
        (PGD, 6, "s"),
    )
}


def step_names(path: Sequence[str]) -> dict[tuple[str, str], str]:
    """What lies between two rows that follow each other, in words: ``(before, after) -> "before → after"``."""
    pairs = [*itertools.pairwise(path), (path[0], path[-1])]
    known = {
        (PROBE[0], CONTROL[0]): "all layers, as many epochs",
        (PROBE[0], STEPS[0]): "all layers, as many steps",
        (CONTROL[0], STEPS[0]): "more steps",
        (STEPS[0], FGSM[0]): "attacked images",
        (PROBE[0], FGSM[0]): "all of it",
    }
    return {pair: known.get(pair, f"{pair[0]} → {pair[1]}") for pair in dict.fromkeys(pairs)}


def gains(
    frame: pd.DataFrame, path: Sequence[str] = PATH, names: Sequence[str] = ("acc", "eo_sum", "eo_avg")
) -> pd.DataFrame:
    """How a path of rows changes each metric, step by step and in all, paired by seed, in percentage points.

    Args:
        frame: from ``runs.run``. path: labels; those that a task lacks are left out. names: metrics.

    Returns:
        columns ``task, step, before, after, seeds`` and per metric ``x`` (mean), ``x_low``, ``x_high`` (95 %
        t-interval, NaN for one seed) and ``x_values`` (a tuple, one number per seed).
    """
    rows = []
    for task, part in frame.groupby("task", sort=False):
        there = [label for label in path if label in set(part["label"])]
        for (before, after), words in step_names(there).items():
            row: dict[str, Any] = {"task": task, "step": words, "before": before, "after": after}
            for name in names:
                ends = [per_seed(part, label, name, str(task), "label") for label in (after, before)]
                change = Condition(words, tuple((ends[0] - ends[1]).dropna()))
                interval = change.interval
                row |= {"seeds": len(change.values), name: interval.mean, f"{name}_low": interval.low}
                row |= {f"{name}_high": interval.high, f"{name}_values": change.values}
            rows.append(row)
    return pd.DataFrame(rows)


def decomposition(found: pd.DataFrame, names: Sequence[str] = ("acc", "eo_sum")) -> Figure:
    """The steps of ``gains``, a line of panels per metric, a panel per task: dots are seeds, bars 95 % t-intervals."""
    import matplotlib.pyplot as plt

    tasks = list(found["task"].unique())
    lines = int(found.groupby("task", sort=False).size().max())
    size = (WIDTH, len(names) * (0.85 + 0.34 * lines))
    fig, axes = plt.subplots(len(names), len(tasks), figsize=size, sharey=True, squeeze=False)
    for metric, line in zip(names, axes, strict=True):
        for task, ax in zip(tasks, line, strict=True):
            _steps(ax, found[found["task"] == task], metric)
            ax.set_title(short(task) if metric == names[0] else "", fontsize=9)
            ax.set_xlabel(f"change of {TITLES.get(metric, metric).partition(' (')[0]}, points", fontsize=8)
            ax.tick_params(axis="x", labelsize=8)
    return fig


def tradeoff(table: pd.DataFrame, path: Sequence[str] = PATH, gap: str = "eo_sum", columns: int = 3) -> Figure:
    """Accuracy against DEO, a panel per task: a point per rerun row, bars are 95 % t-intervals over seeds.

    Arrows follow ``path``; hollow points are the printed numbers of the same colour and mark, of another experiment.
    The panel holds all means and printed points; a bar that is longer is cut.

    Args:
        table: from ``tables.table``. gap: metric of the horizontal axis. columns: panels in a line.
    """
    import matplotlib.pyplot as plt

    tasks, looks = list(table["task"].unique()), _looks(table)
    across = min(columns, len(tasks))
    lines = -(-len(tasks) // across)
    fig, axes = plt.subplots(lines, across, figsize=(WIDTH, 0.7 + (4.2 if across == 1 else 3.3) * lines), squeeze=False)
    for ax, task in zip(axes.flat, tasks, strict=False):
        part = table[table["task"] == task].set_index("row")
        for row, look in looks.items():
            if row in part.index:
                _point(ax, part.loc[row], gap, look)
        _arrows(ax, part[part["source"] == tables.RERUN], path, gap)
        _frame_all(ax, part, gap)
        ax.set_title(short(task), fontsize=9)
        ax.set_xlabel(f"{TITLES.get(gap, gap)}, %", fontsize=8)
        ax.tick_params(labelsize=8)
    for ax in axes.flat[len(tasks) :]:
        ax.set_axis_off()
    for ax in axes[:, 0]:
        ax.set_ylabel("accuracy, %", fontsize=8)
    _legend(fig, looks, table)
    return fig


def short(task: str) -> str:
    """``toy_faces/big_nose_male_natural_resnet50`` -> ``big nose male resnet50`` and, below, ``(toy_faces)``."""
    folder, _, name = task.partition("/")
    return f"{name.replace('_natural', '').replace('_', ' ')}\n({folder})"


def _steps(ax: Axes, part: pd.DataFrame, metric: str) -> None:
    for i, row in enumerate(part.to_dict("records")):
        ax.plot(row[f"{metric}_values"], [i - 0.12] * row["seeds"], "o", color=report.COLOURS[0], alpha=0.5, ms=4)
        ax.plot([row[f"{metric}_low"], row[f"{metric}_high"]], [i + 0.18] * 2, color=report.COLOURS[1], lw=2.5)
        ax.plot(row[metric], i + 0.18, "d", color=report.COLOURS[1], ms=5)
    ax.axvline(0, color="0.3", lw=1)
    ax.axhline(len(part) - 1.5, color="0.7", lw=0.8, ls=":")
    ax.set_yticks(range(len(part)), part["step"], fontsize=8)
    ax.set_ylim(len(part) - 0.5, -0.5)


def _looks(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and mark of every row of the table, the same in all panels."""
    others = {row: (report.COLOURS[4 + i % 2], MARKS[2 + i // 2 % 3]) for i, row in enumerate(_others(table))}
    known = LOOKS | others
    return {row: known[row] for row in dict.fromkeys(table["row"])}


def _others(table: pd.DataFrame) -> list[str]:
    return [row for row in dict.fromkeys(table["row"]) if row not in LOOKS]


def _point(ax: Axes, row: pd.Series, gap: str, look: tuple[str, str]) -> None:
    colour, mark = look
    if pd.notna(row.get(gap)):
        ends = [[[row[name] - row[f"{name}_low"]], [row[f"{name}_high"] - row[name]]] for name in (gap, "acc")]
        across, up = (np.nan_to_num(np.array(error, float)) for error in ends)
        ax.errorbar(row[gap], row["acc"], up, across, mark, color=colour, ms=6, elinewidth=0.6, alpha=0.9)
    theirs = row.get(f"printed_{gap}"), row.get("printed_acc")
    if pd.notna(theirs[0]) and pd.notna(theirs[1]):
        ax.plot(*theirs, mark, mfc="none", mec=colour, ms=6, mew=1.2)


def _arrows(ax: Axes, part: pd.DataFrame, path: Sequence[str], gap: str) -> None:
    there = [label for label in path if label in part.index]
    for before, after in itertools.pairwise(there):
        start, end = (tuple(part.loc[label, [gap, "acc"]]) for label in (before, after))
        style = {"arrowstyle": "->", "color": "0.25", "lw": 1.2, "shrinkA": 4, "shrinkB": 4}
        ax.annotate("", xy=end, xytext=start, arrowprops=style)


def _frame_all(ax: Axes, part: pd.DataFrame, gap: str) -> None:
    """Limits by the points, not by the bars: three seeds have long ones."""
    for name, limit in ((gap, ax.set_xlim), ("acc", ax.set_ylim)):
        shown = [part[column] for column in (name, f"printed_{name}") if column in part]
        values = pd.concat(shown).astype(float)
        span = max(values.max() - values.min(), 1.0)
        low = values.min() - 0.12 * span
        limit(max(low, -0.03 * span) if name == gap else low, values.max() + 0.12 * span)


def _legend(fig: Figure, looks: Mapping[str, tuple[str, str]], table: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D

    quoted = set(table.loc[table["source"] == tables.QUOTED, "row"]) - set(
        table.loc[table["source"] == tables.RERUN, "row"]
    )
    handles = [
        Line2D([], [], ls="", marker=mark, color=colour, mfc="none" if row in quoted else colour, label=row)
        for row, (colour, mark) in looks.items()
    ]
    if any(column.startswith("printed_") for column in table):
        handles.append(Line2D([], [], ls="", marker="o", color="0.4", mfc="none", label="hollow: printed"))
    handles.append(Line2D([], [], color="0.25", lw=1.2, label="arrows: base → control → ASAC"))
    fig.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)


def moves(
    x: np.ndarray,
    target: np.ndarray,
    protected: np.ndarray,
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    few: int = 60,
) -> Figure:
    """The toy in two dimensions: where an attack moves points, and M's line before (dashed) and after training on them.

    Args:
        x: ``(N, 2)``. target, protected: 0 or 1, ``(N,)``; marks and colours. few: points drawn.
        panels: title -> attacked points ``(N, 2)``, M's weights ``(2,)`` before and after; M has no intercept.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 3.6), sharex=True, sharey=True, squeeze=False)
    ends = np.array([-4.0, 4.0])
    for ax, (title, (moved, before, after)) in zip(axes[0], panels.items(), strict=True):
        for label, group in np.ndindex(2, 2):
            own = np.flatnonzero((target[:few] == label) & (protected[:few] == group))
            text, colour = f"y = {label}, a = {group}", report.COLOURS[group]
            ax.plot(*x[own].T, "o^"[label], color=colour, ms=4.5, label=text)
            step = moved[own] - x[own]
            ax.quiver(*x[own].T, *step.T, color=colour, angles="xy", scale_units="xy", scale=1, width=0.003, alpha=0.5)
        for weights, style, text in ((before, "--", "M before"), (after, "-", "M after")):
            ax.plot(-ends * weights[1] / weights[0], ends, style, color="0.15", lw=1.6, label=text)
        ax.set_title(title, fontsize=9)
        ax.set(xlim=(-4.5, 4.5), ylim=(-3, 3), xlabel="u: evidence for the target y")
    axes[0, 0].set_ylabel("v: evidence for the\nprotected attribute a")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8)
    return fig
