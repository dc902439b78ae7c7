"""Notebook 54's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say, seeds
from fairnb.evidence import tables as shared
from fairnb.papers.fineface import marking
from fairnb.papers.fineface import words_attention as words
from fairnb.papers.fineface.tables import LONGER, NO_CROPS, OTHER_BOX, STEPS

TASK = "toy_marks/mark"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
NAMES = {"plain": words.PLAIN, "steps": STEPS[0], "longer": LONGER[0], "ours": words.OURS}
NAMES |= {"whole": NO_CROPS[0], "other": OTHER_BOX[0]}


@pytest.fixture(autouse=True)
def nothing_committed(monkeypatch):
    monkeypatch.setattr(shared, "committed", lambda tier, name: pd.DataFrame())


def frame(count=4, areas=(0.9, 0.6), **rows):
    """Every row at an accuracy of 0.9 and a DoB of 0.04, but for ``rows`` by the names of ``NAMES``."""
    lines = []
    for name, label in NAMES.items():
        accuracy, dob = rows.get(name, (0.9, 0.04))
        for seed, noise in enumerate(NOISE[:count]):
            line = {"task": TASK, "label": label, "seed": seed, "acc": accuracy + noise, "dob": dob + noise}
            lines.append(line | {"notes": {"box_area": list(areas)} if label == words.OURS else {}})
    return pd.DataFrame(lines)


def hits(own=90.0, other=70.0):
    return pd.DataFrame([{"group": "Tone 1", marking.OWN: own, marking.OTHERS: other, marking.ANYWHERE: 50.0}])


def said(made, verdict="undecided", counted=None):
    found = seeds.without_values(seeds.paired(made, [(row, words.OURS) for row in words.CONTROLS], ("acc", "dob")))
    table = pd.DataFrame({"claim": ["F9"], "verdict": verdict})
    text = say.prose(words.why(made, table, found, hits() if counted is None else counted, "quick")).text
    assert "nan" not in text
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(("accuracy", "word"), [(0.93, say.HIGHER), (0.87, say.LOWER), (0.9, say.UNCLEAR)])
@pytest.mark.parametrize(("name", "sentences"), [("whole", words.CROPS), ("other", words.PLACE), ("steps", words.WORK)])
def test_what_a_control_says_follows_its_interval(name, sentences, accuracy, word):
    text = said(frame(**{name: (accuracy, 0.04)}))
    assert all((sentence in text) == (kind == word) for kind, sentence in sentences.items())


def test_values_and_differences_are_those_of_the_runs():
    text = said(frame(ours=(0.95, 0.02), longer=(0.97, 0.04)))
    assert "FineFACE has an accuracy of 95.0 %" in text and "the plain network of 90.0 %" in text
    assert "against FineFACE that is lower by 5.0 points [5.0, 5.0]" in text
    assert "with five times the epochs 97.0 %" in text and "higher by 2.0 points" in text
    assert "FineFACE's DoB is 2.0 points" in text and "FineFACE, no crops: higher by 2.0 points" in text


def test_boxes_are_told_where_a_training_measured_them():
    text = said(frame())
    assert "In the first epoch the overall box holds 90 % of an image" in text and "in the last 60 %" in text
    assert "How large are the boxes" not in said(frame(areas=()))


def test_hits_are_told_where_a_mark_is_known():
    assert "in 90 % of the marked faces, more often than in that of another image (70 %)" in said(frame())
    assert "no more often than in that of another image" in said(frame(), counted=hits(60.0))
    assert "Do boxes find" not in said(frame(), counted=pd.DataFrame())


def test_one_seed_makes_no_comparison():
    text = said(frame(count=1, ours=(0.97, 0.02)))
    assert "higher by" not in text and "lower by" not in text and "one seed" in text


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here"])
def test_reasons_follow_the_verdict(verdict):
    kind = {"holds": "holds", "undecided": "open", "cannot be seen here": "open"}.get(verdict, "refuted")
    text = said(frame(), verdict)
    assert f"**F9: {verdict}.**" in text
    assert all((sentence in text) == (name == kind) for name, sentence in words.REASONS.items())


def test_committed_results_are_told_elsewhere_than_at_their_own_tier(monkeypatch):
    ends = {"acc": -1.9, "acc_low": -2.0, "acc_high": -1.7, "dob": 0.1, "dob_low": -1.0, "dob_high": 1.2}
    line = {"task": "fairface_open/female_race", "row": NO_CROPS[0], "than": words.OURS} | ends
    monkeypatch.setattr(shared, "committed", lambda tier, name: pd.DataFrame([line]))
    [text] = words._open("quick")
    assert "FineFACE, no crops: accuracy lower by 1.9 points [1.7, 2.0], DoB not clearly different" in text
    assert words.CROPS[say.LOWER] in text and "fairface_open/female_race" in text
    assert words._open("open") == []
