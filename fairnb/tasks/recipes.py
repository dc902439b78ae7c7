"""What a task is made from: the parts of its data, and the rule that makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairnb.contract import Split

Cells = dict[tuple[int, int], int]
MAJORITY = 0.9  # all of AIM-Fair's settings: nine tenths of the training data in the cells (0, 1) and (1, 0)


@dataclass(frozen=True)
class Data:
    """What a builder returns: the four parts of a problem. ``pool`` holds the images that play the synthetic ones."""

    train: Split
    val: Split
    test: Split
    pool: Split
    synthetic_cells: dict[str, Cells]


@dataclass(frozen=True)
class Recipe:
    """How a task is made.

    Attributes:
        build: settings of the tier -> data. fingerprint: settings -> hash of what the data are made from.
        paper: slug whose settings (``tiers``) it has. setting: the printed setting that it stands for.
        synthetic: what plays the synthetic images, in words, for tables and verdicts.
        biased_as: name of the task whose biased model it shares (same training data); empty for its own.
    """

    build: Callable[[dict[str, Any]], Data]
    fingerprint: Callable[[dict[str, Any]], str]
    paper: str
    setting: str
    synthetic: str
    biased_as: str = ""


def biased_cells(n: int) -> Cells:
    """``n`` samples with AIM-Fair's 9:1 ratio: 45 % each in (0, 1) and (1, 0), 5 % each in (0, 0) and (1, 1)."""
    major, minor = round(n * MAJORITY / 2), round(n * (1 - MAJORITY) / 2)
    return {(0, 0): minor, (0, 1): major, (1, 0): major, (1, 1): minor}


def shares_of(n: int, counts: np.ndarray) -> Cells:
    """``n`` samples in the proportions of ``counts`` ``(2, 2)``: a small test set with CelebA's own base rates."""
    exact = n * counts / counts.sum()
    return {(t, p): round(exact[t, p]) for t in range(2) for p in range(2)}
