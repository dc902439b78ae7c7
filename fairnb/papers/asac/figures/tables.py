"""Figures of ASAC's tables: accuracy against gap for every row, which step brings which gain, and their two toys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.papers.asac.tables import AEDA, CONTROL, FGSM, FROM_TRAINED, GENERATOR, PATH, PGD, PROBE, STEPS, TRAINED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {"acc": "accuracy", "eo_sum": "DEO (sum of both gaps)", "eo_avg": "DEO (average of both gaps)"}
# A row looks the same in every figure: a colour for each idea, a square for its second form, a triangle for what starts
# from a trained network.
LOOKS: figures.Looks = {
    PROBE[0]: (report.COLOURS[0], "o"),
    TRAINED[0]: (report.COLOURS[5], "s"),
    CONTROL[0]: (report.COLOURS[1], "o"),
    STEPS[0]: (report.COLOURS[1], "s"),
    AEDA[0]: (report.COLOURS[2], "o"),
    GENERATOR[0]: (report.COLOURS[3], "o"),
    FGSM[0]: (report.COLOURS[6], "o"),
    PGD[0]: (report.COLOURS[6], "s"),
    FROM_TRAINED[0][0]: (report.COLOURS[4], "^"),
    FROM_TRAINED[1][0]: ("0.5", "^"),
}


def short(task: str) -> str:
    """``toy_faces/big_nose_male_natural_resnet50`` -> ``big nose male resnet50`` and, below, ``(toy faces)``."""
    folder, _, name = task.replace("_natural", "").replace("_", " ").partition("/")
    return f"{name}\n({folder})"


def decomposition(found: pd.DataFrame, names: Sequence[str] = ("acc", "eo_sum")) -> Figure:
    """The steps of ``tables.gains``, a panel per metric, a line of panels per task: means, 95 % t-intervals, seeds."""
    shown = found.rename(columns={"step": "row"}).assign(task=found["task"].map(short))
    titles = {name: f"change of {TITLES[name]}, points" for name in names}
    return figures.rows(seeds.tidy(shown, titles), block="task", zero=True)


def tradeoff(table: pd.DataFrame, path: Sequence[str] = PATH, gap: str = "eo_sum", columns: int = 3) -> Figure:
    """Accuracy against DEO, a panel per task: a mark per row, bars are 95 % t-intervals, a line follows ``path``.

    A gap is never below 0, so its bars end there.

    Args:
        table: from ``tables.table``. gap: metric of the horizontal axis. columns: panels in a line.
    """
    titles = {gap: f"{TITLES[gap]}, %", "acc": "accuracy, %"}
    shown = table.assign(task=table["task"].map(short), **{f"{gap}_low": table[f"{gap}_low"].clip(lower=0)})
    return figures.tradeoff(shown, (gap, "acc"), LOOKS, titles, columns=columns, path=path)


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
    import seaborn as sns

    u, v = "u: evidence for the target y", "v: evidence for the\nprotected attribute a"
    looks = {f"y = {y}, a = {a}": (report.COLOURS[a], "o^"[y]) for y, a in np.ndindex(2, 2)}
    start = pd.DataFrame(x[:few], columns=[u, v])
    start["row"] = [f"y = {y}, a = {a}" for y, a in zip(target[:few], protected[:few], strict=True)]
    fig, axes = plt.subplots(1, len(panels), figsize=(figures.WIDTH, 3.6), sharex=True, sharey=True, squeeze=False)
    for ax, (title, (moved, before, after)) in zip(axes[0], panels.items(), strict=True):
        figures.points(ax, start, (u, v), looks)
        colours = [looks[row][0] for row in start["row"]]
        arrows = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.003, "alpha": 0.5}
        ax.quiver(*x[:few].T, *(moved - x)[:few].T, color=colours, **arrows)
        lines = (("M before", before), ("M after", after))
        ends = [(name, -end * w[1] / w[0], end) for name, w in lines for end in (-4.0, 4.0)]
        line = {"style": "M", "dashes": {"M before": (3, 2), "M after": ""}, "color": "0.15", "lw": 1.6}
        sns.lineplot(pd.DataFrame(ends, columns=["M", u, v]), x=u, y=v, estimator=None, sort=False, ax=ax, **line)
        ax.set(title=title, xlim=(-4.5, 4.5), ylim=(-3, 3))
    figures.legend(fig, 6)
    return fig


def identities(found: pd.DataFrame) -> Figure:
    """The toy of LFW's split: accuracy, a line per way of testing, by how much an attribute belongs to its person.

    Args:
        found: columns ``r`` (share of a person's images that show their own trait) and one per way of testing (0..1),
            a line per r and seed. Bands span the seeds.
    """
    x = "r: share of images that show the person's own trait"
    long = found.rename(columns={"r": x}).melt(x, var_name="who").assign(panel="five nearest neighbours, tested on:")
    long["value"] *= 100
    looks = figures.looks_of(list(long["who"].unique()))
    return figures.curves(spanned(long, x), x, label="accuracy, %", looks=looks)


def spanned(long: pd.DataFrame, x: str) -> pd.DataFrame:
    """Mean, lowest and highest ``value`` over seeds of each ``panel``, ``who`` and ``x``, for ``figures.curves``."""
    found = long.groupby(["panel", "who", x], sort=False)["value"]
    return found.agg(value="mean", low="min", high="max").reset_index()
