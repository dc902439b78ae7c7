"""Verdicts on FairLoRA's claims (L1 to L4).

``frame`` is what ``runs.run`` returns for the rows of ``tables``; values are in percentage points. The
claims are words of an abstract, so how they become numbers is our reading: bias is the gap in false positive rates
(``fpr_gap``) and demographic parity (``ddp``), utility is accuracy, and "no benefit" needs a bar (``MARGIN``).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from fairnb.evidence import unseen
from fairnb.evidence.judging import Frames, Judged
from fairnb.evidence.verdicts import Condition, Verdict, above, judge, less, means, per_seed
from fairnb.papers.fairlora import tables
from fairnb.papers.fairlora.tables import ADV, ERM, ORTH, UNL

GAPS = ("fpr_gap", "ddp")
SHOWN = ("acc", *GAPS)
MARGIN = 2.0  # percentage points: a smaller fall of a gap is no clear benefit
OWN_BAR = 0.0  # baseline of a condition that has a bar of its own: it leaves no margin
ADAPTER = re.compile(r".+\.layers\.\d+\..+\.lora_([AB])\.weight")


def main_table(frame: pd.DataFrame, setting: str) -> list[Verdict]:
    """Verdicts on L1 to L4 from the runs of the table of methods."""
    return [judged(frame, setting) for judged in (fairer_and_as_good, improves_somewhere, no_benefit, adapters_only)]


def fairer_and_as_good(frame: pd.DataFrame, setting: str) -> Verdict:
    """L1: in every task Orth's gaps are below Erm's, and its accuracy is not below Erm's by Erm's spread over seeds.

    The spread is one standard deviation; of one seed there is none, which decides nothing.
    """
    conditions = {task: [*_lower(frame, ORTH[0], task), _as_good(frame, ORTH[0], task)] for task in _tasks(frame)}
    return _over_tasks("L1", frame, conditions, ORTH[0], setting)


def improves_somewhere(frame: pd.DataFrame, setting: str) -> Verdict:
    """L2: there is a task in which Adv lowers both gaps; it is refuted where each task has a gap that Adv raises."""
    conditions = {task: _lower(frame, ADV[0], task) for task in _tasks(frame)}
    return _over_tasks("L2", frame, conditions, ADV[0], f"{setting}; one task of {len(conditions)} is enough", need=1)


def no_benefit(frame: pd.DataFrame, setting: str) -> Verdict:
    """L3: in most tasks Unl lowers no gap by ``MARGIN`` points.

    An interval that contains 0 would not do: with few seeds any does. A gap of Erm's that is no larger than ``MARGIN``
    has no room for a benefit, so its absence shows nothing, and a task without any other gap does not count.
    """
    names = _tasks(frame)
    room = {task: [gap for gap in GAPS if _mean(frame, ERM[0], gap, task) > MARGIN] for task in names}
    conditions = {task: [_no_benefit(frame, gap, task) for gap in gaps] for task, gaps in room.items()}
    cramped = {
        task: [f"in {task} both gaps of {ERM[0]} are under {MARGIN:g} points ({_gaps(frame, task)}): no room to fall"]
        for task, gaps in room.items()
        if not gaps
    }
    note = f"{setting}; in most tasks, that is {len(names) // 2 + 1} of {len(names)}, no gap falls by {MARGIN:g} points"
    return _over_tasks("L3", frame, conditions, UNL[0], note, need=len(names) // 2 + 1, reasons=cramped)


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
    ours = f"{passed} of {total} messages in {len(notes)} exchanges are one adapter's A and B, up to {largest:,} bytes"
    # A single other message refutes it, however many adapters there are.
    percent = 100.0 if passed == total else -100 * (total - passed) / max(1, total)
    values = (percent,) * (frame["seed"].nunique() if total else 0)
    text = "percent of messages that are an adapter, or minus the percent that are not where there are any"
    note = f"{setting}; by construction, checked in the logs; what adapters give away is another question"
    why = "" if total else f"0 messages in the logs of {len(frame)} runs"
    return judge("L4", [Condition(text, values, exact=True)] if total else [], ours=ours, note=note, unseen=why)


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
    claim: str,
    frame: pd.DataFrame,
    conditions: Mapping[str, Sequence[Condition]],
    row: str,
    note: str,
    need: int | None = None,
    reasons: unseen.Reasons | None = None,
) -> Verdict:
    silent = unseen.quiet(frame, (ERM[0], row), conditions)
    shown = _shown(frame, conditions, (ERM[0], row))
    return unseen.over_tasks(claim, conditions, unseen.either(silent, reasons or {}), ours=shown, note=note, need=need)


def _tasks(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame["task"].unique()]


def _shown(frame: pd.DataFrame, names: Iterable[str], rows: Sequence[str]) -> str:
    return "; ".join(means(frame, task, rows, SHOWN) for task in names)


def _mean(frame: pd.DataFrame, row: str, metric: str, task: str) -> float:
    return float(per_seed(frame, row, metric, task, "label").mean())


def _gaps(frame: pd.DataFrame, task: str) -> str:
    return ", ".join(f"{gap} {_mean(frame, ERM[0], gap, task):.1f}" for gap in GAPS)


def _lower(frame: pd.DataFrame, row: str, task: str) -> list[Condition]:
    """Both gaps of ``row`` are below Erm's."""
    found = [less(frame, gap, row, ERM[0], task, "label") for gap in GAPS]
    return [dataclasses.replace(condition, text=f"{condition.text} in {task}") for condition in found]


def _as_good(frame: pd.DataFrame, row: str, task: str) -> Condition:
    """Accuracy of ``row`` minus Erm's, plus the standard deviation of Erm's over seeds."""
    ours, theirs = (per_seed(frame, label, "acc", task, "label") for label in (row, ERM[0]))
    spread = theirs.std(ddof=1) if len(theirs) > 1 else 0.0
    text = f"acc({row}) - acc({ERM[0]}) + spread {spread:.2f} in {task}"
    return above(text, "acc", ours + spread, theirs, baseline=OWN_BAR)


def _no_benefit(frame: pd.DataFrame, gap: str, task: str) -> Condition:
    """What is missing to a fall of ``MARGIN`` points."""
    fall = less(frame, gap, UNL[0], ERM[0], task, "label")
    values = tuple(MARGIN - value for value in fall.values)
    return dataclasses.replace(fall, text=f"{MARGIN:g} - ({fall.text}) in {task}", values=values)


def _strategies(frames: Frames, tier: str) -> list[Verdict]:
    frame = frames["methods"]
    setting = f"our reconstruction, tier {tier}, {tables.network(frame['task'].iloc[0], tier)}"
    return [judged(frame, setting) for judged in (fairer_and_as_good, improves_somewhere, no_benefit)]


def _logs(frames: Frames, tier: str) -> list[Verdict]:
    frame = frames["methods"]
    return [adapters_only(frame, f"tier {tier}, {len(frame)} runs")]


METHODS = {"methods": partial(tables.grid, "methods")}
JUDGED = {
    "40_fairlora": Judged(("L1", "L2", "L3"), METHODS, _strategies),
    "42_fairlora_privacy": Judged(("L4",), METHODS, _logs, ("messages", "tensors")),
}
