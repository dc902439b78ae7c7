"""Pictures of the slides that no notebook has: drawn when the slides are made, so that no number in them is typed."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fairnb import metrics, registry
from fairnb.errors import UnknownName
from fairnb.evidence import report
from fairnb.evidence.pictures import pictures
from fairnb.publish.course import dials

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def one_attribute() -> Figure:
    """The same toy people, drawn with one attribute set otherwise in each line."""
    from fairnb.data.toys import faces

    settings = (("Smiling", 0), ("Smiling", 1), ("Eyeglasses", 1), ("Skin_Tone", 1), ("Skin_Tone", 5))
    return pictures(
        {f"{name} = {value}": faces.sample(8, seed=11, force={name: value}).images for name, value in settings}
    )


def biased_cells() -> Figure:
    """Twelve toy faces of a training set without bias, and of one in which most faces lie in two of the four cells."""
    from fairnb.data.toys import faces

    lines = {}
    for share in (0.5, 0.9):
        drawn = faces.sample(24, seed=5, bias=(dials.TARGET, dials.PROTECTED, share), difficulty=0.0)
        for value in (0, 1):
            rows = np.flatnonzero(drawn.labels(dials.TARGET) == value)[:12]
            lines[f"bias {share:g}, {dials.TARGET} = {value}"] = drawn.images[rows]
    return pictures(lines)


def noise_floor() -> Figure:
    """``eo_max`` and ``eod`` of an exactly fair classifier on many test sets, by the number of samples in a cell."""
    import matplotlib.pyplot as plt

    sizes, rng = (25, 50, 100, 200, 400, 1600), np.random.default_rng(0)
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for place, n in enumerate(sizes):
        right = rng.binomial(n, 0.8, size=(200, 2, 2))
        found = [metrics.from_cells(one, np.full((2, 2), n)) for one in right]
        for ax, name in zip(axes, ("eod", "eo_max"), strict=True):
            shown = place + rng.uniform(-0.25, 0.25, len(found))
            ax.plot(shown, [one[name] for one in found], ".", color=report.COLOURS[0], alpha=0.35, markersize=4)
    for ax, title in zip(axes, ("signed gap: around 0", "absolute, larger of two: never 0"), strict=True):
        ax.axhline(0, color="0.3", linewidth=1)
        ax.set(title=title, xlabel="samples in each cell", xticks=range(len(sizes)), xticklabels=sizes)
    return fig


def printed_compas() -> Figure:
    """ICDM 2022's Table V as printed (COMPAS); where our copy cannot be read there is a question mark."""
    import matplotlib.pyplot as plt
    from matplotlib.transforms import Bbox

    from fairnb.evidence import reported

    frame = reported.numbers("reactivate", "T5")
    spread = frame["printed_std"].where(frame["printed_std"] == "", " ± " + frame["printed_std"])
    none = frame["damaged"].map({True: "?", False: "–"})
    frame["text"] = (frame["printed"] + spread).where(frame["printed"] != "", none)
    cells = frame.pivot(index="method", columns="metric", values="text").loc[frame["method"].unique()]
    fig, ax = plt.subplots(figsize=(9, 3.4))
    ax.axis("off")
    place, columns = Bbox.from_bounds(0.15, 0, 0.85, 1), ["balanced accuracy", "bias (EOD)"]
    drawn = ax.table(cells.to_numpy(), rowLabels=cells.index, colLabels=columns, cellLoc="center", bbox=place)
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(14)
    return fig


