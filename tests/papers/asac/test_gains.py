"""What each step from the linear probe to ASAC brings: paired by seed, and the steps add up."""

import asac_runs
import numpy as np
import pytest
from scipy import stats

from fairnb.papers.asac.tables import CONTROL, FGSM, PROBE, STEPS, gains, step_names


@pytest.fixture
def frame():
    return asac_runs.frame()


def test_gains_are_paired_by_seed_and_add_up(frame):
    found = gains(frame)
    one = found[found["task"] == asac_runs.TASKS[0]].set_index("step")
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
