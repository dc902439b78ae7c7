"""Notebook 42's sentences from hand-made attacks: a message that tells, one that does not, and with a single seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fairlora import tables, words_privacy
from fairnb.papers.fairlora.leakage import BASE, FINAL, FIRST, SCORES, SHUFFLED

TASK = "toy_utk/over35_white_vit"
NOISE = np.array([-0.001, 0.0005, 0.001])  # the same for all rows: paired differences are exact
VERDICTS = pd.DataFrame({"claim": ["L4"], "verdict": ["holds"]})
ALONE = pd.DataFrame(
    [(TASK, "Over35", "White", 52.0), ("toy_faces/young_male_vit", "Young", "Male", 99.0)],
    columns=["task", "target", "protected", "AUC"],
)
SIZES = pd.DataFrame(
    [
        ("Erm", 0, np.nan, 0.0),
        ("Orth", 1, 2.7, 2.7),
        ("Adv", 8, 2.7, 21.6),
        ("Ent", 8, 2.7, 21.6),
        ("ViT", 1, 0.3, 0.3),
        ("ViT, rounds", 20, 0.3, 6.9),
    ],
    columns=["row", "messages per run", "message / network, %", "run / network, %"],
)


def leaks(told=None, seeds=3):
    """All attacks at 0.8, but for ``told``: (label, who) -> score; the public network has one line."""
    rows = [row[0] for row in tables.METHODS]
    cells = [(row, FINAL) for row in rows] + [(row, FIRST) for row in rows[1:]] + [("Control", SHUFFLED)]
    lines = [{"label": "all", "who": BASE, "seed": 0, **dict.fromkeys(SCORES, (told or {}).get(("all", BASE), 0.8))}]
    for cell in cells:
        for seed, noise in enumerate(NOISE[:seeds]):
            score = (told or {}).get(cell, 0.8) + noise
            lines.append(dict(zip(("label", "who"), cell, strict=True)) | {"seed": seed} | dict.fromkeys(SCORES, score))
    return pd.DataFrame(lines).assign(task=TASK)


def said(told=None, seeds=3, odd=0, alone=ALONE):
    text = "\n".join(words_privacy.why(VERDICTS, (40, odd, 9), SIZES, leaks(told, seeds), alone))
    assert "nan" not in text and "all 8 of a run of Adv and Ent are 22 %" in text
    return text


def test_messages_are_counted():
    assert "* **L4: holds.** 40 messages crossed in 9 runs; 0 of them hold anything but" in said()
    assert "; 3 of them hold" in said(odd=3) and "did let something else pass" in said(odd=3)


@pytest.mark.parametrize(("score", "word"), [(0.95, say.HIGHER), (0.6, say.LOWER), (0.8, say.UNCLEAR)])
def test_what_the_message_tells(score, word):
    text = said({("Orth", FIRST): score, ("Unl", FIRST): score})
    for sentences in (words_privacy.ORDER, words_privacy.ALONE):
        assert [key for key, sentence in sentences.items() if sentence in text] == [word]


@pytest.mark.parametrize(("score", "words"), [(0.6, "Adv's takes a part of s away"), (0.9, "Adv's shows more of s")])
def test_what_networks_keep(score, words):
    text = said({("Adv", FINAL): score})
    assert words in text and "Orth's is not seen to take any of s away (+0.0 points" in text
    assert f"a balanced accuracy of {100 * min(score, 0.8):.0f} % or more" in text


def test_an_adapter_can_add_what_the_images_do_not_show():
    assert "could add at most 3.0 points" in said({("all", BASE): 0.97})


def test_the_rule_names_the_task():
    assert "Over35 against White (52 % without a message), not one of these: Young against Male (99 %)." in said()
    assert "not one of these: there is no other." in said(alone=ALONE[:1])


def test_one_seed_makes_no_comparison():
    text = said({("Orth", FIRST): 0.95, ("Adv", FINAL): 0.6}, seeds=1)
    assert not any(word in text for word in ("higher by", "lower by", say.UNCLEAR, "takes a part"))
    assert words_privacy.ORDER[say.UNCLEAR] in text


def test_decisions_have_as_many_cells_a_line():
    text = words_privacy.decisions(TASK, "quick")
    assert "rank 8 on q and v" in text and len({line.count("|") for line in text.splitlines()}) == 1
