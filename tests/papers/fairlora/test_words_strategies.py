"""Notebook 40's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.fairlora import tables, words_strategies

TASKS = ("toy_faces/young_male_vit", "toy_utk/over35_white_vit")
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
RATES = pd.DataFrame({"task": TASKS, "y": ["Young", "Over35"], "s": ["Male", "White"], "gap": [20.0, 12.0]})
COSINES = pd.DataFrame({"who": ["Erm", "Erm", "Orth"], "map": ["a", "b", "a"], "cosine": [0.1, -0.3, 0.01]})


def frame(changes=None, seeds=4):
    """All strategies with an accuracy of 0.8 and gaps of 0.2, but for ``changes``: (row, metric) -> added."""
    lines = []
    for task in TASKS:
        for label in (row[0] for row in tables.METHODS):
            for seed, noise in enumerate(NOISE[:seeds]):
                own = {"acc": 0.8, "fpr_gap": 0.2, "ddp": 0.2, "f1": 0.7}
                own = {name: value + noise + (changes or {}).get((label, name), 0) for name, value in own.items()}
                lines.append({"task": task, "label": label, "seed": seed} | own)
    return pd.DataFrame(lines)


def said(changes=None, seeds=4, verdict="undecided"):
    verdicts = pd.DataFrame({"claim": ["L1", "L2", "L3"], "verdict": verdict})
    text = "\n".join(words_strategies.why(frame(changes, seeds), verdicts, RATES, COSINES, "quick"))
    assert "nan" not in text and "0.20 for Erm and 0.01 for Orth" in text and "Male and White" in text
    assert "on Young against Male the true labels differ by 20 points" in text
    return text


@pytest.mark.parametrize(("change", "word"), [(-0.1, "lower"), (0.1, "higher")])
def test_a_gap_that_changes_for_sure(change, word):
    text = said({("Orth", "fpr_gap"): change})
    assert text.count(f"FPR gap {word} by 10.0 points [10.0, 10.0]") == 2
    assert f"off zero: Orth's FPR gap on Young against Male ({word}) and" in text
    assert "All tasks agree in the sign of the change of" in text


def test_without_any_effect_nothing_is_clear():
    text = said()
    assert "interval off zero: none;" in text and "higher by" not in text and "lower by" not in text


def test_the_largest_change_is_named():
    assert "that of Ent's demographic parity gap on Young against Male: -5.0" in said({("Ent", "ddp"): -0.05})


def test_one_seed_makes_no_comparison():
    text = said({("Orth", "fpr_gap"): -0.1}, seeds=1)
    assert text.count(say.ONE_SEED) == 2 and "FPR gap -10.0 points (one seed)" in text
    assert not any(word in text for word in ("higher by", "lower by", say.UNCLEAR))


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here", "not run"])
def test_reasons_follow_the_verdict(verdict):
    text = said(verdict=verdict)
    kind = {"holds": "holds", "reversed": "refuted"}.get(verdict, "open")
    for claim, reasons in words_strategies.REASONS.items():
        assert f"* **{claim}: {verdict}.**" in text
        assert [name for name, sentence in reasons.items() if sentence in text] == [kind]


def test_decisions_have_the_settings_own_numbers():
    text = words_strategies.decisions(TASKS[0], "quick")
    assert "Unl 0.5, Orth 10, Adv 1, Ent 1" in text and "rank 8, α = 16" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1
