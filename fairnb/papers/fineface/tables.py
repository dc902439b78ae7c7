"""FineFACE's tables: which rows they have, which runs stand behind them, and the printed numbers beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fairnb.data import fairface
from fairnb.evidence import layout, reported
from fairnb.evidence.layout import Row, Table
from fairnb.metrics.formulas import divide
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

TRACED = {"snapshots": True}  # so that the runner can say what each epoch does on test images (claim F8)
BASE: Row = ("Baseline", "fineface_base", {})
FINEFACE: Row = ("FineFACE", "fineface", TRACED)
# The paper's baseline takes one optimiser step where FineFACE takes five. This one takes as many, on the same images.
STEPS: Row = ("Baseline, same steps", "fineface_base", {"passes": 5})
LONGER: Row = ("Baseline, five times the epochs", "fineface_base", {"longer": 5})
# Experts who see no crops, and such who see crops that are not the image's own: what attention does (notebook 54).
NO_CROPS: Row = ("FineFACE, no crops", "fineface", {"view": "image"})
OTHER_BOX: Row = ("FineFACE, another image's box", "fineface", {"view": "other"})
# Only claim F8 asks what choosing on test would have given, and only of FineFACE on the races: a look at every epoch
# takes as long as the training.
OURS: Row = (FINEFACE[0], FINEFACE[1], {})
MULTI_TASK: Row = ("Multi-tasking", "multi_task", {})
ADVERSARY: Row = ("Adversarial debiasing", "race_adversary", {})
CONSISTENCY: Row = ("Consistency regularisation", "consistency", {})
VIEWS = "Deep generative views"
WEIGHTING: Row = ("Weighting", "group_weighting", {})
DOMAINS: Row = ("Domain independent", "domain_independent_binary", {})
REGULARISED: Row = ("Regularised", "gap_regularised", {})
SMOTE: Row = ("g-SMOTE (cell mixup)", "cell_mixup", {})
ADAPTIVE: Row = ("g-SMOTE + adaptive sampling (cell mixup)", "cell_mixup", {"adaptive": True})
UNMIXED: Row = ("Baseline of FairMixup", "fair_mixup", {"penalty_weight": 0.0})
FAIR_MIXUP: Row = ("FairMixup", "fair_mixup", {})
GAN = "GAN debiasing"
RIVALS_5 = (MULTI_TASK, ADVERSARY, CONSISTENCY)
RIVALS_7 = (WEIGHTING, DOMAINS, REGULARISED, SMOTE, ADAPTIVE, UNMIXED, FAIR_MIXUP)
RACES = ("acc", "max_min", "dob", "dob_population")
ATTRIBUTES = ("acc", "acc_max", "acc_min", "tpr", "tpr_max", "tpr_min", "tpr_gap", "eo_sum")
MEAN = "CelebA;mean of 13 gender-independent attributes;P=Male"
METRICS_5 = {"Overall": "acc", "Max/Min": "max_min", "DoB": "dob"}
_NAMES_6 = ("Accuracy", "MaxGrpAcc", "MinGrpAcc", "TPR", "MaxGrpTPR", "MinGrpTPR", "DEO", "DEODD")
METRICS_6 = dict(zip(_NAMES_6, ATTRIBUTES, strict=True))
# Table 2's short names of FairFace's races.
SHORT = {"^SE Asian/": "Southeast Asian/", "^Middle E/": "Middle Eastern/", "^Latino/": "Latino_Hispanic/"}
_PRINTED = {"Baseline": BASE[0], "FineFACE": FINEFACE[0]}
_PRINTED_5 = _PRINTED | {
    "A Multi-Tasking": MULTI_TASK[0],
    "B Adversarial debiasing": ADVERSARY[0],
    "C Consistency Regularization": CONSISTENCY[0],
    "D Deep Generative Views": VIEWS,
}
_PRINTED_7 = {
    "Baseline single task": BASE[0],
    "FineFACE": FINEFACE[0],
    "Weighting": WEIGHTING[0],
    "Domain Indep.": DOMAINS[0],
    "Regularized": REGULARISED[0],
    "g-SMOTE": SMOTE[0],
    "g-SMOTE + Adap. Sampl.": ADAPTIVE[0],
    "Baseline FairMixup": UNMIXED[0],
    "FairMixup": FAIR_MIXUP[0],
    "GAN Debiasing": GAN,
}


def _choice(label: str, **hparams: Any) -> Row:
    return (label, "fineface", TRACED | hparams)


FUSIONS: tuple[Row, ...] = (
    _choice("Image alone, 4 scores", fused="raw"),
    _choice("Crop alone, 4 scores", fused="crop"),
    _choice("Concatenation alone, 2 scores", fused="concat"),
    _choice("Experts alone, 6 scores", fused="experts"),
    _choice("Maximum of 8 scores", fusion="max"),
)
TRAININGS: tuple[Row, ...] = (
    _choice("Mean pooling", pool="mean"),
    # Blocks with ELU and C_n / 2 channels inside, a single FC and its CAM, pixels above the threshold, no padding.
    _choice("FineFACE as in the text", block="paper", head="paper", cam="paper", strict=True, pad=0.0),
    _choice("CAM by derivative", cam="paper"),
    _choice("Boxes without padding", pad=0.0),
    # The paper's share. Where a tier's search found another, this one says what that cost FineFACE.
    _choice("A tenth of the rate for the backbone", backbone_rate=0.1),
    _choice("One learning rate for all", backbone_rate=1.0),
    (f"{BASE[0]}, one learning rate for all", BASE[1], {"backbone_rate": 1.0}),
)
TABLES = {
    "T2": Table("table2", (BASE, STEPS, FINEFACE), _PRINTED),
    "T3": Table("transfer", (BASE, STEPS, FINEFACE), _PRINTED),
    "T4": Table("celeba", (BASE, STEPS, FINEFACE), _PRINTED),
    "T5": Table("table5", (BASE, *RIVALS_5, FINEFACE), _PRINTED_5),
    "T6": Table("table6", (BASE, OURS), _PRINTED),
    "T7": Table("table6", (BASE, STEPS, *RIVALS_7, OURS), _PRINTED_7),
    "choices": Table("choices", (BASE, STEPS, FINEFACE, *FUSIONS, *TRAININGS)),
    "attention": Table("attention", (BASE, STEPS, LONGER, OURS, NO_CROPS, OTHER_BOX)),
}


def grid(name: str, tier: str) -> list[Run]:
    """The runs behind a table (``T2`` to ``T7``, ``choices``, ``attention``) at a tier, see ``layout.grid``.

    Tables 6 to 8 have the tier's attributes, or those of ``tasks_attributes.asked``, Table 8 has Table 6's runs;
    ``attention`` has Table 2's where it has Table 2's task.
    """
    from fairnb.papers.fineface import tasks_attributes

    table, attributes = TABLES[name], tasks_attributes.asked()
    if name == "attention" and _tasks(table, tier) == _tasks(TABLES["T2"], tier):
        table = replace(table, rows=tuple(FINEFACE if row == OURS else row for row in table.rows))
    found = layout.grid("fineface", table, tier)
    if table.plan != TABLES["T6"].plan or not attributes:
        return found
    folder = found[0].task.partition("/")[0]
    chosen = [f"{folder}/{attribute}_male_13" for attribute in attributes]
    return [replace(run, task=task) for run in found if run.task == found[0].task for task in chosen]


def _tasks(table: Table, tier: str) -> list[str]:
    return [name for name, _ in tiers.plan(tier, "fineface", table.plan)]


def _elsewhere(tier: str) -> list[Run]:
    """The networks of Table 2 on other data, where the tier has a test set of Table 3 or 4 for them."""
    away = grid("T3", tier) + grid("T4", tier)
    return grid("T2", tier) + away if away else []


GRIDS = {
    "50_fineface": layout.several(grid, "T2", "T5"),
    "51_fineface_transfer": _elsewhere,
    "52_fineface_attributes": layout.several(grid, "T7"),
    "53_fineface_choices": layout.several(grid, "choices"),
    "54_fineface_attention": layout.several(grid, "attention"),
}


def measured(frame: pd.DataFrame, over: str = "cells") -> pd.DataFrame:
    """``frame`` with the measures of Tables 2 to 5 over its groups.

    Args:
        frame: from ``runs.run``, tasks whose target is ``Female``.
        over: ``cells`` (gender and race, Tables 2 and 3), ``genders`` (Table 4) or ``races`` (Table 5).

    Returns:
        ``dob`` (standard deviation of the group accuracies, ddof=1) and ``dob_population`` (ddof=0, which Table 4 has)
        as fractions, ``max_min`` (best over worst, a ratio; divided by 100, so that percent of it are the ratio).
    """
    if over == "races":
        return frame.assign(dob=frame["dob_sample"], max_min=frame["max_min"] / 100)
    found = np.array([list(accuracies(row, over).values()) for _, row in frame.iterrows()])
    spreads = {"dob": found.std(1, ddof=1), "dob_population": found.std(1)}
    return frame.assign(**spreads, max_min=divide(found.max(1), found.min(1)) / 100)


def accuracies(row: pd.Series, over: str = "cells") -> dict[str, float]:
    """The group accuracies of a run by name: ``White/M``, ``White/F``, ... by race, or ``M``, ``F`` for ``genders``."""
    from fairnb.papers.fineface import tasks_races as races

    if over == "genders":
        return {"M": 1 - row["fpr"], "F": row["tpr"]}
    names = races.group_names(row["task"])
    return {f"{name}/{'MF'[t]}": row[f"y{t}s{group}"] for group, name in enumerate(names) for t in (0, 1)}


def averaged(frame: pd.DataFrame) -> pd.DataFrame:
    """The mean over attributes of every run's measures, by row and seed, as Tables 6 and 7 have it.

    The task is then "mean of k attributes". A row that lacks an attribute that another row has is left out: its mean
    would be of other attributes.
    """
    tasks = frame["task"].unique()
    complete = frame.groupby(["label", "seed"], sort=False)["task"].transform("nunique") == len(tasks)
    shared = dict.fromkeys(("tier", "hparams", "notes"), "first") | dict.fromkeys(ATTRIBUTES, "mean")
    found = frame[complete].groupby(["label", "method", "seed"], sort=False).agg(shared).reset_index()
    return found.assign(task=f"mean of {len(tasks)} attribute{'s' * (len(tasks) > 1)}")


def table(name: str, frame: pd.DataFrame, tier: str) -> pd.DataFrame:
    """A table to save: means with 95 % intervals over seeds in percent, the printed numbers beside them.

    Args:
        name: ``T2`` to ``T7``, ``choices`` or ``attention``.
        frame: from ``runs.run``, with ``measured`` or ``averaged`` done.

    Returns:
        as ``tables.beside``, and columns ``network`` and ``differs`` (from the method's original).
    """
    from fairnb.evidence import tables

    ours = tables.over_seeds(frame, ATTRIBUTES if name in ("T6", "T7") else RACES)
    theirs = printed(name, list(frame["task"].unique()))
    made = tables.beside(ours, theirs) if len(theirs) else ours.assign(source=tables.RERUN)
    return made.assign(network=network(TABLES[name].plan, tier), differs=tables.stand_ins(made, frame))


def network(plan: str, tier: str) -> str:
    """Backbone and data of a table's tasks at a tier in a few words."""
    return layout.network(tiers.plan(tier, "fineface", plan)[0][0], tier)


def printed(name: str, task_names: Sequence[str]) -> pd.DataFrame:
    """The printed numbers of a table in percent (``max_min`` as a ratio) for what ``task_names`` stand for."""
    from fairnb import tasks
    from fairnb.evidence import tables

    if name not in reported.tables("fineface"):
        return pd.DataFrame()
    if name in ("T6", "T7"):
        return tables.printed("fineface", name, {MEAN: task_names[0]}, TABLES[name].printed, METRICS_6)
    settings = {tasks.recipe(task).setting: task for task in task_names}
    return tables.printed("fineface", name, settings, TABLES[name].printed, METRICS_5)


def by_group(frame: pd.DataFrame, over: str = "cells") -> pd.DataFrame:
    """The accuracy of every group: columns ``task, row, group`` and ``accuracy`` in percent with its interval."""
    from fairnb import metrics

    rows = []
    for (task, label), part in frame.groupby(["task", "label"], sort=False):
        found = pd.DataFrame([accuracies(row, over) for _, row in part.iterrows()])
        for group in found:
            interval = metrics.seed_interval(100 * found[group].to_numpy())
            ends = {"accuracy_low": interval.low, "accuracy_high": interval.high}
            rows.append({"task": task, "row": label, "group": group, "accuracy": interval.mean} | ends)
    return pd.DataFrame(rows)


def printed_by_group(name: str, setting: str) -> pd.DataFrame:
    """The printed accuracies of Table 2, 3 or 4: columns ``row, group, accuracy`` in percent, ``damaged``."""
    found = reported.numbers("fineface", name)
    found = found[(found["setting"] == setting) & (found["metric"] == "GroupACC")]
    found = found.assign(row=found["method"].map(TABLES[name].printed), accuracy=found["value"])
    if name == "T2":  # with FairFace's own names and in its order, as ours stand beside
        order = [f"{race}/{sex}" for race in fairface.RACES for sex in "MF"]
        found["group"] = found["group"].replace(SHORT, regex=True)
        found = found.sort_values("group", key=lambda own: own.map(order.index), kind="stable")
    return found[["row", "group", "accuracy", "damaged"]].reset_index(drop=True)
