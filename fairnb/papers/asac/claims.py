"""Verdicts on ASAC's claims (S1 to S13).

``frame`` is what ``runs.run`` returns for the rows of ``tables``; conditions are in percentage points. DEO is
the sum of the gaps in true and false positive rates (``eo_sum``), which is what the printed numbers fit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from fairnb import tasks
from fairnb.evidence import unseen
from fairnb.evidence.judging import MEASURED, Frames, Judged, Look
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import Condition, Verdict, judge, less, means, per_seed
from fairnb.papers.asac import tables
from fairnb.papers.asac.tables import CONTROL, CURRICULA, FGSM, GENERATOR, PAIRS, PROBE, SIGNS, STEPS, TRAINED

BASE, ASAC, CONTROLS = PROBE[0], FGSM[0], (CONTROL[0], STEPS[0])
DEO = "eo_sum"
BIG_NOSE, WAVY_HAIR = "CelebA;P=Gender;T=Big Nose", "CelebA;P=Gender;T=Wavy Hair"
CHANCE = 60.0  # percent: a base below it guesses; the weakest printed one has 63.29
STAND_IN = "a second style of toy faces with 10 % wrong labels stands in for LFW"
HEADS = {"slope_same": "the base's head", "slope_refit": "a head of each network's own"}
SLOPES = tuple(HEADS)
Conditions = Mapping[str, Sequence[Condition]]


def main_table(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on S1 and S10 from the runs of Table 1's first task, on S2 and S3 where their targets are there."""
    first = str(frame["task"].iloc[0])
    s1 = [_lower(frame, metric, ASAC, BASE, first) for metric in (DEO, "tpr_gap")] + [_gain(frame, BASE, first)]
    shown = means(frame, first, (BASE, ASAC), (DEO, "tpr_gap", "acc"))
    found = [_judged("S1", {first: s1}, frame, ours=shown, note=f"{setting}; {first}")]
    found += _other_targets(frame, setting)
    return [*found, not_just_epochs(frame, setting)]


def not_just_epochs(frame: pd.DataFrame, setting: str) -> Verdict:
    """S10 on the first task: ASAC's DEO is below that of ten more epochs without attack, and of as many steps."""
    first = str(frame["task"].iloc[0])
    conditions = [_lower(frame, DEO, ASAC, control, first) for control in CONTROLS]
    shown = means(frame, first, (BASE, TRAINED[0], *CONTROLS, ASAC), (DEO, "acc"))
    return _judged("S10", {first: conditions}, frame, ours=shown, note=f"{setting}; {first}")


