"""Verdicts on FineFACE's claims (F1 to F9).

``frame`` is what ``runs.run`` returns for the rows of ``tables``, with ``measured`` or ``averaged`` done
where that is said; values are in percentage points.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from fairnb.evidence import unseen
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import (
    NO_DIFFERENCE,
    REVERSED,
    Condition,
    Verdict,
    above,
    judge,
    less,
    means,
    per_seed,
)
from fairnb.papers.fineface import tables
from fairnb.papers.fineface.checkpoints import by_checkpoint
from fairnb.papers.fineface.tables import BASE, FINEFACE, GAN, NO_CROPS, OTHER_BOX, RIVALS_5, RIVALS_7, VIEWS

ENOUGH = 12 / 13  # of the attributes, in F7
LARGEST_LOSS = 3.0  # points that the best group may lose and still lose "a little" (F5)
LEFT = 0.2  # of the baseline's gap, F4: "down by about 90 %", with a tolerance of 10
KNOWS = 80.0  # percent; a baseline below it does not know gender as the papers' networks do
OWN_BAR = 0.0  # baseline of a condition that has a bar of its own: it leaves no margin
GAPS = ("tpr_gap", "eo_sum")
PAIR = (BASE[0], FINEFACE[0])
Conditions = Mapping[str, Sequence[Condition]]


def races(frame: pd.DataFrame, setting: str) -> Verdict:
    """F1: FineFACE is more accurate, and its group accuracies (race and gender, ``measured``) spread less."""
    return _better_and_fairer("F1", frame, setting, "93.2 %")


def other_data(frames: Sequence[pd.DataFrame], setting: str) -> Verdict:
    """F2: as F1 on every test set of other images, by the networks of F1; ``frames``: ``measured``, one or more."""
    return _better_and_fairer("F2", pd.concat(frames, ignore_index=True), setting, "81.9 to 95.3 %")


def rivals(frame: pd.DataFrame, setting: str) -> Verdict:
    """F3: FineFACE has the lowest DoB (over races) and the highest accuracy of Table 5's methods.

    It can be refuted by those that were rerun, and cannot hold without the others.
    """
    there = set(frame["label"])
    rerun = [row[0] for row in RIVALS_5 if row[0] in there]
    conditions = {
        task: [c for rival in rerun for c in (_lower(frame, "dob", rival, task), _higher(frame, "acc", rival, task))]
        for task in _names(frame)
    }
    ours = "; ".join(means(frame, task, [*rerun, FINEFACE[0]], ("acc", "dob")) for task in conditions)
    weak = unseen.weak(frame, BASE[0], "acc", conditions, KNOWS, "93.2 % in Table 2")
    absent = [VIEWS, *(row[0] for row in RIVALS_5 if row[0] not in there)]
    return unseen.over_tasks("F3", conditions, weak, ours=ours, note=setting, absent=absent)


def attributes(frame: pd.DataFrame, mean: pd.DataFrame, setting: str) -> list[Verdict]:
    """F4 to F7 from the runs of Table 7 and their means over attributes (``averaged``)."""
    quiet = _sentences(unseen.quiet(frame, PAIR, _names(frame)))
    return [
        fairer_and_as_good(mean, setting, quiet),
        best_group(mean, setting, quiet),
        lowest(frame, mean, setting),
        worst_group(frame, setting),
    ]


def fairer_and_as_good(mean: pd.DataFrame, setting: str, quiet: str = "") -> Verdict:
    """F4: TPR up, at most a fifth of both gaps left, accuracy not lower by the baseline's deviation over seeds.

    Args:
        quiet: why the means show nothing, see ``unseen.quiet``; empty where they do.
    """
    [task] = _names(mean)
    ours, theirs = (per_seed(mean, row, "acc", task, "label") for row in PAIR[::-1])
    spread = theirs.std(ddof=1) if len(theirs) > 1 else 0.0
    text = f"acc({FINEFACE[0]}) - acc({BASE[0]}) + spread {spread:.2f}"
    others = [_higher(mean, "tpr", BASE[0], task), above(text, "acc", ours + spread, theirs, baseline=OWN_BAR)]
    falls = ", ".join(_fall(mean, gap, task) for gap in GAPS)
    said = f"{means(mean, task, PAIR, ('acc', 'tpr', *GAPS))}; {falls}"
    enough = [_little_left(mean, gap, task) for gap in GAPS]
    found = judge("F4", [*others, *enough], ours=said, note=setting, unseen=quiet)
    at_all = [_lower(mean, gap, BASE[0], task) for gap in GAPS]
    if found.verdict != REVERSED or judge("F4", [*others, *at_all], ours="", note="").verdict == REVERSED:
        return found
    return dataclasses.replace(found, verdict=NO_DIFFERENCE, reason=f"the gaps do not fall by as much: {falls}")


def _little_left(mean: pd.DataFrame, gap: str, task: str) -> Condition:
    ours, theirs = (per_seed(mean, row, gap, task, "label") for row in PAIR[::-1])
    text = f"{100 * LEFT:g} % of {gap}({BASE[0]}) - {gap}({FINEFACE[0]})"
    return above(text, gap, LEFT * theirs, ours, baseline=OWN_BAR)


def best_group(mean: pd.DataFrame, setting: str, quiet: str = "") -> Verdict:
    """F5: the best group's accuracy falls, by less than ``LARGEST_LOSS`` points; ``quiet``: as in F4."""
    [task] = _names(mean)
    falls = less(mean, "acc_max", FINEFACE[0], BASE[0], task, "label")
    values = tuple(LARGEST_LOSS - value for value in falls.values)
    little = dataclasses.replace(falls, text=f"{LARGEST_LOSS:g} - ({falls.text})", values=values, metric="")
    return judge("F5", [falls, little], ours=means(mean, task, PAIR, ("acc_max",)), note=setting, unseen=quiet)


