"""FineFACE's figures of numbers: groups, differences within a seed, accuracy against DEO, which epoch is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.papers.fineface.checkpoints import CHECKPOINTS, edge
from fairnb.papers.fineface.tables import BASE, FINEFACE, GAN, RIVALS_7, STEPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = report.COLOURS
# A row looks the same in every figure, whatever else is in it.
LOOKS: figures.Looks = (
    {BASE[0]: (COLOURS[0], "o"), STEPS[0]: (COLOURS[2], "s"), FINEFACE[0]: (COLOURS[1], "D")}
    | {row[0]: (colour, "^") for row, colour in zip(RIVALS_7, COLOURS, strict=True)}
    | {GAN: ("0.45", "v")}
)
APART = {BASE[0]: -0.22, STEPS[0]: 0.0, FINEFACE[0]: 0.22}  # how far below the group's line
DAMAGED = "transcript damaged"
TITLES_5 = {
    "acc": "accuracy, %\n(right: better)",
    "dob": "DoB over races, points\n(left: fairer)",
    "max_min": "Max/Min\n(left: fairer)",
}
TITLES_7 = {"acc": "accuracy, %", "tpr_gap": "DEO, %"}
CURVES = {"test images": COLOURS[0], "validation images": COLOURS[5]}


def dots(panels: Mapping[str, pd.DataFrame], label: str = "accuracy, %", *, zero: bool = False) -> Figure:
    """A number for every group and row, a panel per title; with 95 % intervals what was run here, hollow the printed.

    Args:
        panels: title -> columns ``row, group, accuracy`` and, as from ``tables.by_group``, ``accuracy_low``,
            ``accuracy_high``, or, as from ``tables.printed_by_group``, ``damaged`` (bool; drawn grey). Bars end at
            100, which no accuracy passes.
        label: of the horizontal axis. zero: with a line at 0, for differences.
    """
    import matplotlib.pyplot as plt

    lines = max(part["group"].nunique() for part in panels.values())
    size = (figures.WIDTH, 1 + 0.3 * max(lines, 4))
    fig, axes = plt.subplots(1, len(panels), figsize=size, squeeze=False, sharex=True)
    for ax, (title, part) in zip(axes[0], panels.items(), strict=True):
        names = list(dict.fromkeys(part["group"]))
        y = part["group"].map(names.index) + part["row"].map(APART)
        found = part.assign(y=y, who=part["row"], value=part["accuracy"])
        if "accuracy_low" in part:
            ends = {"low": part["accuracy_low"], "high": part["accuracy_high"].clip(upper=100)}
            figures.intervals(ax, found.assign(**ends), LOOKS)
        else:
            _printed(ax, found)
        if zero:
            ax.axvline(0, color="0.3", lw=1, zorder=1)
        ax.set_yticks(range(len(names)), names)
        ax.set(ylim=(lines - 0.5, -0.5), title=title, xlabel=label, ylabel="")
    figures.legend(fig, 6)
    return fig


def _printed(ax: Axes, found: pd.DataFrame) -> None:
    import seaborn as sns

    for (row, damaged), part in found.groupby(["row", "damaged"], sort=False):
        colour, mark = LOOKS[str(row)]
        look = {"facecolor": "none", "edgecolor": "0.6" if damaged else colour, "linewidth": 1.3}
        name = f"{row}, {DAMAGED if damaged else 'printed'}"
        sns.scatterplot(part, x="value", y="y", marker=mark, s=30, label=name, ax=ax, zorder=3, **look)


def races(frame: pd.DataFrame) -> Figure:
    """Table 5: every seed, means, and 95 % t-intervals (of an accuracy up to 100 %); dashed: the Baseline's mean.

    Args:
        frame: from ``runs.run``, ``measured`` over races.
    """
    found = seeds.over(frame, tuple(TITLES_5))
    return figures.rows(seeds.tidy(found.assign(acc_high=found["acc_high"].clip(upper=100)), TITLES_5), than=BASE[0])


def worse_gender(found: pd.DataFrame) -> Figure:
    """Table 8, ``changes.by_attribute``: a line per attribute, with the printed changes."""
    titles = {"change": "change of the accuracy of the worse gender, points"}
    return figures.rows(seeds.tidy(found.rename(columns={"attribute": "row"}), titles), zero=True)


def differences(found: pd.DataFrame) -> Figure:
    """``seeds.paired`` of one task: how each row's accuracy and DoB differ, in points."""
    titles = {"acc": "difference of the accuracy, points", "dob": "difference of the DoB, points"}
    return figures.rows(seeds.tidy(found, titles), zero=True)


