"""Notebook 23's sentences from hand-made runs: one choice that decides, turned around, and with a single seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate import choices, tables, words_choices

TASK = "toy_tables/adult_sex_aod"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
LEAK = pd.DataFrame({"task": [TASK] * 2, "EqOdds": ["correct", "as released"], "accuracy": ["0.600", "0.990"]})


def frame(name, told, seeds=4, dropped=0.3):
    """All rows of a table at an accuracy of 0.7 and a bias of 0.1, but for the accuracies ``told``."""
    lines = [
        {"task": TASK, "label": label, "seed": seed, "accuracy": told.get(label, 0.7) + noise, "bias": 0.1 + noise / 10,
         "notes": {"dropped": [dropped]}}
        for label in (row[0] for row in tables.TABLES[name].rows)
        for seed, noise in enumerate(NOISE[:seeds])
    ]  # fmt: skip
    return pd.DataFrame(lines)


def said(told=None, seeds=4, dropped=0.3):
    frames = {name: frame(name, told or {}, seeds, dropped) for name in ("choices", "released")}
    text = "\n".join(words_choices.why(frames, LEAK, 400))
    assert "nan" not in text and "0.990 on adult sex AOD" in text and "known to ± 2.5 points" in text
    return text


def listed(told, seeds=4):
    frames = {name: frame(name, told, seeds) for name in ("choices", "released")}
    return choices.listed(pd.concat([choices.differences(*own) for own in frames.items()], ignore_index=True))


@pytest.mark.parametrize(("accuracy", "word"), [(0.5, "lower"), (0.9, "higher")])
def test_a_choice_that_decides(accuracy, word):
    rows = ("as they are", "Kaiming", "mix", "Adv.Ft as released")
    text = said(dict.fromkeys(rows, accuracy))
    assert text.count(f"{word} by 20.0 points [20.0, 20.0]") == 3
    assert words_choices.UNBALANCED[word] in text and words_choices.RESTARTED[word] in text
    assert words_choices.BUGS["Adv.Ft"][1][word] in text
    assert (
        f"change in accuracy is {'-' if word == 'lower' else '+'}20.0 points (mix), clear is mix" in text
        and words_choices.CHANCE in text
    )


def test_choices_that_change_nothing():
    text = said()
    assert "higher by" not in text and "lower by" not in text and text.count("none is clear") == 2


@pytest.mark.parametrize("most", [1.0, 2.5])
def test_weights_that_are_all_equal_are_said_to_be(most):
    made = frame("choices", {})
    made["notes"] = [{"dropped": [0.3], "weights": {"min": 1.0, "max": most}}] * len(made)
    text = "\n".join(words_choices.why({"choices": made}, LEAK, 400))
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
