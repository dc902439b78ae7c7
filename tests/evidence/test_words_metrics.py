"""Notebook 01's sentences from hand-made tables: whichever way the numbers lie, the words follow them."""

import pandas as pd
import pytest

from fairnb.evidence import words_metrics


def clash(**values):
    """A row per formula of a word: ``EOD=(0.2, 0.2)``."""
    rows = [{"word": word, "metric": f"m{i}", "value": v} for word, own in values.items() for i, v in enumerate(own)]
    return pd.DataFrame(rows)


GAPS = {"tpr_gap": 0.2, "fpr_gap": 0.1, "eod": 0.2}


def test_words_whose_formulas_agree_do_so_by_luck():
    text = words_metrics.agreement(clash(EOD=(0.2, 0.2), EO=(0.15, 0.2)), GAPS)
    assert text == (
        "One word has several values here: `EO` (from 0.150 to 0.200). That the formulas behind `EOD` (0.200) agree is "
        "luck: the TPR gap is the larger one and group 0 has the higher TPR (exercise 5 changes the bias)."
    )


@pytest.mark.parametrize(
    ("found", "there", "absent"),
    [
        (clash(EOD=(-0.2, 0.2)), ["`EOD` (from -0.200 to 0.200)"], ["luck", "higher TPR"]),
        (clash(EO=(0.2, 0.2)), ["behind `EO` (0.200) agree is luck."], ["several", "higher TPR"]),
    ],
)
def test_words_that_differ_are_not_called_luck(found, there, absent):
    text = words_metrics.agreement(found, GAPS)
    assert all(part in text for part in there) and not any(part in text for part in absent)


def test_why_eod_agrees_is_read_from_the_gaps():
    other = words_metrics.agreement(clash(EOD=(0.1, 0.1)), {"tpr_gap": 0.1, "fpr_gap": 0.3, "eod": -0.1})
    assert "the FPR gap is the larger one and group 1 has the higher TPR" in other


def audit(eo):
    first = {"acc": 90.0, "ACC printed": 90.04, "std": 5.0, "STD printed": 5.0, "eo_max": 20.0, "eo_avg": 15.0}
    second = {"acc": 91.0, "ACC printed": 91.0, "std": 4.0, "STD printed": 4.3, "eo_max": 10.0, "eo_avg": 6.0}
    return pd.DataFrame([first, second]).assign(**{"EO printed": eo})


@pytest.mark.parametrize(
    ("eo", "told"),
    [
        ([20.1, 10.0], "follows the *maximum* of the recomputed gaps, not the mean"),
        ([15.0, 6.5], "follows the mean of the recomputed gaps, as AIM-Fair's Eq. 9 defines it"),
        ([20.0, 6.0], "is nearer to the maximum in 1 of 2 rows"),
    ],
)
def test_the_formula_that_print_follows_is_the_nearer_one(eo, told):
    text = words_metrics.printed(audit(eo))
    assert told in text and "by 0.04 at most for ACC and 0.30 for STD" in text


def line(mean, left):
    return {"mean of eo_max": mean, "eo_max of mean cells": left}


def test_the_fairer_model_s_difference_is_called_larger_only_if_it_is():
    text = words_metrics.cancelled({"biased": line(20.0, 20.0), "fair": line(4.0, 1.0)})
    assert "0.0 points (biased) and 3.0 points (fair)" in text and "The fairer the model" in text
    other = words_metrics.cancelled({"biased": line(24.0, 20.0), "fair": line(4.0, 1.0)})
    assert "The fairer the model" not in other and "It is not larger" in other


def widths(biased=(0.4, 0.04), fair=((-0.1, 0.1), (-0.02, 0.02))):
    rows = []
    for place, n in enumerate((20, 2000)):
        for who, (low, high) in (("biased", (0.1, 0.1 + biased[place])), ("fair", fair[place])):
            for metric in ("eod", "eo_max"):
                own = {"classifier": who, "n per cell": n, "metric": metric, "low": low, "high": high}
                rows.append(own | {"width": high - low if metric == "eod" else 9.0})
    return pd.DataFrame(rows)


NOISE = {20: [0.0, 0.1, 0.3], 2000: [0.01, 0.02, 0.03]}


def test_the_figure_in_numbers():
    left, fair, right = words_metrics.sizes(widths(), NOISE)
    assert "With 20 samples per cell the biased classifier's interval is 0.40 wide, with 2000 it is 0.040" in left
    assert "100 times as many samples make it 10.0 times narrower, and the square root of 100 is 10.0" in left
    assert "wider than the change in our Question (0.03) at 20 and 2000." in left
    assert "holds 0 at 20 and 2000 samples per cell" in fair
    assert "0.100 with 20 and 0.020 with 2000" in right and "exactly 0 on 1 of 6 test sets" in right


def test_other_intervals_other_sentences():
    left, fair, _ = words_metrics.sizes(widths((0.02, 0.01), ((-0.1, 0.1), (0.01, 0.02))), NOISE)
    assert "(0.03) at no size, narrower at 20 and 2000." in left
    assert "leaves 0 out at 2000 samples" in fair and "holds" not in fair
    assert "at 20, narrower at 2000." in words_metrics.sizes(widths((0.4, 0.01)), NOISE)[0]