def tradeoff(table: pd.DataFrame) -> Figure:
    """Accuracy against DEO, all rows of Table 7: left here, with 95 % t-intervals over seeds, right as printed.

    Args:
        table: from ``tables.table``. The panels have their own scales: they are other experiments.
    """
    printed = [column for column in table if str(column).startswith("printed_")]
    here = table.drop(columns=printed).assign(panel="here")
    theirs = table[["row", *printed]].assign(panel="printed (CelebA)")
    whole = pd.concat([here, theirs], ignore_index=True)
    return figures.tradeoff(whole, ("tpr_gap", "acc"), LOOKS, TITLES_7, columns=2, panel="panel")


def epochs(frame: pd.DataFrame, released: Callable[[Sequence[float]], int]) -> Figure:
    """Accuracy on validation and on test images by epoch, a panel per run, and the epochs that four rules keep.

    Grey: epochs after which the released script tests.

    Args:
        frame: from ``runs.run``; the first four runs with ``snapshots`` are drawn.
        released: which epoch (from 0) the released script keeps, from the test accuracies by epoch.
    """
    import matplotlib.pyplot as plt
    import seaborn as sns

    shown = [row for _, row in frame.iterrows() if "test_by_epoch" in row["notes"]][:4]
    fig, axes = plt.subplots(1, len(shown), figsize=(figures.WIDTH, 3.3), sharey=True, squeeze=False)
    for ax, row in zip(axes[0], shown, strict=True):
        validation, test = (100 * np.array(row["notes"][name]) for name in ("val_accuracy", "test_by_epoch"))
        steps, looked = np.arange(1, len(test) + 1), edge(len(test))
        for start in sorted({0.5, len(test) - looked + 0.5}):
            words = "the released script tests" if start < 1 else None
            ax.axvspan(start, start + looked, color="0.92", zorder=0, label=words)
        found = pd.DataFrame(dict(zip(CURVES, (test, validation), strict=True)), index=steps)
        sns.lineplot(found, palette=CURVES, ax=ax)  # one dashed
        kept = (row["notes"]["best_epoch"], released(list(test)), int(test.argmax()), len(test) - 1)
        for i, (name, at) in enumerate(zip(CHECKPOINTS, kept, strict=True)):
            look = {"facecolor": "none", "edgecolor": COLOURS[1], "linewidth": 1.2, "label": f"kept: {name}"}
            sns.scatterplot(x=[at + 1], y=[test[at]], marker="os^D"[i], s=(13 - 3 * i) ** 2, ax=ax, zorder=3, **look)
        ax.set(title=f"{row['label']}, seed {row['seed']}", xlabel="epoch", ylabel="accuracy, %")
        ax.set_xticks(steps[:: max(1, len(steps) // 5)])
    figures.legend(fig)
    return fig


def areas(frame: pd.DataFrame) -> Figure:
    """How much of the training images is inside the overall boxes, by epoch: means and 95 % t-intervals over seeds.

    Args:
        frame: from ``runs.run``; rows whose notes have ``box_area``, a panel per task.
    """
    from matplotlib.ticker import MaxNLocator

    x = "epoch"
    told = [(row, area) for _, row in frame.iterrows() for area in enumerate(row["notes"].get("box_area") or [], 1)]
    lines = [{"panel": row["task"], "label": row["label"], x: epoch, "area": area} for row, (epoch, area) in told]
    parts = []
    for (panel, label, epoch), own in pd.DataFrame(lines).groupby(["panel", "label", x], sort=False):
        one = seeds.over(own, ("area",))
        parts.append(seeds.tidy(one, {"area": panel}, seeds.SHARE).assign(who=label, **{x: epoch}))
    looks = figures.looks_of(list(dict.fromkeys(row["label"] for row, _ in told)))
    fig = figures.curves(pd.concat(parts), x, label="inside the overall box, %", looks=looks)
    for ax in fig.axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


def chance(found: Mapping[str, Mapping[int, float]]) -> Figure:
    """What looking at the test images more often gains by chance: a line per case, points against number of looks."""
    x = "epochs that are tested"
    lines = [pd.DataFrame({x: gains.keys(), "value": gains.values(), "who": who}) for who, gains in found.items()]
    looks = {name: (COLOURS[i % 7], "os^Dv"[i % 5]) for i, name in enumerate(found)}
    fig = figures.curves(pd.concat(lines).assign(panel=""), x, label="gain by chance, points", looks=looks)
    fig.axes[0].set_yscale("log")
    return fig
