"""Which epoch FineFACE keeps, and what choosing it on test data would have given (claim F8)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fairnb.evidence import seeds

CHECKPOINTS = ("validation", "as released", "best on test", "last epoch")


def edge(epochs: int) -> int:
    """After how many epochs at the beginning, and at the end, the released script tests: a fifth of all, 1 or more."""
    return max(1, round(epochs / 5))


def checkpoints(notes: dict[str, Any]) -> dict[str, float]:
    """The test accuracy that four ways of choosing the epoch would have given, as a fraction.

    As released (SPEC 5a): the file is written where the test accuracy beats the best one seen, but the test is made
    in the first and the last fifth of the epochs only, and in between the file is written over in every epoch.

    Args:
        notes: of a run with ``snapshots``.
    """
    test = notes["test_by_epoch"]
    tested = edge(len(test))
    best, kept = -1.0, 0
    for epoch, accuracy in enumerate(test):
        looked = epoch < tested or epoch >= len(test) - tested
        if not looked or accuracy > best:
            kept = epoch
        best = max(best, accuracy) if looked else best
    return dict(zip(CHECKPOINTS, (test[notes["best_epoch"]], test[kept], max(test), test[-1]), strict=True))


def by_checkpoint(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per run and way of choosing the epoch: columns ``task, label, seed, checkpoint, acc`` (a fraction).

    Runs without ``snapshots``, or with the network of another run, have none.
    """
    rows = [
        {"task": row["task"], "label": row["label"], "seed": row["seed"], "checkpoint": name, "acc": accuracy}
        for _, row in frame.iterrows()
        if "test_by_epoch" in row["notes"]
        for name, accuracy in checkpoints(row["notes"]).items()
    ]
    return pd.DataFrame(rows)


def gains(frame: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy by how the epoch is kept, in points above choosing on validation images, paired by seed.

    Args:
        frame: from ``runs.run``, runs with ``snapshots``.

    Returns:
        columns ``task``, ``row`` (the way), ``than`` (``validation``), ``seeds``, ``acc`` and its 95 % t-interval, and
        ``trained``, the row whose networks these are.
    """
    parts, pairs = [], [(way, CHECKPOINTS[0]) for way in CHECKPOINTS[1:]]
    for label, own in by_checkpoint(frame).groupby("label", sort=False):
        found = seeds.paired(own, pairs, ("acc",), by="checkpoint")
        parts.append(seeds.without_values(found).assign(trained=label))
    return pd.concat(parts, ignore_index=True)
