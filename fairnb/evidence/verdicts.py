"""From runs to verdicts: each claim of a paper is a set of conditions on paired differences over seeds.

Rule, the same for every claim: a condition is a quantity that the claim says is positive, measured once per seed.
It *holds* when its 95 % t-interval over seeds lies above zero, *fails* when the interval lies below zero, and is
*open* otherwise. A claim ``holds`` when all its conditions hold, ``does not hold`` when one fails, and is
``undecided`` otherwise. One seed has no interval, so it decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from fairnb import metrics, paths
from fairnb.data import versions
from fairnb.evidence import report, reported

HOLDS, FAILS, UNDECIDED, NOT_RUN = "holds", "does not hold", "undecided", "not run"
NOT_JUDGED = "not judged: another version of the data"  # of printed values
FEW = 5.0  # percent of the positives
By = Mapping[str, Sequence["Condition"]]
Decide = Callable[[int, int, int], str]
COLUMNS = ("claim", "paper", "verdict", "ours", "printed", "seeds", "note")


@dataclass(frozen=True)
class Condition:
    """Something a claim says is positive.

    Attributes:
        text: what is measured, e.g. ``eo_max: full fine-tuning below ERM``.
        values: one number per seed, in percentage points, positive when the claim is right.
    """

    text: str
    values: tuple[float, ...]

    @property
    def interval(self) -> metrics.SeedInterval:
        """Mean and 95 % t-interval over seeds."""
        return metrics.seed_interval(np.array(self.values))

    @property
    def state(self) -> str:
        """``holds``, ``does not hold`` or ``undecided`` by the rule in the module's text."""
        interval = self.interval
        if interval.low > 0:
            return HOLDS
        return FAILS if interval.high < 0 else UNDECIDED

    def __str__(self) -> str:
        interval = self.interval
        if len(self.values) < 2:
            return f"{self.text}: {interval.mean:+.1f} (one seed)"
        return f"{self.text}: {interval.mean:+.1f} [{interval.low:+.1f}, {interval.high:+.1f}]"


@dataclass(frozen=True)
class Verdict:
    """One row of the scorecard; ``ours`` and ``printed`` are text, ``seeds`` a count."""

    claim: str
    paper: str
    verdict: str
    ours: str
    printed: str
    seeds: int
    note: str


def judge(claim: str, conditions: Iterable[Condition], *, ours: str, note: str) -> Verdict:
    """The verdict on a claim from its conditions.

    Args:
        claim: id in ``reported/claims.csv``, e.g. ``A5``.
        ours: our numbers in the words of the claim.
        note: what a reader must know (setting, stand-ins); the weakest of the deciding conditions is appended.
    """
    conditions = list(conditions)
    verdict = state_of(conditions)
    weakest = min((condition for condition in conditions if condition.state == verdict), key=_strength)
    row = reported.claims().set_index("id").loc[claim]
    seeds = min(len(condition.values) for condition in conditions)
    return Verdict(claim, row["paper"], verdict, ours, row["printed"], seeds, f"{note}; decided by: {weakest}")


def _strength(condition: Condition) -> float:
    interval = condition.interval
    return interval.mean if np.isnan(interval.low) else interval.low


def per_seed(frame: pd.DataFrame, row: str, metric: str, task: str, by: str = "method") -> pd.Series:
    """A metric in percent, indexed by seed, of one row and task in a frame from ``runs.run``.

    Args:
        row: what the frame has in the column ``by``: a method's name, or a ``label`` of a table.
    """
    chosen = (frame[by] == row) & (frame["task"] == task)
    return 100 * frame[metric][chosen].set_axis(frame["seed"][chosen]).sort_index()


def less(frame: pd.DataFrame, metric: str, low: str, high: str, task: str, by: str = "method") -> Condition:
    """The condition that ``metric`` is lower for row ``low`` than for row ``high``, paired by seed."""
    difference = per_seed(frame, high, metric, task, by) - per_seed(frame, low, metric, task, by)
    return Condition(f"{metric}({high}) - {metric}({low})", tuple(difference))


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


