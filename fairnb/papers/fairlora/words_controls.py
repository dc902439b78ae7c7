"""What notebook 43 says about the controls, made from their runs: what the adapter brings, what Orth takes, who knows.

``frame`` is what ``runs.run`` returns for the table ``controls``; metrics are fractions, sentences have percent and
points. A task is named in words by ``names``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fairnb.evidence import say
from fairnb.papers.fairlora.claims import GAPS, names_of
from fairnb.papers.fairlora.claims_controls import one_answer
from fairnb.papers.fairlora.tables import ADV, BOTH, ERM, HEAD, ORTH, SHUFFLED, STRONGER, UNIFORM
from fairnb.papers.fairlora.tasks import BLIND
from fairnb.papers.fairlora.words_strategies import NAMES, said_of, than

# By the outcome of a claim.
REASONS: dict[str, dict[str, str]] = {
    "L6": {
        "holds": "So it is not the penalty as such, which any numbers of that size give, but what the numbers know.",
        "refuted": "In the mean of these tasks what the auditor knows moves no gap by as much as the margin; single "
        "tasks may differ.",
        "open": "Without this, neither a gain nor a loss of Orth can be laid on what the auditor knows.",
    },
    "L7": {
        "holds": "It fits the toy: Orth keeps the adapter from bringing s in; where W₀ shows s less is kept out.",
        "refuted": "That is not what the toy says: there, Orth helps more where the adapter would bring s in.",
        "open": "The toy says that it should: where W₀ shows s, the head may use it, and Orth keeps less out.",
    },
}


def words(task: str, labels: tuple[str, str]) -> str:
    """A task in words: target, protected attribute, and whether its frozen network hides the latter."""
    return f"{labels[0]} against {labels[1]}" + (" (network hides it)" if task.endswith(BLIND) else "")


def why(frame: pd.DataFrame, verdicts: pd.DataFrame, names: Mapping[str, str]) -> list[str]:
    """A point for each control and claim, for ``say.prose``.

    Args:
        verdicts: the table of ``verdicts.save``. names: task -> its words.
    """
    return [
        _brought(frame, names),
        _claim(frame, verdicts, names, "L6", ORTH[0], SHUFFLED[0]),
        _claim(frame, verdicts, names, "L7", ORTH[0], ERM[0]),
        _room(frame, names),
        _uniform(frame, names),
    ]


def _claim(
    frame: pd.DataFrame, verdicts: pd.DataFrame, names: Mapping[str, str], claim: str, row: str, other: str
) -> str:
    return say.point(verdicts, [claim], _each(frame, names, row, other), say.reason(verdicts, claim, REASONS[claim]))


def _each(frame: pd.DataFrame, names: Mapping[str, str], row: str, other: str, metrics: Sequence[str] = GAPS) -> str:
    """The change of a row from another in each task that has both."""
    said = []
    for task in names_of(frame):
        there = set(frame.loc[frame["task"] == task, "label"])
        if {row, other} <= there:
            found = [f"{NAMES[metric]} {said_of(than(frame, row, other, metric, task))}" for metric in metrics]
            said.append(f"on {names[task]}: {', '.join(found)}")
    return f"{row} against {other}, {'; '.join(said)}." if said else f"this tier has no {row}."


def _brought(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Erm against the head alone: what the adapter brings in."""
    constant = one_answer(frame, (HEAD[0],), names_of(frame))
    counted = [task for task in names_of(frame) if not constant[task]]
    nothing = [
        names[task]
        for task in counted
        if all(than(frame, ERM[0], HEAD[0], gap, task).word == say.UNCLEAR for gap in GAPS)
    ]
    follows = "In each of them a gap is clearly the adapter's, so Orth has something to keep out." if counted else ""
    if nothing:
        follows = (
            f"These seeds do not show that the adapter brings a gap in: {say.listed(nothing)}. A null of Orth there "
            "would say little."
        )
    said = _each(frame[frame["task"].isin(counted)], names, ERM[0], HEAD[0], ("acc", *GAPS)) if counted else ""
    out = [names[task] for task in names_of(frame) if constant[task]]
    left = f"Left out, because a head alone says nearly the same of everybody there: {say.listed(out)}." if out else ""
    return " ".join(filter(None, ("* **What does the adapter bring in?**", said, follows, left)))


def _room(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """What whoever knows both labels could gain, and what it costs."""
    return (
        f"* **What could be gained?** Who knows both labels may ask for small gaps outright. "
        f"{_each(frame, names, BOTH[0], ERM[0], ('acc', *GAPS))} Asked for three times as much: "
        f"{_each(frame, names, STRONGER[0], ERM[0], ('acc', *GAPS))}"
    )


def _uniform(frame: pd.DataFrame, names: Mapping[str, str]) -> str:
    """Adv whose auditor asks its head to know nothing, in place of asking it to err."""
    if ADV[0] not in set(frame["label"]):
        return f"* **Another aim of the auditor.** {_each(frame, names, UNIFORM[0], ERM[0])} (Adv itself: notebook 40.)"
    return f"* **Another aim of the auditor.** {_each(frame, names, UNIFORM[0], ADV[0])}"


def decisions() -> str:
    """What each control is, and what of it is ours, as a Markdown table."""
    lines = [
        ("control", "what it has of the method", "what it lacks"),
        (HEAD[0], "the frozen network, the head, as many steps", "the adapter"),
        (SHUFFLED[0], "Orth's penalty, with the numbers of the auditor's message", "their order"),
        (BOTH[0], "Erm's images, adapter and steps, and its own squared gaps in the loss",
         "privacy: the developer has y and s of his images"),
        (STRONGER[0], "the same, 3 times", "privacy"),
        (UNIFORM[0], "Adv's rounds", "the wish to have the head err: it shall say one half"),
    ]  # fmt: skip
    return say.table(lines)
