"""Sentences with slots: words of comparison come from intervals over seeds, explanations from outcomes."""

import numpy as np
import pandas as pd
import pytest

from fairnb.errors import BadData
from fairnb.evidence import say

TABLE = pd.DataFrame(
    [("A1", "undecided"), ("A2", "holds"), ("A3", "reversed"), ("A4", "no such difference"), ("A5", "reversed")],
    columns=["claim", "verdict"],
)


def seeds(*values):
    return pd.Series(values, index=range(len(values)))


def test_a_word_needs_an_interval_that_leaves_out_zero():
    steady, base = seeds(12.0, 12.1, 11.9), seeds(10.0, 10.0, 10.0)
    assert say.compare(steady, base).word == say.HIGHER
    assert say.compare(base, steady).word == say.LOWER
    wild = seeds(30.0, 9.0, 12.0)
    assert wild.mean() > base.mean() and say.compare(wild, base).word == say.UNCLEAR, "a mean alone says nothing"


def test_one_seed_says_nothing():
    found = say.compare(seeds(50.0), seeds(1.0))
    assert found.word == say.UNCLEAR and str(found) == "not clearly different: +49.0 points (one seed)"
    assert say.value(seeds(50.0)) == "50.0 % (one seed)"


def test_an_interval_ends_where_no_share_and_no_gap_can_be():
    wide = seeds(99.0, 100.0, 93.0)
    assert say.value(wide).endswith(", 100.0]")
    assert say.value(100 - wide).partition("[")[2].startswith("0.0, ")
    assert float(say.value(wide, " points").rstrip("]").split()[-1]) > 100
    assert "[0.0, " in say.value(100 - wide, " points")
    assert say.value(wide, between=(-np.inf, np.inf)) == say.value(wide, " points").replace(" points", " %")


def test_a_margin_asks_for_more():
    ours, theirs = seeds(2.0, 2.1, 1.9), seeds(0.0, 0.0, 0.0)
    assert say.compare(ours, theirs, margin=1.0).word == say.HIGHER
    assert say.compare(theirs, ours, margin=1.0).word == say.LOWER
    assert say.compare(ours, theirs, margin=2.0).word == say.UNCLEAR


def test_seeds_are_paired_by_their_number_and_a_printed_value_counts_for_all():
    ours, theirs = pd.Series([3.0, 1.0, 2.0], index=[2, 0, 1]), pd.Series([0.0, 1.0, 2.0, 9.0], index=[0, 1, 2, 3])
    found = say.compare(ours, theirs)
    assert (found.mean, found.low, found.high) == (1.0, 1.0, 1.0) and found.word == say.HIGHER
    assert say.compare(ours, 2.0).mean == 0.0


@pytest.mark.parametrize(
    ("a", "b", "margin"),
    [
        (seeds(1.0, 2.0), pd.Series([1.0], index=[7]), 0.0),
        (seeds(1.0, np.nan), seeds(1.0, 1.0), 0.0),
        ([1.0, 2.0], [1.0], 0.0),
        (seeds(1.0, 2.0), seeds(1.0, 1.0), -1.0),
        (seeds(1.0, 2.0), seeds(1.0, 1.0), np.nan),
    ],
)
def test_what_cannot_be_compared_is_refused(a, b, margin):
    with pytest.raises(BadData):
        say.compare(a, b, margin)


def test_a_difference_reads_as_a_sentence():
    assert str(say.Difference(-2.3, -3.5, -1.1, say.LOWER)) == "lower by 2.3 points [1.1, 3.5]"
    assert str(say.Difference(2.3, 1.1, 3.5, say.HIGHER)) == "higher by 2.3 points [1.1, 3.5]"
    assert str(say.Difference(-0.01, -1, 1, say.UNCLEAR)) == "not clearly different: +0.0 points [-1.0, +1.0]"


@pytest.mark.parametrize(("claim", "text"), [("A1", "open"), ("A2", "yes"), ("A3", "no"), ("A4", "no"), ("A9", "open")])
def test_an_explanation_belongs_to_an_outcome(claim, text):
    assert say.by(say.outcome(TABLE, claim), {"holds": "yes", "refuted": "no", "open": "open"}) == text


def test_an_outcome_goes_before_its_kind_and_a_missing_one_says_nothing():
    assert say.by("reversed", {"refuted": "no", "reversed": "turned"}) == "turned"
    assert say.by("holds", {"refuted": "no"}) == ""


def test_a_point_opens_with_the_table_s_own_words():
    assert say.point(TABLE, ["A2", "A5"], "Why.", "") == "* **A2: holds, A5: reversed.** Why."
    assert say.point(TABLE, ["A9"]) == "* **A9: not run.**"


def test_paragraphs_and_points_become_one_markdown_text():
    made = say.prose(["One.", "", "* a", "* b ", "", "Two: 5 % of 7."])
    assert made._repr_markdown_() == "One.\n\n* a\n* b\n\nTwo: 5\u00a0% of 7."
    assert say.prose([]).text == ""


def test_names_are_listed():
    assert [say.listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]
