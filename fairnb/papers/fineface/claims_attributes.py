"""Verdicts on FineFACE's claims about thirteen attributes (F4 to F7), and the comparisons that all its claims make.

``frame`` is what ``runs.run`` returns for the rows of Table 7, ``mean`` its means over attributes, from
``tables.averaged``; values are in percentage points.
"""

from __future__ import annotations

import dataclasses

import pandas as pd

from fairnb.evidence import order, unseen
from fairnb.evidence.verdicts import NO_DIFFERENCE, REVERSED, Condition, Verdict, above, judge, less, means, per_seed
from fairnb.papers.fineface.tables import BASE, FINEFACE, GAN, RIVALS_7

ATTRIBUTES, MAY_FALL = 13, 1  # F7: in how many the worse gender's accuracy may fall
LARGEST_LOSS = 3.0  # points that the best group may lose and still lose "a little" (F5)
LEFT = 0.2  # of the baseline's gap, F4: "down by about 90 %", with a tolerance of 10
OWN_BAR = 0.0  # baseline of a condition that has a bar of its own: it leaves no margin
GAPS = ("tpr_gap", "eo_sum")
PAIR = (BASE[0], FINEFACE[0])


def attributes(frame: pd.DataFrame, mean: pd.DataFrame, setting: str) -> list[Verdict]:
    """F4 to F7 from the runs of Table 7 and their means over attributes (``averaged``)."""
    quiet = _sentences(unseen.quiet(frame, PAIR, names(frame)))
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
    [task] = names(mean)
    own = order.of_rows(mean, PAIR)
    ours, theirs = (per_seed(own, row, "acc", task, "label") for row in PAIR[::-1])
    spread = theirs.std(ddof=1) if len(theirs) > 1 else 0.0
    text = f"acc({FINEFACE[0]}) - acc({BASE[0]}) + spread {spread:.2f}"
    others = [higher(mean, "tpr", BASE[0], task), above(text, "acc", ours + spread, theirs, baseline=OWN_BAR)]
    falls = ", ".join(_fall(mean, gap, task) for gap in GAPS)
    said = f"{means(mean, task, PAIR, ('acc', 'tpr', *GAPS))}; {falls}"
    enough = [_little_left(mean, gap, task) for gap in GAPS]
    found = judge("F4", [*others, *enough], ours=said, note=setting, unseen=quiet)
    at_all = [lower(mean, gap, BASE[0], task) for gap in GAPS]
    if found.verdict != REVERSED or judge("F4", [*others, *at_all], ours="", note="").verdict == REVERSED:
        return found
    return dataclasses.replace(found, verdict=NO_DIFFERENCE, reason=f"the gaps do not fall by as much: {falls}")


def _little_left(mean: pd.DataFrame, gap: str, task: str) -> Condition:
    own = order.of_rows(mean, PAIR)
    ours, theirs = (per_seed(own, row, gap, task, "label") for row in PAIR[::-1])
    text = f"{100 * LEFT:g} % of {gap}({BASE[0]}) - {gap}({FINEFACE[0]})"
    return above(text, gap, LEFT * theirs, ours, baseline=OWN_BAR)


def best_group(mean: pd.DataFrame, setting: str, quiet: str = "") -> Verdict:
    """F5: the best group's accuracy falls, by less than ``LARGEST_LOSS`` points; ``quiet``: as in F4."""
    [task] = names(mean)
    falls = less(mean, "acc_max", FINEFACE[0], BASE[0], task, "label")
    values = tuple(LARGEST_LOSS - value for value in falls.values)
    little = dataclasses.replace(falls, text=f"{LARGEST_LOSS:g} - ({falls.text})", values=values, metric="")
    return judge("F5", [falls, little], ours=means(mean, task, PAIR, ("acc_max",)), note=setting, unseen=quiet)


