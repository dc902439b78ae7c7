"""Figures of ASAC's ablations: choices against the main configuration, both readings of DEO, what an order orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.papers.asac import notes
from fairnb.papers.asac.figures.tables import TITLES, spanned

if TYPE_CHECKING:
    from matplotlib.figure import Figure

READINGS: figures.Looks = {
    "average of both gaps": (report.COLOURS[2], "s"),
    "sum of both gaps": (report.COLOURS[0], "o"),
    "accuracy": (report.COLOURS[6], "o"),
    figures.PRINTED: figures.LOOKS[figures.PRINTED],
}
EXTREME, HEAD = "if difficulty were magnitude", "the attacked head"


def differences(
    found: pd.DataFrame, spans: Mapping[str, tuple[float, float]], names: Sequence[str] = ("eo_sum", "acc")
) -> Figure:
    """A panel per metric: each row of ``choices.against`` with its interval, the printed difference hollow beneath.

    Args:
        spans: metric -> lowest and highest *printed* difference of the main configuration from itself, drawn as a band.
    """
    titles = {name: f"{TITLES[name]}:\npoints above the main configuration" for name in names}
    fig = figures.rows(seeds.tidy(found, titles), zero=True)
    for name, ax in zip(names, fig.axes, strict=True):
        if name in spans:
            ax.axvspan(*spans[name], color="0.85", zorder=-1, label="main configuration as printed")
    figures.legend(fig)
    return fig


def conventions(table: pd.DataFrame) -> Figure:
    """Every row's DEO as average and as sum of both gaps, and its accuracy; printed values hollow.

    A gap is never below 0, so its bars end there.

    Args:
        table: from ``tables.table``, one task; rows that were not rerun show the printed values only.
    """
    average, both, accuracy, _ = READINGS
    readings = (("eo_avg", "DEO, %", average), ("eo_sum", "DEO, %", both), ("acc", "accuracy, %", accuracy))
    parts = [seeds.tidy(table, {name: panel}, (0, np.inf)).assign(who=who) for name, panel, who in readings]
    fig = figures.rows(pd.concat(parts, ignore_index=True), looks=READINGS)
    fig.axes[0].set_ylim(table["row"].nunique() - 0.3, -0.5)
    return fig


def magnitude_by_step(frame: pd.DataFrame, labels: Sequence[str], epsilons: Sequence[float]) -> Figure:
    """Left: mean magnitude of each optimiser step of a mini-batch by order of training; right: C under attack.

    Bands span the seeds. Grey: what the easy-to-hard order would be if difficulty *were* magnitude.

    Args:
        frame: from ``runs.run``, with ASAC's notes; labels: the orders' rows in it. epsilons: of these rows.
    """
    steps = notes.magnitudes(frame[frame["label"].isin(list(labels))])
    steps = steps.rename(columns={"label": "who", "step": "x", "magnitude": "value"})
    extreme = pd.DataFrame({"x": range(1, len(epsilons) + 1), "value": sorted(epsilons), "who": EXTREME})
    heads = notes.head_accuracy(frame).rename(columns={"epsilon": "x"})
    parts = [part.assign(panel="mean ε of the images of a step") for part in (steps, extreme)]
    parts.append(
        heads.assign(panel="attacked head is right, % (dotted: a coin)", who=HEAD, value=100 * heads["accuracy"])
    )
    looks = figures.looks_of(labels) | {EXTREME: ("0.6", "D"), HEAD: (report.COLOURS[6], "o")}
    fig = figures.curves(spanned(pd.concat(parts), "x"), "x", looks=looks)
    left, *right = fig.axes
    left.set(xlabel="step of a mini-batch", xticks=range(1, len(epsilons) + 1))
    for ax in right:
        ax.axhline(50, color="0.4", ls=":")
        ax.set(xlabel="ε of the attack", ylim=(0, 103))
    return fig


def orders(
    panels: Mapping[str, Mapping[str, np.ndarray]], chunks: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """The toy: a panel per way of training, paths of two parameters in it, the chunks' losses as contours.

    Args:
        panels: title -> order -> path ``(T, 2)``. chunks: name -> Hessian ``(2, 2)`` and minimum ``(2,)``.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    one, two = "first parameter", "second parameter"
    minima = pd.DataFrame([minimum for _, minimum in chunks.values()], columns=[one, two])
    minima["at"] = [f"minimum of the {name} chunk" for name in chunks]
    paths = {
        title: pd.concat([pd.DataFrame(path, columns=[one, two]).assign(order=name) for name, path in part.items()])
        for title, part in panels.items()
    }
    points = pd.concat([minima, *paths.values()])[[one, two]].to_numpy()
    low, high = points.min(0) - 0.3, points.max(0) + 0.3
    place = np.stack(np.meshgrid(np.linspace(low[0], high[0], 120), np.linspace(low[1], high[1], 120)), -1)
    fig, axes = plt.subplots(1, len(panels), figsize=(figures.WIDTH, 3.8), sharex=True, sharey=True, squeeze=False)
    for ax, (title, found) in zip(axes[0], paths.items(), strict=True):
        for (hessian, minimum), colour in zip(chunks.values(), report.COLOURS[2:], strict=False):
            loss = 0.5 * np.einsum("...i,ij,...j", place - minimum, hessian, place - minimum)
            ax.contour(*np.moveaxis(place, -1, 0), loss, levels=[0.05, 0.2, 0.6], colors=colour, linewidths=0.8)
        hues = {"palette": list(report.COLOURS[2 : 2 + len(chunks)]), "hue": "at"}
        sns.scatterplot(minima, x=one, y=two, marker="*", s=160, linewidth=0, ax=ax, **hues)
        look = {"x": one, "y": two, "hue": "order", "ax": ax}
        style = {"style": "order", "markers": ["o"] * len(panels[title]), "markersize": 4, "markeredgewidth": 0}
        sns.lineplot(found, estimator=None, sort=False, lw=1.4, **style, **look)
        sns.scatterplot(found.groupby("order", sort=False).tail(1), s=80, legend=False, **look)
        ends = ax.collections[-1]
        ends.set(edgecolor=ends.get_facecolor(), facecolor="none", linewidth=1.5)
        ax.set(title=title, xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    figures.legend(fig)
    return fig
