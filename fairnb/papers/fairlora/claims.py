"""Verdicts on FairLoRA's claims (L1 to L4).

``frame`` is what ``runs.run`` returns for the rows of ``tables``; values are in percentage points. The
claims are words of an abstract, so how they become numbers is our reading: bias is the gap in false positive rates
(``fpr_gap``) and demographic parity (``ddp``), utility is accuracy, and "no benefit" needs a margin (``MARGIN``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fairnb.evidence import reported
from fairnb.evidence.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    By,
    Condition,
    Decide,
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
from fairnb.papers.fairlora.tables import ADV, ERM, ORTH, UNL

GAPS = ("fpr_gap", "ddp")
SHOWN = ("acc", *GAPS)
MARGIN = 2.0  # percentage points: a smaller fall of a gap is no clear benefit
ADAPTER = re.compile(r".+\.layers\.\d+\..+\.lora_([AB])\.weight")


def main_table(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on L1 to L4 from the runs of the table of methods."""
    return [judged(frame, setting) for judged in (fairer_and_as_good, improves_somewhere, no_benefit, adapters_only)]


def fairer_and_as_good(frame: pd.DataFrame, setting: str) -> Verdict:
    """L1: in every task Orth's gaps are below Erm's, and its accuracy is not below Erm's by Erm's spread over seeds.

    The spread is one standard deviation; of one seed there is none, which decides nothing.
    """
    names, rows = _tasks(frame), (ERM[0], ORTH[0])
    conditions = [c for task in names for c in (*_lower(frame, ORTH[0], task), _as_good(frame, ORTH[0], task))]
    found = judge("L1", conditions, ours=_shown(frame, names, rows), note=setting)
    return checked(found, silent(frame, rows, names))


def improves_somewhere(frame: pd.DataFrame, setting: str) -> Verdict:
    """L2: there is a task in which Adv lowers both gaps; it fails where each task has a gap that Adv raises.

    One of N tasks is enough, so of N tasks without any effect up to N times 2.5 % show one: the note says how many.
    """
    names, rows = _tasks(frame), (ERM[0], ADV[0])
    by_task = {task: _lower(frame, ADV[0], task) for task in names}
    note = f"{setting}; one task of {len(names)} is enough"

    def decide(holding: int, failing: int, of: int) -> str:
        return HOLDS if holding else FAILS if failing == of else UNDECIDED

    return _over_tasks("L2", frame, by_task, rows, decide, note)


def no_benefit(frame: pd.DataFrame, setting: str) -> Verdict:
    """L3: in most tasks Unl lowers no gap by more than ``MARGIN`` points.

    An interval that contains 0 would not do: with few seeds any does. See ``NoBenefit``. A gap without room for a
    benefit counts only where it falls, and a task with no other gap is undecided.
    """
    names, rows = _tasks(frame), (ERM[0], UNL[0])
    by_task = {}
    for task in names:
        both = [_no_benefit(frame, gap, task) for gap in GAPS]
        by_task[task] = [c for c in both if c.room > MARGIN or c.state == FAILS] or both
    note = f"{setting}; holds in a task where no gap falls by over {MARGIN:g} points, fails where one is lower for sure"

    def decide(holding: int, failing: int, of: int) -> str:
        return HOLDS if 2 * holding > of else FAILS if 2 * failing >= of else UNDECIDED

    return _over_tasks("L3", frame, by_task, rows, decide, note)


@dataclass(frozen=True)
class NoBenefit(Condition):
    """An equivalence test on gap(method) - gap(Erm), one-sided: harm is no benefit either.

    It holds when the 95 % t-interval lies above -``MARGIN`` and reaches 0, fails when it lies below 0 (however small
    the fall), and is open where it is too wide for either.

    Attributes:
        room: Erm's mean gap, points. Below ``MARGIN`` there is no benefit to be had, so its absence shows nothing.
    """

    room: float = float("inf")

    @property
    def state(self) -> str:
        """``holds``, ``does not hold`` or ``undecided`` by the rule above."""
        interval = self.interval
        if interval.high < 0:
            return FAILS
        return HOLDS if interval.low > -MARGIN and self.room > MARGIN else UNDECIDED


