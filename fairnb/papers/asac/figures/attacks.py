"""Figures of ASAC's notebook on attributions: perturbed faces, smile probability under attack, where networks look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence import report
from fairnb.papers.asac.attack_curves import UNIT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AMPLIFIED = 10
WIDTH = 9.5


def counterfactuals(
    x: np.ndarray,
    moved: Mapping[float, np.ndarray],
    generated: tuple[np.ndarray, np.ndarray] | None = None,
    amplified: float = AMPLIFIED,
) -> Figure:
    """The paper's Figure 1: faces, their attacked copies with what was added, and generated counterfactual pairs.

    Args:
        x: uint8 ``(N, 3, H, W)``, a row each. moved: epsilon -> attacked copies, float in [0, 1].
        generated: ``N`` other faces and their counterfactuals, uint8 ``(N, 3, S, S)``; the last two columns.
        amplified: what an attack added is drawn around gray, times so much.
    """
    heads, pictures = ["original"], [x / 255]
    for epsilon, copies in moved.items():
        heads += [f"ASAC, ε = {epsilon:g}", f"added, × {amplified:g}"]
        pictures += [copies, (0.5 + amplified * (copies - x / 255)).clip(0, 1)]
    if generated is not None:
        heads += ["generated face", "its counterfactual"]
        pictures += [images / 255 for images in generated]
    fig, axes = _grid(len(x), len(pictures))
    for j, (head, images) in enumerate(zip(heads, pictures, strict=True)):
        axes[0, j].set_title(head, fontsize=8)
        for ax, image in zip(axes[:, j], images, strict=True):
            ax.imshow(image.transpose(1, 2, 0), interpolation="nearest")
    return fig


def attributions(
    x: np.ndarray, mouths: np.ndarray, found: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray]
) -> Figure:
    """The paper's Figures 3 and 6: |integrated gradients| of several models, the mouth outlined, its share on top.

    Args:
        x: uint8 ``(N, 3, H, W)``, a row each. mouths: bool ``(N, H, W)``.
        found: model -> attributions ``(N, 3, H, W)``. shares: model -> share of the mouth, ``(N,)`` in 0..1.

    Returns:
        the figure; a panel is as bright as its own largest percent of pixels allows.
    """
    fig, axes = _grid(len(x), 1 + len(found), heads=True)
    for row, image, mouth in zip(axes, x, mouths, strict=True):
        row[0].imshow(image.transpose(1, 2, 0), interpolation="nearest")
        outline(row[0], mouth)
    for j, (name, values) in enumerate(found.items(), start=1):
        for i, ax in enumerate(axes[:, j]):
            heat = np.abs(values[i]).sum(0)
            ax.imshow(heat, cmap="magma", vmin=0, vmax=max(np.quantile(heat, 0.99), 1e-12), interpolation="nearest")
            outline(ax, mouths[i])
            head = f"{name}\n" if i == 0 else ""
            ax.set_title(f"{head}mouth {100 * shares[name][i]:.0f} %", fontsize=8)
    axes[0, 0].set_title("face and mouth", fontsize=8)
    return fig


def mouth_shares(frame: pd.DataFrame, labels: Sequence[str], chance: float) -> Figure:
    """Share of attribution on the mouth, a line per model: points are seeds, bars 95 % t-intervals over seeds.

    Args:
        frame: columns label, seed, mouth_share (0..1). chance: the mouth's share of pixels.
    """
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(WIDTH, 0.8 + 0.4 * len(labels)))
    _by_seed(ax, frame, labels, "mouth_share", 100)
    ax.axvline(100 * chance, color="0.3", lw=1, ls="--", label="its share of pixels")
    ax.set(xlabel="attribution on the mouth, % (right: more)")
    ax.set_xlim(left=0)
    ax.legend(fontsize=8)
    return fig


def smile_curves(
    panels: Mapping[str, np.ndarray],
    epsilons: Sequence[float],
    groups: np.ndarray,
    names: Sequence[str],
    few: int = 6,
    ylabel: str = "p(target = 1)",
) -> Figure:
    """The paper's Figures 4 and 5: probability under attack, a panel per model; thin lines are single images.

    Args:
        panels: title -> probabilities ``(N, E)``. groups: protected labels ``(N,)``; a colour each, called ``names``.
        few: images drawn per group. The band holds the middle half of all images of the group.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 3.3), sharey=True, squeeze=False)
    for ax, (title, curves) in zip(axes[0], panels.items(), strict=True):
        for group, name in enumerate(names):
            own, colour = curves[groups == group], report.COLOURS[group]
            low, high = np.quantile(own, (0.25, 0.75), axis=0)
            ax.fill_between(epsilons, low, high, color=colour, alpha=0.15, lw=0)
            ax.plot(epsilons, own[:few].T, color=colour, lw=0.6, alpha=0.6)
            ax.plot(epsilons, own.mean(0), color=colour, lw=2.5, label=f"{name}, mean")
        ax.set_title(title, fontsize=9)
        ax.set(xlabel="ε of the attack", ylim=(-0.03, 1.03))
    axes[0, 0].set_ylabel(ylabel)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(names), fontsize=8)
    return fig


