"""FairLoRA's strategies as methods: a task's training images are shared out, and two processes train (``protocol``).

Half of the training images go to the developer with their targets, the other half to the auditor with their protected
labels; neither gets the other label, and the validation split is read by nobody. Everything about the schedule is our
reconstruction (see ``protocol.strategies``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Unpack

from fairnb.contract import Predictor, Task
from fairnb.papers.fairlora.protocol import processes, strategies
from fairnb.papers.fairlora.protocol.auditor import Objective
from fairnb.papers.fairlora.protocol.developer import Form
from fairnb.papers.fairlora.protocol.messages import PARTIES
from fairnb.papers.fairlora.protocol.wire import DEVELOPER, Wire
from fairnb.papers.fairlora.session import VERSION, Options, Session, known, session_of, steps_of
from fairnb.training.loop import TrainedPredictor
from fairnb.training.methods import method

SOURCE = "FairLoRA, our reconstruction"


@method(version=VERSION, source=SOURCE)
def lora_erm(task: Task, *, seed: int, **options: Unpack[Options]) -> Predictor:
    """Erm: the developer trains alone, see ``strategies.unaware``.

    Raises:
        BadData: no vision transformer, a value out of its range, or a party whose data have one class.
    """
    return _trained(task, seed, "erm", strategies.unaware, {}, options)


@method(version=VERSION, source=f"{SOURCE}; a control of ours")
def lora_head(task: Task, *, seed: int, **options: Unpack[Options]) -> Predictor:
    """Head only, see ``strategies.head_only``: what the frozen network's features give without any adapter."""
    return _trained(task, seed, "head", strategies.head_only, {}, options)


@method(version=VERSION, reads_groups=True, source=SOURCE)
def lora_unl(task: Task, *, seed: int, strength: float = 0.5, **options: Unpack[Options]) -> Predictor:
    """Unl: the auditor's adapter is negated with ``strength`` first, see ``strategies.unlearning``."""
    own = {"auditor_steps": steps_of(task, options), "strength": strength}
    return _trained(task, seed, "unl", strategies.unlearning, own, options)


@method(version=VERSION, reads_groups=True, source=SOURCE)
def lora_orth(
    task: Task,
    *,
    seed: int,
    strength: float = 10.0,
    form: Form = "factors",
    shuffled: bool = False,
    **options: Unpack[Options],
) -> Predictor:
    """Orth: ``strength`` times the overlap of both adapters in the loss, see ``developer.overlap`` for ``form``.

    ``shuffled``: a control, away from the auditor's numbers at other places.
    """
    own: dict[str, Any] = {"auditor_steps": steps_of(task, options), "strength": strength, "form": form}
    own |= {"shuffled": True} if shuffled else {}
    return _trained(task, seed, "orth", strategies.orthogonal, own, options)


@method(version=VERSION, reads_groups=True, source=SOURCE)
def lora_adv(
    task: Task,
    *,
    seed: int,
    strength: float = 1.0,
    objective: Objective = "adversarial",
    rounds: int | None = None,
    hide_steps: int | None = None,
    **options: Unpack[Options],
) -> Predictor:
    """Adv: alternating rounds with an auditor that raises its head's loss, see ``strategies.alternating``.

    ``rounds`` and ``hide_steps`` (of the auditor, each round): None: as in the settings.
    """
    own = _turns(task, rounds, hide_steps) | {"strength": strength, "objective": objective}
    return _trained(task, seed, "adv", strategies.alternating, own, options)


@method(version=VERSION, reads_groups=True, source=SOURCE)
def lora_ent(
    task: Task,
    *,
    seed: int,
    strength: float = 1.0,
    rounds: int | None = None,
    hide_steps: int | None = None,
    **options: Unpack[Options],
) -> Predictor:
    """Ent: as Adv, but the auditor raises the entropy of what its head says (the authors' follow-up, 2026)."""
    own = _turns(task, rounds, hide_steps) | {"strength": strength, "objective": "entropy"}
    return _trained(task, seed, "ent", strategies.alternating, own, options)


def _trained(
    task: Task, seed: int, name: str, strategy: Callable[..., None], own: dict[str, Any], options: Mapping[str, Any]
) -> Predictor:
    """The developer's network after ``strategy``, whose keyword arguments are ``own`` and the number of steps."""
    session = session_of(task, seed, strategy.__name__, own, options)
    arguments = own | {"steps": steps_of(task, options)}
    if strategy is strategies.alternating:
        arguments["lr"] = session.agreement.recipe["lr"]
    session.begin_anew_if_broken()
    with (
        processes.calls(session.agreement, session.sites) as call,
        closing(Wire(session.folder, call, session.shared, f"{name} on {task.name}, seed {seed}")) as wire,
    ):
        strategy(wire, **arguments)
        wire.ask(DEVELOPER, "finish")
    return TrainedPredictor(session.model(), _notes(session, wire))


def _notes(session: Session, wire: Wire) -> dict[str, Any]:
    """For the record: the log of the wire, and both diaries, as the researcher owns both parties."""
    log = wire.summary()
    lines = [{key: value for key, value in line.items() if key != "tensors"} for line in log]
    found = {"session": session.folder.name, "messages": lines, "tensors": log[0]["tensors"] if log else {}}
    return found | {party: session.diary(party) for party in PARTIES}


def _turns(task: Task, rounds: int | None, hide_steps: int | None) -> dict[str, int]:
    found = known(task)
    return {
        "rounds": found["lora_rounds"] if rounds is None else rounds,
        "hide_steps": found["lora_hide_steps"] if hide_steps is None else hide_steps,
    }
