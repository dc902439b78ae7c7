"""What ASAC's choices change, how far each is from the main configuration, and what is printed of that one thrice."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairnb.papers.asac import choices
from fairnb.papers.asac.choices import MAIN, against, configurations, implied, printed, spans, spread

ROWS = (MAIN["T5"], "other", MAIN["T6"])


def frame(seeds=3):
    """``other`` has a DEO 2, 3, 4 points above the main row; seeds differ by much more."""
    rows = [
        {"task": "t", "label": label, "seed": seed, "acc": 0.9 - 0.01 * (label == "other")}
        | {"eo_sum": 0.1 + 0.2 * seed + (0.02 + 0.01 * seed) * (label == "other"), "tpr_gap": 0.1, "ddp": 0.1}
        for label in ROWS
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def table(**printed):
    return pd.DataFrame({"row": list(ROWS), "eo_sum": [30.0, 33.0, 30.0], "tpr_gap": [10.0, 11.0, 10.0]} | printed)


PRINTED = {"printed_eo_sum": [5.0, 5.5, 5.8], "printed_acc": [91.91, 91.42, 91.84]}


def test_configurations_say_how_much_of_the_loss_is_attacked():
    found = configurations().set_index(["table", "row"])
    assert list(found.index[found["main configuration"] == "yes"]) == list(MAIN.items())
    attacked = found["attacked part of the loss"]
    assert attacked["T4", MAIN["T4"]] == pytest.approx(1 / 3) and attacked["T6", "α = 0.7"] == pytest.approx(0.2)
    assert attacked["T4", "Control, same steps"] == 0
    assert found["steps per mini-batch"]["T6", "ε = {0.001, 0.03, 0.05}"] == "4"
    assert list(found["order"].iloc[:5]) == ["–", "–", "random", "ascending", "descending"]


def test_differences_are_paired_by_seed_beside_the_printed_ones():
    found = against(frame(), table(**PRINTED)).set_index("row")
    assert list(found.index) == ["other", MAIN["T6"]], "not the main row itself"
    other = found.loc["other"]
    reach = stats.t.ppf(0.975, 2) * 1.0 / 3**0.5
    assert other["eo_sum"] == pytest.approx(3.0) and other["seeds"] == 3
    assert (other["eo_sum_low"], other["eo_sum_high"]) == pytest.approx((3 - reach, 3 + reach))
    assert other["acc"] == pytest.approx(-1.0) and other["eo_sum_values"] == pytest.approx((2, 3, 4))
    assert (other["printed_eo_sum"], other["printed_acc"]) == pytest.approx((0.5, -0.49))
    same = found.loc[MAIN["T6"]]
    assert same["eo_sum"] == 0 and same["printed_eo_sum"] == pytest.approx(0.8), "one run, but printed twice"


def test_a_seed_that_a_row_lacks_is_left_out_and_one_seed_has_no_interval():
    runs = frame()
    short = runs[(runs["label"] != "other") | (runs["seed"] > 0)]
    other = against(short, table(**PRINTED)).set_index("row").loc["other"]
    assert other["seeds"] == 2 and other["eo_sum"] == pytest.approx(3.5)
    single = against(frame(1), table(**PRINTED)).set_index("row").loc["other"]
    assert single["eo_sum"] == pytest.approx(2.0) and np.isnan(single["eo_sum_low"])


def test_the_span_of_the_main_configuration_has_zero_in_it():
    found = spans(against(frame(), table(**PRINTED)))
    assert found["eo_sum"] == pytest.approx((0, 0.8)) and found["acc"] == pytest.approx((-0.07, 0))
    unprinted = against(frame(), table())
    assert unprinted["printed_eo_sum"].isna().all() and spans(unprinted) == {}


def test_one_configuration_is_printed_three_times():
    found = spread({}).set_index("percent")
    assert tuple(found.loc["eo_sum", ["T4", "T5", "T6", "range of the same"]]) == pytest.approx((5.0, 5.0, 5.8, 0.8))
    assert found.loc["acc", "range over orders"] == pytest.approx(92.08 - 91.23)
    assert found.loc["eo_sum", "range over alphas"] == pytest.approx(0.3)
    assert "ours: range over seeds" not in found
    ours = spread({"T5": frame()}).set_index("percent")["ours: range over seeds"]
    assert ours["eo_sum"] == pytest.approx(40) and ours["acc"] == pytest.approx(0)
    assert "ours: range over seeds" not in spread({"T5": frame(1)}), "one run has no range"


def test_both_readings_of_deo_imply_a_gap_in_false_positive_rates():
    found = implied({}).set_index(["table", "row"])
    assert found.loc[("T5", MAIN["T5"])].to_list() == pytest.approx([5.0 - 4.3, 10.0 - 4.3])
    assert len(found) == sum(map(len, printed().values())) and "ours" not in found
    ours = implied({"T5": table()}).set_index(["table", "row"])["ours"]
    assert ours["T5", MAIN["T5"]] == 20 and np.isnan(ours["T6", "α = 0.3"])
    assert set(printed()) == set(choices.MAIN)
