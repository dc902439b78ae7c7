"""How much of a DoB one threshold for all groups undoes: a diagnosis made with the test's labels, and no method.

Where a network says "woman" more often than there are women, men lose accuracy and women gain some, in all groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fairnb.evidence import runs

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

WORDS = {False: "as is", True: "balanced"}


def at_threshold(target: np.ndarray, group: np.ndarray, score: np.ndarray, balanced: bool) -> tuple[float, float]:
    """Accuracy and DoB (ddof = 1) over the cells of target and group in percent.

    Args:
        target: 0 or 1. score: of class 1. balanced: decide not at 0.5 but where as many are in class 1 as are by
            ``target``: one threshold for all groups.
    """
    threshold = np.quantile(score, 1 - target.mean()) if balanced else 0.5
    right = (score > threshold) == target
    cells = [right[(target == t) & (group == p)].mean() for t in (0, 1) for p in np.unique(group)]
    return 100 * right.mean(), 100 * np.std(cells, ddof=1)


def by_run(grid: Sequence[Run]) -> pd.DataFrame:
    """A line per finished run: ``test set, row, seed``; in percent ``acc`` and ``DoB``, ``as is`` and ``balanced``."""
    lines = []
    for run in grid:
        found = runs.found(run).predictions
        line = {"test set": run.task, "row": run.label, "seed": run.seed}
        for balanced, word in WORDS.items():
            numbers = at_threshold(found["target"], found["protected"], found["score"], balanced)
            line |= dict(zip((f"acc {word}", f"DoB {word}"), numbers, strict=True))
        lines.append(line)
    return pd.DataFrame(lines)


def means(moved: pd.DataFrame) -> pd.DataFrame:
    """The means over seeds of what ``by_run`` gives, test set by test set, rows in their order."""
    found = moved.drop(columns="seed").groupby(["test set", "row"], sort=False).mean().reset_index()
    return found.sort_values("test set", kind="stable", ignore_index=True)
