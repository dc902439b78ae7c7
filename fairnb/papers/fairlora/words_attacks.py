"""What notebook 42 says about attacks by adversary, made from them: who subtracts what he sent, who has the sign.

``found`` is from ``attacks.of_runs``: AUCs as fractions, a line per seed and attack; sentences have percent and points.
"""

from __future__ import annotations

import pandas as pd

from fairnb.evidence import say
from fairnb.papers.fairlora.claims_privacy import BAR, SHOWN
from fairnb.papers.fairlora.tables import ADV, ENT, ORTH
from fairnb.papers.fairlora.words_strategies import said_of

CHANCE = 50.0
# By how an AUC compares with chance.
SIGN = {
    say.HIGHER: "so the message moves features to the side of the labels along the head that it started from",
    say.LOWER: "so along that head features move to the other side than the labels'",
    say.UNCLEAR: "so the sign is not seen to come with it",
}
MEMBERS = {
    say.HIGHER: "its own images move farther, so some of them can be told",
    say.LOWER: "its own images move less far, so some of them can be told",
    say.UNCLEAR: "this attack does not tell them",
}


def why(found: pd.DataFrame, verdicts: pd.DataFrame, measured: pd.DataFrame) -> list[str]:
    """A point for L5 and for each kind of adversary, for ``say.prose``.

    Args:
        verdicts: the table of ``verdicts.save``. measured: from ``attacks.evidence``.
    """
    return [
        say.point(verdicts, ["L5"], _alone(measured), f"The bar, {BAR:g} points, is ours."),
        _subtracting(found),
        _signed(found),
        _target(found),
        _members(found),
    ]


def scores(found: pd.DataFrame, row: str, attack: str) -> pd.Series:
    """The AUC of an attack on a row in percent, by seed."""
    chosen = found[(found["label"] == row) & (found["attack"] == attack)]
    return 100 * chosen.set_index("seed")["auc"]


def _alone(measured: pd.DataFrame) -> str:
    """AUC of message and public network in each task."""
    said = []
    for task, part in measured.groupby("task", sort=False):
        alone, message = (say.value(100 * part[f"leak_{name}"]) for name in ("alone", "message"))
        said.append(f"on {task} the public network alone {alone}, the auditor's message {message}")
    return (
        f"Without labels, the groups are sorted with an AUC of: {'; '.join(said)}. Where the network alone has more "
        f"than {SHOWN:g} %, nothing is left to tell, and the task does not count."
    )


def _subtracting(found: pd.DataFrame) -> str:
    """What Adv's and Ent's answers tell whoever subtracts what he sent."""
    said = []
    for row in (ADV[0], ENT[0]):
        answer, first = scores(found, row, "answer"), scores(found, row, "message")
        change = said_of(say.compare(answer, first))
        said.append(
            f"{row}'s last answer minus the adapter that was sent has an AUC of {say.value(answer)}, against "
            f"{say.value(first)} of the first answer as it came ({change})"
        )
    return (
        f"* **Subtract what you sent.** The developer knows his own adapter, so what the auditor *added* is the "
        f"difference. {'; '.join(said)}. An adapter that was made to hide s is still a change along s."
    )


def _signed(found: pd.DataFrame) -> str:
    """What the first head adds: the sign."""
    known, guessed = (scores(found, ORTH[0], f"{name} head") for name in ("known", "guessed"))
    word = say.compare(known, CHANCE).word
    return (
        f"* **Which group is which?** Along the auditor's *first* head, if somebody knows it, the message of Orth has "
        f"an AUC of {say.value(known)} with its sign ({CHANCE:g}: none), {SIGN[word]}. With a head of his own guess "
        f"the developer gets {say.value(guessed)}. Until version 2 of the protocol that head came from the run's "
        "public seed, and everybody knew it; now each party draws from a secret."
    )


def _target(found: pd.DataFrame) -> str:
    """What the auditor learns of the target."""
    said = []
    for row in (ADV[0], ENT[0]):
        plain, reply = scores(found, row, "target"), scores(found, row, "reply")
        own = f", and {say.value(reply)} once it has subtracted what it sent" if len(reply) else ""
        said.append(f"in {row} {say.value(plain)}{own}")
    return (
        f"* **The other way round.** The auditor sorts test faces by the developer's *target* with an AUC of "
        f"{'; '.join(said)}. The protocol promises nothing of y; a developer who must keep it should know."
    )


def _members(found: pd.DataFrame) -> str:
    """Whether a message tells the images that it was trained on."""
    said = []
    for row in (ORTH[0], ADV[0]):
        own = scores(found, row, "members")
        said.append(f"{row} {say.value(own)}: {MEMBERS[say.compare(own, CHANCE).word]}")
    return (
        f"* **Which images are the auditor's?** By how far the first message moves an image's features, against images "
        f"of nobody: {'; '.join(said)}. A stronger attack may tell more."
    )
