"""Figures of ASAC's ablations: choices against the main configuration, both readings of DEO, what an order orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import report
from fairnb.evidence.verdicts import Condition, per_seed
from fairnb.papers.asac.figures.tables import TITLES, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

METRICS = ("eo_sum", "acc")
STYLES = ("-", "--", ":")
APART = 0.17  # of a row: two intervals in it must not cover each other


def against(frame: pd.DataFrame, table: pd.DataFrame, main: str, names: Sequence[str] = METRICS) -> pd.DataFrame:
    """Every row's difference from the row ``main``, paired by seed, and the printed differences, in percentage points.

    Args:
        frame: from ``runs.run``, one task. table: from ``tables.table``, of the same rows. main: a label.

    Returns:
        a line per row of ``frame``, ``main`` aside: ``row, seeds`` and per metric ``x`` (mean), ``x_low``, ``x_high``
        (95 % t-interval, NaN for one seed) and ``printed_x`` (NaN where none is printed).
    """
    task, printed = str(frame["task"].iloc[0]), table.set_index("row")
    rows = []
    for label in dict.fromkeys(frame["label"]):
        if label == main:
            continue
        row: dict[str, Any] = {"row": label}
        for name in names:
            ours = per_seed(frame, label, name, task, "label") - per_seed(frame, main, name, task, "label")
            change = Condition(label, tuple(ours.dropna()))
            row |= {"seeds": len(change.values), name: change.interval.mean}
            row |= {f"{name}_low": change.interval.low, f"{name}_high": change.interval.high}
            theirs = printed.get(f"printed_{name}", pd.Series(np.nan, printed.index))
            row[f"printed_{name}"] = theirs[label] - theirs[main]
        rows.append(row)
    return pd.DataFrame(rows)


def differences(
    found: pd.DataFrame, spans: Mapping[str, tuple[float, float]], names: Sequence[str] = METRICS
) -> Figure:
    """A panel per metric: each row of ``against`` with its interval, the printed difference hollow beneath.

    Args:
        spans: metric -> lowest and highest *printed* difference of the main configuration from itself, drawn as a band.
    """
    import matplotlib.pyplot as plt

    size = (WIDTH, 1.3 + 0.36 * len(found))
    fig, axes = plt.subplots(1, len(names), figsize=size, sharey=True, squeeze=False)
    for name, ax in zip(names, axes[0], strict=True):
        if name in spans:
            ax.axvspan(*spans[name], color="0.85", label="printed for the main configuration itself")
        ax.axvline(0, color="0.3", lw=1)
        for i, row in enumerate(found.to_dict("records")):
            _interval(ax, row, name, i - 0.12, report.COLOURS[0], "here, 95 % t-interval" if not i else None)
            if np.isfinite(row[f"printed_{name}"]):
                ax.plot(row[f"printed_{name}"], i + 0.2, "D", mfc="none", mec=report.COLOURS[1], ms=5, label="printed")
        _rows_down(ax, list(found["row"]))
        ax.set_xlabel(f"{TITLES.get(name, name)}: points above the main configuration", fontsize=8)
    _legend(fig, axes[0, 0])
    return fig


def conventions(table: pd.DataFrame) -> Figure:
    """Every row's DEO as average and as sum of both gaps, joined, and its accuracy; printed values hollow.

    Args:
        table: from ``tables.table``, one task; rows that were not rerun show the printed values only.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(WIDTH, 1.3 + 0.36 * len(table)), sharey=True)
    for i, row in enumerate(table.to_dict("records")):
        if pd.notna(row["eo_sum"]):
            axes[0].plot([row["eo_avg"], row["eo_sum"]], [i - APART, i + APART], color="0.7", lw=2, zorder=1)
        marks = (("eo_avg", "s", 2, 0, -APART), ("eo_sum", "o", 0, 0, APART), ("acc", "o", 0, 1, 0))
        for name, mark, colour, panel, off in marks:
            words = {"eo_avg": "average of both gaps", "eo_sum": "sum of both gaps", "acc": ""}[name]
            _interval(axes[panel], row, name, i + off, report.COLOURS[colour], words if not i else None, mark)
        for name, ax in zip(METRICS, axes, strict=True):
            if pd.notna(row.get(f"printed_{name}", np.nan)):
                ax.plot(row[f"printed_{name}"], i, "D", mfc="none", mec=report.COLOURS[1], ms=6, label="printed")
    for ax, words in zip(axes, ("DEO, %", "accuracy, %"), strict=True):
        _rows_down(ax, list(table["row"]))
        ax.set_xlabel(words, fontsize=8)
    axes[0].set_xlim(left=0)
    _legend(fig, axes[0])
    return fig


