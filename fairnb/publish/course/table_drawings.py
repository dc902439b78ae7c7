"""Pictures of lesson 4's slides: a printed table, its rule for dashes, and what a tolerance allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairnb import registry
from fairnb.evidence import report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