def movement(curves: Mapping[str, Mapping[str, np.ndarray]], epsilons: Sequence[float]) -> Figure:
    """Mean |p(x'_epsilon) − p(x)| in points against epsilon, a panel per kind of attack, a colour per model.

    Args:
        curves: kind -> model -> mean change per seed, ``(seeds, E)``; bands span the seeds.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(curves), figsize=(WIDTH, 3.6), sharey=True, squeeze=False)
    for ax, (kind, models) in zip(axes[0], curves.items(), strict=True):
        for i, (label, change) in enumerate(models.items()):
            colour, points = report.COLOURS[i % len(report.COLOURS)], 100 * np.asarray(change)
            ax.fill_between(epsilons, points.min(0), points.max(0), color=colour, alpha=0.15, lw=0)
            ax.plot(epsilons, points.mean(0), color=colour, lw=2, label=label)
        ax.set_title(kind, fontsize=9)
        ax.set(xlabel="ε of the attack")
    axes[0, 0].set_ylabel("mean |change| of p, points")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    return fig


def slopes(frame: pd.DataFrame, labels: Sequence[str], kinds: Mapping[str, str]) -> Figure:
    """Slopes of ``movement``, a panel per kind of attack, a line per model: points are seeds, bars 95 % t-intervals.

    Args:
        frame: columns label, seed and those of ``kinds``: column -> title.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(kinds), figsize=(WIDTH, 1.0 + 0.4 * len(labels)), sharey=True, squeeze=False)
    for ax, (column, title) in zip(axes[0], kinds.items(), strict=True):
        _by_seed(ax, frame, labels, column, 100)
        ax.set_title(title, fontsize=9)
        ax.set_xlabel(f"points per {UNIT:g} of ε (left: calmer)", fontsize=9)
        ax.set_xlim(left=0)
    return fig


def _by_seed(ax: Axes, frame: pd.DataFrame, labels: Sequence[str], column: str, scale: float) -> None:
    for i, label in enumerate(labels):
        values = scale * frame.loc[frame["label"] == label, column].to_numpy(float)
        interval = metrics.seed_interval(values)
        ax.plot(values, [i] * len(values), "o", color=report.COLOURS[0], alpha=0.5, ms=4)
        ax.plot([interval.low, interval.high], [i + 0.22] * 2, color=report.COLOURS[1], lw=2.5)
        ax.plot(interval.mean, i + 0.22, "d", color=report.COLOURS[1], ms=6)
    ax.set_yticks(range(len(labels)), list(labels), fontsize=9)
    ax.set_ylim(len(labels) - 0.4, -0.5)


def _grid(rows: int, columns: int, heads: bool = False) -> tuple[Figure, np.ndarray]:
    """Panels for images, without ticks; ``heads`` leaves room for a title over each."""
    import matplotlib.pyplot as plt

    side = min(WIDTH / columns, 1.6)
    size = (side * columns, (side + (0.2 if heads else 0.05)) * rows + 0.3)
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set_visible(False)
    return fig, axes


def outline(ax: Axes, mask: np.ndarray, fine: int = 8) -> None:
    """The edge of a mask, bool ``(H, W)``, around its pixels, in a colour that neither faces nor heat maps have."""
    if not mask.any():
        return
    rows, columns = ((np.arange(fine * n) + 0.5) / fine - 0.5 for n in mask.shape)
    ax.contour(columns, rows, np.kron(mask, np.ones((fine, fine))), levels=[0.5], colors="cyan", linewidths=0.8)


def faces_with_mouths(x: np.ndarray, mouths: np.ndarray) -> Figure:
    """Images, uint8 ``(N, 3, H, W)``, in a row, each with its mask, bool ``(N, H, W)``, outlined."""
    fig, axes = _grid(1, len(x))
    for ax, image, mouth in zip(axes[0], x, mouths, strict=True):
        ax.imshow(image.transpose(1, 2, 0), interpolation="nearest")
        outline(ax, mouth)
    return fig