def _other_targets(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """S2 (Big Nose) and S3 (Big Nose and Wavy Hair), where a tier runs them; S3 needs generated faces for both."""
    tasks_of = {tasks.recipe(str(name)).setting: str(name) for name in frame["task"].unique()}
    if (nose := tasks_of.get(BIG_NOSE)) is None:
        return []
    s2 = {nose: [_gain(frame, BASE, nose), _lower(frame, DEO, BASE, ASAC, nose)]}
    found = [_judged("S2", s2, frame, ours=means(frame, nose, (BASE, ASAC), ("acc", DEO)), note=setting)]
    both = [nose, tasks_of.get(WAVY_HAIR, "")]
    generated = set(frame.loc[frame["label"] == GENERATOR[0], "task"])
    if generated.issuperset(both):
        s3 = {task: [_lower(frame, "acc", GENERATOR[0], BASE, task)] for task in both}
        shown = "; ".join(means(frame, task, (GENERATOR[0], BASE), ("acc",)) for task in both)
        found.append(_judged("S3", s3, frame, ours=shown, note=setting, rows=(BASE,)))
    return found


def fairer_and_more_accurate(claim: str, frame: pd.DataFrame, setting: str) -> Verdict:
    """S4 (Table 2's three targets) and S5 (Table 3's backbones): lower DEO and higher accuracy than the base, each."""
    names = [str(name) for name in frame["task"].unique()]
    conditions = {task: [_lower(frame, DEO, ASAC, BASE, task), _gain(frame, BASE, task)] for task in names}
    shown = "; ".join(means(frame, task, (BASE, ASAC), (DEO, "acc")) for task in names)
    return _judged(claim, conditions, frame, ours=shown, note=setting)


def curriculum(frame: pd.DataFrame, setting: str) -> Verdict:
    """S6 from the runs of Table 4: the ascending order has the lowest DEO, the descending one the highest accuracy."""
    [task] = (str(name) for name in frame["task"].unique())
    random, easy, hard = (row[0] for row in CURRICULA)
    conditions = [_lower(frame, DEO, easy, other, task) for other in (random, hard)]
    conditions += [_lower(frame, "acc", other, hard, task) for other in (random, easy)]
    return judge("S6", conditions, ours=means(frame, task, (random, easy, hard), (DEO, "acc")), note=setting)


def magnitudes(frame: pd.DataFrame, setting: str) -> Verdict:
    """S7 from the runs of Table 5: the first pair of magnitudes has the lowest DEO and the highest accuracy."""
    [task] = (str(name) for name in frame["task"].unique())
    best, *others = (row[0] for row in PAIRS)
    conditions = [_lower(frame, DEO, best, other, task) for other in others]
    conditions += [_lower(frame, "acc", other, best, task) for other in others]
    return judge("S7", conditions, ours=means(frame, task, (best, *others), (DEO, "acc")), note=setting)


def direction(frame: pd.DataFrame, setting: str) -> Verdict:
    """S11 from the runs of the attack's directions: ASAC's DEO is below that of random signs of the same size."""
    [task] = (str(name) for name in frame["task"].unique())
    conditions = {task: [_lower(frame, DEO, ASAC, SIGNS[0], task)]}
    shown = means(frame, task, (STEPS[0], SIGNS[0], ASAC), (DEO, "acc"))
    return _judged("S11", conditions, frame, ours=shown, note=f"{setting}", rows=(SIGNS[0], ASAC))


def attacks_stop(slopes: pd.DataFrame, setting: str) -> list[Verdict]:
    """S8: the smile probability moves less per magnitude after ASAC than before, in units of its spread over images.

    A network that is surer of everything moves more, in probabilities, and is no easier to attack: hence the unit. The
    paper attacks the base's gender head. Ours are S12, the same with a head that is refitted to each network, and S13:
    it moves less than after as many steps without attack (where the tier has that control).

    Args:
        slopes: columns ``label``, ``task``, ``seed``; mean |change of probability| per 0.01 of magnitude, in 0..1,
            under attacks on the base model's head (``slope_same``) and on a head refitted to the model
            (``slope_refit``); ``spread``, the standard deviation of the probability over unchanged images.
    """
    relative = slopes.assign(**{name: slopes[name] / slopes["spread"] for name in SLOPES})
    judged = {"S8": (BASE, "slope_same"), "S12": (BASE, "slope_refit"), "S13": (STEPS[0], "slope_same")}
    rows = (BASE, STEPS[0], ASAC)
    shown = f"percent of the spread per 0.01, base's head / own head: {_seed_means(relative, SLOPES, rows)}"
    raw = f"in points of probability: {_seed_means(slopes, SLOPES, rows)}"
    there = set(slopes["label"])
    return [
        judge(
            claim,
            [_fall(relative, column, high, ASAC, f"{column} / spread")],
            ours=f"{shown}; {raw}",
            note=f"{setting}; attacks on {HEADS[column]} are judged",
        )
        for claim, (high, column) in judged.items()
        if high in there
    ]


def attribution_moves(shares: pd.DataFrame, setting: str) -> Verdict:
    """S9: the share of attribution mass on the mouth is larger after ASAC than before.

    Args:
        shares: columns ``label``, ``task``, ``seed`` and ``mouth_share`` in 0..1.
    """
    shown = _seed_means(shares, ("mouth_share",), (BASE, STEPS[0], ASAC))
    condition = _fall(shares, "mouth_share", ASAC, BASE, "mouth_share")
    return judge("S9", [condition], ours=f"percent on the mouth: {shown}", note=setting)


def _judged(
    claim: str, conditions: Conditions, frame: pd.DataFrame, *, ours: str, note: str, rows: Sequence[str] = (BASE, ASAC)
) -> Verdict:
    """A verdict over tasks, of which those count for nothing in which the base guesses or one of ``rows`` is silent."""
    silent = unseen.quiet(frame, rows, conditions)
    guessing = unseen.weak(frame, BASE, "acc", conditions, CHANCE, "63 to 87 %")
    why = unseen.either(silent, guessing, unseen.constant(frame, BASE, conditions))
    return unseen.over_tasks(claim, conditions, why, ours=ours, note=note)


def _lower(frame: pd.DataFrame, metric: str, low: str, high: str, task: str) -> Condition:
    found = less(frame, metric, low, high, task, "label")
    return dataclasses.replace(found, text=f"{found.text} in {task}")


def _gain(frame: pd.DataFrame, base: str, task: str) -> Condition:
    return _lower(frame, "acc", base, ASAC, task)


def _fall(frame: pd.DataFrame, column: str, high: str, low: str, words: str) -> Condition:
    """``column`` of row ``high`` minus that of ``low``, times 100, paired by seed."""
    task = str(frame["task"].iloc[0])
    found = less(frame, column, low, high, task, "label")
    base = float(per_seed(frame, BASE, column, task, "label").mean())
    return dataclasses.replace(found, text=f"{words} ({high}) - {words} ({low})", baseline=base)


def _seed_means(frame: pd.DataFrame, columns: Sequence[str], rows: Sequence[str]) -> str:
    there = frame.groupby("label", sort=False)[list(columns)].mean() * 100
    return ", ".join(f"{row} " + " / ".join(f"{v:.2f}" for v in there.loc[row]) for row in rows if row in there.index)


def _faces(frames: Frames, tier: str) -> list[Verdict]:
    first = next(iter(frames.values()))["task"].iloc[0]
    setting = f"tier {tier}, {tables.network(first, tier)}"
    found = main_table(frames["T1"], setting) if "T1" in frames else []
    return found + ([fairer_and_more_accurate("S5", frames["T3"], setting)] if "T3" in frames else [])


def _lfw(frames: Frames, tier: str) -> list[Verdict]:
    toys = any(str(name).startswith("toy") for name in frames["T2"]["task"])
    setting = f"tier {tier}" + f", {STAND_IN}" * toys
    return [fairer_and_more_accurate("S4", frames["T2"], setting)]


def _ablations(frames: Frames, tier: str) -> list[Verdict]:
    made = {"T4": curriculum, "T5": magnitudes, "D": direction}
    return [verdict(frames[name], f"tier {tier}, {frames[name]['task'].iloc[0]}") for name, verdict in made.items()
            if name in frames]  # fmt: skip


def _inside(frames: Frames, tier: str) -> list[Verdict]:
    """``frames["measured"]``: ``inside.Inside.table`` or ``inside.evidence``, of one task."""
    if MEASURED not in frames:
        return []
    looked = frames[MEASURED]
    name = str(looked["task"].iloc[0])
    setting = f"tier {tier}, {name}"
    smile = tasks.recipe(name).setting.endswith("T=Smile")
    return [*attacks_stop(looked, setting), *([attribution_moves(looked, setting)] if smile else [])]


def _measure(grid: list[Run]) -> None:
    from fairnb.papers.asac import inside  # it imports torch

    inside.measure(grid)


def _measured(grid: Sequence[Run]) -> pd.DataFrame:
    from fairnb.papers.asac import inside

    return inside.evidence(grid)


LOOKED = {"F": partial(tables.grid, "F")}
JUDGED = {
    "30_asac": Judged(
        ("S1", "S2", "S3", "S5", "S10"), {name: partial(tables.grid, name) for name in ("T1", "T3")}, _faces
    ),
    "31_asac_lfw": Judged(("S4",), {"T2": partial(tables.grid, "T2")}, _lfw),
    "32_asac_ablations": Judged(
        ("S6", "S7", "S11"), {name: partial(tables.grid, name) for name in ("T4", "T5", "D")}, _ablations
    ),
    "33_asac_attributions": Judged(
        ("S8", "S12", "S13", "S9"), LOOKED, _inside, look=Look(LOOKED["F"], _measure, _measured)
    ),
}
