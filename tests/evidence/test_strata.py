"""A difference that is another one on another processor is flagged; noise is not."""

import numpy as np
import pandas as pd

from fairnb.evidence import strata


def test_a_shift_between_processors_is_told_and_noise_is_not():
    noise = np.random.default_rng(0).normal(0, 1, 24)
    where = ["one"] * 12 + ["two"] * 12
    assert strata.differ("gap", tuple(noise), where) == ""
    said = strata.differ("gap", tuple(noise + np.repeat([0.0, 9.0], 12)), where)
    assert said.startswith("gap differs between processors: one ") and "two +" in said


def test_few_seeds_unknown_or_single_processors_say_nothing():
    assert strata.differ("gap", (0.0, 9.0, 9.1), ["one", "two", "two"]) == ""
    assert strata.differ("gap", (0.0, 9.0), ()) == ""
    assert strata.differ("gap", (1.0,) * 6, ["one"] * 3 + ["two"] * 3) == ""


def test_the_false_alarms_are_as_rare_as_said():
    rng, where = np.random.default_rng(1), ["one"] * 6 + ["two"] * 6
    assert sum(bool(strata.differ("x", tuple(rng.normal(0, 1, 12)), where)) for _ in range(1000)) <= 6


def test_pairs_of_two_processors_are_a_stratum_of_their_own():
    one = pd.Series(["a", "a", "b"], [0, 1, 2])
    other = pd.Series(["a", "b"], [1, 2])
    assert strata.of_pairs(one, other) == ("a", "b")
    assert strata.of_pairs(one, pd.Series(["b", "b"], [1, 2])) == ("a + b", "b")
