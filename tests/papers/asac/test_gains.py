"""What each step from the linear probe to ASAC brings: paired by seed, and the steps add up."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairnb.papers.asac.tables import AEDA, CONTROL, FGSM, PROBE, STEPS, gains, step_names

TASKS = ("toy_faces/smiling_male_natural", "toy_faces/big_nose_male_natural")
ACCURACY = {PROBE[0]: 0.80, CONTROL[0]: 0.86, STEPS[0]: 0.88, FGSM[0]: 0.87, AEDA[0]: 0.85}


@pytest.fixture
def frame():
    """Two tasks, three seeds; a seed adds the same to all rows' accuracy, so paired differences have no spread."""
    rows = [
        {"task": task, "label": label, "seed": seed, "acc": acc + 0.01 * seed, "eo_sum": 0.3 - acc / 4 + 0.02 * seed}
        | {"eo_avg": 0.1 + 0.01 * seed * (label == FGSM[0])}
        for task in TASKS
        for label, acc in ACCURACY.items()
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def test_gains_are_paired_by_seed_and_add_up(frame):
    found = gains(frame)
    one = found[found["task"] == TASKS[0]].set_index("step")
    assert one["acc"].to_list() == pytest.approx([6, 2, -1, 7]) and set(one["seeds"]) == {3}
    assert one["acc"].iloc[:3].sum() == pytest.approx(one["acc"].iloc[3])
    assert one.loc["attacked images", "eo_sum"] == pytest.approx(0.25)
    assert (one["acc_high"] - one["acc_low"]).to_numpy() == pytest.approx(0, abs=1e-9), "seeds cancel"
    assert len(one.loc["more steps", "acc_values"]) == 3
    last = one.loc["attacked images"]
    reach = stats.t.ppf(0.975, 2) * 1.0 / 3**0.5
    assert (last["eo_avg_low"], last["eo_avg_high"]) == pytest.approx((1 - reach, 1 + reach))


def test_a_step_names_its_rows_in_the_columns_of_the_saved_table(frame):
    found = gains(frame, names=["acc"])
    assert list(found) == ["task", "step", "before", "after", "seeds", "acc", "acc_low", "acc_high", "acc_values"]
    ends = list(zip(found["before"], found["after"], strict=True))[:4]
    assert ends == [(PROBE[0], CONTROL[0]), (CONTROL[0], STEPS[0]), (STEPS[0], FGSM[0]), (PROBE[0], FGSM[0])]


def test_gains_leave_out_rows_that_were_not_run_and_say_nothing_of_one_seeds_spread(frame):
    part = frame[(frame["label"] != CONTROL[0]) & (frame["seed"] == 0)]
    found = gains(part)
    assert found["step"].to_list() == ["all layers, as many steps", "attacked images", "all of it"] * 2
    assert found["acc"].iloc[0] == pytest.approx(8) and np.isnan(found["acc_low"]).all()


def test_a_path_of_two_rows_is_one_step():
    assert list(step_names((PROBE[0], FGSM[0])).values()) == ["all of it"]
    assert step_names(("a", "b"))["a", "b"] == "a → b"
