"""What the sentences of ASAC's notebooks share: rows of one task in percent, the printed differences, silent rows.

``frame`` is what ``runs.run`` returns; metrics are fractions, sentences have percent and points. DEO is ``eo_sum``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fairnb import tasks
from fairnb.evidence import say
from fairnb.evidence.verdicts import FEW
from fairnb.papers.asac import tables
from fairnb.papers.asac.tables import FGSM, PROBE, STEPS

BASE, ASAC, CONTROL = PROBE[0], FGSM[0], STEPS[0]
METRICS = {"eo_sum": "DEO", "tpr_gap": "DEOp", "acc": "accuracy"}
GUESS = "This probe hardly does better than a guess: what starts from it is no test of what a base has to gain."
TOYS = ("toy_all", "toy_some")
# What the weights that a base starts from were told of the targets.
WEIGHTS = {
    "toy_all": "The toy's backbone was told all binary attributes of other toy faces, smiles among them, so its "
    "probe need not be poor.",
    "toy_some": "The toy's backbone was told all other attributes of other toy faces, and of a few of them whether "
    "they smile, so that its probe may know something of smiles and training may still add to it.",
    "own": "A backbone that we pretrained on other people and other labels stands for ImageNet's weights.",
    "imagenet": "ImageNet's labels name neither smiles nor noses.",
}


class Rows(say.Rows):
    """The runs of one task, and the printed differences."""

    def __init__(self, frame: pd.DataFrame, task: str, table: str = "T1") -> None:
        super().__init__(frame, task)
        found = tables.printed(table, [task])
        self.printed = found.set_index("row") if len(found) else found

    def in_print(self, row: str, other: str, metric: str) -> float:
        """The printed difference in points; NaN where the paper has no such numbers."""
        if len(self.printed) == 0 or not {row, other} <= set(self.printed.index):
            return float("nan")
        return float(self.printed.loc[row, metric] - self.printed.loc[other, metric])

    def against(self, row: str, other: str, metrics: Sequence[str] = ("eo_sum", "acc")) -> str:
        """``DEO lower by 2.3 points [1.1, 3.5] (-3.8 in print), accuracy ...``."""
        said = []
        for metric in metrics:
            change = self.in_print(row, other, metric)
            printed = f" ({say.signed(change)} in print)" if np.isfinite(change) else ""
            said.append(f"{METRICS[metric]} {self.than(row, other, metric)}{printed}")
        return ", ".join(said)

    def quiet(self, *rows: str) -> list[str]:
        """Those of ``rows`` that find next to no positives: a prediction that is nearly constant has no gap."""
        there = [row for row in rows if self.has(row) and "tpr" in self.frame]
        return [row for row in there if self.of(row, "tpr").mean() < FEW]


def target(task: str) -> str:
    """What a task asks for, in the paper's words: ``Smile``."""
    parts = dict(part.partition("=")[::2] for part in tasks.recipe(task).setting.split(";"))
    return parts.get("T", task)


def data(task: str) -> str:
    """The data set that a task is of, or stands for: ``CelebA``."""
    return tasks.recipe(task).setting.partition(";")[0]


def each(frame: pd.DataFrame, table: str = "T1") -> list[Rows]:
    """The rows of every task of a frame."""
    return [Rows(frame, str(task), table) for task in frame["task"].unique()]


def useless(frame: pd.DataFrame) -> str:
    """Why a constant prediction is no fair one, and which rows are near it."""
    yes = 100 * frame.groupby(["task", "label"], sort=False)[["y1s0", "y1s1"]].mean().max(axis=1)
    found = [f"{label} on {target(str(task))} ({share:.1f} %)" for (task, label), share in yes[yes < FEW].items()]
    which = f"Under {FEW:g} % of the positives of either group are found by {say.listed(found)}."
    return (
        "A classifier that always says no has no gap at all, and the accuracy of the majority. That is not fair, it is "
        f"useless. {which if found else f'Here every row finds more than {FEW:g} % of the positives of some group.'}"
    )


def pixels(settings: Mapping[str, Any]) -> str:
    """The size of a task's images: ``the middle 32 of 43 pixels``."""
    middle = f"the middle {settings['crop']} of " if settings.get("crop") else ""
    return f"{middle}{settings['size']} pixels"
