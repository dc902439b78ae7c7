"""Verdicts on FineFACE's claims (F1 to F9).

``frame`` is what ``runs.run`` returns for the rows of ``tables``, with ``measured`` or ``averaged`` done
where that is said; values are in percentage points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from fairnb import tasks
from fairnb.evidence import order, unseen
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import (
    Condition,
    Verdict,
    judge,
    less,
    means,
)
from fairnb.papers.fineface import tables, tasks_marks, tasks_races
from fairnb.papers.fineface.checkpoints import by_checkpoint
from fairnb.papers.fineface.claims_attributes import (
    PAIR,
    attributes,
    higher,
    lower,
    named,
    names,
    with_turns,
    worst_group,
)
from fairnb.papers.fineface.tables import BASE, FINEFACE, NO_CROPS, OTHER_BOX, RIVALS_5, VIEWS

KNOWS = 80.0  # percent; a baseline below it does not know gender as the papers' networks do
Conditions = Mapping[str, Sequence[Condition]]


def races(frame: pd.DataFrame, setting: str) -> Verdict:
    """F1: FineFACE is more accurate, and its group accuracies (race and gender, ``measured``) spread less."""
    return _better_and_fairer("F1", frame, setting, "93.2 %")


def other_data(frames: Sequence[pd.DataFrame], setting: str) -> Verdict:
    """F2: as F1 on every test set of other images, by the networks of F1; ``frames``: ``measured``, one or more.

    It can be refuted on those that are here, and cannot hold without the paper's others.
    """
    found = pd.concat(frames, ignore_index=True)
    there = {tasks.recipe(name).setting for name in found["task"].unique()}
    absent = [data for data in tasks_races.PRINTED.values() if tasks_races.SETTING.format(data) not in there]
    return _better_and_fairer("F2", found, setting, "81.9 to 95.3 %", absent)


def rivals(frame: pd.DataFrame, setting: str) -> Verdict:
    """F3: FineFACE has the lowest DoB (over races) and the highest accuracy of Table 5's methods.

    It can be refuted by those that were rerun, and cannot hold without the others.
    """
    there = set(frame["label"])
    rerun = [row[0] for row in RIVALS_5 if row[0] in there]
    conditions = {
        task: [c for rival in rerun for c in (lower(frame, "dob", rival, task), higher(frame, "acc", rival, task))]
        for task in names(frame)
    }
    ours = "; ".join(means(frame, task, [*rerun, FINEFACE[0]], ("acc", "dob")) for task in conditions)
    weak = unseen.weak(frame, BASE[0], "acc", conditions, KNOWS, "93.2 % in Table 2")
    absent = [VIEWS, *(row[0] for row in RIVALS_5 if row[0] not in there)]
    return unseen.over_tasks("F3", conditions, weak, ours=ours, note=setting, absent=absent)


def chosen_on_test(frame: pd.DataFrame, setting: str) -> Verdict:
    """F8: the released way of choosing the epoch gives more accuracy than choosing on validation data.

    By more than the seeds' spread: the interval of the difference lies above 0. ``frame``: runs with ``snapshots``.
    """
    own = order.of_rows(frame, [FINEFACE[0]])
    found = with_turns(by_checkpoint(own), own)
    [task] = found["task"].unique()
    condition = less(found, "acc", "validation", "as released", task, "checkpoint")
    ours = ", ".join(f"{name} {100 * part['acc'].mean():.2f}" for name, part in found.groupby("checkpoint", sort=False))
    return judge("F8", [condition], ours=f"{task} acc by where the epoch was chosen: {ours}", note=setting)


def attention(frame: pd.DataFrame, setting: str) -> Verdict:
    """F9: FineFACE is more accurate than the same experts without crops, and than with another image's box.

    On photographs the plain network must know gender, as for F1; marks are nobody's to know beforehand.
    """
    controls = (NO_CROPS[0], OTHER_BOX[0])
    conditions = {task: [named(higher(frame, "acc", row, task), task) for row in controls] for task in names(frame)}
    ours = "; ".join(means(frame, task, (*PAIR, *controls), ("acc", "dob")) for task in conditions)
    genders = [task for task in conditions if task != tasks_marks.TOY]
    weak = unseen.weak(frame, BASE[0], "acc", genders, KNOWS, "93.2 % in Table 2")
    return unseen.over_tasks("F9", conditions, weak, ours=ours, note=setting)


def _better_and_fairer(
    claim: str, frame: pd.DataFrame, setting: str, printed: str, absent: Sequence[str] = ()
) -> Verdict:
    # Data sets have other groups: each task keeps the cells that it has.
    parts = {task: frame[frame["task"] == task].dropna(axis=1, how="all") for task in names(frame)}
    conditions = {
        task: [named(c, task) for c in (higher(part, "acc", BASE[0], task), lower(part, "dob", BASE[0], task))]
        for task, part in parts.items()
    }
    ours = "; ".join(means(frame, task, PAIR, ("acc", "dob")) for task in conditions)
    weak = unseen.weak(frame, BASE[0], "acc", conditions, KNOWS, printed)
    return unseen.over_tasks(claim, conditions, weak, ours=ours, note=setting, absent=absent)


def _faces(frames: Frames, tier: str) -> list[Verdict]:
    setting = f"tier {tier}, {tables.network('table2', tier)}"
    found = [races(tables.measured(frames["T2"]), setting)] if "T2" in frames else []
    return found + ([rivals(tables.measured(frames["T5"], "races"), setting)] if "T5" in frames else [])


def _elsewhere(frames: Frames, tier: str) -> list[Verdict]:
    over = {"T3": "cells", "T4": "genders"}
    found = [tables.measured(frames[name], over[name]) for name in over if name in frames]
    return [other_data(found, f"tier {tier}, {tables.network('table2', tier)}")] if found else []


def _attributes(frames: Frames, tier: str) -> list[Verdict]:
    frame = frames["T7"]
    mean = with_turns(tables.averaged(frame), frame)
    setting = f"tier {tier}, {frame['task'].nunique()} of 13 attributes, {tables.network('table6', tier)}"
    return attributes(frame, mean, setting) if len(mean) else [worst_group(frame, setting)]


def _choices(frames: Frames, tier: str) -> list[Verdict]:
    return [chosen_on_test(frames["choices"], f"tier {tier}, {tables.network('choices', tier)}")]


def _attention(frames: Frames, tier: str) -> list[Verdict]:
    found = tables.measured(frames["attention"])
    return [attention(found, f"tier {tier}, {tables.network('attention', tier)}")]


def _grids(*names: str) -> dict:
    return {name: partial(tables.grid, name) for name in names}


JUDGED = {
    "50_fineface": Judged(("F1", "F3"), _grids("T2", "T5"), _faces),
    "51_fineface_transfer": Judged(("F2",), _grids("T3", "T4"), _elsewhere),
    "52_fineface_attributes": Judged(("F4", "F5", "F6", "F7"), _grids("T7"), _attributes),
    "53_fineface_choices": Judged(("F8",), _grids("choices"), _choices, ("test_by_epoch", "best_epoch")),
    "54_fineface_attention": Judged(("F9",), _grids("attention"), _attention),
}
