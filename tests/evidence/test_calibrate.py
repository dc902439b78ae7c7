"""The script that calibrates the rule of verdicts simulates what the rule does."""

import importlib.util
import itertools

import numpy as np
import pytest

from fairnb import paths
from fairnb.evidence import ladder, rule
from fairnb.evidence.rule import LADDER, Condition


def script():
    spec = importlib.util.spec_from_file_location("calibrate", paths.project() / "scripts" / "calibrate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


calibrate = script()
NAMES = {0: "open", 1: rule.HOLDS, 2: rule.REVERSED, 3: rule.NO_DIFFERENCE}


@pytest.mark.parametrize("groups, need, size", [(1, 1, 1), (1, 1, 3), (3, 3, 1), (3, 2, 2), (3, 1, 2)])
@pytest.mark.parametrize("variance", [0.0, 0.1])
def test_many_claims_at_once_come_out_as_one_by_one(groups, need, size, variance):
    rng = np.random.default_rng(groups + need + size)
    values = rng.standard_normal((40, LADDER[-1], groups * size)) + rng.choice(
        [-0.5, 0.0, 0.3, 1.0], (40, 1, groups * size)
    )
    found = calibrate.states(*calibrate.bounds(values, variance), 0.4, groups, need)
    for claim, (step, n) in itertools.product(range(40), enumerate(LADDER)):
        conditions = [Condition("c", tuple(one), 0.4, test_variance=variance) for one in values[claim, :n].T]
        outcome = rule.decide([conditions[i * size : (i + 1) * size] for i in range(groups)], need)
        said = outcome.state if outcome.state in rule.DECIDED else "open"
        assert said == NAMES[found[step, claim]]


def test_all_states_are_met_with():
    values = (
        np.random.default_rng(1).standard_normal((200, LADDER[-1], 1))
        + np.array([-1.0, 0.0, 0.3, 1.0] * 50)[:, None, None]
    )
    assert set(calibrate.states(*calibrate.bounds(values), 0.4)[-1]) == {0, 1, 2, 3}


def test_multipliers_give_the_level_over_all_rungs():
    t = np.abs(calibrate._t_statistics(200_000, np.random.default_rng(3)))
    for share in (1, 6, 48):
        rate = (t > [[ladder.multiplier(n, share)] for n in LADDER]).any(axis=0).mean()
        level = rule.ALPHA / share
        assert abs(rate - level) < 5 * np.sqrt(level / 200_000)


def test_constants_are_computed_as_they_are_kept():
    found = calibrate.constants(2_000_000)
    assert sorted(found) == list(calibrate.SHARES)
    for share in (1, 6):
        assert found[share] == pytest.approx([ladder.multiplier(n, share) for n in LADDER], rel=0.03)


def test_noise_has_mean_zero_and_variance_one():
    z = np.random.default_rng(4).standard_normal(400_000)
    noise = calibrate.skewed(z)
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.var() == pytest.approx(1, abs=0.03)
    assert (noise**3).mean() == pytest.approx(calibrate.SKEWNESS, abs=0.15)
    again = calibrate.resampled([-1.0, 0.0, 4.0])(z)
    assert again.mean() == pytest.approx(0, abs=0.02) and sorted(set(again)) == [-2.0, -1.0, 3.0]


def test_residuals_are_standardised_and_short_rows_left_out():
    rng = np.random.default_rng(5)
    rows = [("a", 7 + 3 * rng.standard_normal(12)), ("a", rng.standard_normal(11)), ("b", np.ones(12))]
    found = calibrate.residuals(rows)
    values = np.array([value for _, value in found])
    assert len(found) == 12 and {family for family, _ in found} == {"a"}
    assert values.mean() == pytest.approx(0) and (values**2).mean() == pytest.approx(1)


def test_tables_are_put_between_the_markers(tmp_path, monkeypatch):
    page = tmp_path / "verdicts.md"
    page.write_text(f"before\n{calibrate.MARKS[0]}\nstale words\n{calibrate.MARKS[1]}\nafter\n", encoding="utf-8")
    (tmp_path / "r.csv").write_text("family,value\na,1\na,-1\nb,-2\nb,2\n", encoding="utf-8")
    for name, value in {"DOC": page, "REPEATS": 20, "CHUNK": 20, "SIZES": (1, 6)}.items():
        monkeypatch.setattr(calibrate, name, value)
    monkeypatch.setattr("sys.argv", ["calibrate.py", "--doc", "--residuals", str(tmp_path / "r.csv")])
    assert calibrate.main() in (0, 1)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "stale words" not in text
    assert "| *holds*, nothing differs | residuals, worst family | " in text and "a (2), b (2)" in text


def test_the_page_has_the_markers_and_says_from_when_on_is_refuted():
    text = (paths.project() / "docs" / "verdicts.md").read_text(encoding="utf-8")
    assert [text.count(mark) for mark in calibrate.MARKS] == [1, 1]
    assert f"refutes from {rule.REFUTE_FROM}" in text
