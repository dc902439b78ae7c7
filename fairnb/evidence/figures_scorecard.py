"""The scorecard as pictures: what decides each claim, with its interval, margin and printed difference."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import figures, report, rule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOOKS: figures.Looks = {
    rule.HOLDS: (report.COLOURS[2], "o"),
    rule.REVERSED: (report.COLOURS[1], "X"),
    rule.NO_DIFFERENCE: (report.COLOURS[3], "v"),
    rule.UNDECIDED: (report.COLOURS[4], "s"),
    rule.UNSEEN: (report.COLOURS[5], "^"),
}
PRINTED = "printed difference"
NEAR = 1.0  # points around 0 that the axis draws to scale
TICKS = (-30, -10, -3, -1, 0, 1, 3, 10, 30)
CHARACTERS = 58  # of a line of a claim's words
LINE = 0.19  # inches
OURS = "our reconstruction"  # so says the note of a paper's claims where its own text could not be had


def forest(scorecard: pd.DataFrame) -> Figure:
    """A panel per paper, a line per claim: the difference that decides it, right of 0 as the paper claims.

    Args:
        scorecard: from ``scorecard.read``. Bars are repeated 95 % intervals over seeds, in percentage points on an
            axis that is logarithmic beyond one point; where no number decides, the verdict stands in the line.
    """
    import matplotlib.pyplot as plt

    papers = {str(paper): part for paper, part in scorecard.groupby("paper", sort=False)}
    most = max(map(len, papers.values()))
    size = (figures.WIDTH, 0.9 + LINE * most)
    fig, axes = plt.subplots(1, len(papers), figsize=size, squeeze=False, sharex=True)
    for ax, (paper, part) in zip(axes[0], papers.items(), strict=True):
        lines = part.reset_index(drop=True)
        _lines(ax, lines, np.arange(len(lines), dtype=float))
        for place, verdict in lines.loc[lines["effect"].isna(), "verdict"].items():
            ax.text(0, place, verdict, size=6, ha="center", va="center", backgroundcolor="white", zorder=2)
        ax.set_yticks(range(len(lines)), lines["claim"])
        ax.set_xticks(TICKS[1:-1:2], [f"{tick:g}" for tick in TICKS[1:-1:2]])
        title = f"{paper}\n({OURS})" if part["note"].fillna("").str.contains(OURS).any() else paper
        ax.set(title=title, xlim=_reach(scorecard), ylim=(most - 0.5, -0.5), xlabel="points", ylabel="")
    figures.legend(fig)
    return fig


def claims(scorecard: pd.DataFrame, words: pd.Series) -> Figure:
    """The claims of one paper, each with its words: difference, interval, margin, printed difference, outcome.

    Args:
        scorecard: rows of one paper from ``scorecard.read``. words: claim -> what the paper claims.
    """
    import matplotlib.pyplot as plt

    lines = scorecard.reset_index(drop=True)
    texts = [textwrap.fill(f"{name}  {words[name]}", CHARACTERS) for name in lines["claim"]]
    heights = np.array([max(1, text.count("\n") + 1) + 0.6 for text in texts])
    y = np.cumsum(heights) - heights / 2
    fig, ax = plt.subplots(figsize=(figures.WIDTH, 1.1 + LINE * heights.sum()))
    _lines(ax, lines, y)
    for place, height, row in zip(y, heights, lines.to_dict("records"), strict=True):
        if np.isfinite(row["margin"]) and row["margin"] > 0:
            ax.fill_betweenx([place - height / 3, place + height / 3], 0, row["margin"], color="0.88", lw=0, zorder=0)
    printed = lines["printed_difference"].astype(float)
    if printed.notna().any():
        colour = figures.LOOKS[figures.PRINTED][0]
        look: dict[str, Any] = {"facecolor": "none", "edgecolor": colour, "linewidth": 1.2, "label": PRINTED}
        ax.scatter(printed, y + 0.35, marker="D", s=25, zorder=3, **look)
    ax.set_yticks(y, texts, ha="left", fontsize=8)
    ax.tick_params(axis="y", pad=0.44 * figures.WIDTH * 72, length=0)
    ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    ax.set(ylim=(heights.sum(), 0), ylabel="", xlabel="points; right of 0 as claimed, grey: too small to matter")
    right = ax.twinx()
    right.set(ylim=ax.get_ylim(), ylabel="")
    right.set_yticks(y, [_outcome(row) for row in lines.to_dict("records")], fontsize=8)
    right.grid(visible=False)
    right.tick_params(length=0)
    figures.legend(fig)
    return fig


def _lines(ax: Axes, lines: pd.DataFrame, y: np.ndarray) -> None:
    """A mark and an interval per claim, on an axis that is logarithmic beyond ``NEAR``, with room for the longest."""
    found = lines.rename(columns={"effect": "value", "verdict": "who"})
    figures.intervals(ax, found[["value", "low", "high", "who"]].assign(y=y), LOOKS)
    ax.axvline(0, color="0.3", lw=1, zorder=1)
    ax.set_xscale("symlog", linthresh=NEAR, linscale=0.5)
    ax.set_xlim(*_reach(lines))


def _reach(lines: pd.DataFrame) -> tuple[float, float]:
    """Ends of an axis that holds all intervals and printed differences."""
    ends = lines[["effect", "low", "high", "printed_difference"]].to_numpy(float)
    reach = 1.3 * max(2 * NEAR, float(np.nanmax(np.abs(ends), initial=0)))
    return -reach, reach


def _outcome(row: dict[str, object]) -> str:
    seeds = f"\n{row['seeds']} seed{'s' * (row['seeds'] != 1)}" if row["seeds"] else ""
    return f"{row['verdict']}{seeds}"
