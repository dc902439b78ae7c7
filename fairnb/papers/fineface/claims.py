"""Verdicts on FineFACE's claims (F1 to F8).

``frame`` is what ``runs.run`` returns for the rows of ``tables``, with ``measured`` or ``averaged`` done
where that is said; values are in percentage points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fairnb.evidence.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    Condition,
    Verdict,
    judge,
    less,
    means,
    over_tasks,
    per_seed,
    silent,
)
from fairnb.evidence.verdicts import (
    unless_silent as checked,
)
from fairnb.papers.fineface.checkpoints import by_checkpoint
from fairnb.papers.fineface.tables import BASE, FINEFACE, PLAIN, RIVALS_5, RIVALS_7

ENOUGH = 12 / 13  # of the attributes, in F7
LARGEST_LOSS = 3.0  # points that the best group may lose and still lose "a little" (F5)
PAIR = (BASE[0], FINEFACE[0])


def races(frame: pd.DataFrame, setting: str) -> Verdict:
    """F1: FineFACE is more accurate, and its group accuracies (race and gender, ``measured``) spread less."""
    return _better_and_fairer("F1", frame, setting)


def other_data(frames: Sequence[pd.DataFrame], setting: str) -> Verdict:
    """F2: as F1 on every test set of other images, by the networks of F1; ``frames``: ``measured``, one or more."""
    return _better_and_fairer("F2", pd.concat(frames, ignore_index=True), setting)


def rivals(frame: pd.DataFrame, setting: str) -> Verdict:
    """F3: of Table 5's methods that were rerun, FineFACE has the lowest DoB (over races) and the highest accuracy."""
    conditions = [
        condition
        for task in frame["task"].unique()
        for rival in RIVALS_5
        for condition in (_lower(frame, "dob", rival[0], task), _higher(frame, "acc", rival[0], task))
    ]
    names = [row[0] for row in (*RIVALS_5, FINEFACE)]
    ours = "; ".join(means(frame, task, names, ("acc", "dob")) for task in frame["task"].unique())
    return judge("F3", conditions, ours=ours, note=f"{setting}; generative views were not rerun")


def attributes(frame: pd.DataFrame, mean: pd.DataFrame, setting: str) -> list[Verdict]:
    """F4 to F7 from the runs of Table 7 and their means over attributes (``averaged``)."""
    found = [fairer_and_as_good(mean, setting), best_group(mean, setting)]
    quiet = silent(frame, PAIR, _names(frame))
    return [*(checked(verdict, quiet) for verdict in found), lowest(frame, mean, setting), worst_group(frame, setting)]


def fairer_and_as_good(mean: pd.DataFrame, setting: str) -> Verdict:
    """F4: TPR up, both gaps down, accuracy not lower by the baseline's standard deviation over seeds.

    By how much the gaps fall is told, not judged.
    """
    [task] = _names(mean)
    accuracy = per_seed(mean, FINEFACE[0], "acc", task, "label") - per_seed(mean, PLAIN[0], "acc", task, "label")
    spread = per_seed(mean, PLAIN[0], "acc", task, "label").std(ddof=1) if len(accuracy) > 1 else 0.0
    conditions = [
        _higher(mean, "tpr", PLAIN[0], task),
        *(_lower(mean, gap, PLAIN[0], task) for gap in ("tpr_gap", "eo_sum")),
        Condition(f"acc({FINEFACE[0]}) - acc({PLAIN[0]}) + spread {spread:.2f}", tuple(accuracy + spread)),
    ]
    falls = ", ".join(_fall(mean, gap, task) for gap in ("tpr_gap", "eo_sum"))
    ours = f"{means(mean, task, PAIR, ('acc', 'tpr', 'tpr_gap', 'eo_sum'))}; {falls}"
    return judge("F4", conditions, ours=ours, note=setting)


def best_group(mean: pd.DataFrame, setting: str) -> Verdict:
    """F5: the best group's accuracy falls, by less than ``LARGEST_LOSS`` points."""
    [task] = _names(mean)
    falls = less(mean, "acc_max", FINEFACE[0], PLAIN[0], task, "label")
    little = Condition(f"{LARGEST_LOSS:g} - ({falls.text})", tuple(LARGEST_LOSS - value for value in falls.values))
    return judge("F5", [falls, little], ours=means(mean, task, PAIR, ("acc_max",)), note=setting)


