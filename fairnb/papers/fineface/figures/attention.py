"""FineFACE's pictures: where experts look and what they crop, the accuracy of every group, faces of several styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from fairnb import metrics
from fairnb.evidence import report
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS, accuracies

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fairnb.nets.models import ImageClassifier
    from fairnb.papers.fineface.training import ScoredPredictor

WIDTH, OVERALL, THRESHOLD = 9.5, "overall", 0.5
# Colour, mark, and how far below the group's line.
LOOKS = {
    BASE[0]: (report.COLOURS[0], "o", -0.2),
    STEPS[0]: (report.COLOURS[2], "s", 0.0),
    FINEFACE[0]: (report.COLOURS[1], "D", 0.2),
}
HEAT = "inferno"


@dataclass(frozen=True)
class Looks:
    """Where networks look in R images.

    Attributes:
        x: the images as the networks see them, float ``(R, 3, H, W)`` in [0, 1].
        maps: class-activation maps ``(R, H, W)`` in [0, 1] by name: ``Baseline``, ``expert 1`` ... and ``overall``.
        boxes: of the overall map, padded, int ``(R, 4)``: top, left, bottom, right (the latter two not included).
    """

    x: np.ndarray
    maps: dict[str, np.ndarray]
    boxes: np.ndarray


def looks(ours: ScoredPredictor, base: ScoredPredictor, images: np.ndarray) -> Looks:
    """Where FineFACE's experts (``ours``) and the plain network (``base``) look for the class that each predicts.

    ``images``: uint8 ``(R, 3, H, W)``, a few: all go through the networks at once.
    """
    import torch

    from fairnb.nets import freezing
    from fairnb.nets.models import to_pixels
    from fairnb.papers.fineface import attention, training

    model, plain = cast(Any, ours.model), cast(Any, base.model)
    x = training.resized(to_pixels(images, next(model.parameters()).device), ours.pixels)
    with torch.no_grad(), freezing.modes(model, training=False):
        maps = model.attention(model(x), (x.shape[2], x.shape[3]))
    names = [*(f"expert {n + 1}" for n in range(maps.shape[1] - 1)), OVERALL]
    columns = {BASE[0]: plain_map(plain, x)} | dict(zip(names, maps.unbind(1), strict=True))
    boxes = attention.boxes(maps[:, -1]).cpu().numpy()
    return Looks(x.cpu().numpy(), {name: one.cpu().numpy() for name, one in columns.items()}, boxes)


def plain_map(model: ImageClassifier, x: torch.Tensor) -> torch.Tensor:
    """Class-activation maps [Zhou 2016] of a plain network for the class that it predicts, ``(B, H, W)`` in [0, 1].

    The network ends in mean pooling and a linear layer; a single logit speaks for class 1, its negative for class 0.
    ``x``: images ``(B, 3, H, W)`` in [0, 1].
    """
    import torch

    from fairnb.nets import freezing
    from fairnb.papers.fineface import attention
    from fairnb.papers.fineface.network import stages

    found: dict[str, torch.Tensor] = {}
    last = model.net.get_submodule(list(stages(model))[-1])
    handle = last.register_forward_hook(lambda _, inputs, output: found.update(features=output))
    try:
        with torch.no_grad(), freezing.modes(model, training=False):
            logits, weights = model(x), model.head.weight
            if logits.shape[1] == 1:
                logits, weights = (torch.cat([-one, one], dim) for one, dim in ((logits, 1), (weights, 0)))
            maps = attention.activation_maps(found["features"], weights[logits.argmax(1)])
    finally:
        handle.remove()
    return attention.normalised(attention.enlarged(maps, (x.shape[2], x.shape[3])))


def attention_grid(found: Looks, names: Sequence[str]) -> Figure:
    """A line per face: the image, then every map over it; the overall one with its padded box. ``names``: of lines."""
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(len(names), 1 + len(found.maps), figsize=(WIDTH, 0.3 + 1.45 * len(names)), squeeze=False)
    for i, (line, name) in enumerate(zip(axes, names, strict=True)):
        _picture(line[0], found.x[i], "image" if i == 0 else "")
        line[0].set_ylabel(name, fontsize=9, rotation=0, ha="right", va="center")
        for ax, (column, maps) in zip(line[1:], found.maps.items(), strict=True):
            _heat(ax, found.x[i], maps[i], column if i == 0 else "")
            if column == OVERALL:
                _box(ax, found.boxes[i])
    return fig


def one_picture(
    image: np.ndarray,
    coarse: Mapping[str, np.ndarray],
    maps: Mapping[str, np.ndarray],
    boxes: Mapping[str, Sequence[int]],
    crops: Mapping[str, np.ndarray],
) -> Figure:
    """From one image to crops, a column per expert and one for all: the map, where it is high and the box, the crop.

    Args:
        image: ``(3, H, W)`` in [0, 1]. coarse: the maps as small as they come ``(h, w)``; the overall one has none.
        maps: enlarged, in [0, 1], ``(H, W)``. boxes: padded; see ``Looks``. crops: ``(3, S, S)``.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(3, 1 + len(maps), figsize=(WIDTH, 5.9), squeeze=False)
    _picture(axes[0, 0], image, "image")
    for ax in axes[1:, 0]:
        ax.set_axis_off()
    for (top, middle, bottom), (name, one) in zip(axes.T[1:], maps.items(), strict=True):
        _bare(top, name)
        top.imshow(coarse.get(name, one), cmap=HEAT)
        top.set_xlabel("{} × {}".format(*coarse[name].shape) if name in coarse else "sum of the others", fontsize=8)
        _heat(middle, image, one, "")
        if one.max() >= THRESHOLD:  # a flat map has no edge
            middle.contour(one, [THRESHOLD], colors="white", linewidths=1)
        _box(middle, boxes[name])
        _picture(bottom, crops[name], "")
    for ax, text in zip(axes[:, 1], ("map", f"≥ {THRESHOLD:g} (white), box", "crop"), strict=True):
        ax.set_ylabel(text, fontsize=9)
    return fig