def unless_silent(found: Verdict, quiet: Sequence[str]) -> Verdict:
    """``found``, but undecided where some of its rows are ``silent``: a constant prediction shows nothing."""
    if not quiet:
        return found
    said = f"{', '.join(quiet)}: under {FEW:g} % of the positives found, and a constant prediction shows nothing"
    return replace(found, verdict=UNDECIDED, note=f"{found.note}; {said}")


def over_tasks(
    claim: str,
    by_task: By,
    quiet: Mapping[str, Sequence[str]],
    decide: Decide,
    *,
    ours: str,
    note: str,
    what: str = "tasks",
) -> Verdict:
    """A verdict from verdicts on each task; tasks with a ``silent`` row are undecided, whatever their conditions say.

    Args:
        by_task: the conditions of each task. quiet: what ``silent`` says of each.
        decide: verdict from how many tasks hold, how many fail, and how many there are.
        ours, note: as in ``judge``. what: the tasks in the words of the claim.
    """
    states = {task: UNDECIDED if quiet[task] else state_of(conditions) for task, conditions in by_task.items()}
    counts = [list(states.values()).count(state) for state in (HOLDS, FAILS)]
    verdict = decide(counts[0], counts[1], len(by_task))
    deciding = [c for task, conditions in by_task.items() if states[task] == verdict for c in conditions]
    deciding = deciding or [c for conditions in by_task.values() for c in conditions]
    where = f"holds in {counts[0]}, fails in {counts[1]} of {len(by_task)} {what}"
    found = judge(claim, deciding, ours=f"{where}; {ours}", note=note)
    found = unless_silent(found, [text for texts in quiet.values() for text in texts])
    return replace(found, verdict=verdict)


def state_of(conditions: Iterable[Condition]) -> str:
    """``does not hold`` if one condition fails, else ``undecided`` if one is, else ``holds``."""
    states = {condition.state for condition in conditions}
    return FAILS if FAILS in states else UNDECIDED if UNDECIDED in states else HOLDS


def on_value(task: str, found: str) -> str:
    """``found``, which a tier says of a printed value, where the task's data are their owner's; empty stays empty."""
    from fairnb import tasks

    return NOT_JUDGED if found and tasks.data_version(task) else found


def save(verdicts: list[Verdict], name: str, *, tier: str) -> pd.DataFrame:
    """Keep the verdicts of the notebook ``name`` for the scorecard and return them as a table to show.

    The note begins with how the data differ from what their owners published, where they do.
    """
    other = versions.said()
    rows = [asdict(replace(v, note=f"{other}; {v.note}" if other else v.note)) for v in verdicts]
    report.save_json(rows, paths.results(tier) / "verdicts" / f"{name}.json")
    return pd.DataFrame(rows, columns=list(COLUMNS))


def deciding(note: str) -> tuple[str, float, float, float]:
    """What decided a verdict, from its ``note``: the condition in words, its mean, and the ends of its interval.

    The ends are NaN for one seed; where the note says none, the words are empty and all numbers NaN.
    """
    found = re.search(r"decided by: (.*?): ([-+][\d.]+|[-+]?nan)(?: \[([^,]+), ([^\]]+)\])?", note)
    if found is None:
        return "", np.nan, np.nan, np.nan
    return found[1], float(found[2]), float(found[3] or np.nan), float(found[4] or np.nan)


def why(verdicts: pd.DataFrame) -> None:
    """Print a line for each row of ``save``'s table: claim, verdict, and what decided it."""
    for row in verdicts.itertuples():
        print(f"{row.claim} {row.verdict}: {row.note.partition('decided by: ')[2] or row.note}")


def scorecard(tier: str) -> pd.DataFrame:
    """One row per claim of the ledger: the saved verdict, or ``not run``."""
    import json

    saved: dict[str, dict] = {}
    for file in sorted((paths.results(tier) / "verdicts").glob("*.json")):
        saved |= {row["claim"]: row for row in json.loads(file.read_text(encoding="utf-8"))}
    blank = {"verdict": NOT_RUN, "ours": "", "seeds": 0, "note": ""}
    rows = [
        saved.get(row["id"], blank | {"claim": row["id"], "paper": row["paper"], "printed": row["printed"]})
        for row in reported.claims().to_dict("records")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))
