"""Notebook 22's sentences from hand-made runs: as printed, turned around, and with a single seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate import tables, words_faces

TASK = "toy_faces/smiling_male_aod"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
ROWS = tuple(row[0] for row in tables.TABLES["T3"].rows)


def frame(seeds=4, **rows):
    """All rows at an accuracy of 0.6 and a bias of 0.1, but for ``rows``: label=(accuracy, bias)."""
    told = dict.fromkeys(ROWS, (0.6, 0.1)) | {name.replace("_", "-"): value for name, value in rows.items()}
    lines = [
        {"task": TASK, "label": label, "seed": seed, "accuracy": accuracy + noise, "bias": bias + noise / 10}
        for label, (accuracy, bias) in told.items()
        for seed, noise in enumerate(NOISE[:seeds])
    ]
    return pd.DataFrame(lines)


def said(made, verdict="undecided"):
    text = "\n".join(words_faces.why(made, pd.DataFrame({"claim": ["R6"], "verdict": [verdict]})))
    assert text.startswith(f"* **R6: {verdict}.**") and "nan" not in text
    return text


def test_as_printed():
    text = said(frame(Baseline=(0.53, 0.2), ROC=(0.53, 0.01), Proposed=(0.93, 0.01), Proposed_joint=(0.96, 0.01)))
    assert "at most 0.05 for ROC (0.530, bias 0.010), Proposed (0.930" in text
    assert "Proposed is higher than ROC (+40.0); Proposed-joint is higher than ROC (+43.0)." in text
    assert "Seeds within it: Proposed (0.930, bias 0.010) in 4 of 4" in text
    assert "largest mean accuracy is that of Proposed-joint" in text
    assert "near the printed one, and so near chance" in text


def test_turned_around():
    text = said(frame(Baseline=(0.85, 0.2), ROC=(0.9, 0.01), Proposed=(0.8, 0.1), Proposed_joint=(0.7, 0.1)))
    assert "Proposed is lower than ROC (-10.0)" in text and "in 0 of 4" in text
    assert "Clearly above the Baseline in accuracy: ROC." in text and "what can be read is an order" in text


def test_a_row_that_is_better_and_out_of_tolerance_is_named():
    made = frame(EqOdds=(0.8, 0.01), ROC=(0.9, 0.07), RndPert=(0.9, 0.2), Proposed=(0.8, 0.08), Baseline=(0.7, 0.07))
    assert "more accurate and no more biased than Proposed: ROC (0.900, bias 0.070)." in said(made)


def test_no_row_within_tolerance_has_no_rivals():
    assert "for no row. Seeds within it" in said(frame())


def test_one_seed_makes_no_comparison():
    text = said(frame(seeds=1, ROC=(0.9, 0.01)))
    assert "Proposed is not clearly different from ROC (-30.0)" in text and "One seed has no interval" in text


def test_a_tier_without_faces_says_so():
    assert said(frame().iloc[:0]).endswith("This tier leaves faces out.")


def test_another_start_is_compared_within_a_seed():
    released = frame(ROC=(0.7, 0.1))
    both = pd.concat([frame(), released[released["label"] == "ROC"].assign(label="Adv.Ft as released")])
    [text] = words_faces.started(both)
    assert "accuracy higher by 10.0 points" in text and "bias not clearly different" in text


@pytest.mark.parametrize("accuracy", [[1.0, 0.98], []])
def test_doubts_quote_the_printed_table(accuracy):
    text = words_faces.leak(pd.Series(accuracy, dtype=float))
    assert "printed 0.98 of EqOdds" in text and "as above 0.05 stays" in text and "nan" not in text
    assert ("at least 0.980" in text) == bool(accuracy)
    assert "with the leak is 1.000, and" in words_faces.leak(pd.Series([1.0, 1.0]))
    assert "prints 0.91" in words_faces.another_start() and "0.93 and 0.96" in words_faces.values()


def test_decisions_are_a_table():
    assert len({line.count("|") for line in words_faces.decisions().splitlines()}) == 1