def lowest(frame: pd.DataFrame, mean: pd.DataFrame, setting: str) -> Verdict:
    """F6: FineFACE has the lowest of both gaps of the methods of Table 7.

    A rival that finds next to no positives has no gaps either: it counts as one that was not run.
    """
    [task] = names(mean)
    there = [row[0] for row in (BASE, *RIVALS_7) if row[0] in set(mean["label"])]
    quiet = {row: _sentences(unseen.quiet(frame, [row], names(frame))) for row in (*there, FINEFACE[0])}
    counted = [row for row in there if not quiet[row]]
    conditions = [lower(mean, gap, row, task) for row in counted for gap in GAPS]
    absent = [GAN, *(row[0] for row in RIVALS_7 if row[0] not in counted)]
    ours = means(mean, task, [*there, FINEFACE[0]], GAPS)
    note = "; ".join([setting, *(quiet[row] for row in there if quiet[row])])
    return judge("F6", conditions, ours=ours, note=note, unseen=quiet[FINEFACE[0]], absent=absent)


def worst_group(frame: pd.DataFrame, setting: str) -> Verdict:
    """F7: the accuracy of the worse gender rises in 12 of 13 attributes.

    Two in which it falls refute that; it cannot hold without all thirteen, and one alone says nothing.
    """
    conditions = {task: [named(higher(frame, "acc_min", BASE[0], task), task)] for task in names(frame)}
    ours = "; ".join(means(frame, task, PAIR, ("acc_min",)) for task in conditions)
    quiet = unseen.quiet(frame, PAIR, conditions)
    if len(conditions) <= MAY_FALL:
        alone = f"{MAY_FALL} of {ATTRIBUTES} attributes may fall, and no more than {len(conditions)} was run"
        quiet = {task: [*quiet[task], alone] for task in conditions}
    rest = ATTRIBUTES - len(conditions)
    absent = [f"{rest} more attribute{'s' * (rest > 1)}"] * bool(rest)
    need = max(1, len(conditions) - MAY_FALL)
    note = f"{setting}; {ATTRIBUTES - MAY_FALL} of {ATTRIBUTES} attributes are enough"
    return unseen.over_tasks("F7", conditions, quiet, ours=ours, note=note, need=need, absent=absent)


def lower(frame: pd.DataFrame, metric: str, than: str, task: str) -> Condition:
    """FineFACE's ``metric`` is lower than that of the row ``than``, in points and within a seed."""
    return less(frame, metric, FINEFACE[0], than, task, "label")


def higher(frame: pd.DataFrame, metric: str, than: str, task: str) -> Condition:
    """The same the other way round."""
    return less(frame, metric, than, FINEFACE[0], task, "label")


def named(condition: Condition, task: str) -> Condition:
    """``condition`` with its task in its text, for claims over several."""
    return dataclasses.replace(condition, text=f"{condition.text} in {task}")


def _fall(mean: pd.DataFrame, gap: str, task: str) -> str:
    """By how much of the baseline's mean a gap is smaller, in words."""
    ours, theirs = (per_seed(mean, row, gap, task, "label").mean() for row in (FINEFACE[0], BASE[0]))
    return f"{gap} falls by {100 * (1 - ours / theirs):.0f} %" if theirs else f"the baseline has no {gap}"


def _sentences(reasons: unseen.Reasons) -> str:
    return "; ".join(sentence for found in reasons.values() for sentence in found)


def names(frame: pd.DataFrame) -> list[str]:
    """The tasks of ``frame``, in their order."""
    return [str(name) for name in frame["task"].unique()]


def with_turns(made: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """``made`` from the runs of ``frame``, with the order of their seeds and their processors, where it has them."""
    known = [name for name in (order.TURN, "processor") if name in frame]
    if order.ARRIVAL in frame and "label" in made:
        last = frame.groupby(["label", "seed"], as_index=False)[order.ARRIVAL].max()
        made = made.merge(last, on=["label", "seed"], how="left")
    return made.merge(frame.drop_duplicates("seed")[["seed", *known]], on="seed", how="left") if known else made
