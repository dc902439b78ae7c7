"""Verdicts on what crosses between FairLoRA's parties: its form (L4), and the information in it (L5, ours)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from fairnb.evidence import order
from fairnb.evidence.judging import MEASURED, Frames, Judged, Look
from fairnb.evidence.runs import Run
from fairnb.evidence.verdicts import Condition, Verdict, judge
from fairnb.papers.fairlora import tables

ADAPTER = re.compile(r".+\.layers\.\d+\..+\.lora_([AB])\.weight")
BAR = 5.0  # points of AUC: a message that tells no more than this beyond the public network tells nothing
SHOWN = 95.0  # percent: where the public network alone sorts the groups so well, nothing is left to tell


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


def no_predictor(measured: pd.DataFrame, setting: str) -> Verdict:
    """L5: the auditor's message tells no more of s, without any label, than the public network does by itself.

    Judged in the tasks where the network alone leaves something to tell (``SHOWN``).

    Args:
        measured: from ``attacks.evidence``, AUCs as fractions.
    """
    conditions, why, said = [], [], []
    for task, part in measured.groupby("task", sort=False):
        came = order.in_turn(part)
        own = came.set_index("turn" if "turn" in came else "seed").sort_index()
        alone, message = 100 * own["leak_alone"], 100 * own["leak_message"]
        said.append(f"{task} AUC alone {alone.mean():.1f}, message {message.mean():.1f}")
        if alone.mean() > SHOWN:
            why.append(f"in {task} the public network alone sorts the groups with an AUC of {alone.mean():.1f} %")
        else:
            text = f"{BAR:g} - (AUC(message) - AUC(public network alone)) in {task}"
            conditions.append(Condition(text, tuple(BAR - (message - alone)), metric="auc"))
    unseen = "" if conditions else "; ".join(why)
    return judge("L5", conditions, ours="; ".join(said), note="; ".join((setting, *why)), unseen=unseen)


def _privacy(frames: Frames, tier: str) -> list[Verdict]:
    """``frames["measured"]``: from ``attacks.evidence``."""
    found = []
    if "methods" in frames:
        found.append(
            adapters_only(frames["methods"], f"our reconstruction, tier {tier}, {len(frames['methods'])} runs")
        )
    setting = f"our reconstruction, tier {tier}"
    return found + ([no_predictor(frames[MEASURED], setting)] if MEASURED in frames else [])


def _measure(grid: list[Run]) -> None:
    from fairnb.papers.fairlora import attacks  # it imports torch

    attacks.measure(grid)


def _measured(grid: Sequence[Run]) -> pd.DataFrame:
    from fairnb.papers.fairlora import attacks

    return attacks.evidence(grid)


JUDGED = {
    "42_fairlora_privacy": Judged(
        ("L4", "L5"),
        {"methods": partial(tables.grid, "methods")},
        _privacy,
        ("messages", "tensors"),
        Look(tables.leaking, _measure, _measured),
    )
}
