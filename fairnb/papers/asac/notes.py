"""What ASAC's runs note of their own training: whether attacks fool the head, how strong they are in each step."""

from __future__ import annotations

import pandas as pd


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


def magnitudes(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean magnitude of each step of a mini-batch in the last epoch: columns label, seed, step (from 1), magnitude."""
    lines = [
        {"label": label, "seed": seed, "step": step, "magnitude": magnitude}
        for label, seed, note in frame[["label", "seed", "notes"]].itertuples(index=False)
        for step, magnitude in enumerate(note.get("magnitude_by_step", ()), start=1)
    ]
    return pd.DataFrame(lines, columns=["label", "seed", "step", "magnitude"])


def attacks(frame: pd.DataFrame) -> pd.DataFrame:
    """A line for every task and row that attacks a head, means over seeds.

    Returns:
        columns ``task, row``, ``C right at ε = 0.01, %`` for each magnitude, and ``mean ε by step`` (text).
    """
    lines = []
    for (task, row), part in frame.groupby(["task", "label"], sort=False):
        attacking = part[[bool(note.get("protected_head")) for note in part["notes"]]]
        if len(attacking):
            heads = head_accuracy(attacking).groupby("epsilon")["accuracy"].mean()
            right = {f"C right at ε = {epsilon:g}, %": 100 * share for epsilon, share in heads.items()}
            steps = magnitudes(attacking).groupby("step")["magnitude"].mean()
            lines.append({"task": task, "row": row} | right | {"mean ε by step": ", ".join(f"{s:.4f}" for s in steps)})
    return pd.DataFrame(lines)
