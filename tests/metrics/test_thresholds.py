"""Thresholds under a tolerance for bias, against a loop over thresholds with the metrics of ``fairnb.metrics``."""

import json

import numpy as np
import pytest

from fairnb import metrics
from fairnb.errors import BadData, UnknownName
from fairnb.metrics import thresholds
from fairnb.metrics.thresholds import at_half, balanced, phi, rates, search

COARSE = np.linspace(0, 1, 21)


def people(n=400, seed=0, gap=0.25):
    """Scores that know the label a little and lean towards group 1, target, protected."""
    rng = np.random.default_rng(seed)
    protected, target = rng.integers(0, 2, n), rng.integers(0, 2, n)
    score = 1 / (1 + np.exp(-(1.5 * (target - 0.5) + 4 * gap * (protected - 0.5) + rng.normal(0, 1, n))))
    return score, target, protected


def brute(score, target, protected, measure, grid):
    """Balanced accuracy and bias at every threshold, one after the other."""
    reports = [metrics.group_report(target, (score > t).astype(int), protected) for t in grid]
    return np.array([report["bacc"] for report in reports]), np.array([report[measure] for report in reports])


def test_phi_by_hand():
    bacc, bias = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([0.05, 0.0499, -0.0499, -0.3, np.nan])
    assert phi(bacc, bias).tolist() == [0, 0.8, 0.7, 0, 0], "the tolerance itself is out, an undefined bias too"
    assert phi(bacc, bias, 0.5).tolist() == [0.9, 0.8, 0.7, 0.6, 0]
    assert phi(np.array(np.nan), np.array(0.0)) == 0, "a class is absent: nothing is gained"


def test_rates_by_hand():
    # group 0: labels 0, 1 with scores 0.2, 0.4; group 1: labels 0, 1 with scores 0.6, 0.8; thresholds 0.1, 0.5, 0.7
    score, target, protected = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    place = np.searchsorted([0.1, 0.5, 0.7], score)
    expected = {"spd": [0, -1, -0.5], "eod": [0, -1, -1], "aod": [0, -1, -0.5]}
    for measure, bias in expected.items():
        found = rates(place, 2 * target + protected, np.ones(4), 3, measure)
        np.testing.assert_allclose(found[0], [0.5, 0.5, 0.75])
        np.testing.assert_allclose(found[1], bias)


@pytest.mark.parametrize("measure", thresholds.MEASURES)
@pytest.mark.parametrize("seed", range(3))
def test_rates_are_those_of_the_metrics_at_every_threshold(measure, seed):
    score, target, protected = people(seed=seed)
    score = score.round(2)  # many scores lie exactly on a threshold
    weights = np.random.default_rng(seed).integers(0, 3, len(score))
    found = rates(np.searchsorted(COARSE, score), 2 * target + protected, weights, len(COARSE), measure)
    drawn = np.repeat(np.arange(len(score)), weights)
    expected = brute(score[drawn], target[drawn], protected[drawn], measure, COARSE)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (expected[1] < -0.1).any(), "group 0 is favoured less: the sign is minus"


@pytest.mark.slow
@pytest.mark.parametrize("measure", thresholds.MEASURES)
@pytest.mark.parametrize("resamples", [0, 5])
def test_search_finds_what_a_loop_finds(measure, resamples):
    for seed in range(4):
        score, target, protected = people(seed=seed, gap=0.1)
        rng, values = np.random.default_rng(seed), []
        for _ in range(max(resamples, 1)):
            index = rng.integers(len(score), size=len(score)) if resamples else np.arange(len(score))
            bacc, bias = brute(score[index], target[index], protected[index], measure, COARSE)
            values.append(np.where(np.abs(bias) < 0.05 - 0.01, bacc, 0))
        mean = np.mean(values, axis=0)
        found = search(score, target, protected, measure, grid=COARSE, resamples=resamples, seed=seed)
        whole = brute(score, target, protected, measure, COARSE)
        best = int(mean.argmax())
        assert found.within and found.value == pytest.approx(COARSE[best])
        assert found.objective == pytest.approx(mean[best])
        assert (found.bacc, found.bias) == pytest.approx((whole[0][best], whole[1][best]))


def test_an_even_grid_is_given_by_its_number_of_steps():
    data = people()
    assert search(*data, "spd", grid=21) == search(*data, "spd", grid=COARSE)
    values = {search(*people(seed=seed), "aod").value for seed in range(5)}
    assert all(value * 500 == pytest.approx(round(value * 500)) for value in values), "501 steps of 0.002"


def test_the_margin_keeps_away_from_the_tolerance():
    score, target, protected = people(gap=0.05, seed=2)
    grid = np.linspace(0.3, 0.7, 81)
    bacc, bias = brute(score, target, protected, "spd", grid)
    for margin in (0.0, 0.02, 0.04):
        found = search(score, target, protected, "spd", grid=grid, resamples=0, margin=margin, tolerance=0.1)
        allowed = np.abs(bias) < 0.1 - margin
        assert abs(found.bias) < 0.1 - margin and found.bacc == pytest.approx(bacc[allowed].max())


def test_the_same_seed_gives_the_same_threshold():
    data = people(n=150)
    assert search(*data, "eod", seed=3) == search(*data, "eod", seed=3)
    assert len({search(*data, "eod", seed=seed).objective for seed in range(5)}) > 1


