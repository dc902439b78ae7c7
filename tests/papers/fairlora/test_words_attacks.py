"""Notebook 42's sentences on attacks by adversary from hand-made scores: what is told, what is not, a single seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fairlora import words_attacks
from fairnb.papers.fairlora.attacks import ATTACKS

NOISE = np.array([-0.01, 0.005, 0.01])
TASK = "toy_utk/over35_white_vit"
ONCE = ("message", "known head", "guessed head", "members")


def found(told=None, seeds=3):
    """All attacks on Orth, Adv and Ent at 0.5, but for ``told``: (row, attack) -> score."""
    lines = [
        {
            "task": TASK,
            "label": row,
            "attack": attack,
            "seed": seed,
            "auc": (told or {}).get((row, attack), 0.5) + noise,
        }
        for row in ("Orth", "Adv", "Ent")
        for attack in (ONCE if row == "Orth" else ATTACKS)
        for seed, noise in enumerate(NOISE[:seeds])
    ]
    return pd.DataFrame(lines)


def said(told=None, seeds=3, verdict="undecided", without=()):
    verdicts = pd.DataFrame({"claim": ["L5"], "verdict": [verdict]})
    measured = pd.DataFrame({"task": TASK, "leak_alone": 0.6 + NOISE[:seeds], "leak_message": 0.9 + NOISE[:seeds]})
    own = found(told, seeds)
    text = "\n".join(words_attacks.why(own[~own["attack"].isin(without)], verdicts, measured))
    assert "nan" not in text and f"on {TASK} the public network alone" in text
    return text


def test_subtracting_is_compared_with_what_came():
    text = said({("Adv", "answer"): 0.9})
    assert (
        "* **L5: undecided.**" in text and "Adv's last answer minus the adapter that was sent has an AUC of 90" in text
    )
    assert "higher by 40.0 points" in text and "not clearly different" in text


@pytest.mark.parametrize(("score", "word"), [(0.95, say.HIGHER), (0.1, say.LOWER), (0.5, say.UNCLEAR)])
def test_the_first_head_gives_the_sign_or_not(score, word):
    text = said({("Orth", "known head"): score})
    assert [key for key, sentence in words_attacks.SIGN.items() if sentence in text] == [word]


@pytest.mark.parametrize(("score", "word"), [(0.9, say.HIGHER), (0.5, say.UNCLEAR)])
def test_members_are_told_or_not(score, word):
    text = said({("Orth", "members"): score, ("Adv", "members"): score})
    assert text.count(words_attacks.MEMBERS[word]) == 2


def test_one_round_has_no_reply():
    assert "once it has subtracted" in said() and "once it has subtracted" not in said(without=("reply",))


def test_one_seed_makes_no_comparison():
    text = said({("Adv", "answer"): 0.9, ("Orth", "known head"): 0.9}, seeds=1)
    assert not any(word in text for word in ("higher by", "lower by"))
    assert words_attacks.SIGN[say.UNCLEAR] in text
