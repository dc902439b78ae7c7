"""What an adversary of FairLoRA's exchange learns, by who he is and what he is assumed to know. All attacks are ours.

Each looks at how an adapter moves the features of images, f(W0 + BA) - f(W0), and needs the public network. None has
a label of the image that it asks about. What one cannot do a stronger one may, so they are lower bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from fairnb import tasks
from fairnb.contract import Split
from fairnb.evidence import measurements
from fairnb.evidence.runs import Run
from fairnb.papers.fairlora import kept, leakage, lora
from fairnb.papers.fairlora.leakage import Pair
from fairnb.papers.fairlora.lora import Tensors
from fairnb.papers.fairlora.protocol import secret
from fairnb.papers.fairlora.protocol.messages import AdapterMessage, unseal
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER

VERSION = "1"  # bump when the numbers change
TRIED = 600  # test images
LEAKS = ("leak_message", "leak_alone")  # what L5 needs: the ledger keeps it
GUESS = bytes(secret.SIZE)  # a secret that is nobody's


@dataclass(frozen=True)
class Attack:
    """An attack in words: ``adversary``, what he ``knows`` beside public network and message, what he ``learns``."""

    adversary: str
    knows: str
    learns: str


# The score of all is an AUC. ``better end``: without a sign, the better of both directions counts.
ATTACKS = {
    "message": Attack("developer", "unlabelled images", "s, better end"),
    "answer": Attack("developer", "unlabelled images, and the adapter that he sent", "s, better end"),
    "known head": Attack("developer", "the auditor's first head, as from a seed that both know", "s with its sign"),
    "guessed head": Attack("developer", "a first head of his own, as the auditor's is secret", "s with its sign"),
    "members": Attack("developer", "images, some of them the auditor's", "which are the auditor's"),
    "target": Attack("auditor", "unlabelled images", "y, better end"),
    "reply": Attack("auditor", "unlabelled images, and the adapter that it sent", "y, better end"),
}
WORDS = {
    "message": "first message received",
    "answer": "last message received - last sent",
    "known head": "first message received",
    "guessed head": "first message received",
    "members": "first message received",
    "target": "last message received",
    "reply": "last message received - last sent",
}


def of_runs(attacked: Sequence[Run], parts: tuple[Split, Split], members: Split) -> pd.DataFrame:
    """All attacks on runs of ``lora_*`` on one task, as far as their exchange has the messages.

    Args:
        parts: images that the attacks are fitted to, and those that they are tried on. members: images of the auditor.

    Returns:
        columns ``task, label, seed, attack`` (of ``ATTACKS``) and ``auc``, 0..1.
    """
    lines = []
    for run in attacked:
        found = of_run(run, parts, members)
        same = {"task": run.task, "label": run.label, "seed": run.seed}
        lines += [same | {"attack": name, "auc": value} for name, value in found.items()]
    return pd.DataFrame(lines, columns=["task", "label", "seed", "attack", "auc"])


def of_run(run: Run, parts: tuple[Split, Split], members: Split) -> dict[str, float]:
    """The AUC of each attack on one run; nothing of an exchange without a message."""
    session, sent = kept.exchange(run)
    if not sent:
        return {}
    look = _Look(kept.base_model(session), parts)
    theirs, ours = ([m for m in sent if m.sender == party] for party in (AUDITOR, DEVELOPER))
    s, y = parts[1].protected, parts[1].target
    first = look(theirs[0])
    found = {"message": leakage.label_free(look.base, first, s)}
    for name, own in (("known head", secret.derived(run.seed, AUDITOR)), ("guessed head", GUESS)):
        found[name] = auc(s, (first[1] - look.base[1]) @ first_head(own, first[1].shape[1]))
    found["members"] = look.members(theirs[0], members)
    if ours:  # Adv and Ent: turn by turn
        before, after = look(ours[-1]), look(theirs[-1])
        found["answer"] = leakage.label_free(before, after, s)
        found["target"] = leakage.label_free(look.base, before, y)
        if len(ours) > 1:
            found["reply"] = leakage.label_free(look(theirs[-2]), before, y)
    return found


class _Look:
    """Features of two sets of images in the public network with one adapter or another."""

    def __init__(self, model: nn.Module, parts: tuple[Split, Split]) -> None:
        self.model, self.parts = model, parts
        self.base: Pair = self._features()

    def __call__(self, message: AdapterMessage) -> Pair:
        lora.load(self.model, unseal(message))
        return self._features()

    def _features(self) -> Pair:
        return leakage.features(self.model, self.parts[0]), leakage.features(self.model, self.parts[1])

    def members(self, message: AdapterMessage, members: Split) -> float:
        """AUC of how far the message moves an image: ``members`` against as many that it was not trained on."""
        tensors: Tensors = unseal(message)
        others = self.parts[0].take(np.arange(min(len(members), len(self.parts[0]))))
        own = members.take(np.arange(len(others)))
        lora.load(self.model, {name: tensor * 0 for name, tensor in tensors.items()})
        before = [leakage.features(self.model, part) for part in (own, others)]
        lora.load(self.model, tensors)
        after = [leakage.features(self.model, part) for part in (own, others)]
        moved = [np.linalg.norm(b - a, axis=1) for a, b in zip(before, after, strict=True)]
        return auc(np.repeat([1, 0], [len(own), len(others)]), np.concatenate(moved))


def first_head(own: bytes, width: int) -> np.ndarray:
    """The weights ``(width,)`` of the head that a party with the secret ``own`` draws first."""
    head = nn.Linear(width, 1)
    secret.redraw([head], own, "head")
    return head.weight.detach().numpy()[0]


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Share of pairs of a 1 and a 0 in which the 1 has the higher score, 0..1."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(label, score))


def measure(grid: Sequence[Run], tried: int = TRIED) -> pd.DataFrame:
    """The AUC of the message and of the public network alone for each run, and ``evidence``; fractions."""
    for run in grid:
        measurements.several(run, _versions(tried), partial(_leaks, run, tried))
    return evidence(grid, tried)


def evidence(grid: Sequence[Run], tried: int = TRIED) -> pd.DataFrame:
    """``LEAKS`` of the grid's rows by all evidence there is, see ``measurements.frame``."""
    return measurements.frame(grid, _versions(tried))


