"""What may be asked of a party from another machine: its actions by name, and of each the settings with their ranges.

An explicit table, so that nothing is asked because a class happens to have a method or an option of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairnb.errors import UnknownName
from fairnb.papers.fairlora.protocol.messages import BadMessage
from fairnb.papers.fairlora.protocol.wire import AUDITOR, DEVELOPER


@dataclass(frozen=True)
class Number:
    """A number from ``low`` to ``high``, both included; ``whole`` ones only."""

    low: float
    high: float
    whole: bool = False

    def takes(self, value: object) -> bool:
        """Whether it is such a number (a truth value is none)."""
        kinds = int if self.whole else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Word:
    """One of some words."""

    words: tuple[bool | str, ...]

    def takes(self, value: object) -> bool:
        """Whether it is one of them."""
        return any(type(value) is type(word) and value == word for word in self.words)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.words))


Rules = Mapping[str, Number | Word]


@dataclass(frozen=True)
class Action:
    """What a party can be asked to do.

    Attributes:
        message: whether it takes the other party's adapter. needed, optional: its settings.
    """

    message: bool
    needed: Rules
    optional: Rules


STEPS, TURN = Number(1, 1_000_000, whole=True), Number(0, 1_000_000, whole=True)
RATE, STRENGTH = Number(1e-12, 1e3), Number(0, 1e6)
SWITCH, SCHEDULE = Word((True, False)), Word(("constant", "cosine"))
TRAINING: dict[str, Number | Word] = {"lr": RATE, "schedule": SCHEDULE}
ACTIONS: dict[str, dict[str, Action]] = {
    AUDITOR: {
        "learn": Action(False, {"steps": STEPS}, TRAINING),
        "hide": Action(
            True,
            {"steps": STEPS, "lr": RATE, "objective": Word(("adversarial", "uniform", "entropy"))},
            {"turn": TURN, "schedule": SCHEDULE},
        ),
    },
    DEVELOPER: {
        "train": Action(False, {"steps": STEPS}, TRAINING | {"turn": TURN, "reply": SWITCH}),
        "train_away": Action(
            True,
            {"steps": STEPS, "strength": STRENGTH, "form": Word(("factors", "product"))},
            TRAINING | {"shuffled": SWITCH},
        ),
        "negate": Action(True, {"strength": STRENGTH}, {}),
        "take": Action(True, {}, {}),
        "fit_head": Action(False, {"steps": STEPS}, TRAINING | {"turn": TURN}),
        "finish": Action(False, {}, {}),
    },
}


def require(role: str, action: str, settings: Mapping[str, Any], message: bool) -> None:
    """Refuse what is not in the table.

    Args:
        message: whether an adapter comes with it.

    Raises:
        UnknownName: no such action of the party ``role``. BadMessage: a setting that it does not have, lacks or that is
            out of its range, or a message where there must be none.
    """
    known = ACTIONS[role]
    if action not in known:
        raise UnknownName(f"action of the {role}", action[:40], known)
    rules = {**known[action].needed, **known[action].optional}
    for name, value in settings.items():
        if name not in rules:
            raise BadMessage(f"{action} has no setting {name[:40]!r}: it takes {', '.join(rules) or 'none'}")
        if not rules[name].takes(value):
            raise BadMessage(f"{name} of {action} must be {rules[name]}: ask for that")
    if lacking := sorted(set(known[action].needed) - set(settings)):
        raise BadMessage(f"{action} needs the setting {lacking[0]}, {rules[lacking[0]]}: add it")
    if message != known[action].message:
        raise BadMessage(f"{action} takes {'an' if known[action].message else 'no'} adapter of the other party")
