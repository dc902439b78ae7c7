"""Numbers over seeds and differences paired by seed."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import seeds

FRAME = pd.DataFrame(
    [
        {"task": task, "label": label, "seed": seed, "acc": start + 0.1 * seed}
        for task, rows in {"t": {"a": 0.5, "b": 0.7}, "u": {"a": 0.2}}.items()
        for label, start in rows.items()
        for seed in range(3)
    ]
)


def test_rows_have_mean_interval_and_every_seed():
    found = seeds.over(FRAME, ["acc"])
    assert found[["task", "row"]].to_numpy().tolist() == [["t", "a"], ["t", "b"], ["u", "a"]]
    assert found["acc"].to_list() == pytest.approx([60, 80, 30])
    assert found["acc_values"][0] == pytest.approx((50, 60, 70))
    assert found["acc_low"][0] < 50 and found["acc_high"][0] > 70
    assert np.isnan(seeds.over(FRAME[FRAME["seed"] == 0], ["acc"])["acc_low"]).all()


def test_differences_are_paired_by_seed_where_a_task_has_both():
    found = seeds.paired(FRAME, [("b", "a"), ("c", "a")], ["acc"])
    assert found[["task", "row", "than", "seeds"]].to_numpy().tolist() == [["t", "b", "a", 3]]
    assert found["acc"][0] == pytest.approx(20) and found["acc_low"][0] == pytest.approx(20), "seeds cancel"
    assert seeds.paired(FRAME, [("c", "a")], ["acc"]).empty
    assert "acc_values" not in seeds.without_values(found) and "acc_low" in seeds.without_values(found)


def test_a_metric_that_no_seed_has_is_nan():
    found = seeds.over(FRAME.assign(acc=np.nan), ["acc"])
    assert found["acc"].isna().all() and found["acc_values"][0] == ()


def test_tidy_has_a_line_per_row_and_metric():
    table = pd.DataFrame({"row": ["a"], "acc": [1.0], "acc_low": [0.5], "printed_acc": [3.0], "gap": [2.0]})
    found = seeds.tidy(table, {"acc": "accuracy", "gap": "gap"})
    assert found[["row", "panel", "value"]].to_numpy().tolist() == [["a", "accuracy", 1.0], ["a", "gap", 2.0]]
    assert found["printed"][0] == 3 and np.isnan(found["printed"][1]) and found["low"][0] == 0.5
