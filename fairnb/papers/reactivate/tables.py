"""The tables of ICDM 2022: which rows they have, which runs stand behind them, and the printed numbers beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.evidence import layout, reported, verdicts
from fairnb.evidence.layout import Row, Table
from fairnb.papers.reactivate import rows as of_table
from fairnb.papers.reactivate.agreement import PRINTED_SEEDS, agreement, reach

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

TOLERANCE = 0.05
_TABULAR_NAMES = ("T4", "T5", "T6")


def _same(*rows: Row) -> dict[str, str]:
    return {label: label for label, _, _ in rows}


TABLES = {
    "T1": Table("table1", of_table.CIFAR, _same(*of_table.CIFAR)),
    "T2": Table("table2", (of_table.ERM, *of_table.PROPOSED), _same(of_table.ERM, *of_table.PROPOSED)),
    "ceiling": Table("ceiling", (("Clean data", "erm", {}),)),
    "T3": Table(
        "table3",
        (of_table.DEFAULT, *of_table.POST, *of_table.INTRA, *of_table.PROPOSED),
        _same(of_table.DEFAULT, *of_table.POST, *of_table.INTRA, *of_table.PROPOSED),
    ),
    **{
        name: Table(f"table{name[1]}", of_table.TABULAR, _same(*of_table.TABULAR)) for name in ("T4", "T6")
    },  # T5 has two more rows
    "T5": Table("table5", (*of_table.TABULAR, *of_table.INVERTED), _same(*of_table.TABULAR)),
    "thresholds": Table("thresholds", of_table.AT_BEST_ROWS),
    "newer_bank": Table("newer_bank", (of_table.DEFAULT,)),
    "choices": Table("choices", (of_table.DEFAULT, *(row for rows in of_table.CHOICES.values() for row in rows))),
    "released": Table("released", (of_table.DEFAULT, *of_table.RELEASED_ROWS)),
}


def grid(name: str, tier: str) -> list[Run]:
    """The runs behind a table at a tier, see ``layout.grid``."""
    return layout.grid("reactivate", TABLES[name], tier)


def as_run(name: str, tier: str) -> list[Run]:
    """``grid``, of Tables IV to VI the rows of post-processing alone, which Savani et al.'s script decides at 0.5."""
    wanted = {row[0] for row in (*of_table.POST, *of_table.INVERTED)}
    return [run for run in grid(name, tier) if run.label in wanted or name not in _TABULAR_NAMES]


GRIDS = {
    "20_reactivate": layout.several(grid, "T1", "T2", "ceiling"),
    "21_reactivate_tabular": layout.several(grid, "T4", "T5", "T6", "newer_bank"),
    "22_reactivate_celeba": layout.several(grid, "T3"),
    "23_reactivate_choices": layout.several(grid, "choices"),
    "24_reactivate_released": layout.several(as_run, "T4", "T5", "T6", "thresholds", "released"),
}


