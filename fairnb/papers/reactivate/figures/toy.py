"""Figures of ICDM 2022's ideas: the method on a toy of two inputs, masks, thresholds, and images of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.contract import Predictor, Split
from fairnb.evidence import figures, report
from fairnb.evidence.pictures import pictures
from fairnb.metrics.thresholds import phi
from fairnb.papers.reactivate.tables import TOLERANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

X, Y = INPUTS = ("first input", "second input")
CELLS: figures.Looks = {f"label {t}, group {s}": (report.COLOURS[s], "o^"[t]) for t, s in np.ndindex(2, 2)}
RESOLUTION = 150


def regions(panels: Mapping[str, tuple[Predictor, Split]], few: int = 400) -> Figure:
    """Decision regions of Predictors of two inputs, a panel each; white: 1/2; marks are labels, colours groups.

    Args:
        panels: title -> Predictor and features ``(N, 2)``, of which the first ``few`` are drawn.
    """
    everywhere = np.concatenate([split.x for _, split in panels.values()])
    fig = _planes({title: predict for title, (predict, _) in panels.items()}, everywhere)
    for ax, (_, split) in zip(fig.axes, panels.values(), strict=True):
        _points(ax, split.take(np.arange(min(few, len(split)))))
    figures.legend(fig)
    return fig


def attacks(
    split: Split, predict: Predictor, moved: Mapping[str, np.ndarray], near: np.ndarray, rows: Sequence[int]
) -> Figure:
    """Where an attack moves the samples ``rows``, a panel for each direction; the first one's D_i is ringed.

    Args:
        split: features ``(N, 2)``. moved: title -> attacked features ``(N, 2)``. near: indexes ``(N, m)`` of the D_i.
    """
    import seaborn as sns

    fig = _planes(dict.fromkeys(moved, predict), np.concatenate([split.x, *(after[rows] for after in moved.values())]))
    rings = pd.DataFrame(split.x[near[rows[0]]], columns=INPUTS).assign(member=range(near.shape[1]))
    rays = pd.concat([rings, rings.assign(**dict(zip(INPUTS, split.x[rows[0]], strict=True)))])
    look = {"s": 64, "facecolor": "none", "edgecolor": "0.1", "linewidth": 1, "zorder": 5}
    for ax, after in zip(fig.axes, moved.values(), strict=True):
        _points(ax, split.take(np.asarray(rows)), 24)
        step = (after - split.x)[rows]
        ax.quiver(*split.x[rows].T, *step.T, angles="xy", scale_units="xy", scale=1, width=0.0028, zorder=4)
        sns.lineplot(rays, x=X, y=Y, units="member", estimator=None, color="0.3", lw=0.6, ax=ax)
        sns.scatterplot(rings, x=X, y=Y, label="D_i of one sample", ax=ax, **look)
    figures.legend(fig, 5)
    return fig


def weights_and_masks(split: Split, weights: np.ndarray, masks: Mapping[str, np.ndarray], few: int = 400) -> Figure:
    """Sample weights as point areas (``few`` random samples); beside them each layer's mask: what is dropped is dark.

    Args:
        split: features ``(N, 2)``. weights: ``(N,)``, 1 or more. masks: layer -> 0 (dropped) or 1, ``(out, in)``.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    columns = {name: mask.T if len(mask) == 1 else mask for name, mask in masks.items()}
    widths = [26, *(max(mask.shape[1], 4) for mask in columns.values())]
    fig, axes = plt.subplots(1, len(widths), figsize=(figures.WIDTH, 3.4), width_ratios=widths)
    rows = np.random.default_rng(0).permutation(len(split))[:few]
    _points(axes[0], split.take(rows), 3 + 50 * (weights[rows] - 1) / max(weights.max() - 1, 1e-9))
    axes[0].set_title("sample weights w: area")
    for ax, (name, mask) in zip(axes[1:], columns.items(), strict=True):
        sns.heatmap(1 - mask, cmap="Greys", vmin=0, vmax=1.3, cbar=False, square=True, ax=ax)
        ax.set(title=f"{name}\n−{100 * (1 - mask.mean()):.0f} %", xticks=[], yticks=[])
        ax.spines[:].set_visible(True)
    figures.legend(fig)
    return fig