def test_only_a_trivial_threshold_is_left_where_the_score_is_the_group():
    _, target, protected = people()
    score = 0.2 + 0.6 * protected
    found = search(score, target, protected, "spd")
    assert found.trivial and found.within and found.bias == 0
    assert (found.bacc, found.objective) == (0.5, 0.5)
    assert not search(*people(gap=0.0), "spd").trivial


def test_without_a_threshold_within_tolerance_the_most_accurate_one_is_taken():
    score, target, protected = people(gap=0.6)
    grid = np.linspace(0.4, 0.6, 11)
    bacc, bias = brute(score, target, protected, "spd", grid)
    assert np.abs(bias).min() > 0.05
    found = search(score, target, protected, "spd", grid=grid)
    assert not found.within and not found.trivial and found.objective == 0
    assert (found.value, found.bacc) == pytest.approx((grid[bacc.argmax()], bacc.max()))
    assert found.bias == pytest.approx(bias[bacc.argmax()])


@pytest.mark.parametrize("measure", thresholds.MEASURES)
def test_the_balanced_threshold_ignores_the_bias(measure):
    score, target, protected = people(gap=0.6)
    bacc, bias = brute(score, target, protected, measure, COARSE)
    found = balanced(score, target, protected, measure, grid=COARSE)
    assert (found.value, found.bacc) == pytest.approx((COARSE[bacc.argmax()], bacc.max()))
    assert found.bias == pytest.approx(bias[bacc.argmax()]) and abs(found.bias) > 0.1


def test_a_rare_class_that_a_resample_misses_spoils_nothing():
    rng = np.random.default_rng(0)
    score, target, protected = rng.random(30), np.zeros(30, int), np.arange(30) % 2
    target[7], score[7] = 1, 0.9
    for seed in range(8):  # without the one positive, balanced accuracy is undefined
        found = search(score, target, protected, "spd", seed=seed)
        assert np.isfinite(found.objective) and found.within


def test_thresholds_need_not_come_in_order():
    data = people()
    assert search(*data, "aod", grid=COARSE[::-1]) == search(*data, "aod", grid=COARSE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s, t, p: (s, t, np.zeros_like(p)), r"protected group .* got only \[0\]"),
        (lambda s, t, p: (s, np.ones_like(t), p), r"target .* got only \[1\]"),
        (lambda s, t, p: (s, t, p + 1), r"protected group .* got only \[1, 2\]"),
        (lambda s, t, p: (np.where(t, np.nan, s), t, p), "NaN"),
        (lambda s, t, p: (s + 0.5, t, p), "outside"),
        (lambda s, t, p: (s - 0.5, t, p), "outside"),
    ],
)
def test_bad_data_are_a_sentence(change, words):
    with pytest.raises(BadData, match=words):
        search(*change(*people()), "spd")


def test_an_unknown_measure_is_named():
    with pytest.raises(UnknownName, match="bias measure 'sdp'.*spd"):
        search(*people(), "sdp")


@pytest.mark.parametrize("measure", ["eod", "aod"])
def test_an_empty_cell_that_a_measure_needs_is_a_sentence(measure):
    score, target, protected = people()
    keep = ~((target == 1) & (protected == 0))
    with pytest.raises(BadData, match=f"{measure}.*target 1 in group 0"):
        search(score[keep], target[keep], protected[keep], measure)
    assert np.isfinite(search(score[keep], target[keep], protected[keep], "spd").bias)


@pytest.mark.parametrize("threshold", [0.0, 1e-13, 0.002, 0.3, 0.5, 0.998, 1.0])
def test_at_half_keeps_decisions_and_order(threshold):
    rng = np.random.default_rng(0)
    near = threshold + np.array([-1e-3, -1e-12, 0, 1e-12, 1e-9, 1e-3])
    score = np.sort(np.concatenate([rng.random(500), near, [0, 1, np.nextafter(threshold, 2)]]).clip(0, 1))
    both = at_half(score, threshold)
    assert both.dtype == np.float32 and both.shape == (len(score), 2)
    assert both.min() >= 0 and both.max() <= 1
    np.testing.assert_allclose(both.sum(1), 1, atol=1e-7)
    np.testing.assert_array_equal(both.argmax(1) == 1, score > threshold)
    np.testing.assert_array_equal(both[:, 1] > 0.5, score > threshold)
    assert (np.diff(both[:, 1]) >= 0).all(), "a higher score stays higher"


def test_moved_scores_have_the_same_area_under_the_curve():
    score, target, protected = people()
    before = metrics.group_report(target, None, protected, score=score)["auc"]
    moved = at_half(score, 0.2)[:, 1]
    assert metrics.group_report(target, None, protected, score=moved)["auc"] == pytest.approx(before, abs=1e-12)


def test_a_threshold_predictor_decides_by_its_threshold_and_keeps_notes():
    predictor = thresholds.ThresholdPredictor(lambda x: x[:, 0], 0.7, {"threshold": 1})
    x = np.array([[0.1], [0.7], [0.71]], np.float32)
    predictor.threshold = float(x[1, 0])
    assert predictor(x).argmax(1).tolist() == [0, 0, 1] and predictor.notes == {"threshold": 1}


def test_notes_are_json():
    found = search(*people(), "spd")
    assert json.loads(json.dumps(found.notes()))["value"] == found.value
