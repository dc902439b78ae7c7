"""Pictures of lesson 6's slides: what crosses, what a subtraction shows, and what peeking finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairnb.evidence import report

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def subtracted() -> Figure:
    """Samples sorted without a message, by an adapter that was changed to hide s, and by that change alone."""
    import matplotlib.pyplot as plt
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(8)
    s = rng.integers(0, 2, 2000)
    x = rng.normal(size=(2000, 20))
    x[:, 0], x[:, -1] = 3 * x[:, 0], x[:, -1] + 3 * (s - 0.5)
    w0, sent = rng.normal(0, 20**-0.5, (8, 20)), rng.normal(0, 0.5, (8, 4)) @ rng.normal(0, 0.1, (4, 20))
    w0[:, -1] *= 0.3  # the public network hardly shows s
    head = LogisticRegression().fit(x @ (w0 + sent).T, s)
    wrong = head.predict_proba(x @ (w0 + sent).T)[:, 1] - s
    added = 0.1 * np.outer(head.coef_[0], wrong @ x / len(x))  # uphill: the head of s shall err
    changes = {"no message": w0, "what came back": sent + added, "minus what was sent": added}
    fig, axes = plt.subplots(1, 3, figsize=(8, 3.1))
    for ax, (title, change) in zip(axes, changes.items(), strict=True):
        moved = x @ change.T
        score = moved @ np.linalg.svd(moved - moved.mean(axis=0), full_matrices=False)[2][0]
        for group in (0, 1):
            look = {"color": report.COLOURS[group], "alpha": 0.6, "histtype": "stepfilled"}
            ax.hist(score[s == group], 40, label=f"s = {group}", **look)
        ax.set(title=title, xlabel="place along the direction", yticks=[])
    axes[-1].legend()
    return fig


def peeking() -> Figure:
    """Share of claims without any difference in which something is found, by the seeds up to which somebody looks."""
    import matplotlib.pyplot as plt
    from scipy import stats

    from fairnb.evidence.ladder import ALPHA, LADDER, multiplier

    draws = np.random.default_rng(0).normal(size=(4000, LADDER[-1]))

    def found(looks: Sequence[int], reach: Callable[[int], float]) -> np.ndarray:
        outside = [abs(draws[:, :n].mean(1)) > reach(n) * draws[:, :n].std(1, ddof=1) / np.sqrt(n) for n in looks]
        return 100 * np.maximum.accumulate(outside).mean(axis=1)

    fig, ax = plt.subplots(figsize=(8, 3.2))
    each = range(LADDER[0], LADDER[-1] + 1)
    ax.plot(each, found(each, lambda n: stats.t.ppf(1 - ALPHA / 2, n - 1)), label="plain 95 %, after each seed")
    ax.plot(LADDER, found(LADDER, multiplier), "o-", label="repeated intervals, at the rungs")
    ax.axhline(100 * ALPHA, color="0.3", linewidth=1, linestyle="--")
    ax.set(xlabel="seeds up to which somebody looks", ylabel="something is found, %", xticks=LADDER, ylim=(0, None))
    ax.legend()
    return fig


def fairlora() -> Figure:
    """The verdicts on FairLoRA's claims, of the reference results at tier quick."""
    import pandas as pd

    from fairnb import paths
    from fairnb.evidence import figures_scorecard

    lines = pd.read_csv(paths.reference("quick") / "scorecard.csv").query("paper == 'fairlora'")
    fig = figures_scorecard.forest(lines)
    names = [f"{row['claim']}: {row['verdict']}, {row['seeds']} seeds" for row in lines.to_dict("records")]
    fig.axes[0].set_yticks(range(len(lines)), names)
    fig.axes[0].set(title="", xlabel="points; right of 0 as claimed")
    fig.set_size_inches(8, 3.2)
    return fig