def lowest(frame: pd.DataFrame, mean: pd.DataFrame, setting: str) -> Verdict:
    """F6: FineFACE has the lowest of both gaps of the methods of Table 7.

    A rival that finds next to no positives has no gaps either: it counts as one that was not run.
    """
    [task] = _names(mean)
    there = [row[0] for row in (BASE, *RIVALS_7) if row[0] in set(mean["label"])]
    quiet = {row: _sentences(unseen.quiet(frame, [row], _names(frame))) for row in (*there, FINEFACE[0])}
    counted = [row for row in there if not quiet[row]]
    conditions = [_lower(mean, gap, row, task) for row in counted for gap in GAPS]
    absent = [GAN, *(row[0] for row in RIVALS_7 if row[0] not in counted)]
    ours = means(mean, task, [*there, FINEFACE[0]], GAPS)
    note = "; ".join([setting, *(quiet[row] for row in there if quiet[row])])
    return judge("F6", conditions, ours=ours, note=note, unseen=quiet[FINEFACE[0]], absent=absent)


def worst_group(frame: pd.DataFrame, setting: str) -> Verdict:
    """F7: the accuracy of the worse gender rises in 12 of 13 attributes, or in that share of those which were run."""
    conditions = {task: [_named(_higher(frame, "acc_min", BASE[0], task), task)] for task in _names(frame)}
    need = math.ceil(ENOUGH * len(conditions) - 1e-9)
    ours = "; ".join(means(frame, task, PAIR, ("acc_min",)) for task in conditions)
    note = f"{setting}; {need} of {len(conditions)} attributes are enough"
    quiet = unseen.quiet(frame, PAIR, conditions)
    return unseen.over_tasks("F7", conditions, quiet, ours=ours, note=note, need=need)


def chosen_on_test(frame: pd.DataFrame, setting: str) -> Verdict:
    """F8: the released way of choosing the epoch gives more accuracy than choosing on validation data.

    By more than the seeds' spread: the interval of the difference lies above 0. ``frame``: runs with ``snapshots``.
    """
    found = with_turns(by_checkpoint(frame[frame["label"] == FINEFACE[0]]), frame)
    [task] = found["task"].unique()
    condition = less(found, "acc", "validation", "as released", task, "checkpoint")
    ours = ", ".join(f"{name} {100 * part['acc'].mean():.2f}" for name, part in found.groupby("checkpoint", sort=False))
    return judge("F8", [condition], ours=f"{task} acc by where the epoch was chosen: {ours}", note=setting)


def attention(frame: pd.DataFrame, setting: str) -> Verdict:
    """F9: FineFACE is more accurate than the same experts without crops, and than with another image's box."""
    controls = (NO_CROPS[0], OTHER_BOX[0])
    conditions = {task: [_named(_higher(frame, "acc", row, task), task) for row in controls] for task in _names(frame)}
    ours = "; ".join(means(frame, task, (*PAIR, *controls), ("acc", "dob")) for task in conditions)
    weak = unseen.weak(frame, BASE[0], "acc", conditions, KNOWS, "93.2 % in Table 2")
    return unseen.over_tasks("F9", conditions, weak, ours=ours, note=setting)


def _better_and_fairer(claim: str, frame: pd.DataFrame, setting: str, printed: str) -> Verdict:
    # Data sets have other groups: each task keeps the cells that it has.
    parts = {task: frame[frame["task"] == task].dropna(axis=1, how="all") for task in _names(frame)}
    conditions = {
        task: [_named(c, task) for c in (_higher(part, "acc", BASE[0], task), _lower(part, "dob", BASE[0], task))]
        for task, part in parts.items()
    }
    ours = "; ".join(means(frame, task, PAIR, ("acc", "dob")) for task in conditions)
    weak = unseen.weak(frame, BASE[0], "acc", conditions, KNOWS, printed)
    return unseen.over_tasks(claim, conditions, weak, ours=ours, note=setting)


def with_turns(made: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """``made`` from the runs of ``frame``, with the order of their seeds and their processors, where it has them."""
    known = [name for name in ("turn", "processor") if name in frame]
    return made.merge(frame.drop_duplicates("seed")[["seed", *known]], on="seed", how="left") if known else made


def _lower(frame: pd.DataFrame, metric: str, than: str, task: str) -> Condition:
    return less(frame, metric, FINEFACE[0], than, task, "label")


def _higher(frame: pd.DataFrame, metric: str, than: str, task: str) -> Condition:
    return less(frame, metric, than, FINEFACE[0], task, "label")


def _named(condition: Condition, task: str) -> Condition:
    return dataclasses.replace(condition, text=f"{condition.text} in {task}")


def _fall(mean: pd.DataFrame, gap: str, task: str) -> str:
    """By how much of the baseline's mean a gap is smaller, in words."""
    ours, theirs = (per_seed(mean, row, gap, task, "label").mean() for row in (FINEFACE[0], BASE[0]))
    return f"{gap} falls by {100 * (1 - ours / theirs):.0f} %" if theirs else f"the baseline has no {gap}"


def _sentences(reasons: unseen.Reasons) -> str:
    return "; ".join(sentence for found in reasons.values() for sentence in found)


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame["task"].unique()]


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
