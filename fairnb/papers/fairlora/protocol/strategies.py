"""The five ways to train and a control, each a few lines: who does what, and which adapter crosses.

Source: "Fairness-Aware Low-Rank Adaptation Under Demographic Privacy Constraints" (arXiv 2503.05684), whose abstract
names the strategies; steps, schedules and formulas are OUR RECONSTRUCTION, as the full text could not be had. The
entropy form is from the authors' follow-up. In all of them the developer takes ``steps`` steps (rounded to passes and
rounds of equal length), on the same images; Adv and Ent end with one round more for the head alone.
"""

from __future__ import annotations

import math
from typing import Any

from fairnb.errors import BadData
from fairnb.papers.fairlora.protocol.auditor import Objective
from fairnb.papers.fairlora.protocol.developer import Form
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER, Wire

COSINE: dict[str, Any] = {"schedule": "cosine"}


def unaware(wire: Wire, *, steps: int) -> None:
    """Erm: cross-entropy on the target; the auditor is never asked."""
    wire.ask(DEVELOPER, "train", steps=steps, **COSINE)


def head_only(wire: Wire, *, steps: int) -> None:
    """A control: the head alone learns, on the frozen network; the adapter stays 0 and the auditor is never asked."""
    wire.ask(DEVELOPER, "fit_head", steps=steps, **COSINE)


def unlearning(wire: Wire, *, steps: int, auditor_steps: int, strength: float) -> None:
    """Unl: the auditor's adapter, which knows the protected attribute, is subtracted before the training starts."""
    protected = wire.ask(AUDITOR, "learn", steps=auditor_steps, share=True, **COSINE)
    wire.ask(DEVELOPER, "negate", protected, strength=strength)
    wire.ask(DEVELOPER, "train", steps=steps, **COSINE)


def orthogonal(
    wire: Wire, *, steps: int, auditor_steps: int, strength: float, form: Form, shuffled: bool = False
) -> None:
    """Orth: training with a loss that keeps the adapter orthogonal to the auditor's.

    ``shuffled``: a control, orthogonal to the same numbers at other places, which know nothing.
    """
    protected = wire.ask(AUDITOR, "learn", steps=auditor_steps, share=True, **COSINE)
    more: dict[str, Any] = COSINE | ({"shuffled": True} if shuffled else {})
    wire.ask(DEVELOPER, "train_away", protected, steps=steps, strength=strength, form=form, **more)


def alternating(
    wire: Wire, *, steps: int, hide_steps: int, rounds: int, strength: float, objective: Objective, lr: float
) -> None:
    """Adv and Ent: the developer learns the target, the auditor hides the protected attribute, turn by turn.

    ``strength`` scales the auditor's rate: with Adam, scaling its loss instead would change nothing. At the end the
    developer fits its head to what came back. Both begin each turn with a new optimiser, as in federated learning.

    Raises:
        BadData: no round, or a strength below 0.
    """
    if rounds < 1 or not strength >= 0:
        raise BadData(f"rounds must be 1 or more and strength 0 or more, got {rounds} and {strength:g}")
    each = max(1, round(steps / rounds))
    for turn in range(rounds):
        rate = lr * (1 + math.cos(math.pi * (turn + 0.5) / rounds)) / 2
        adapter = wire.ask(DEVELOPER, "train", steps=each, turn=turn, lr=rate, reply=True)
        if strength:
            hidden = wire.ask(
                AUDITOR, "hide", adapter, steps=hide_steps, turn=turn, objective=objective, lr=strength * rate
            )
            wire.ask(DEVELOPER, "take", hidden)
    wire.ask(DEVELOPER, "fit_head", steps=each, turn=rounds, lr=lr / 2)
