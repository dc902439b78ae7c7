"""Notebook 53's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say, seeds
from fairnb.evidence import tables as shared
from fairnb.papers.fineface import checkpoints
from fairnb.papers.fineface import words_choices as words

TASK, CROP = "toy_races/female", "Crop alone, 4 scores"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
SINGLE = np.array([[96.0, 97.0], [97.5, 98.0]])
RISING, EARLY = [0.80, 0.85, 0.90, 0.95], [0.96, 0.80, 0.85, 0.90]


@pytest.fixture(autouse=True)
def nothing_committed(monkeypatch):
    monkeypatch.setattr(shared, "committed", lambda tier, name: pd.DataFrame())


def frame(count=4, history=RISING, best=3, **rows):
    """Every row at an accuracy of 0.95 and a DoB of 0.04, but for ``rows`` by the names of ``told``."""
    names = {"plain": words.PLAIN, "ours": words.OURS, "image": words.IMAGE, "crop": CROP, "rate": words.ONE_RATE}
    told = {label: rows.get(name, (0.95, 0.04)) for name, label in names.items()}
    lines = []
    for label, (accuracy, dob) in told.items():
        for seed, noise in enumerate(NOISE[:count]):
            test = {"test_by_epoch": [value + noise for value in history], "best_epoch": best}
            notes = test if label in (words.OURS, words.PLAIN) else {}
            line = {"task": TASK, "label": label, "seed": seed, "acc": accuracy + noise, "dob": dob + noise}
            lines.append(line | {"notes": notes})
    return pd.DataFrame(lines)


def said(made, verdict="undecided", single=SINGLE):
    rows = [row for row in made["label"].unique() if row not in (words.OURS, words.ONE_RATE)]
    pairs = [*((row, words.OURS) for row in rows), (words.ONE_RATE, words.PLAIN)]
    found = seeds.without_values(seeds.paired(made, pairs, ("acc", "dob")))
    table = pd.DataFrame({"claim": ["F8"], "verdict": verdict})
    text = say.prose(words.why(made, table, found, checkpoints.gains(made), single, 0.123, "quick")).text
    assert "nan" not in text
    return text.replace("\u00a0", " ")


def test_trainings_that_rise():
    text = said(frame())
    assert "In 4 of 4 trainings no epoch is better on test than the last; in 4 all rules report one" in text
    assert "A training that still rises" in text and "FineFACE not clearly different: +0.0 points" in text
    assert "The script tests 1 of 4 epochs at the beginning" in text and "+0.12 points" in text and "is +3.2." in text


def test_trainings_that_had_their_best_epoch_early():
    text = said(frame(history=EARLY, best=1))
    assert "In 0 of 4 trainings no epoch" in text and "levelled off, many looks can pick" in text
    assert "FineFACE higher by 5.0 points [5.0, 5.0]" in text


def test_which_scores_count():
    behind, ahead = said(frame(image=(0.93, 0.04))), said(frame(image=(0.97, 0.04)))
    assert "Image alone, 4 scores: accuracy lower by 2.0 points" in behind and "the image alone is behind" in behind
    assert "the image alone is ahead" in ahead and "does not show" in said(frame())
    assert "a sum has little to add" in behind
    assert "no obvious choice" in said(frame(), single=np.array([[70.0, 98.0]]))


@pytest.mark.parametrize(("accuracy", "word"), [(0.97, say.HIGHER), (0.93, say.LOWER), (0.95, say.UNCLEAR)])
def test_one_rate_for_all(accuracy, word):
    text = said(frame(rate=(accuracy, 0.04)))
    assert all((sentence in text) == (name == word) for name, sentence in words.RATES.items() if sentence)
    assert "“Mean pooling”" in text and f"“{words.ONE_RATE}”" not in text


def test_intervals_that_leave_out_0():
    assert "None of the 6 intervals of choices leaves out 0 (by chance 0.3 would)" in said(frame())
    text = said(frame(crop=(0.93, 0.04)))
    assert "Of the 6 intervals of choices 1 leave out 0" in text and f"{CROP} (accuracy)" in text


def test_one_seed_makes_no_comparison():
    text = said(frame(count=1, ours=(0.97, 0.02)))
    assert "higher by" not in text and "lower by" not in text and words.ONE_SEED in text


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here"])
def test_reasons_follow_the_verdict(verdict):
    kind = {"holds": "holds", "undecided": "open", "cannot be seen here": "open"}.get(verdict, "refuted")
    text = said(frame(), verdict)
    assert all((sentence in text) == (name == kind) for name, sentence in words.REASONS.items())


def test_committed_results_are_told_elsewhere_than_at_their_own_tier(monkeypatch):
    ends = {"acc": 1.9, "acc_low": 1.7, "acc_high": 2.0}
    tables = {
        "fineface_choices_paired": pd.DataFrame([{"task": "fairface_open/female_race", "row": words.ONE_RATE} | ends]),
        "fineface_checkpoints": pd.DataFrame([{"row": words.RELEASED, "trained": words.OURS} | ends]),
    }
    monkeypatch.setattr(shared, "committed", lambda tier, name: tables[name])
    [text] = words._open("quick")
    assert "FineFACE higher by 1.9 points [1.7, 2.0]" in text and words.RATES[say.HIGHER] in text
    assert words._open("open") == []