def measured(frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """The runs with the columns ``accuracy`` and ``bias`` of the paper, as fractions.

    Two classes: balanced accuracy and the absolute value of the task's measure (SPD, EOD, AOD). CIFAR-10S: the mean of
    colour and gray test accuracy (of the clean test set, which has no gray images, its accuracy), and the bias
    amplification.
    """
    from fairnb import tasks

    measures = {task: tasks.settings_of(task, tier)["measure"] for task in frame["task"].unique()}
    rows = [row for _, row in frame.iterrows()]
    names = [measures[task] for task in frame["task"]]
    accuracy = [_accuracy(row, name) for row, name in zip(rows, names, strict=True)]
    bias = [_bias(row, name) for row, name in zip(rows, names, strict=True)]
    return frame.assign(accuracy=accuracy, bias=bias)


def _bias(row: pd.Series, measure: str) -> float:
    """The absolute bias; where some class is never predicted, bias amplification is undefined and counts as its 1/2."""
    never = measure == "bias_amp" and np.isnan(row[measure]) and np.isfinite(row["acc_group_mean"])
    return 0.5 if never else abs(row[measure])


def _accuracy(row: pd.Series, measure: str) -> float:
    if measure != "bias_amp":
        return row["bacc"]
    return row["acc"] if np.isnan(row["acc_group_mean"]) else row["acc_group_mean"]


def table(name: str, frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """A table to save: mean and standard deviation over seeds as fractions, the printed numbers beside them.

    Args:
        name: a key of ``TABLES``. frame: from ``runs.run``.

    Returns:
        ``task, row, source, groups, seeds``, then ``accuracy`` and ``bias`` with ``_std`` and 95 % t-intervals over
        seeds, ``within`` (mean bias within the tolerance), ``shown`` (the accuracy as the paper prints it: a dash where
        the bias is out of tolerance), the same as printed, ``accuracy_value`` and ``bias_value`` (see ``agreement``,
        of the first ten seeds, as the paper has so many; not judged on other data than the owner's), each with its
        ``_reach``, and what the run was: ``size``, and ``differs`` (from the method's original).
    """
    from fairnb.evidence import tables

    known = measured(frame, tier)
    ours, first = _over_seeds(known), _over_seeds(known[known.groupby(["task", "label"]).cumcount() < PRINTED_SEEDS])
    judged = first.set_index(["task", "row"])[list(_JUDGED)].to_dict("index")
    ours = ours.assign(within=[bool(bias <= TOLERANCE) for bias in ours["bias"]])
    ours["shown"] = [f"{a:.3f}" if ok else "–" for a, ok in zip(ours["accuracy"], ours["within"], strict=True)]
    made = tables.beside(ours, printed(name, list(frame["task"].unique())))
    notes = {(row.task, row.label): row.notes.get("stand_in", "") for row in frame.itertuples()}
    rows = [row | judged.get((row["task"], row["row"]), {}) for row in made.to_dict("records")]
    for metric in ("accuracy", "bias"):
        made[f"{metric}_value"] = [_value(row, metric) for row in rows]
        made[f"{metric}_reach"] = [reach(row, metric) for row in rows]
    return made.assign(
        size=[size_of(task, tier) for task in made["task"]],
        differs=[notes.get(key, "") for key in zip(made["task"], made["row"], strict=True)],
    )[[*_ORDER, "size", "differs"]]


def _over_seeds(known: pd.DataFrame) -> pd.DataFrame:
    """Means with t-intervals as fractions, and standard deviations, of accuracy and bias over the seeds of a row."""
    from fairnb.evidence import tables

    ours = tables.over_seeds(known, ("accuracy", "bias"))
    numbers = [c for c in ours if c.startswith(("accuracy", "bias"))]
    ours[numbers] /= 100
    deviations = known.groupby(["task", "label"], sort=False)[["accuracy", "bias"]].std(ddof=1)
    ours[["accuracy_std", "bias_std"]] = deviations.to_numpy()
    return ours


def _value(row: dict[str, Any], metric: str) -> str:
    """Whether a value agrees with print; nothing of toys, whose bias is as we set it."""
    return "" if row["task"].startswith("toy") else verdicts.on_value(row["task"], agreement(row, metric))


_JUDGED = ("seeds", "accuracy", "accuracy_std", "bias", "bias_std")
_ORDER = ("task", "row", "source", "groups", "seeds", "shown", "accuracy", "accuracy_std", "accuracy_low",
          "accuracy_high", "bias", "bias_std", "bias_low", "bias_high", "within", "printed_accuracy",
          "printed_accuracy_std", "printed_bias", "printed_bias_std", "accuracy_value", "accuracy_reach", "bias_value",
          "bias_reach")  # fmt: skip


def printed(name: str, task_names: list[str]) -> pd.DataFrame:
    """The printed numbers of a table for the settings that ``task_names`` stand for, under our labels."""
    from fairnb import tasks

    heads = ["accuracy", "accuracy_std", "bias", "bias_std"]
    known = [
        own for own in (_TABULAR_NAMES if name == "thresholds" else (name,)) if own in reported.tables("reactivate")
    ]
    if not known:
        return pd.DataFrame(columns=["task", "row", *heads])
    numbers = pd.concat([reported.numbers("reactivate", own) for own in known])
    rows = []
    for task in task_names:
        part = numbers[numbers["setting"] == tasks.recipe(task).setting]
        for method, own in part.groupby("method", sort=False):
            found = own.set_index("metric")
            values = {m: found[c].get(key, np.nan) for m, c, key in _CELLS}
            rows += [{"task": task, "row": own} | values for own in _labels(name, method)]
    return pd.DataFrame(rows, columns=["task", "row", *heads])


def _labels(name: str, method: str) -> list[str]:
    """Our rows that may be what is printed as ``method``: the row of that name, and its variants."""
    there = [row[0] for row in TABLES[name].rows]
    variants = [f"{method} {end}" for end in (of_table.AS_RELEASED, of_table.AT_BEST)]
    plain = [] if name == "thresholds" else [TABLES[name].printed.get(method, method)]
    return [*plain, *(own for own in variants if own in there)]


_CELLS = tuple(
    (f"{metric}{end}", column, metric)
    for metric in ("accuracy", "bias")
    for end, column in (("", "value"), ("_std", "std"))
)


def size_of(task: str, tier: str) -> str:
    """Data and network of a task at a tier in a few words, for the tables."""
    from fairnb import tasks
    from fairnb.nets import backbones

    own = tasks.settings_of(task, tier)
    if tasks.recipe(task).family == "features":
        return f"{own['layers']} layers of {own['width']}, at most {own['pretrain_epochs']} epochs"
    images = f"{own['n_train']} training images, " if own.get("n_train") else ""
    pixels = own.get("crop") or own.get("size", 32)
    network = backbones.title_of(own.get("backbone", "resnet18"))
    return f"{images}{pixels} px, {network} of width {own['width']}, {own['pretrain_epochs']} epochs"