def lowest(frame: pd.DataFrame, mean: pd.DataFrame, setting: str) -> Verdict:
    """F6: of the methods of Table 7 that were rerun, FineFACE has the lowest of both gaps.

    A rival that finds next to no positives has no gaps either: it does not count, and the note names it.
    """
    [task] = _names(mean)
    rerun = [row[0] for row in (PLAIN, *RIVALS_7) if row[0] in set(mean["label"])]
    quiet = {row: silent(frame, [row], _names(frame)) for row in (*rerun, FINEFACE[0])}
    counted = [row for row in rerun if not quiet[row]]
    conditions = [_lower(mean, gap, row, task) for row in counted or rerun for gap in ("tpr_gap", "eo_sum")]
    ours = means(mean, task, [*rerun, FINEFACE[0]], ("tpr_gap", "eo_sum"))
    left_out = [row for row in rerun if quiet[row]]
    note = f"{setting}; GAN debiasing was not rerun" + (
        f"; next to no positives found: {', '.join(left_out)}" if left_out else ""
    )
    found = judge("F6", conditions, ours=ours, note=note)
    return checked(found, quiet[FINEFACE[0]] if counted else [f"{', '.join(rerun)} in some attribute"])


def worst_group(frame: pd.DataFrame, setting: str) -> Verdict:
    """F7: the accuracy of the worse gender rises in 12 of 13 attributes, or in that share of those which were run."""
    by_task = {
        task: [Condition(f"{_higher(frame, 'acc_min', PLAIN[0], task).text} in {task}", _rise(frame, task))]
        for task in _names(frame)
    }
    quiet = {task: silent(frame, PAIR, [task]) for task in by_task}

    def decide(holding: int, failing: int, of: int) -> str:
        return HOLDS if holding >= ENOUGH * of else FAILS if failing > (1 - ENOUGH) * of else UNDECIDED

    return over_tasks("F7", by_task, quiet, decide, ours=_worst(frame, by_task), note=setting, what="attributes")


def chosen_on_test(frame: pd.DataFrame, setting: str) -> Verdict:
    """F8: the released way of choosing the epoch gives more accuracy than choosing on validation data.

    By more than the seeds' spread: the interval of the difference lies above 0. ``frame``: runs with ``snapshots``.
    """
    found = by_checkpoint(frame[frame["label"] == FINEFACE[0]])
    [task] = found["task"].unique()
    condition = less(found, "acc", "validation", "as released", task, "checkpoint")
    ours = ", ".join(f"{name} {100 * part['acc'].mean():.2f}" for name, part in found.groupby("checkpoint", sort=False))
    return judge("F8", [condition], ours=f"{task} acc by where the epoch was chosen: {ours}", note=setting)


def _better_and_fairer(claim: str, frame: pd.DataFrame, setting: str) -> Verdict:
    conditions = [
        condition
        for task in _names(frame)
        for condition in (_higher(frame, "acc", BASE[0], task), _lower(frame, "dob", BASE[0], task))
    ]
    ours = "; ".join(means(frame, task, PAIR, ("acc", "dob")) for task in _names(frame))
    return judge(claim, conditions, ours=ours, note=setting)


def _lower(frame: pd.DataFrame, metric: str, than: str, task: str) -> Condition:
    return less(frame, metric, FINEFACE[0], than, task, "label")


def _higher(frame: pd.DataFrame, metric: str, than: str, task: str) -> Condition:
    return less(frame, metric, than, FINEFACE[0], task, "label")


def _rise(frame: pd.DataFrame, task: str) -> tuple[float, ...]:
    return _higher(frame, "acc_min", PLAIN[0], task).values


def _fall(mean: pd.DataFrame, gap: str, task: str) -> str:
    """By how much of the baseline's mean a gap is smaller, in words."""
    ours, theirs = (per_seed(mean, row, gap, task, "label").mean() for row in (FINEFACE[0], PLAIN[0]))
    return f"{gap} falls by {100 * (1 - ours / theirs):.0f} %" if theirs else f"the baseline has no {gap}"


def _worst(frame: pd.DataFrame, names: Mapping[str, object]) -> str:
    return "; ".join(means(frame, task, PAIR, ("acc_min",)) for task in names)


def _names(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame["task"].unique()]