def _leaks(run: Run, tried: int) -> dict[str, float]:
    problem = tasks.problem(run.task, run.tier, run.seed)
    session, [sent] = kept.exchange(run)
    look = _Look(kept.base_model(session), parts_of(problem, tried))
    s = look.parts[1].protected
    found = (leakage.label_free(look.base, look(sent), s), leakage.label_free(None, look.base, s))
    return dict(zip(LEAKS, found, strict=True))


def parts_of(problem: tasks.Problem, tried: int = TRIED) -> tuple[Split, Split]:
    """The images that attacks are fitted to (validation: they are neither party's), and those they are tried on."""
    return problem.task.val, problem.test.take(np.arange(min(tried, len(problem.test))))


def _versions(tried: int) -> dict[str, str]:
    return dict.fromkeys(LEAKS, f"{VERSION}.{tried}")


def table(found: pd.DataFrame) -> pd.DataFrame:
    """``of_runs`` over seeds in percent, with who and what he knows: one line per attack and row, in their order."""
    from fairnb.evidence import seeds

    lines: list[Any] = []
    for name, attack in ATTACKS.items():
        for (task, label), part in found[found["attack"] == name].groupby(["task", "label"], sort=False):
            numbers = seeds.over(part.assign(task=task, label=label), ("auc",))
            words = {"adversary": attack.adversary, "knows": attack.knows, "learns": attack.learns}
            lines.append(numbers.assign(**words, looks_at=WORDS[name], attack=name, seeds=len(part)))
    if not lines:
        return pd.DataFrame()
    made = pd.concat(lines, ignore_index=True)
    ends = ["auc_low", "auc_high"]
    made[ends] = made[ends].clip(0, 100)  # no AUC passes them
    first = ["task", "adversary", "knows", "learns", "looks_at", "row", "seeds", "attack"]
    return made[[*first, *made.columns.drop(first)]]
