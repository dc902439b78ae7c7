"""The scorecard as a picture: what decided each claim, with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from fairnb.evidence import figures, report, verdicts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS: figures.Looks = {
    verdicts.HOLDS: (report.COLOURS[2], "o"),
    verdicts.FAILS: (report.COLOURS[1], "X"),
    verdicts.UNDECIDED: (report.COLOURS[4], "s"),
}
NEAR = 1.0  # points around 0 that the axis draws to scale
TICKS = (-10, -1, 0, 1, 10)


def forest(scorecard: pd.DataFrame) -> Figure:
    """A panel per paper, a line per claim: the difference that decided it, right of 0 as the paper claims.

    Args:
        scorecard: from ``verdicts.scorecard``. Bars are 95 % t-intervals over seeds, in percentage points on an axis
            that is logarithmic beyond one point; where no number decides, the verdict stands before the claim's name.
    """
    import matplotlib.pyplot as plt

    ends = pd.DataFrame([verdicts.deciding(note)[1:] for note in scorecard["note"]], columns=["value", "low", "high"])
    whole = scorecard.reset_index(drop=True).join(ends).assign(who=scorecard["verdict"].to_list())
    papers = {str(paper): part for paper, part in whole.groupby("paper", sort=False)}
    most = max(map(len, papers.values()))
    size = (figures.WIDTH, 0.9 + 0.19 * most)
    fig, axes = plt.subplots(1, len(papers), figsize=size, squeeze=False, sharex=True)
    for ax, (paper, part) in zip(axes[0], papers.items(), strict=True):
        figures.intervals(ax, part.assign(y=[float(i) for i in range(len(part))]), LOOKS)
        ax.axvline(0, color="0.3", lw=1, zorder=0)
        names = part["claim"].where(part["value"].notna(), part["verdict"] + "  " + part["claim"])
        ax.set_yticks(range(len(part)), names)
        ax.set_xscale("symlog", linthresh=NEAR, linscale=0.5)
        ax.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        ax.set(title=paper, ylim=(most - 0.5, -0.5), xlabel="points", ylabel="")
    figures.legend(fig)
    return fig
