"""From runs to verdicts: each claim of a paper is a set of conditions on differences over seeds, judged by one rule.

A condition is a quantity that the claim says is positive, measured once per seed; ``rule`` has the intervals, levels
and outcomes, and this module what they are made of: the printed difference, the margin, the words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fairnb.evidence import order, reported, rule, strata
from fairnb.evidence.rule import DECIDED, HOLDS, NO_DIFFERENCE, NOT_RUN, REVERSED, UNDECIDED, UNSEEN

__all__ = ["DECIDED", "HOLDS", "NOT_JUDGED", "NOT_RUN", "NO_DIFFERENCE", "REVERSED", "UNDECIDED", "UNSEEN"]

NOT_JUDGED = "not judged: another version of the data"  # of printed values
WITHOUT = "it cannot hold without"  # begins the reason where rivals were not run
FEW = 5.0  # percent of the positives
# Differences that nobody would act on, in points: of accuracies, and of gaps between groups and the worst group.
ACCURACY, GAP = 1.0, 2.0
ACCURACIES = ("acc", "bacc", "accuracy", "acc_max", "tpr", "f1")
WORST = ("wst", "acc_min")


@dataclass(frozen=True)
class Condition(rule.Condition):
    """A difference that a claim says is positive, see ``rule.Condition``.

    Attributes:
        metric: its name in our frames; finds its printed difference and its margin.
        baseline: the gap or error, in points, that it is a difference of; NaN where that has no sense.
        processors: of each value, in the same order; empty where they are not known.
    """

    metric: str = ""
    baseline: float = float("nan")
    processors: tuple[str, ...] = ()

    def __str__(self) -> str:
        mean = float(np.mean(self.values)) if self.values else float("nan")
        if rule.rung(len(self.values)) == 0:
            return f"{self.text}: {mean:+z.1f} ({len(self.values)} seed{'s' * (len(self.values) != 1)})"
        found = rule.interval(self)
        return f"{self.text}: {found.mean:+z.1f} [{found.low:+z.1f}, {found.high:+z.1f}]"


Groups = Sequence[Sequence[Condition]]
# (claim, text of a condition) -> how much of its variance is that of the one test set, see ``test_variance``.
TEST_VARIANCES: ContextVar[Mapping[tuple[str, str], float] | None] = ContextVar("test variances", default=None)


@dataclass(frozen=True)
class Verdict:
    """What came out for a claim; ``ours`` and ``printed`` are text, ``note`` what a reader must know.

    ``groups`` are the conditions that it was decided by, ``need`` how many of them must hold (None: all), ``outcome``
    what the rule says of them.
    """

    claim: str
    paper: str
    verdict: str
    ours: str
    printed: str
    note: str
    groups: tuple[tuple[Condition, ...], ...] = ()
    outcome: rule.Outcome | None = None
    reason: str = ""
    need: int | None = None

    @property
    def seeds(self) -> int:
        """Those of the condition that refuted the claim; else how many each condition has at least."""
        if self.outcome is not None and self.outcome.by is not None and self.verdict in (REVERSED, NO_DIFFERENCE):
            return len(self.outcome.by.values)
        return min((len(condition.values) for group in self.groups for condition in group), default=0)


def judge(
    claim: str,
    conditions: Iterable[Condition] | Groups,
    *,
    ours: str,
    note: str,
    need: int | None = None,
    unseen: str = "",
    absent: Sequence[str] = (),
) -> Verdict:
    """The verdict on a claim from its conditions.

    Args:
        claim: id in ``claims.csv``, e.g. ``A5``.
        conditions: that all must hold; or groups of them (one per task), of which ``need`` (default: all) must hold.
            A group without conditions can neither hold nor be refuted: an arm of it is ``silent``, say.
        ours: our numbers in the words of the claim. note: what a reader must know (setting, stand-ins).
        unseen: why this setting cannot show the claim, with its number; then nothing is decided.
        absent: rivals that were not run: without them a claim on all rivals cannot hold, but it can be refuted.
    """
    groups = _grouped(conditions)
    row = reported.claims().set_index("id").loc[claim]
    own = tuple(tuple(_with_margin(one, claim) for one in group) for group in groups)
    undefined = [one.text for group in own for one in group if not np.isfinite(one.values).all()]
    if undefined:
        unseen = unseen or f"not defined for some seed: {undefined[0]}"
    elif not any(own):
        unseen = unseen or "no condition can be measured"
    outcome = None if unseen else rule.decide(own, need)
    found = Verdict(claim, row["paper"], UNSEEN, ours, row["printed"], note, own, outcome, unseen, need)
    if outcome is None:
        return found
    if absent and outcome.state not in (REVERSED, NO_DIFFERENCE):
        return dataclasses.replace(found, reason=f"{WITHOUT} {', '.join(absent)}, which could not be compared")
    flags = [flag for group in own for one in group if (flag := strata.differ(one.text, one.values, one.processors))]
    note = "; ".join((note, *outcome.flags, *flags))
    return dataclasses.replace(found, verdict=outcome.state, reason=outcome.reason, note=note)


def _grouped(conditions: Iterable[Condition] | Groups) -> list[list[Condition]]:
    found: list[Any] = list(conditions)
    alone = all(isinstance(one, rule.Condition) for one in found)
    return [found] if alone else [list(group) for group in found]


def _with_margin(condition: Condition, claim: str) -> Condition:
    """The condition with its printed difference, and the margin below which it is no such difference.

    The smallest of: the claim's own or the metric's cap, half of the printed difference, a quarter of the baseline.
    """
    printed = reported.differences(claim).get(condition.metric, float("nan"))
    own = reported.margin(claim)
    cap = cap_of(condition.metric) if np.isnan(own) else own
    found = [cap, printed / 2 if printed > 0 else np.nan, condition.baseline / 4]
    of_test = (TEST_VARIANCES.get() or {}).get((claim, condition.text), condition.test_variance)
    return dataclasses.replace(condition, printed=printed, margin=float(np.nanmin(found)), test_variance=of_test)


def cap_of(metric: str) -> float:
    """The largest margin of a metric, in points."""
    return ACCURACY if metric in ACCURACIES else GAP


def per_seed(frame: pd.DataFrame, row: str, metric: str, task: str, by: str = "method") -> pd.Series:
    """A metric in percent of one row and task, indexed by ``turn`` where the frame has it (``order``), else by seed.

    Args:
        row: what the frame has in the column ``by``: a method's name, or a ``label`` of a table.
    """
    return 100 * _chosen(frame, row, metric, task, by)


def _chosen(frame: pd.DataFrame, row: str, column: str, task: str, by: str) -> pd.Series:
    chosen = (frame[by] == row) & (frame["task"] == task)
    index = frame["turn" if "turn" in frame else "seed"][chosen]
    found = frame[column][chosen] if column in frame else pd.Series("", index.index)
    return found.set_axis(index).sort_index()


def less(frame: pd.DataFrame, metric: str, low: str, high: str, task: str, by: str = "method") -> Condition:
    """The condition that ``metric`` is lower for row ``low`` than for row ``high``, paired by seed."""
    own = order.of_rows(frame, (high, low), [task], by)
    ends = [per_seed(own, row, metric, task, by) for row in (high, low)]
    baseline = 100 - ends[1].mean() if metric in (*ACCURACIES, *WORST) else ends[0].mean()
    found = above(f"{metric}({high}) - {metric}({low})", metric, *ends, baseline=abs(float(baseline)))
    where = strata.of_pairs(*(_chosen(own, row, "processor", task, by) for row in (high, low)))
    return dataclasses.replace(found, floor=_floor(own, (low, high), task, by), processors=where)


def above(
    text: str, metric: str, high: pd.Series, low: pd.Series | float = 0.0, *, baseline: float = float("nan")
) -> Condition:
    """The condition that ``high`` is above ``low`` (points, by seed or turn), for the seeds that both have."""
    both = high.align(low, join="inner") if isinstance(low, pd.Series) else (high, low)
    return Condition(text, tuple(float(value) for value in both[0] - both[1]), metric=metric, baseline=baseline)


def unpaired(text: str, metric: str, high: pd.Series, low: pd.Series, *, baseline: float = float("nan")) -> Condition:
    """As ``above`` for two samples that share no seed (Welch): deviations of both lie around one difference.

    The first n seeds of each make n values whose mean is the difference of means and whose variance is the sum of
    both, so the rule's intervals are those of Welch's test up to its degrees of freedom, taken as n - 1 (cautious).
    """
    n = min(len(high), len(low))
    return Condition(text, tuple(high.to_numpy()[:n] - low.to_numpy()[:n]), metric=metric, baseline=baseline)


def _floor(frame: pd.DataFrame, rows: Sequence[str], task: str, by: str) -> float:
    """Standard error in points of one seed's value by its test images alone, for conditions that never vary."""
    cells = [name for name in frame if str(name).startswith("y") and f"n_{name}" in frame]
    variance = 0.0
    for row in rows:
        own = frame[(frame[by] == row) & (frame["task"] == task)]
        for cell in cells if len(own) else ():
            n, mean = float(own[f"n_{cell}"].iloc[0]), float(own[cell].mean())
            if not n > 0 or np.isnan(mean):  # another task of the frame has this cell
                continue
            share = (n * mean + 1) / (n + 2)
            variance += share * (1 - share) / n
    return 100 * float(np.sqrt(variance))


