"""The printed numbers of FineFACE, recomputed: what holds in the tables, and what the text of the notebooks says."""

import numpy as np
import pandas as pd
import pytest

from fairnb.papers.fineface import audit, printed
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS


def test_the_printed_dob_is_the_sample_standard_deviation_and_one_ratio_is_not_possible():
    found = printed.spreads().set_index(["row", "measure"])
    assert len(found) == 6 and (found["least"] < found["most"]).all()
    possible = found["possible"].eq("yes").to_dict()
    assert possible["Baseline", "DoB, ddof = 1"] and not possible["Baseline", "DoB, ddof = 0"]
    assert possible["FineFACE", "DoB, ddof = 1"] and possible["FineFACE", "DoB, ddof = 0"]
    assert not possible["Baseline", "Max/Min"] and found.loc[("Baseline", "Max/Min"), "printed"] == "1.18"
    failed = {c.id for c in audit.checks() if c.id.startswith("fineface-T2-") and c.miss > 0}
    assert failed == {"fineface-T2-r1-max_min"}, "the audit says the same"


def test_equal_groups_differ_by_chance_as_the_binomial_says():
    mean, low, high = printed.chance(0.9, [100] * 14)
    assert mean == pytest.approx(3, rel=0.05) and 1.5 < low < mean < high < 5
    assert printed.chance(0.9, [10_000] * 14)[0] == pytest.approx(0.3, rel=0.05)


def test_every_row_is_beside_what_chance_gives_and_the_printed_ones_follow():
    frame = pd.DataFrame({"label": [BASE[0], BASE[0], STEPS[0], FINEFACE[0]], "acc": [0.8, 1.0, 0.9, 0.9]})
    found = printed.by_chance(frame.assign(dob=[0.01, 0.03, 0.02, 0.02]), [100, 200] * 7)
    assert found["row"].tolist() == [BASE[0], BASE[0], STEPS[0], FINEFACE[0], FINEFACE[0]]
    assert found["where"].tolist() == ["here", "in print", "here", "here", "in print"]
    assert found["DoB"].tolist() == pytest.approx([2, 4.2, 2, 2, 0.6])
    assert found["images a group"].tolist() == [150, 782, 150, 150, 782]
    chance = found.set_index(["row", "where"])
    assert chance.loc[(BASE[0], "in print"), "to"] < 4.2, "the printed baseline is not equal"
    ours = chance.loc[(FINEFACE[0], "in print")]
    assert ours["from"] < 0.6 < ours["to"], "the printed FineFACE cannot be told from equal"


def test_races_of_table_5_that_cannot_lie_between_men_and_women_are_those_that_the_audit_finds():
    found = printed.races().set_index("race")
    assert found.loc["Latino Hispanic"].tolist() == ["96.0", "96.3", "96.61", "no"]
    failed = {c.id for c in audit.checks() if c.id.endswith("_between") and c.miss > 0}
    assert len(found) == 7 and (found["possible"] == "no").sum() == len(failed) == 4


def test_the_worse_genders_accuracy_in_three_tables():
    found = printed.worse_genders().set_index("row")
    assert found.loc["Baseline single task", ["T6", "T7"]].tolist() == [90.14, 88.93]
    assert found.loc["FineFACE", "mean of T8"] == pytest.approx(92.82, abs=0.005)
    assert found.loc["Baseline FairMixup", "FineFACE above it"] == pytest.approx(1.32)
    assert np.isnan(found.loc["Domain Indep.", "T6"]) and found.loc["Domain Indep.", "T7"] == 88.93
