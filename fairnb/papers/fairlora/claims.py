"""Verdicts on FairLoRA's strategies (L1 to L3).

``frame`` is what ``runs.run`` returns for the rows of ``tables``; values are in percentage points. The
claims are words of an abstract, so how they become numbers is our reading: bias is the gap in false positive rates
(``fpr_gap``) and demographic parity (``ddp``), utility is accuracy, and "no benefit" needs a bar (``MARGIN``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import pandas as pd

from fairnb.evidence import order, scorecard, unseen
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import (
    NO_DIFFERENCE,
    REVERSED,
    UNDECIDED,
    Condition,
    Verdict,
    above,
    judge,
    less,
    means,
    per_seed,
)
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora.tables import ADV, ERM, ORTH, UNL

GAPS = ("fpr_gap", "ddp")
SHOWN = ("acc", *GAPS)
MARGIN = 2.0  # percentage points: a smaller fall of a gap is no clear benefit
OWN_BAR = 0.0  # baseline of a condition that has a bar of its own: it leaves no margin


def fairer_and_as_good(frame: pd.DataFrame, setting: str, sweep: pd.DataFrame | None = None) -> Verdict:
    """L1: in the mean over tasks Orth's gaps are below Erm's, and its accuracy is not below by Erm's spread over seeds.

    The spread is one standard deviation; of one seed there is none, which decides nothing. Tasks without room
    (``_room``) or with a silent arm do not count. The strength is ours, so a single one refutes nothing: all of the
    ``sweep`` must. Until they do, the conditions are those of the strengths that are left.
    """
    found = _of_strength(frame, ORTH[0], setting)
    if found.verdict not in (REVERSED, NO_DIFFERENCE) or sweep is None:
        return found
    others = [str(label) for label in sweep["label"].unique() if str(label).startswith(f"{ORTH[0]}{tables.STRENGTH}")]
    verdicts = {label: _of_strength(sweep, label, setting) for label in others}
    saved = {label: own for label, own in verdicts.items() if own.verdict not in (REVERSED, NO_DIFFERENCE)}
    if not saved:
        return found
    told = [f"{label} ({scorecard.counted(own.seeds)})" for label, own in saved.items()]
    why = f"refuted at the default strength, but so far not as {'; '.join(told)}"
    groups = tuple(group for own in saved.values() if own.verdict == UNDECIDED for group in own.groups)
    outcome = max((own.outcome for own in saved.values() if own.outcome), key=lambda one: one.needed or 0, default=None)
    return dataclasses.replace(found, verdict=UNDECIDED, reason=why, groups=groups, outcome=outcome, need=1)


def _of_strength(frame: pd.DataFrame, row: str, setting: str) -> Verdict:
    """L1 of one row; the conditions of the tasks that count, pooled."""
    names = names_of(frame)
    why = unseen.either(unseen.quiet(frame, (ERM[0], row), names), _room(frame))
    left_out = "; ".join(said for task in names for said in why[task])
    used, conditions = [task for task in names if not why[task]], list[Condition]()
    if used:
        conditions = [*(pooled(frame, gap, row, ERM[0], used) for gap in GAPS), _as_good(frame, row, used)]
    note, nothing = "; ".join(filter(None, (setting, left_out))), "" if used else left_out
    return judge("L1", conditions, ours=shown(frame, names, (ERM[0], row)), note=note, unseen=nothing)


def pooled(frame: pd.DataFrame, metric: str, low: str, high: str, names: Sequence[str]) -> Condition:
    """The condition that ``metric`` is lower for row ``low`` than for ``high`` in the mean over the tasks ``names``.

    Paired within a task and a seed: what a seed and a task share drops out.
    """
    each = [less(frame, metric, low, high, task, "label") for task in names]
    own = order.of_rows(frame, (high, low), names)
    ends = [mean_of(own, metric, row, names) for row in (high, low)]
    found = above(f"{each[0].text}, mean of {len(names)} tasks", metric, *ends, baseline=ends[0].mean())
    floor = sum(one.floor**2 for one in each) ** 0.5 / len(each)
    return dataclasses.replace(found, floor=floor, processors=each[0].processors if len(each) == 1 else ())


def mean_of(frame: pd.DataFrame, metric: str, row: str, names: Sequence[str]) -> pd.Series:
    """A metric of a row in percent, the mean over the tasks ``names``, by seed; of the seeds that all of them have."""
    return pd.concat([per_seed(frame, row, metric, task, "label") for task in names], axis=1).dropna().mean(axis=1)


def improves_somewhere(frame: pd.DataFrame, setting: str) -> Verdict:
    """L2: there is a task in which Adv lowers both gaps; it is refuted where each task has a gap that Adv raises."""
    conditions = {task: _lower(frame, ADV[0], task) for task in names_of(frame)}
    note = f"{setting}; one task of {len(conditions)} is enough"
    return _over_tasks("L2", frame, conditions, ADV[0], note, need=1, reasons=_room(frame))


def no_benefit(frame: pd.DataFrame, setting: str) -> Verdict:
    """L3: in most tasks Unl lowers no gap by ``MARGIN`` points.

    An interval that contains 0 would not do: with few seeds any does. A gap of Erm's that is no larger than ``MARGIN``
    has no room for a benefit, so its absence shows nothing, and a task without any other gap does not count.
    """
    names, cramped = names_of(frame), _room(frame)
    conditions = {task: [_no_benefit(frame, gap, task) for gap in _wide(frame, task)] for task in names}
    note = f"{setting}; in most tasks, that is {len(names) // 2 + 1} of {len(names)}, no gap falls by {MARGIN:g} points"
    return _over_tasks("L3", frame, conditions, UNL[0], note, need=len(names) // 2 + 1, reasons=cramped)


def _over_tasks(
    claim: str,
    frame: pd.DataFrame,
    conditions: Mapping[str, Sequence[Condition]],
    row: str,
    note: str,
    need: int | None = None,
    reasons: unseen.Reasons | None = None,
) -> Verdict:
    silent = unseen.quiet(frame, (ERM[0], row), conditions)
    said = shown(frame, conditions, (ERM[0], row))
    return unseen.over_tasks(claim, conditions, unseen.either(silent, reasons or {}), ours=said, note=note, need=need)


def _wide(frame: pd.DataFrame, task: str) -> list[str]:
    """The gaps of Erm that are larger than ``MARGIN`` in a task."""
    return [gap for gap in GAPS if _mean(frame, ERM[0], gap, task) > MARGIN]


def _room(frame: pd.DataFrame) -> dict[str, list[str]]:
    """Per task a sentence where both gaps of Erm are so small that nothing could fall."""
    words = f"both gaps of {ERM[0]} are under {MARGIN:g} points"
    return {
        task: [] if _wide(frame, task) else [f"in {task} {words} ({_gaps(frame, task)}): no room to fall"]
        for task in names_of(frame)
    }


def names_of(frame: pd.DataFrame) -> list[str]:
    """The tasks of a frame, in its order."""
    return [str(name) for name in frame["task"].unique()]


def shown(frame: pd.DataFrame, names: Iterable[str], rows: Sequence[str]) -> str:
    """Accuracy and gaps of the rows in each task, in words."""
    return "; ".join(means(frame, task, rows, SHOWN) for task in names)


def _mean(frame: pd.DataFrame, row: str, metric: str, task: str) -> float:
    return float(per_seed(frame, row, metric, task, "label").mean())


def _gaps(frame: pd.DataFrame, task: str) -> str:
    return ", ".join(f"{gap} {_mean(frame, ERM[0], gap, task):.1f}" for gap in GAPS)


def _lower(frame: pd.DataFrame, row: str, task: str) -> list[Condition]:
    """Both gaps of ``row`` are below Erm's."""
    found = [less(frame, gap, row, ERM[0], task, "label") for gap in GAPS]
    return [dataclasses.replace(condition, text=f"{condition.text} in {task}") for condition in found]


