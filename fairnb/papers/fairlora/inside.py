"""What an exchange's notes say beside the metrics: its log, its bytes, and the private diaries of both parties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch

from fairnb.nets.vit import Shape, vit_classifier
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.claims_privacy import message_size

ROUNDS = 10  # of tier paper; a message each way
VIT_BASE = Shape(size=224, patch=16, width=768, layers=12, heads=12)


def log(notes: Mapping[str, Any]) -> pd.DataFrame:
    """The log of the wire, a line per message: ``step, sender, receiver, size`` (bytes), start of its ``sha256``."""
    found = pd.DataFrame(notes["messages"], columns=["step", "sender", "receiver", "size", "sha256"])
    return found.assign(size=found["size"].map("{:,}".format), sha256=found["sha256"].str[:12] + "…")


def message(notes: Mapping[str, Any]) -> int:
    """Bytes of the first message, 0 where nothing crossed; all messages of an exchange weigh the same."""
    return notes["messages"][0]["size"] if notes["messages"] else 0


def heads(notes: Mapping[str, Any]) -> list[float]:
    """How often the auditor's freshly fitted head was right on its own images, percent, a number per turn."""
    return [100 * entry["head_accuracy"] for entry in notes["auditor"] if "head_accuracy" in entry]


def diaries(frame: pd.DataFrame) -> pd.DataFrame:
    """Whether the strategies had an effect inside, means over seeds, a line per label whose diaries say so.

    Args:
        frame: from ``runs.run``, of one task.

    Returns:
        columns ``row``, ``overlap at the end`` with the auditor's adapter (text, of Orth), ``head right, first turn,
        %`` and ``last turn, %`` (see ``heads``, of Adv and Ent); NaN where a diary has no such thing.
    """
    lines = []
    for label, part in frame.groupby("label", sort=False):
        overlaps = [note["developer"][-1].get("overlap") for note in part["notes"] if note["developer"]]
        turns = [heads(note) for note in part["notes"]]
        line: dict[str, Any] = {"row": label}
        if any(value is not None for value in overlaps):
            line["overlap at the end"] = f"{np.mean(overlaps):.3g}"
        if turns[0]:
            first, last = (np.mean([turn[i] for turn in turns]) for i in (0, -1))
            line |= {"head right, first turn, %": first, "last turn, %": last}
        lines += [line] if len(line) > 1 else []
    return pd.DataFrame(lines)


def messages(frame: pd.DataFrame, network: int) -> pd.DataFrame:
    """Bytes that cross against all weights of the network, a line per label; last, computed, the paper's network twice.

    Args:
        frame: from ``runs.run``, of one task. network: bytes of all weights, see ``lora.size``.

    Returns:
        columns ``row, messages per run``, then in KiB and percent; NaN for the message of a row that sends none.
    """
    notes = frame.drop_duplicates("label").set_index("label")["notes"]
    sizes = {label: ([line["size"] for line in own["messages"]], network) for label, own in notes.items()}
    message, whole = vit_base()
    sizes["ViT-Base/16, one message (computed)"] = ([message], whole)
    sizes[f"ViT-Base/16, {ROUNDS} rounds of Adv (computed)"] = ([message] * 2 * ROUNDS, whole)
    lines = []
    for label, (own, weights) in sizes.items():
        one, total = own[0] if own else np.nan, sum(own)
        line = {"row": label, "messages per run": len(own), "KiB per message": one / 1024, "KiB per run": total / 1024}
        line |= {"KiB of the network": weights / 1024, "message / network, %": 100 * one / weights}
        lines.append(line | {"run / network, %": 100 * total / weights})
    return pd.DataFrame(lines)


def vit_base() -> tuple[int, int]:
    """Bytes of one message (rank 8 on query and value) and of all weights without a head, of ViT-Base/16.

    From a network without numbers, on torch's device ``meta``.
    """
    with torch.device("meta"):
        model: Any = vit_classifier(2, None, shape=VIT_BASE)
        whole = lora.size(list(model.net.vit.parameters()))
        lora.attach(model, lora.Adapter())
    return message_size({name: tuple(tensor.shape) for name, tensor in lora.parameters(model).items()}), whole