def faces(rows: Mapping[str, np.ndarray], columns: Sequence[str]) -> Figure:
    """Faces as a sheet: a line for each name of ``rows`` (images uint8 ``(N, 3, H, W)``), N titles in ``columns``."""
    import matplotlib.pyplot as plt

    size = (WIDTH, 0.3 + len(rows) * (WIDTH - 1) / max(len(columns), 5))
    fig, axes = plt.subplots(len(rows), len(columns), figsize=size, squeeze=False)
    for i, (line, (name, images)) in enumerate(zip(axes, rows.items(), strict=True)):
        for ax, image, title in zip(line, images, columns, strict=True):
            _picture(ax, image / 255, title if i == 0 else "")
        line[0].set_ylabel(name, fontsize=9)
    return fig


def dots(panels: Mapping[str, pd.DataFrame], label: str = "accuracy, %") -> Figure:
    """A number for every group by row (those of ``LOOKS``), a panel per title; bars are 95 % intervals.

    Args:
        panels: title -> columns ``row, group, accuracy``, and where known ``accuracy_low``, ``accuracy_high``, and
            ``damaged`` (bool; drawn hollow), as from ``tables.by_group``. label: of the horizontal axis,
            which holds all points; longer bars are cut.
    """
    import matplotlib.pyplot as plt

    every = pd.concat(panels.values())
    lines = max(part["group"].nunique() for part in panels.values())
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 1 + 0.3 * max(lines, 4)), squeeze=False, sharex=True)
    for ax, (title, part) in zip(axes[0], panels.items(), strict=True):
        groups = {name: y for y, name in enumerate(dict.fromkeys(part["group"]))}
        for row in part.to_dict("records"):
            _dot(ax, row, groups[row["group"]])
        ax.set_yticks(range(len(groups)), list(groups), fontsize=8)
        ax.set(ylim=(len(groups) - 0.5, -0.5))
        ax.set_title(title, fontsize=9)
        ax.set_xlabel(label, fontsize=9)
    low, high = every["accuracy"].min(), every["accuracy"].max()
    room = max(0.25 * (high - low), 1.0)
    axes[0, 0].set_xlim(low - room, high + room)
    _legend(fig, every)
    return fig


def changes(home: pd.DataFrame, away: pd.DataFrame, over: str = "cells") -> pd.DataFrame:
    """How the accuracy of every group changes from one test set to another, paired by row and seed, in points.

    Args:
        home, away: from ``runs.run``, one task each. over: see ``tables.accuracies``; groups that only
            one of the two has are left out.

    Returns:
        columns ``task`` (that of ``away``), ``row, group, accuracy`` (the mean change), ``accuracy_low``,
        ``accuracy_high`` (95 % t-interval over seeds, NaN for one seed).
    """
    before = {(row["label"], row["seed"]): accuracies(row, over) for _, row in home.iterrows()}
    rows = []
    for (task, label), part in away.groupby(["task", "label"], sort=False):
        pairs = [(before[label, row["seed"]], accuracies(row, over)) for _, row in part.iterrows()]
        for group in [name for name in pairs[0][1] if name in pairs[0][0]]:
            interval = metrics.seed_interval(np.array([100 * (then[group] - now[group]) for now, then in pairs]))
            ends = {"accuracy": interval.mean, "accuracy_low": interval.low, "accuracy_high": interval.high}
            rows.append({"task": task, "row": label, "group": group} | ends)
    return pd.DataFrame(rows)


def _dot(ax: Axes, row: Mapping[Any, Any], y: float) -> None:
    colour, mark, shift = LOOKS[row["row"]]
    ends = [row.get(f"accuracy_{end}", np.nan) for end in ("low", "high")]
    ax.plot(ends, [y + shift] * 2, color=colour, lw=1.6, alpha=0.6)
    face = "none" if row.get("damaged", False) else colour
    ax.plot(row["accuracy"], y + shift, mark, color=colour, mfc=face, ms=4.5)


def _legend(fig: Figure, every: pd.DataFrame) -> None:
    from matplotlib.lines import Line2D

    rows = {row: look for row, look in LOOKS.items() if row in set(every["row"])}
    handles = [Line2D([], [], ls="", color=c, marker=mark, label=row) for row, (c, mark, _) in rows.items()]
    if every.get("damaged", pd.Series()).eq(True).any():
        handles.append(Line2D([], [], ls="", color="0.4", marker="o", mfc="none", label="hollow: transcript damaged"))
    fig.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8)


def _bare(ax: Axes, title: str) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=9)


def _picture(ax: Axes, image: np.ndarray, title: str) -> None:
    ax.imshow(np.moveaxis(image, 0, -1).clip(0, 1))
    _bare(ax, title)


def _heat(ax: Axes, image: np.ndarray, one: np.ndarray, title: str) -> None:
    """A map over the gray image, so that its colours are the map's alone."""
    ax.imshow(image.mean(0), cmap="gray", vmin=0, vmax=1)
    ax.imshow(one, cmap=HEAT, vmin=0, vmax=1, alpha=0.55)
    _bare(ax, title)


def _box(ax: Axes, box: Sequence[int] | np.ndarray) -> None:
    from matplotlib.patches import Rectangle

    top, left, bottom, right = (int(end) for end in box)
    corner = left - 0.5, top - 0.5
    ax.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, ec=report.COLOURS[5], lw=2))