def means(frame: pd.DataFrame, task: str, rows: Iterable[str], metrics: Sequence[str]) -> str:
    """``task eo_sum / acc: Base (linear probe) 8.80 / 84.29, ...`` in percent, for the labels that the frame has."""
    there = set(frame.loc[frame["task"] == task, "label"])
    parts = [
        f"{row} " + " / ".join(f"{per_seed(frame, row, metric, task, 'label').mean():.2f}" for metric in metrics)
        for row in rows
        if row in there
    ]
    return f"{task} {' / '.join(metrics)}: {', '.join(parts)}"


def silent(frame: pd.DataFrame, rows: Iterable[str], names: Iterable[str]) -> list[str]:
    """``row in task`` for every label of ``rows`` that finds next to no positives (under ``FEW`` %) in a task."""
    if "tpr" not in frame:
        return []
    cells = [(row, task) for task in names for row in rows]
    return [f"{row} in {task}" for row, task in cells if per_seed(frame, row, "tpr", task, "label").mean() < FEW]


def by_task(conditions: Mapping[str, Sequence[Condition]], quiet: Mapping[str, Sequence[str]]) -> list[list[Condition]]:
    """Groups for ``judge``: the conditions of each task, none where one of its arms is ``silent``."""
    return [[] if quiet.get(task) else list(own) for task, own in conditions.items()]


def on_value(task: str, found: str) -> str:
    """``found``, which a tier says of a printed value, where the task's data are their owner's; empty stays empty."""
    from fairnb import tasks

    return NOT_JUDGED if found and tasks.data_version(task) else found
