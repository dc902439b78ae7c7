"""Pictures of lesson 3's slides: printed masks, a mask of noise, and paired runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairnb.evidence import ladder, report, reported

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