def magnitude_by_step(frame: pd.DataFrame, labels: Sequence[str], epsilons: Sequence[float]) -> Figure:
    """Left: mean magnitude of each optimiser step of a mini-batch by order of training; right: C under attack.

    Thin lines are seeds, thick ones their means. Dotted: what the easy-to-hard order would be if difficulty *were*
    magnitude.

    Args:
        frame: from ``runs.run``, with ASAC's notes; labels: the orders' rows in it. epsilons: of these rows.
    """
    import matplotlib.pyplot as plt

    fig, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 3.2))
    steps = np.arange(1, len(epsilons) + 1)
    for label, colour, style in zip(labels, report.COLOURS, STYLES, strict=False):
        values = np.array([note["magnitude_by_step"] for note in frame.loc[frame["label"] == label, "notes"]])
        left.plot(steps, values.T, color=colour, lw=0.7, alpha=0.5)
        left.plot(steps, values.mean(0), style, color=colour, lw=2, marker="o", label=label)
    left.plot(steps, sorted(epsilons), ":", color="0.4", marker="x", label="if difficulty were magnitude")
    left.set(xlabel="step of a mini-batch", ylabel="mean ε of its images", xticks=steps)
    left.legend(fontsize=8)
    heads = head_accuracy(frame)
    for _, part in heads.groupby("seed"):
        right.plot(part["epsilon"], 100 * part["accuracy"], "o", color=report.COLOURS[0], ms=4, alpha=0.6)
    mean = heads.groupby("epsilon")["accuracy"].mean()
    right.plot(mean.index, 100 * mean, color=report.COLOURS[0], lw=2)
    right.axhline(50, color="0.4", ls=":", label="a coin")
    right.set(xlabel="ε of the attack", ylabel="attacked head is right, %", ylim=(-3, 103))
    right.legend(fontsize=8)
    return fig


def head_accuracy(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of the attacked head on validation images: a line per seed and magnitude of any row, 0..1.

    Rows of a seed with the same start and attack have the same head, so a magnitude that several of them have is the
    same number; it appears once, from the first of them.
    """
    lines = [
        {"seed": seed, "epsilon": float(radius), "accuracy": share}
        for seed, note in zip(frame["seed"], frame["notes"], strict=True)
        for radius, share in note.get("protected_head", {}).items()
    ]
    found = pd.DataFrame(lines, columns=["seed", "epsilon", "accuracy"])
    return found.drop_duplicates(["seed", "epsilon"]).sort_values(["seed", "epsilon"], ignore_index=True)


def orders(
    panels: Mapping[str, Mapping[str, np.ndarray]], chunks: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> Figure:
    """The toy: a panel per way of training, paths of two parameters in it, the chunks' losses as contours.

    Args:
        panels: title -> order -> path ``(T, 2)``. chunks: name -> Hessian ``(2, 2)`` and minimum ``(2,)``.
    """
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 3.8), sharex=True, sharey=True, squeeze=False)
    points = np.concatenate([path for part in panels.values() for path in part.values()])
    points = np.concatenate([points, [minimum for _, minimum in chunks.values()]])
    low, high = points.min(0) - 0.3, points.max(0) + 0.3
    across, up = np.meshgrid(np.linspace(low[0], high[0], 120), np.linspace(low[1], high[1], 120))
    for ax, (title, paths) in zip(axes[0], panels.items(), strict=True):
        for (name, (hessian, minimum)), colour in zip(chunks.items(), report.COLOURS[2:], strict=False):
            away = np.stack([across, up], -1) - minimum
            loss = 0.5 * np.einsum("...i,ij,...j", away, hessian, away)
            ax.contour(across, up, loss, levels=[0.05, 0.2, 0.6], colors=colour, linewidths=0.8, alpha=0.7)
            ax.plot(*minimum, "*", color=colour, ms=11, label=f"minimum of the {name} chunk")
        for (name, path), colour, style in zip(paths.items(), report.COLOURS, STYLES, strict=False):
            ax.plot(*path.T, style, color=colour, marker=".", ms=5, lw=1.4, label=name)
            ax.plot(*path[-1], "o", mfc="none", mec=colour, ms=9, mew=1.5)
        ax.set_title(title, fontsize=9)
        ax.set(xlabel="first parameter", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes[0, 0].set_ylabel("second parameter")
    _legend(fig, axes[0, -1])
    return fig


def _interval(
    ax: Axes, row: Mapping[str, Any], name: str, at: float, colour: str, label: str | None, mark: str = "o"
) -> None:
    if pd.isna(row[name]):
        return
    ax.plot([row[f"{name}_low"], row[f"{name}_high"]], [at, at], color=colour, lw=1.6)
    ax.plot(row[name], at, mark, color=colour, ms=5, label=label)


def _rows_down(ax: Axes, names: Sequence[str]) -> None:
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _legend(fig: Figure, ax: Axes) -> None:
    """Each name once, below all panels."""
    named = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    fig.legend(named.values(), named.keys(), loc="outside lower center", ncols=4, fontsize=8)