def _as_good(frame: pd.DataFrame, row: str, names: Sequence[str]) -> Condition:
    """Accuracy of ``row`` minus Erm's, plus the standard deviation of Erm's over seeds; means over the tasks."""
    own = order.of_rows(frame, (row, ERM[0]), names)
    ours, theirs = (mean_of(own, "acc", label, names) for label in (row, ERM[0]))
    spread = theirs.std(ddof=1) if len(theirs) > 1 else 0.0
    text = f"acc({row}) - acc({ERM[0]}) + spread {spread:.2f}, mean of {len(names)} tasks"
    return above(text, "acc", ours + spread, theirs, baseline=OWN_BAR)


def _no_benefit(frame: pd.DataFrame, gap: str, task: str) -> Condition:
    """What is missing to a fall of ``MARGIN`` points."""
    fall = less(frame, gap, UNL[0], ERM[0], task, "label")
    values = tuple(MARGIN - value for value in fall.values)
    return dataclasses.replace(fall, text=f"{MARGIN:g} - ({fall.text}) in {task}", values=values)


def _strategies(frames: Frames, tier: str) -> list[Verdict]:
    frame = frames["methods"]
    setting = f"our reconstruction, tier {tier}, {tables.network(frame['task'].iloc[0], tier)}"
    first = fairer_and_as_good(frame, setting, frames.get("strength"))
    return [first, improves_somewhere(frame, setting), no_benefit(frame, setting)]


METHODS = {"methods": partial(tables.grid, "methods")}
JUDGED = {
    "40_fairlora": Judged(("L1", "L2", "L3"), METHODS | {"strength": partial(tables.grid, "strength")}, _strategies),
}