def kept_shares(kept: Mapping[str, np.ndarray], tau: float) -> Figure:
    """Share of weights, 0..1, that a mask keeps after every step, a line per start, ``(T,)`` each; and ``tau``."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    fig, ax = plt.subplots(figsize=(6.5, 2.8))
    sns.lineplot(pd.DataFrame({**kept, f"τ = {tau:g}": tau}), palette=[*report.COLOURS[: len(kept)], "0.4"], ax=ax)
    ax.set(xlabel="step", ylabel="kept share")
    figures.legend(fig)
    return fig


def sweep(thresholds: np.ndarray, bacc: np.ndarray, bias: np.ndarray, limit: float = TOLERANCE) -> Figure:
    """Balanced accuracy, signed bias and Φ at every threshold, ``(T,)`` each; green: the bias is within ``limit``."""
    curves = {"balanced accuracy ρ": bacc, "bias μ": bias, "Φ: ρ where |μ| < ε, else 0": phi(bacc, bias, limit)}
    found = pd.DataFrame(curves).assign(threshold=thresholds, who="").melt(["threshold", "who"], var_name="panel")
    fig = figures.curves(found, "threshold", looks={"": (report.COLOURS[0], "")})
    look: dict[str, Any] = {"color": report.COLOURS[2], "alpha": 0.12, "lw": 0, "label": f"|μ| < ε = {limit:g}"}
    for ax in fig.axes:
        whole, inside = ax.get_xaxis_transform(), np.abs(bias) < limit
        ax.fill_between(thresholds, 0, 1, where=inside, step="mid", transform=whole, **look)
    fig.axes[1].axhspan(-limit, limit, **look)
    figures.legend(fig)
    return fig


def examples(split: Split, names: Sequence[str], rows: int = 5, seed: int = 0) -> Figure:
    """``rows`` random images of every class as they are in ``split``, a column per class."""
    rng = np.random.default_rng(seed)
    drawn = [np.sort(rng.permutation(np.flatnonzero(split.target == c))[:rows]) for c in range(len(names))]
    return pictures({line: list(split.x[list(own)]) for line, own in enumerate(zip(*drawn, strict=True))}, names)


def _planes(predictors: Mapping[str, Predictor], x: np.ndarray) -> Figure:
    """A panel per title, as dark around ``x``, ``(N, 2)``, as its Predictor is sure of label 1."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(predictors), figsize=(figures.WIDTH, 3.4), sharex=True, sharey=True, squeeze=False)
    across, up = np.linspace(x.min(0) - 0.2, x.max(0) + 0.2, RESOLUTION, dtype=np.float32).T
    grid = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    for ax, (title, predict) in zip(axes[0], predictors.items(), strict=True):
        score = predict(grid)[:, 1].reshape(RESOLUTION, RESOLUTION)
        ax.contourf(across, up, score, levels=np.linspace(0, 1, 11), cmap="Greys", alpha=0.55, vmin=-0.3, vmax=1.3)
        ax.contour(across, up, score, levels=[0.5], colors="white", linewidths=2.5)
        ax.set_title(title)
    return fig


def _points(ax: Axes, split: Split, areas: np.ndarray | float = 12) -> None:
    """Marks are labels, colours groups; ``areas`` in square points, one for all or ``(N,)``."""
    cells = [f"label {t}, group {s}" for t, s in zip(split.target, split.protected, strict=True)]
    found = pd.DataFrame(split.x, columns=INPUTS).assign(row=pd.Categorical(cells, list(CELLS)))
    figures.points(ax, found, INPUTS, CELLS)
    ax.collections[-1].set(sizes=np.broadcast_to(areas, len(split)), alpha=0.75)
