"""Notebook 21's sentences from hand-made runs: whichever way the numbers lie, the words follow them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate import tables, words

TASKS = ("toy_tables/adult_sex_aod", "toy_tables/compas_sex_eod", "toy_tables/bank_age25_spd")
NOISE = np.array([-0.001, 0.0005, 0.001, -0.0005])  # the same for all rows: paired differences are exact
ROWS = tuple(row[0] for row in tables.TABLES["T4"].rows)
CELLS = {(0, 0): 200, (0, 1): 300, (1, 0): 25, (1, 1): 100}
PROBLEMS = {name: SimpleNamespace(test=SimpleNamespace(counts=lambda: CELLS)) for name in TASKS}


def frame(seeds=4, wild=(), **rows):
    """All rows at an accuracy of 0.7 and a bias of 0.1, but for ``rows``: label=(accuracy, bias)."""
    told = dict.fromkeys(ROWS, (0.7, 0.1)) | {name.replace("_", "-"): value for name, value in rows.items()}
    return pd.DataFrame(
        [
            {"task": task, "label": label, "method": "m", "seed": seed, "accuracy": accuracy + noise + swing,
             "bias": bias + noise / 10 + swing}
            for task in TASKS
            for label, (accuracy, bias) in told.items()
            for seed, noise in enumerate(NOISE[:seeds])
            for swing in [0.3 * (-1) ** seed * (label in wild)]
        ]
    )  # fmt: skip


def every(made, agree="agrees"):
    means = made.groupby(["task", "label"], sort=False)[["accuracy", "bias"]].mean().reset_index()
    nothing = dict.fromkeys(("printed_accuracy", "printed_bias"), np.nan)
    return means.rename(columns={"label": "row"}).assign(bias_value=agree, within=means["bias"] <= 0.05, **nothing)


def said(made, verdict="undecided", agree="agrees"):
    table = pd.DataFrame({"claim": ["R7", "R8", "R9", "R10"], "verdict": verdict})
    text = "\n".join(words.why(made, every(made, agree), table, PROBLEMS))
    assert "nan" not in text
    return text


def test_a_method_that_leads_and_one_that_follows():
    text = said(frame(Proposed=(0.8, 0.01)))
    assert "Against RndPert: higher in adult sex AOD (+10.0), compas sex EOD (+10.0) and bank age SPD (+10.0)." in text
    assert "mean bias is at most 0.05 in adult sex AOD (0.010" in text and "and above it in none." in text
    text = said(frame(Proposed=(0.6, 0.3)))
    assert "Against RndPert: lower in adult sex AOD (-10.0)" in text and "is at most 0.05 in none" in text


def test_what_varies_too_much_is_not_clear():
    text = said(frame(Proposed=(0.8, 0.01), wild=("Proposed",)))
    assert "Against RndPert: not clearly different in adult sex AOD (+10.0)" in text


def test_one_seed_makes_no_comparison():
    text = said(frame(seeds=1, Proposed=(0.8, 0.01)))
    assert "higher in" not in text and "lower in" not in text


@pytest.mark.parametrize(("bias", "word"), [(0.1, "higher"), (0.01, "lower")])
def test_the_default_model_against_the_tolerance(bias, word):
    assert f"against the tolerance, in points: {word} in adult" in said(frame(Baseline=(0.8, bias)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("agrees", "in 3 of 3 settings"),
        ("differs", "in 0 of 3 settings"),
        ("cannot tell", "it cannot tell in adult sex AOD, compas sex EOD and bank age SPD"),
    ],
)
def test_agreement_is_counted(value, text):
    assert text in said(frame(), agree=value)


def test_where_nothing_is_compared_with_print_nothing_agrees():
    assert "with print in" not in said(frame(), agree="") and "default model's bias.** Ours" in said(frame(), agree="")


@pytest.mark.parametrize("verdict", ["holds", "reversed", "undecided", "cannot be seen here"])
def test_points_open_with_the_table_s_verdicts(verdict):
    assert said(frame(), verdict).count(f": {verdict}.**") == 4


def test_the_rarer_rate_is_over_those_whom_the_measure_counts():
    assert "is taken over 25 of them:" in said(frame()) and "known to ± 0.10" in said(frame())
    assert words._of_rate(CELLS, "a_spd") == [225, 400] and words._of_rate(CELLS, "a_eod") == [25, 100]


def test_toys_say_nothing_about_the_paper():
    assert said(frame()).startswith(words.ON_TOYS)


def test_decisions_have_the_settings_own_numbers():
    text = words.decisions({"layers": 3, "width": 7})
    assert (
        "| 3 of 7 units |" in text
        and "501 steps, 5 resamples, margin 0.01; Adv.Ft 0.02, the default model none |" in text
    )
    assert len({line.count("|") for line in text.splitlines()}) == 1
