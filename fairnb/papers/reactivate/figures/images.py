"""Figures of ICDM 2022: the method on a toy in two dimensions, images of the data, accuracy against bias and skew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.contract import Predictor, Split
from fairnb.evidence import report, tables
from fairnb.papers.reactivate.tables import TOLERANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKS = ("o", "^")  # label 0 and 1; colours are groups
ROWS = ("Baseline", "Proposed", "Proposed-joint")
RESOLUTION = 150


def regions(panels: Mapping[str, tuple[Predictor, Split]], few: int = 400) -> Figure:
    """Decision regions of Predictors of two inputs, a panel each under its title; 1/2 is the white line.

    Args:
        panels: title -> Predictor and features ``(N, 2)``, of which the first ``few`` are drawn: marks are labels,
            colours groups.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(panels), figsize=(9.5, 3.4), sharex=True, sharey=True, squeeze=False)
    everywhere = np.concatenate([split.x for _, split in panels.values()])
    for ax, (title, (predict, split)) in zip(axes[0], panels.items(), strict=True):
        _shade(ax, predict, everywhere)
        _points(ax, split.take(np.arange(min(few, len(split)))))
        ax.set_title(title, fontsize=9)
    _legend(fig, axes[0, 0])
    return fig


def attacks(
    split: Split,
    predict: Predictor,
    moved: Mapping[str, np.ndarray],
    near: np.ndarray,
    rows: Sequence[int],
) -> Figure:
    """Where an attack moves the samples ``rows``, a panel for each direction; the first one's D_i is ringed.

    Args:
        split: features ``(N, 2)``. moved: title -> attacked features ``(N, 2)``. near: indexes ``(N, m)`` of the D_i.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(moved), figsize=(9.5, 3.4), sharex=True, sharey=True, squeeze=False)
    first, everywhere = rows[0], np.concatenate([split.x, *(after[rows] for after in moved.values())])
    for ax, (title, after) in zip(axes[0], moved.items(), strict=True):
        _shade(ax, predict, everywhere)
        _points(ax, split.take(np.asarray(rows)), 24)
        step = after[rows] - split.x[rows]
        ax.quiver(*split.x[rows].T, *step.T, angles="xy", scale_units="xy", scale=1, width=0.0028, zorder=4)
        for j in near[first]:
            ax.plot(*split.x[[first, j]].T, color="0.3", lw=0.6)
        ax.plot(*split.x[near[first]].T, "o", mfc="none", mec="0.1", ms=8, label="D_i of one sample")
        ax.set_title(title, fontsize=9)
    _legend(fig, axes[0, 0])
    return fig


def weights_and_masks(split: Split, weights: np.ndarray, masks: Mapping[str, np.ndarray], few: int = 400) -> Figure:
    """Sample weights as point areas (``few`` random samples); beside them each layer's mask: what is dropped is dark.

    Args:
        split: features ``(N, 2)``. weights: ``(N,)``, 1 or more. masks: layer -> 0 (dropped) or 1, ``(out, in)``.
    """
    import matplotlib.pyplot as plt

    columns = {name: mask.T if len(mask) == 1 else mask for name, mask in masks.items()}
    widths = [26, *(max(mask.shape[1], 4) for mask in columns.values())]
    fig, axes = plt.subplots(1, len(widths), figsize=(9.5, 3.4), width_ratios=widths)
    rows = np.random.default_rng(0).permutation(len(split))[:few]
    _points(axes[0], split.take(rows), 3 + 50 * (weights[rows] - 1) / max(weights.max() - 1, 1e-9))
    axes[0].set_title("sample weights w: area", fontsize=9)
    for ax, (name, mask) in zip(axes[1:], columns.items(), strict=True):
        ax.imshow(1 - mask, cmap="Greys", vmin=0, vmax=1.3, aspect="equal")
        ax.set_title(f"{name}\n−{100 * (1 - mask.mean()):.0f} %", fontsize=8)
        ax.set(xticks=[], yticks=[])
    _legend(fig, axes[0])
    return fig


def examples(split: Split, names: Sequence[str], rows: int = 5, seed: int = 0) -> Figure:
    """``rows`` random images of every class as they are in ``split``, a column per class."""
    import matplotlib.pyplot as plt

    rng, size = np.random.default_rng(seed), split.x.shape[2]
    columns = []
    for label in range(len(names)):
        drawn = rng.permutation(np.flatnonzero(split.target == label))[:rows]
        columns.append(np.concatenate(list(split.x[np.sort(drawn)].transpose(0, 2, 3, 1))))
    fig, ax = plt.subplots(figsize=(9.5, 0.2 + 0.95 * rows))
    ax.imshow(np.concatenate(columns, 1))
    ax.set_xticks([size * (i + 0.5) for i in range(len(names))], names, fontsize=8)
    ax.set_yticks([])
    ax.grid(False)
    return fig


def accuracy_against_bias(table: pd.DataFrame) -> Figure:
    """A point per rerun row with standard deviations over seeds; a thin line leads to the printed value, if any.

    Args:
        table: of one task, from ``tables.table``.
    """
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(9.5, 4.6))
    part = table[table["source"] == tables.RERUN]
    for i, row in enumerate(part.to_dict("records")):
        colour, mark = report.COLOURS[i % len(report.COLOURS)], "os"[i // len(report.COLOURS) % 2]
        error = [_bar(row[f"{name}_std"]) for name in ("bias", "accuracy")]
        place = row["bias"], row["accuracy"]
        ax.errorbar(*place, error[1], error[0], mark, color=colour, label=row["row"], ms=6, elinewidth=0.7)
        ends = [row[name] for name in ("bias", "printed_bias", "accuracy", "printed_accuracy")]
        if np.isfinite(ends).all():
            ax.plot(ends[:2], ends[2:], color=colour, lw=0.6, alpha=0.6)
            ax.plot(ends[1], ends[3], mark, mfc="white", mec=colour, ms=6)
    ax.axvline(TOLERANCE, color="0.3", lw=1, ls="--")
    ax.set_xlim(left=-0.02 * ax.get_xlim()[1])
    ax.set(xlabel="bias (left is fairer; dashed: the tolerance)", ylabel="accuracy")
    title = "filled: here\nhollow: printed" if part["printed_bias"].notna().any() else None
    fig.legend(loc="outside right center", fontsize=8, title=title, title_fontsize=8)
    return fig


def skews(table: pd.DataFrame, ceiling: float | None = None) -> Figure:
    """Accuracy at every skew, ours left with standard deviations over seeds, the printed one right.

    Args:
        table: rows of Tables I and II, tasks named ``.../skewNN``. ceiling: our accuracy on clean data.
    """
    import matplotlib.pyplot as plt

    fig, (ours, theirs) = plt.subplots(1, 2, figsize=(9.5, 3.4))
    part = table.assign(skew=[int(task.rpartition("skew")[2]) for task in table["task"]]).sort_values("skew")
    places = {skew: i for i, skew in enumerate(part["skew"].unique())}
    for i, name in enumerate(ROWS):
        own = part[part["row"] == name]
        x, colour = own["skew"].map(places) + 0.06 * (i - 1), report.COLOURS[i]
        ours.errorbar(x, own["accuracy"], own["accuracy_std"].fillna(0), fmt="o-", color=colour, label=name, capsize=2)
        theirs.plot(x, own["printed_accuracy"], "D--", mfc="white", color=colour)
    if ceiling is not None:
        ours.axhline(ceiling, color="0.4", lw=1, ls=":", label="Baseline, all images in colour")
    for ax, title in ((ours, "here"), (theirs, "printed")):
        ax.set_xticks(range(len(places)), [f"{skew} %" for skew in places])
        ax.set(title=title, xlabel="skew", ylabel="accuracy")
    fig.legend(*ours.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return fig


def _bar(std: float) -> float:
    return 0.0 if pd.isna(std) else std


def _shade(ax: Axes, predict: Predictor, x: np.ndarray) -> None:
    low, high = x.min(0) - 0.2, x.max(0) + 0.2
    across, up = (np.linspace(low[i], high[i], RESOLUTION, dtype=np.float32) for i in (0, 1))
    grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    score = predict(grid)[:, 1].reshape(RESOLUTION, RESOLUTION)
    ax.contourf(across, up, score, levels=np.linspace(0, 1, 11), cmap="Greys", alpha=0.55, vmin=-0.3, vmax=1.3)
    ax.contour(across, up, score, levels=[0.5], colors="white", linewidths=2.5)


def _points(ax: Axes, split: Split, sizes: np.ndarray | float = 12) -> None:
    areas = np.broadcast_to(sizes, len(split))
    for label in (0, 1):
        for group in (0, 1):
            own = (split.target == label) & (split.protected == group)
            text, colour = f"label {label}, group {group}", report.COLOURS[group]
            x, y = split.x[own].T
            ax.scatter(x, y, areas[own], marker=MARKS[label], color=colour, alpha=0.75, lw=0, label=text)


def _legend(fig: Figure, ax: Axes) -> None:
    from matplotlib.collections import PathCollection

    legend = fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):  # whatever sizes the points have
            handle.set_sizes([20])
