"""What notebook 03 says about ICDM'22's dashes, from hand-made findings."""

import pandas as pd

from fairnb.papers.reactivate import words_audit as words

COLUMNS = ["id", "table", "row", "printed", "recomputed", "size"]
HIGH = ("reactivate-T5-r5-dash_rule", "T5", "Adv (COMPAS)", "0.08", "<= 0.05", 0.03)
LOW = ("reactivate-T4-r1-dash_rule", "T4", "Pert (Adult)", "0.02", "0.05 to 1", 0.02)


def said(*lines):
    return words.decision(pd.DataFrame(lines, columns=COLUMNS))


def test_an_accuracy_beside_too_much_bias():
    text = said(HIGH)
    assert "is printed although the mean bias beside it is above 0.05 (Table 5, Adv (COMPAS): 0.08, off by 0.03" in text
    assert "a dash although" not in text


def test_a_dash_beside_little_bias():
    text = said(LOW)
    assert "a dash although the mean bias beside it is within 0.05 (Table 4" in text and "is printed" not in text
    assert "a dash although" in said(HIGH, LOW) and "is printed although" in said(HIGH, LOW)


def test_a_rule_that_is_kept():
    other = ("reactivate-T1-r4-accuracy_outlier", "T1", "Disc", "0.04", "<= 0.04", 0.01)
    assert "exactly where the mean bias is within tolerance" in said(other)
