"""Figures of ICDM 2022's tables: accuracy against bias, accuracy by skew, and what single choices change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, seeds
from fairnb.papers.reactivate import choices
from fairnb.papers.reactivate.show import deviations, words
from fairnb.papers.reactivate.tables import TOLERANCE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = report.COLOURS
KINDS = {  # colour: what kind of method; marker: which of them
    COLOURS[6]: {"Baseline": "D"},
    COLOURS[4]: {"ROC": "o", "EqOdds": "s", "CalibEqOdds": "^"},
    COLOURS[3]: {"Adv.Debias": "o", "Uni.Conf.": "s", "Dom.Disc.": "^", "Dom.Ind.": "v"},
    COLOURS[0]: {"RndPert": "o", "LayerwiseOpt": "s", "Adv.Ft": "^"},
    COLOURS[1]: {"Proposed": "o", "Proposed-unif": "^", "Proposed-ind": "v"},
    COLOURS[2]: {"Proposed-joint": "s"},
}
LOOKS: figures.Looks = {row: (colour, mark) for colour, own in KINDS.items() for row, mark in own.items()}
ROWS = ("Baseline", "Proposed", "Proposed-joint")
DEVIATIONS = "bars: standard deviation over seeds"


def _variant(row: str) -> tuple[str, str]:
    """The look of a row that is none of the paper's: gray, with the marker of the row that it varies."""
    return "0.5", next((mark for name, (_, mark) in LOOKS.items() if row.startswith(f"{name} ")), "P")


def tradeoff(table: pd.DataFrame, trivial: float | None = None) -> Figure:
    """Accuracy against bias, a panel per task: filled here, with standard deviations over seeds, hollow printed.

    Bars end at 0 and 1, which neither number passes. A printed bias whose accuracy is a dash lies on the lower edge.
    Where there is one task, a thin line joins a row's two marks.

    Args:
        table: from ``tables.table``, of one table or several.
        trivial: balanced accuracy of a threshold that puts all samples on one side; None where there is no threshold.
    """
    alone = table["task"].nunique() == 1
    shown = deviations(table.assign(panel="" if alone else table["task"].map(words)))
    lowest = shown.groupby("panel")[["accuracy", "accuracy_low", "printed_accuracy"]].transform("min").min(axis=1)
    shown["edge"] = lowest.clip(upper=trivial) - 0.02
    shown["printed_accuracy"] = shown["printed_accuracy"].fillna(shown["edge"])
    looks = {row: _variant(str(row)) for row in shown["row"]} | dict(LOOKS)
    labels = {"bias": "|bias|", "accuracy": "accuracy" if trivial is None else "balanced accuracy"}
    fig = figures.tradeoff(shown, ("bias", "accuracy"), looks, labels, panel="panel")
    for ax, (_, part) in zip(fig.axes, shown.groupby("panel", sort=False), strict=False):
        ax.axvspan(0, TOLERANCE, color=COLOURS[2], alpha=0.12, lw=0, zorder=0, label="bias within tolerance")
        if trivial is not None:
            ax.axhline(trivial, color="0.4", lw=1, ls=":", zorder=1, label="a trivial threshold")
        if alone and part["printed_bias"].notna().any():
            ends = part[["bias", "printed_bias"]].T, part[["accuracy", "printed_accuracy"]].T
            ax.plot(*ends, color="0.6", lw=0.6, ls="--", label="joins a row's two marks")
        ax.plot([], [], color="0.4", lw=0.8, label=DEVIATIONS)
        ax.set_ylim(bottom=part["edge"].iloc[0])
        for mark in ax.collections:
            mark.set_clip_on(False)
    names = {name for ax in fig.axes for name in ax.get_legend_handles_labels()[1]}
    figures.legend(fig, 6 if len(names) % 6 else 5)  # the last column ends above the stamp in the corner
    return fig


def skews(table: pd.DataFrame, ceiling: float | None = None) -> Figure:
    """Accuracy at every skew, left here with standard deviations over seeds, right as printed; scales of their own.

    Args:
        table: rows of Tables I and II, tasks named ``.../skewNN``. ceiling: our accuracy on clean data.
    """
    found = deviations(table[table["row"].isin(ROWS)]).rename(columns={"row": "who"})
    found = found.assign(skew=[int(task.rpartition("skew")[2]) for task in found["task"]]).sort_values("skew")
    names = [f"{skew} %" for skew in found["skew"].unique()]
    places = found["skew"].rank(method="dense") - 1 + 0.06 * (found["who"].map(ROWS.index) - 1)  # beside each other
    here = seeds.tidy(found.assign(x=places), {"accuracy": f"here ({DEVIATIONS})"})
    theirs = here.assign(value=here["printed"], low=np.nan, high=np.nan, panel="printed")
    fig = figures.curves(pd.concat([here, theirs]).drop(columns="printed"), "x", looks=LOOKS, band=False)
    for ax in fig.axes:
        ax.set(xticks=range(len(names)), xticklabels=names, xlabel="skew", ylabel="accuracy")
    for line in [one for one in fig.axes[-1].lines if one.get_linestyle() == "-" and np.size(one.get_xdata())]:
        line.set(markerfacecolor="white", markeredgecolor=line.get_color(), markeredgewidth=1.2, linestyle="--")
    if ceiling is not None:
        fig.axes[0].axhline(ceiling, color="0.4", lw=1, ls=":", label="Baseline, all images in colour")
    figures.legend(fig)
    return fig


def changes(found: pd.DataFrame) -> Figure:
    """What a row has more than another, in points: seeds, means and 95 % t-intervals; a line of panels per task.

    Args:
        found: from ``seeds.paired`` of accuracy and bias.
    """
    found = found.assign(row=found["row"].map(choices.named), task=found["task"].map(words))
    task = f"{found['task'].iloc[0]}: " if found["task"].nunique() == 1 else ""
    titles = {"accuracy": f"{task}balanced accuracy", "bias": f"{task}|bias|"}
    return figures.rows(seeds.tidy(found, titles), label="difference in points", block="task", zero=True)