def adapters_only(frame: pd.DataFrame, setting: str) -> Verdict:
    """L4: every message that crossed is one adapter's A and B matrices and nothing else, to the byte.

    By construction, so one seed will do: the log of each exchange names the tensors of its first message, and every
    message has just the size of these in a safetensors file. It says what *kind* of thing crosses and nothing about
    what an adapter gives away, which ``leakage`` measures.
    """
    notes = [notes for notes in frame["notes"] if notes.get("messages")]
    good = [_adapters_of(own) for own in notes]
    passed, total = sum(good), sum(len(own["messages"]) for own in notes)
    largest = max((line["size"] for own in notes for line in own["messages"]), default=0)
    verdict = UNDECIDED if not total else HOLDS if passed == total else FAILS
    ours = f"{passed} of {total} messages in {len(notes)} exchanges are one adapter's A and B, up to {largest:,} bytes"
    row = reported.claims().set_index("id").loc["L4"]
    note = f"{setting}; by construction, checked in the logs; what adapters give away is another question"
    return Verdict("L4", row["paper"], verdict, ours, row["printed"], frame["seed"].nunique(), note)


def _adapters_of(notes: Mapping[str, Any]) -> int:
    """How many messages of an exchange have the size of its adapter; 0 where the tensors are none of an adapter."""
    shapes = notes["tensors"]
    if not _is_adapter(shapes):
        return 0
    size = message_size(shapes)
    return sum(line["size"] == size for line in notes["messages"])


def message_size(shapes: Mapping[str, Sequence[int]]) -> int:
    """Bytes of a message with float32 tensors of these names and shapes: safetensors' header, then the numbers."""
    import numpy as np
    from safetensors.numpy import save

    return len(save({name: np.zeros(shape, np.float32) for name, shape in shapes.items()}))


def _is_adapter(shapes: Mapping[str, Sequence[int]]) -> bool:
    """Whether the names are pairs of A ``(r, in)`` and B ``(out, r)`` with one rank r, and nothing besides."""
    found = {name: ADAPTER.fullmatch(name) for name in shapes}
    if not shapes or not all(found.values()) or any(len(shape) != 2 for shape in shapes.values()):
        return False
    ranks = {shapes[name][0 if match[1] == "A" else 1] for name, match in found.items() if match}
    paired = {name.replace(".lora_A.", ".lora_B.") for name in shapes if ".lora_A." in name}
    return len(ranks) == 1 and paired == {name for name in shapes if ".lora_B." in name}


def _over_tasks(
    claim: str, frame: pd.DataFrame, by_task: By, rows: Sequence[str], decide: Decide, note: str
) -> Verdict:
    quiet = {task: silent(frame, rows, [task]) for task in by_task}
    return over_tasks(claim, by_task, quiet, decide, ours=_shown(frame, by_task, rows), note=note)


def _tasks(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame["task"].unique()]


def _shown(frame: pd.DataFrame, names: Any, rows: Sequence[str]) -> str:
    return "; ".join(means(frame, task, rows, SHOWN) for task in names)


def _lower(frame: pd.DataFrame, row: str, task: str) -> list[Condition]:
    """Both gaps of ``row`` are below Erm's."""
    found = [less(frame, gap, row, ERM[0], task, "label") for gap in GAPS]
    return [Condition(f"{condition.text} in {task}", condition.values) for condition in found]


def _as_good(frame: pd.DataFrame, row: str, task: str) -> Condition:
    """Accuracy of ``row`` minus Erm's, plus the standard deviation of Erm's over seeds."""
    ours, theirs = (per_seed(frame, label, "acc", task, "label") for label in (row, ERM[0]))
    spread = theirs.std(ddof=1) if len(theirs) > 1 else 0.0
    return Condition(f"acc({row}) - acc({ERM[0]}) + spread {spread:.2f} in {task}", tuple(ours - theirs + spread))


def _no_benefit(frame: pd.DataFrame, gap: str, task: str) -> NoBenefit:
    found = less(frame, gap, ERM[0], UNL[0], task, "label")
    room = per_seed(frame, ERM[0], gap, task, "label").mean()
    return NoBenefit(f"{found.text} in {task}", found.values, room)
