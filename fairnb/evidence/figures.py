"""The plots that papers share, on seaborn: rows, accuracy against gap, and curves.

One language for all of them: what was run here is filled, with bars that are 95 % intervals (pale dots: seeds); what a
paper prints, of its own experiment, is hollow. All intervals lie inside the axes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from fairnb.evidence import report, seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.5
NARROW = 18  # characters of a line in the name of a block of rows
HERE, SEED, PRINTED = "here: mean, 95 % interval", "a seed", "printed (the paper's own experiment)"
Looks = Mapping[str, tuple[str, str]]  # name -> colour and marker
LOOKS: Looks = {HERE: (report.COLOURS[0], "o"), SEED: (report.COLOURS[5], "o"), PRINTED: (report.COLOURS[1], "D")}
ENDS = ("low", "value", "high")
REFERENCE = "Erm"
TITLES = {
    "acc": "accuracy, %\n(right: better)",
    "bacc": "balanced accuracy, %\n(right: better)",
    "f1": "F1, %\n(right: better)",
    "wst": "worst group, %\n(right: better)",
    "fpr_gap": "gap in FPR, points\n(left: fairer)",
    "ddp": "DP gap (DDP), points\n(left: fairer)",
    "tpr_gap": "gap in TPR, points\n(left: fairer)",
    "eo_max": "EO max, points\n(left: fairer)",
}


def looks_of(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A colour and a marker for each name, by its place: seven colours, then again with other markers."""
    colours = report.COLOURS
    return {name: (colours[i % len(colours)], "os^Dv"[i // len(colours) % 5]) for i, name in enumerate(names)}


def rows(
    found: pd.DataFrame, *, label: str = "", block: str = "", looks: Looks = LOOKS, zero: bool = False, than: str = ""
) -> Figure:
    """Numbers with intervals, a line each: a panel per ``panel``, a line of panels per value of the column ``block``.

    Args:
        found: from ``seeds.tidy``, with a column ``row``; where it has ``who``, each row has a mark for each
            who, looking as ``looks`` says, else one mark, the seeds' dots above and the printed diamond below it.
        label: of the horizontal axes; without it they are called as their panels.
        zero: with a line at 0, for differences. than: with a dashed line at the mean of this row.
    """
    import matplotlib.pyplot as plt

    blocks = [part for _, part in found.groupby(block, sort=False)] if block else [found]
    panels = list(dict.fromkeys(found["panel"]))
    heights = [1 + sum(1 + 0.5 * name.count("\n") for name in part["row"].unique()) for part in blocks]
    size = (WIDTH, 0.8 + 0.1 * len(blocks) + 0.26 * sum(heights))
    shared: dict[str, Any] = {"sharex": "col", "sharey": "row", "squeeze": False, "height_ratios": heights}
    fig, axes = plt.subplots(len(blocks), len(panels), figsize=size, **shared)
    for line, part in zip(axes, blocks, strict=True):
        names = list(dict.fromkeys(part["row"]))
        for ax, panel in zip(line, panels, strict=True):
            own = part[part["panel"] == panel]
            _marks(ax, own.assign(y=own["row"].map(names.index).astype(float)), looks)
            if zero:
                ax.axvline(0, color="0.3", lw=1, zorder=1)
            if than in names:
                ax.axvline(own.loc[own["row"] == than, "value"].iloc[0], color="0.4", lw=1, ls="--", zorder=1)
            ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="", ylabel="")
        line[0].set_yticks(range(len(names)), names)
        if len(blocks) > 1:
            line[0].set_ylabel(_wrapped(str(part[block].iloc[0])), rotation=0, ha="right", va="center")
    fig.align_ylabels()
    for first, last, panel in zip(axes[0], axes[-1], panels, strict=True):
        first.set_title(panel if label else "")
        last.set_xlabel(label or panel)
    legend(fig)
    return fig


def _wrapped(name: str) -> str:
    """A block's name in short lines: ``toy_faces/young_male_vit`` -> ``toy faces``, ``young male vit``."""
    parts = re.split(r"[/\n]", name.replace("_", " "), maxsplit=1)
    return "\n".join(line for part in parts for line in textwrap.wrap(part, NARROW))


def _marks(ax: Axes, own: pd.DataFrame, looks: Looks) -> None:
    """Every who's mark and interval; seeds and printed numbers of a single who."""
    several = list(dict.fromkeys(own["who"])) if "who" in own else [HERE]
    apart = 0.5 / max(len(several), 2)
    for i, who in enumerate(several):
        part = own[own["who"] == who] if "who" in own else own
        part = part.assign(y=part["y"] + apart * (i - (len(several) - 1) / 2), who=who)
        intervals(ax, part, looks)
        if "who" not in own:
            dots = part.assign(value=part["values"], y=part["y"] - 0.2, who=SEED).explode("value")
            _points(ax, dots.dropna(subset="value"), looks, size=4, alpha=0.8)
        if part["printed"].notna().any():
            _points(ax, part.assign(value=part["printed"], y=part["y"] + 0.2, who=PRINTED), looks, size=5, hollow=True)


def intervals(ax: Axes, found: pd.DataFrame, looks: Looks, orient: str = "h") -> None:
    """A mark at ``value`` and a bar from ``low`` to ``high`` at ``y`` (orient ``v``: at ``x``), for each ``who``."""
    import seaborn as sns

    at, along = ("y", "x") if orient == "h" else ("x", "y")
    ends = found.melt(id_vars=[at, "who"], value_vars=list(ENDS), value_name=along).astype({along: float})
    ends = ends.dropna(subset=along)
    if ends.empty:
        return
    there = [who for who in looks if who in set(ends["who"])]
    colours, marks = {who: looks[who][0] for who in there}, [looks[who][1] for who in there]
    look: dict[str, Any] = {"palette": colours, "markers": marks, "linestyle": "none", "markersize": 5}
    look |= {"hue_order": there, "err_kws": {"linewidth": 1.8}, "native_scale": True, "orient": orient}
    # The median of the three ends is the value, and all three together span the interval.
    sns.pointplot(ends, x="x", y="y", hue="who", estimator="median", errorbar=("pi", 100), ax=ax, **look)


def _points(ax: Axes, found: pd.DataFrame, looks: Looks, size: float, hollow: bool = False, alpha: float = 1) -> None:
    import seaborn as sns

    [who] = set(found["who"]) or [""]
    if found["value"].notna().any():
        colour, mark = looks[who]
        look = {"facecolor": "none" if hollow else colour, "edgecolor": colour, "linewidth": 1.2 if hollow else 0}
        x = found["value"].astype(float)
        sns.scatterplot(x=x, y=found["y"], marker=mark, s=size**2, alpha=alpha, label=who, ax=ax, zorder=3, **look)


def tradeoff(
    table: pd.DataFrame,
    names: tuple[str, str],
    looks: Looks,
    titles: Mapping[str, str],
    *,
    columns: int = 3,
    panel: str = "task",
    path: Sequence[str] = (),
) -> Figure:
    """One number against another, a panel per value of the column ``panel``; bars are intervals, hollow: printed.

    Args:
        table: as for ``seeds.tidy``, with a column ``row``. names: metric of the horizontal and of the vertical axis.
        looks: of each row. titles: metric -> label of its axis. path: rows that a line joins, in this order.
    """
    import matplotlib.pyplot as plt

    parts = {str(name): part for name, part in table.groupby(panel, sort=False)}
    across = min(columns, len(parts))
    lines = -(-len(parts) // across)
    size = (WIDTH, 0.7 + (4.0 if across == 1 else 3.1) * lines)
    fig, axes = plt.subplots(lines, across, figsize=size, squeeze=False)
    for ax, (title, part) in zip(axes.flat, parts.items(), strict=False):
        points(ax, part, names, looks)
        steps = part.set_index("row").reindex([row for row in path if row in set(part["row"])])
        if len(steps.dropna(subset=list(names))) > 1:
            words = f"{path[0]} → {'… → ' * (len(path) > 2)}{path[-1]}"
            ax.plot(steps[names[0]], steps[names[1]], color="0.25", lw=1.2, label=words, zorder=2.5)
        ax.set(title=title, xlabel=titles[names[0]], ylabel=titles[names[1]] if ax in axes[:, 0] else "")
    for ax in axes.flat[len(parts) :]:
        ax.axis("off")
    legend(fig)
    return fig


def points(ax: Axes, part: pd.DataFrame, names: tuple[str, str], looks: Looks) -> None:
    """A filled mark with bars both ways for each row of ``part``, and hollow the printed one; see ``tradeoff``."""
    import seaborn as sns

    colours, marks = ({row: look[i] for row, look in looks.items()} for i in (0, 1))
    same: dict[str, Any] = {"hue": "row", "palette": colours, "ax": ax}
    for one, other in (names, names[::-1]):
        ends = [f"{one}_{end}" for end in ("low", "high") if f"{one}_{end}" in part]
        bars = part[["row", other, *ends]].melt(["row", other], value_name=one).dropna()
        if len(bars):
            sns.lineplot(bars, x=names[0], y=names[1], units="row", estimator=None, lw=0.8, legend=False, **same)
    same |= {"style": "row", "markers": marks, "s": 50, "linewidth": 0, "zorder": 3}
    if len(own := part.dropna(subset=list(names))):
        sns.scatterplot(own, x=names[0], y=names[1], **same)
    theirs = [f"printed_{name}" for name in names]
    if set(theirs) <= set(part) and len(printed := part.dropna(subset=theirs)):
        sns.scatterplot(printed, x=theirs[0], y=theirs[1], **same)
        drawn = ax.collections[-1]
        drawn.set(edgecolor=drawn.get_facecolor(), facecolor="none", linewidth=1.2)
        ax.scatter([], [], facecolor="none", edgecolor="0.4", label="hollow: printed")


def curves(found: pd.DataFrame, x: str, *, label: str = "", looks: Looks = LOOKS, band: bool = True) -> Figure:
    """Numbers against the column ``x``, a panel per ``panel``, a line per ``who``, with intervals; hollow: printed.

    Args:
        found: from ``seeds.tidy``, ``x`` numbers or, in their order, words. label: of the vertical axis.
        band: intervals as a band, else as bars.
    """
    import matplotlib.pyplot as plt

    panels = {str(panel): part for panel, part in found.groupby("panel", sort=False)}
    fig, axes = plt.subplots(1, len(panels), figsize=(WIDTH, 3.1), sharey=bool(label), squeeze=False)
    for ax, (title, part) in zip(axes[0], panels.items(), strict=True):
        lines(ax, part.assign(who=part.get("who", HERE)), x, looks, band)
        ax.set(title=title, xlabel=x, ylabel=label)
    legend(fig)
    return fig


def lines(ax: Axes, part: pd.DataFrame, x: str, looks: Looks, band: bool = True) -> None:
    """The lines of one panel of ``curves``; ``part`` has a column ``who``."""
    import seaborn as sns

    there = [who for who in looks if who in set(part["who"])]
    look: dict[str, Any] = {"palette": {who: looks[who][0] for who in there}, "hue_order": there, "style_order": there}
    look |= {"markers": {who: looks[who][1] for who in there}, "dashes": False, "errorbar": ("pi", 100)}
    ends = part.melt([x, "who"], [end for end in ENDS if end in part], value_name="number").dropna()
    if ends.empty:
        return
    look |= {"estimator": "median", "err_style": "band" if band else "bars", "hue": "who", "style": "who"}
    sns.lineplot(ends, x=x, y="number", ax=ax, **look)
    if part.get("printed", pd.Series(dtype=float)).notna().any():
        colour, mark = looks[PRINTED]
        look = {"facecolor": "none", "edgecolor": colour, "linewidth": 1.2, "marker": mark, "label": PRINTED}
        sns.scatterplot(part, x=x, y="printed", ax=ax, zorder=3, **look)


def legend(fig: Figure, columns: int = 4) -> None:
    """Every name of the panels once, below all of them; called again, it takes the place of the one before."""
    named: dict[str, Any] = {}
    for before in list(fig.legends):
        before.remove()
    for ax in fig.axes:
        named |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
        if (own := ax.get_legend()) is not None:
            own.remove()
    if named:
        fig.legend(named.values(), named.keys(), loc="outside lower center", ncols=min(columns, len(named)))


def methods_table(frame: pd.DataFrame, names: Sequence[str] = ("acc", "fpr_gap", "ddp", "tpr_gap", "eo_max")) -> Figure:
    """Methods x metrics, a line of panels per task: every seed, means and 95 % t-intervals; dashed: Erm's mean.

    Args:
        frame: from ``runs.run``. names: metrics.
    """
    titles = {name: TITLES.get(name, name) for name in names}
    return rows(seeds.tidy(seeds.over(frame, names), titles, seeds.SHARE), block="task", than=REFERENCE)
