"""Pictures of the slides that no notebook has: drawn when the slides are made, so that no number in them is typed."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fairnb import metrics
from fairnb.errors import UnknownName
from fairnb.evidence import ladder, report, reported
from fairnb.evidence.pictures import pictures
from fairnb.publish.course import dials

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def one_attribute() -> Figure:
    """The same toy people, drawn with one attribute set otherwise in each line."""
    from fairnb.data.toys import faces

    settings = (("Smiling", 0), ("Smiling", 1), ("Eyeglasses", 1), ("Skin_Tone", 1), ("Skin_Tone", 5))
    return pictures(
        {f"{name} = {value}": list(faces.sample(8, seed=11, force={name: value}).images) for name, value in settings}
    )


def biased_cells() -> Figure:
    """Twelve toy faces of a training set without bias, and of one in which most faces lie in two of the four cells."""
    from fairnb.data.toys import faces

    lines = {}
    for share in (0.5, 0.9):
        drawn = faces.sample(24, seed=5, bias=(dials.TARGET, dials.PROTECTED, share), difficulty=0.0)
        for value in (0, 1):
            rows = np.flatnonzero(drawn.labels(dials.TARGET) == value)[:12]
            lines[f"bias {share:g}, {dials.TARGET} = {value}"] = list(drawn.images[rows])
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


def printed_masks() -> Figure:
    """Worst-group accuracy of AIM-Fair's Table 4, as printed: a panel a setting, a dot a row."""
    import matplotlib.pyplot as plt

    table = reported.wide("aimfair", "T4")
    settings = list(dict.fromkeys(table["setting"]))
    fig, axes = plt.subplots(1, len(settings), figsize=(7.6, 2.7), sharey=True)
    for ax, setting in zip(axes, settings, strict=True):
        rows = table[table["setting"] == setting][::-1]
        ax.plot(rows["WST"], rows["method"].str.replace(" (", "\n("), "o", color=report.COLOURS[0])
        data, target, protected = setting.split(";")
        ax.set(title=f"{data}: {target[2:]}, {protected[2:]}", xlabel="WST in %")
        ax.locator_params(axis="x", nbins=4)
        ax.grid(axis="y", linewidth=0.5)
    return fig


def mask_from_noise() -> Figure:
    """AIM-Fair's two criteria for twelve tensors whose gradients are noise of different scale; filled: in the mask."""
    import matplotlib.pyplot as plt

    rng, scale = np.random.default_rng(0), np.geomspace(0.001, 1, 12)
    draws = [scale[:, None] * rng.normal(size=(12, 500)) for _ in range(4)]
    domain, bias = (np.abs(draws[i] - draws[i + 1]).mean(axis=1) for i in (0, 2))
    near, far = (row.argsort().argsort() < 9 for row in (domain, -bias))  # ranks: nine are in each list
    inside = near & far
    fig, ax = plt.subplots(figsize=(6.4, 2.6))
    for chosen, label, face in ((inside, "in the mask", report.COLOURS[0]), (~inside, "left alone", "none")):
        ax.plot(domain[chosen], bias[chosen], "o", label=label, color=report.COLOURS[0], markerfacecolor=face)
    ax.set(xscale="log", yscale="log", xlabel="'domain': small is wanted", ylabel="'bias': large is wanted")
    ax.legend(frameon=False)
    return fig


def paired_runs() -> Figure:
    """Twelve simulated runs of two arms that share what is hard in a run: each arm, and the differences run by run."""
    import matplotlib.pyplot as plt

    rng, n = np.random.default_rng(4), 12
    shared = rng.normal(20, 6, n)
    arms = np.array([shared + rng.normal(0, 1, n), shared - 2.5 + rng.normal(0, 1, n)])
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 2.9))
    left.plot([0, 1], arms, color="0.6", linewidth=1, marker="o", markersize=4, markerfacecolor=report.COLOURS[0])
    left.set(xticks=[0, 1], xticklabels=["random mask", "mask"], xlim=(-0.4, 1.4), title="a line a run", ylabel="gap")
    errors = np.sqrt(arms.var(axis=1, ddof=1).sum() / n), (arms[0] - arms[1]).std(ddof=1) / np.sqrt(n)
    middle, half = (arms[0] - arms[1]).mean(), ladder.multiplier(n) * np.array(errors)
    right.errorbar(
        [middle, middle], ["arms alone", "run by run"], xerr=half, fmt="o", color=report.COLOURS[1], capsize=4
    )
    right.axvline(0, color="0.3", linewidth=1)
    right.set(title="gain of the mask, with interval", xlabel="points", ylim=(-0.6, 1.6))
    return fig


DRAWINGS: dict[str, Callable[[], Figure]] = {
    "one_attribute": one_attribute,
    "biased_cells": biased_cells,
    "noise_floor": noise_floor,
    "printed_masks": printed_masks,
    "mask_from_noise": mask_from_noise,
    "paired_runs": paired_runs,
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
