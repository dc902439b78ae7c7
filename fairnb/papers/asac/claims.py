"""Verdicts on ASAC's claims (S1 to S10).

``frame`` is what ``runs.run`` returns for the rows of ``tables``; conditions are in percentage points. DEO is
the sum of the gaps in true and false positive rates (``eo_sum``), which is what the printed numbers fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from fairnb import tasks
from fairnb.evidence.verdicts import Condition, Verdict, judge, less, means, silent, unless_silent
from fairnb.papers.asac.tables import CONTROL, CURRICULA, FGSM, GENERATOR, PAIRS, PROBE, STEPS, TRAINED

BASE, ASAC, CONTROLS = PROBE[0], FGSM[0], (CONTROL[0], STEPS[0])
DEO = "eo_sum"
BIG_NOSE, WAVY_HAIR = "CelebA;P=Gender;T=Big Nose", "CelebA;P=Gender;T=Wavy Hair"


def main_table(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on S1 and S10 from the runs of Table 1's first task, on S2 and S3 where their targets are there."""
    first = str(frame["task"].iloc[0])
    s1 = [_lower(frame, metric, ASAC, BASE, first) for metric in (DEO, "tpr_gap")] + [_gain(frame, BASE, first)]
    shown = means(frame, first, (BASE, ASAC), (DEO, "tpr_gap", "acc"))
    found = [_judged("S1", s1, frame, [first], ours=shown, note=f"{setting}; {first}")]
    found += _other_targets(frame, setting)
    return [*found, not_just_epochs(frame, setting)]


def not_just_epochs(frame: pd.DataFrame, setting: str) -> Verdict:
    """S10 on the first task: ASAC's DEO is below that of ten more epochs without attack, and of as many steps."""
    first = str(frame["task"].iloc[0])
    conditions = [_lower(frame, DEO, ASAC, control, first) for control in CONTROLS]
    shown = means(frame, first, (BASE, TRAINED[0], *CONTROLS, ASAC), (DEO, "acc"))
    return _judged("S10", conditions, frame, [first], ours=shown, note=f"{setting}; {first}")


def _other_targets(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """S2 (Big Nose) and S3 (Big Nose and Wavy Hair), where a tier runs them; S3 needs generated faces for both."""
    tasks_of = {tasks.recipe(str(name)).setting: str(name) for name in frame["task"].unique()}
    if not {BIG_NOSE, WAVY_HAIR} <= set(tasks_of):
        return []
    nose, both = tasks_of[BIG_NOSE], [tasks_of[BIG_NOSE], tasks_of[WAVY_HAIR]]
    found = [
        _judged(
            "S2",
            [_gain(frame, BASE, nose), _lower(frame, DEO, BASE, ASAC, nose)],
            frame,
            [nose],
            ours=means(frame, nose, (BASE, ASAC), ("acc", DEO)),
            note=setting,
        )
    ]
    generated = set(frame.loc[frame["label"] == GENERATOR[0], "task"])
    if generated.issuperset(both):
        s3 = [_lower(frame, "acc", GENERATOR[0], BASE, task) for task in both]
        shown = "; ".join(means(frame, task, (GENERATOR[0], BASE), ("acc",)) for task in both)
        found.append(_judged("S3", s3, frame, both, ours=shown, note=setting, rows=(BASE,)))
    return found


def fairer_and_more_accurate(claim: str, frame: pd.DataFrame, setting: str) -> Verdict:
    """S4 (Table 2's three targets) and S5 (Table 3's backbones): lower DEO and higher accuracy than the base, each."""
    names = [str(name) for name in frame["task"].unique()]
    conditions = [c for task in names for c in (_lower(frame, DEO, ASAC, BASE, task), _gain(frame, BASE, task))]
    shown = "; ".join(means(frame, task, (BASE, ASAC), (DEO, "acc")) for task in names)
    return _judged(claim, conditions, frame, names, ours=shown, note=setting)


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


def attacks_stop(slopes: pd.DataFrame, setting: str) -> Verdict:
    """S8: the smile probability moves less per magnitude after ASAC than before, whichever gender head is attacked.

    Args:
        slopes: columns ``label``, ``seed``, and mean |change of probability| per 0.01 of magnitude, in 0..1, under
            attacks on the base model's head (``slope_same``) and on a head refitted to the model (``slope_refit``).
    """
    conditions = [_fall(slopes, column, BASE, ASAC) for column in ("slope_same", "slope_refit")]
    shown = _seed_means(slopes, ("slope_same", "slope_refit"), (BASE, STEPS[0], ASAC))
    return judge("S8", conditions, ours=f"points per 0.01: {shown}", note=setting)


def attribution_moves(shares: pd.DataFrame, setting: str) -> Verdict:
    """S9: the share of attribution mass on the mouth is larger after ASAC than before.

    Args:
        shares: columns ``label``, ``seed`` and ``mouth_share`` in 0..1.
    """
    shown = _seed_means(shares, ("mouth_share",), (BASE, STEPS[0], ASAC))
    return judge("S9", [_fall(shares, "mouth_share", ASAC, BASE)], ours=f"percent on the mouth: {shown}", note=setting)


def _judged(
    claim: str,
    conditions: list[Condition],
    frame: pd.DataFrame,
    names: Sequence[str],
    *,
    ours: str,
    note: str,
    rows: Sequence[str] = (BASE, ASAC),
) -> Verdict:
    """``judge``, but undecided where one of ``rows`` finds next to no positives: a constant shows nothing."""
    found = judge(claim, conditions, ours=ours, note=note)
    return unless_silent(found, silent(frame, rows, names))


def _lower(frame: pd.DataFrame, metric: str, low: str, high: str, task: str) -> Condition:
    found = less(frame, metric, low, high, task, "label")
    return Condition(f"{found.text} in {task}", found.values)


def _gain(frame: pd.DataFrame, base: str, task: str) -> Condition:
    return _lower(frame, "acc", base, ASAC, task)


def _fall(frame: pd.DataFrame, column: str, high: str, low: str) -> Condition:
    """``column`` of row ``high`` minus that of ``low``, in percentage points, paired by seed."""
    values = {row: 100 * frame[frame["label"] == row].set_index("seed")[column].sort_index() for row in (high, low)}
    return Condition(f"{column}({high}) - {column}({low})", tuple(values[high] - values[low]))


def _seed_means(frame: pd.DataFrame, columns: Sequence[str], rows: Sequence[str]) -> str:
    there = frame.groupby("label", sort=False)[list(columns)].mean() * 100
    return ", ".join(f"{row} " + " / ".join(f"{v:.2f}" for v in there.loc[row]) for row in rows if row in there.index)
