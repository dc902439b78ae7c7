"""Notebook 24's sentences from hand-made runs: which rows agree with print, and what each released bug does."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate import choices, tables, words_released

TASK, COMPAS = "toy_tables/adult_sex_aod", "compas/sex_eod"
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
LEAK = pd.DataFrame({"task": [TASK] * 2, "EqOdds": ["correct", "as released"], "accuracy": ["0.600", "0.990"]})


def frame(told):
    """The runs of ``released`` at an accuracy of 0.7 and a bias of 0.1, but for the accuracies ``told``."""
    lines = [
        {"task": TASK, "label": label, "seed": seed, "accuracy": told.get(label, 0.7) + noise, "bias": 0.1}
        for label in (row[0] for row in tables.TABLES["released"].rows)
        for seed, noise in enumerate(NOISE)
    ]
    return pd.DataFrame(lines)


def made(half="agrees", best="differs"):
    """Tables with the columns that sentences need, a value of ``half`` for rows at 0.5 and of ``best`` for others."""

    def lines(task, rows, value):
        own = {"accuracy": 0.65, "bias": 0.08, "printed_accuracy": 0.36, "printed_bias": np.nan}
        return pd.DataFrame([{"task": task, "row": row} | own for row in rows]).assign(
            accuracy_value=value, bias_value=value
        )

    names = [row[0] for row in tables.TABLES["T4"].rows]
    released = [row[0] for row in tables.TABLES["T5"].rows if row[0].endswith(choices.RELEASED)]
    compas = pd.concat([lines(COMPAS, names, half), lines(COMPAS, released, half).assign(accuracy=0.364)])
    at_best = lines(COMPAS, [row[0] for row in tables.TABLES["thresholds"].rows], best)
    return {"T5": compas, "thresholds": at_best, "released": lines(TASK, ["Adv.Ft as released"], half)}


def test_rows_of_one_kind_stand_together():
    found = words_released.beside(made())
    assert found["row"].tolist() == [
        *("CalibEqOdds", "CalibEqOdds as released", "CalibEqOdds at the best threshold"),
        *("EqOdds", "EqOdds at the best threshold", "ROC", "ROC as released"),
    ]
    assert set(found["task"]) == {COMPAS}, "what is not post-processing is left out"


def said(told=None, **values):
    text = "\n".join(words_released.why({"released": frame(told or {})}, words_released.beside(made(**values)), LEAK))
    assert "nan" not in text and "0.990 on adult sex AOD" in text
    return text


def test_what_agrees_with_print_is_counted_by_threshold():
    text = said()
    assert "agrees with print in 2 of 2 values of bias and 2 of 2 values of accuracy that can be judged" in text
    assert "at the threshold of best balanced accuracy in 0 of 2 values of bias and 0 of 2 values of accuracy" in text
    assert "on toys print says nothing" in said(half="", best="")


def test_the_favourable_label_is_told_by_numbers():
    assert "ROC on compas sex EOD: accuracy 0.364 in place of 0.650 (printed 0.36) and bias 0.080 in place of" in said()


@pytest.mark.parametrize(("accuracy", "word"), [(0.5, "lower"), (0.9, "higher"), (0.7, "not clearly different")])
def test_a_bug_follows_its_runs(accuracy, word):
    text = said({f"{row} as released": accuracy for row in words_released.BUGS})
    for _, reasons in words_released.BUGS.values():
        assert reasons[word] in text


def test_decisions_are_a_table():
    assert len({line.count("|") for line in words_released.decisions().splitlines()}) == 1