def dash_rule() -> Figure:
    """Printed biases of ICDM 2022's Tables IV to VI: where an accuracy is printed beside them, and where a dash is."""
    import matplotlib.pyplot as plt

    audit = registry.room("reactivate").door("audit")
    rules = [one for one in audit.checks() if one.id.endswith("dash_rule") and one.judged]
    fig, ax = plt.subplots(figsize=(8, 2.9))
    rng = np.random.default_rng(0)
    for status, colour, marker in (("pass", report.COLOURS[0], "o"), ("fail", report.COLOURS[1], "X")):
        ours = [one for one in rules if one.status == status]
        height = [one.rule.startswith("at most") + rng.uniform(-0.2, 0.2) for one in ours]
        printed, label = [float(one.printed) for one in ours], {"pass": "follows the rule", "fail": "does not"}[status]
        ax.plot(printed, height, marker, color=colour, markersize=11, alpha=0.8, label=label)
    ax.axvline(audit.TOLERANCE, color="0.3", linewidth=1)
    ax.set(yticks=(0, 1), yticklabels=("a dash", "an accuracy"), xlabel="bias as printed", ylim=(-0.5, 1.5))
    ax.set_title(f"What {len(rules)} rows print beside it, and the tolerance of {audit.TOLERANCE:g}")
    ax.legend(loc="center right")
    return fig


def tolerance() -> Figure:
    """Best balanced accuracy within a tolerance of ``spd``: one threshold for all, and one for each of two groups."""
    import matplotlib.pyplot as plt

    from fairnb.metrics import thresholds

    rng, group = np.random.default_rng(0), np.repeat([0, 1], (2000, 3000))
    target = (rng.random(5000) < np.where(group, 0.65, 0.35)).astype(int)
    evidence = rng.normal(2.2 * target - np.where(group, 0.8, 1.7), np.where(group, 0.8, 1.5))
    cells = [[evidence[(target == t) & (group == g), None] for g in (0, 1)] for t in (0, 1)]
    yes = np.array([[(cell > np.linspace(-6, 6, 241)).sum(0) for cell in line] for line in cells])
    size = np.array([[len(cell) for cell in line] for line in cells])
    fpr, tpr = (yes[:, 0, :, None] + yes[:, 1, None, :]) / size.sum(1)[:, None, None]  # by both groups' thresholds
    spd = np.subtract.outer(*yes.sum(0) / size.sum(0)[:, None])
    limits = np.arange(0.02, 0.46, 0.02)
    within = [thresholds.phi((tpr + 1 - fpr) / 2, spd, limit) for limit in limits]
    fig, ax = plt.subplots(figsize=(8, 3.0))
    ax.plot(limits, [found.diagonal().max() for found in within], "o-", label="one threshold for all")
    ax.plot(limits, [found.max() for found in within], "s-", label="one for each group")
    ax.axhline(0.5, color="0.3", linewidth=1, linestyle="--", label="the same answer to everybody")
    ax.set(xlabel="tolerance for the gap of yes-rates", ylabel="best balanced accuracy", ylim=(0.45, 0.95))
    ax.legend(loc="center right")
    return fig


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "one_attribute": one_attribute,
    "biased_cells": biased_cells,
    "noise_floor": noise_floor,
    "printed_compas": printed_compas,
    "dash_rule": dash_rule,
    "tolerance": tolerance,
    "simulated": lambda: dials.picture("simulated", (dials.GRID[1], dials.GRID[3])),
    "trained": lambda: dials.picture("trained", dials.GRID[:2]),
    "bias": lambda: dials.picture("trained", tuple(dials.Setting(bias=share) for share in (0.5, 0.9))),
    "threshold": lambda: dials.picture("trained", tuple(dials.Setting(threshold=at) for at in (0.25, 0.75))),
    "small_group": lambda: dials.picture("trained", tuple(dials.Setting(members=n) for n in (300, 20))),
}


@functools.cache
def png(name: str) -> bytes:
    """A drawing as PNG. Raises UnknownName for one that does not exist."""
    import matplotlib.pyplot as plt

    if name not in DRAWINGS:
        raise UnknownName("drawing", name, DRAWINGS)
    report.style()
    fig, file = DRAWINGS[name](), io.BytesIO()
    fig.savefig(file, format="png", dpi=150, facecolor="#fbfaf7")
    plt.close(fig)
    return file.getvalue()
