"""Notebook 23's sentences from hand-made runs: one choice that decides, turned around, and with a single seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate import choices, tables, words_choices

TASK = "toy_tables/adult_sex_aod"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
VERDICTS = pd.DataFrame({"claim": ["R11"], "verdict": "undecided"})


def frame(told, seeds=4, dropped=0.3):
    """All rows of ``choices`` at an accuracy of 0.7 and a bias of 0.1, but for the accuracies ``told``."""
    lines = [
        {"task": TASK, "label": label, "seed": seed, "accuracy": told.get(label, 0.7) + noise, "bias": 0.1 + noise / 10,
         "notes": {"dropped": [dropped], "attacks": {"l2": 0.9, "linf": 0.1}}}
        for label in (row[0] for row in tables.TABLES["choices"].rows)
        for seed, noise in enumerate(NOISE[:seeds])
    ]  # fmt: skip
    return pd.DataFrame(lines)


def said(told=None, seeds=4, dropped=0.3):
    text = "\n".join(words_choices.why(frame(told or {}, seeds, dropped), VERDICTS, 400))
    assert "nan" not in text and "known to ± 2.5 points" in text and "ends at l2 0.90 and linf 0.10" in text
    return text


def listed(told, seeds=4):
    return choices.listed(choices.differences("choices", frame(told, seeds)))


@pytest.mark.parametrize(("accuracy", "word"), [(0.5, "lower"), (0.9, "higher")])
def test_a_choice_that_decides(accuracy, word):
    text = said(dict.fromkeys(("as they are", "Kaiming", "mix"), accuracy))
    assert text.count(f"{word} by 20.0 points [20.0, 20.0]") == 2
    assert words_choices.UNBALANCED[word] in text and words_choices.RESTARTED[word] in text
    sign, mix = "-" if word == "lower" else "+", "attack direction: mix"
    assert f"change in accuracy is {sign}20.0 points ({mix}), clear is {mix}" in text
    assert words_choices.CHANCE in text


def test_choices_that_change_nothing():
    text = said()
    assert "higher by" not in text and "lower by" not in text and text.count("none is clear") == 2


def test_the_parts_and_the_rivals_are_told_against_the_method():
    text = said({"Proposed (default)": 0.8, "no mask": 0.6, "Adv.Ft on the bootstrap": 0.9})
    assert "against plain tuning on the bootstrap is higher by 10.0 points [10.0, 10.0]" in text
    assert "no mask lower by 20.0 points" in text and "Adv.Ft on the bootstrap higher by 10.0 points" in text
    assert text.startswith("* **R11: undecided.**")
    assert "no mask lower by 20.0 points [20.0, 20.0] (bias not clearly different" in text


def test_a_row_near_chance_is_called_so():
    assert "Near chance in the mean: plain tuning on the bootstrap (53.0 %)." in said(
        {"plain tuning on the bootstrap": 0.53}
    )
    assert "Near chance" not in said()


@pytest.mark.parametrize(("most", "alone"), [(0.99, True), (0.74, False)])
def test_one_attack_wins_where_its_chance_says_so(most, alone):
    runs = frame({})
    runs["notes"] = [own | {"attacks": {"l2": most, "linf": 1 - most}} for own in runs["notes"]]
    assert ("hardly a mixture" in "\n".join(words_choices.why(runs, VERDICTS, 400))) == alone


@pytest.mark.parametrize("most", [1.0, 2.5])
def test_weights_that_are_all_equal_are_said_to_be(most):
    made = frame({})
    noted = {"dropped": [0.3], "attacks": {"l2": 1.0, "linf": 0.0}, "weights": {"min": 1.0, "max": most}}
    made["notes"] = [noted] * len(made)
    text = "\n".join(words_choices.why(made, VERDICTS, 400))
    assert (words_choices.EQUAL in text) is (most == 1)


@pytest.mark.parametrize(("dropped", "text"), [(0.3, "more than 1 - τ asks for"), (0.07, "not all beyond 1 - τ")])
def test_the_mask_beside_what_is_asked(dropped, text):
    assert text in said(dropped=dropped)


def test_one_seed_makes_no_comparison():
    text = said({"as they are": 0.5, "mix": 0.5}, seeds=1)
    assert "higher by" not in text and "lower by" not in text and text.count("none is clear") == 2
    assert "accuracy is 49.9 % (one seed), different by -20.0 points (one seed)" in text
    assert words_choices.CHANCE not in text and "not clearly different" not in text
    differences = listed({"mix": 0.5}, seeds=1)
    assert words_choices.counted(differences).startswith(f"{len(differences)} differences. One seed: no interval")
    assert len(words_choices.worth_showing(differences)) == len(differences)


def test_clear_differences_are_counted_and_shown():
    differences = listed({"mix": 0.5})
    assert words_choices.counted(differences).startswith(f"1 of {len(differences)} differences")
    assert words_choices.worth_showing(differences)["row"].tolist() == ["mix"]


def test_decisions_are_a_table():
    assert len({line.count("|") for line in words_choices.decisions().splitlines()}) == 1
