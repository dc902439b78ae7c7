"""Intervals: against brute force, their coverage by simulation, and averages over seeds as the papers print them."""

import math
import time

import numpy as np
import pytest

from fairnb import metrics
from fairnb.errors import BadData, UnknownName

NAMES = ("acc", "wst", "std", "eod", "spd", "eo_max", "eo_avg", "ddp", "dob_sample", "max_min", "bias_amp")
ACCURACY = np.array([[0.9, 0.7], [0.6, 0.85]])


def draw(rng, per_cell, accuracy=ACCURACY):
    """A test set with ``per_cell`` samples in each of four cells, from known cell accuracies."""
    target, protected = np.repeat([0, 0, 1, 1], per_cell), np.tile(np.repeat([0, 1], per_cell), 2)
    right = rng.random(len(target)) < accuracy[target, protected]
    return target, np.where(right, target, 1 - target), protected


@pytest.mark.slow
@pytest.mark.parametrize("stratified", [True, False])
def test_bootstrap_agrees_with_resampling_the_samples_themselves(stratified):
    target, prediction, protected = draw(np.random.default_rng(0), 60)
    cell = 2 * target + protected if stratified else np.zeros_like(target)
    rng, rows = np.random.default_rng(1), []
    for _ in range(1500):
        index = np.concatenate([rng.choice(np.flatnonzero(cell == c), (cell == c).sum()) for c in np.unique(cell)])
        report = metrics.group_report(target[index], prediction[index], protected[index])
        rows.append([report[name] for name in NAMES])
    brute = np.quantile(rows, [0.025, 0.975], axis=0)
    ours = metrics.bootstrap(target, prediction, protected, NAMES, resamples=4000, stratified=stratified, smoothing=0)
    for name, low, high in zip(NAMES, *brute, strict=True):
        slack = 0.12 * (high - low) + 1e-9
        assert ours[name].low == pytest.approx(low, abs=slack), name
        assert ours[name].high == pytest.approx(high, abs=slack), name


@pytest.mark.slow
@pytest.mark.parametrize("per_cell", [20, 100])
def test_intervals_cover_the_truth_about_as_often_as_they_say(per_cell):
    truth = metrics.from_cells(ACCURACY * 1000, np.full((2, 2), 1000))
    names = ("acc", "eod", "spd", "aod", "tpr_gap", "eo_max", "eo_avg")
    rng, hits = np.random.default_rng(2), dict.fromkeys(names, 0)
    runs = 400
    for run in range(runs):
        found = metrics.bootstrap(*draw(rng, per_cell), names, resamples=400, seed=run)
        for name in names:
            hits[name] += truth[name] in found[name]
    for name in names:
        assert hits[name] / runs > 0.90, (name, hits[name] / runs)


def test_smoothing_keeps_perfect_small_cells_uncertain():
    rng, covered = np.random.default_rng(3), {0.0: 0, 1.0: 0}
    accuracy = np.full((2, 2), 0.97)
    for run in range(300):
        data = draw(rng, 10, accuracy)
        for smoothing in covered:
            covered[smoothing] += (
                0.0 in metrics.bootstrap(*data, ["eod"], resamples=300, seed=run, smoothing=smoothing)["eod"]
            )
    assert covered[1.0] / 300 > 0.93
    data = draw(np.random.default_rng(0), 10, np.ones((2, 2)))
    assert metrics.bootstrap(*data, ["wst"], smoothing=0)["wst"].width == 0
    assert metrics.bootstrap(*data, ["wst"])["wst"].width > 0.05


def test_an_absolute_gap_of_a_fair_model_seldom_covers_zero_but_the_signed_one_does():
    target, prediction, protected = draw(np.random.default_rng(4), 200, np.full((2, 2), 0.8))
    found = metrics.bootstrap(target, prediction, protected, ["eo_max", "eod"])
    assert found["eo_max"].low > 0 and 0 in found["eod"]


def test_the_same_seed_gives_the_same_intervals():
    data = draw(np.random.default_rng(5), 50)
    assert metrics.bootstrap(*data, NAMES, seed=3) == metrics.bootstrap(*data, NAMES, seed=3)
    assert metrics.bootstrap(*data, NAMES, seed=3) != metrics.bootstrap(*data, NAMES, seed=4)


def test_intervals_from_a_report_equal_those_from_samples():
    data = draw(np.random.default_rng(5), 50)
    assert metrics.bootstrap_report(metrics.group_report(*data), NAMES) == metrics.bootstrap(*data, NAMES)


def test_a_thousand_resamples_of_all_metrics_take_less_than_a_fifth_of_a_second():
    data = draw(np.random.default_rng(6), 5000)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        found = metrics.bootstrap(*data)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.2 and len(found) > 30


def test_intervals_shrink_with_the_square_root_of_the_cell_size():
    small, large = (metrics.bootstrap(*draw(np.random.default_rng(7), n), ["eod"])["eod"].width for n in (100, 1600))
    assert small / large == pytest.approx(4, rel=0.25)


def test_plain_resampling_reports_how_often_a_small_cell_came_out_empty():
    target, protected = np.array([0] * 20 + [1] * 20 + [1] * 2), np.array([0, 1] * 20 + [1, 1])
    protected[target == 1] = [0] * 20 + [1] * 2
    found = metrics.bootstrap(target, target, protected, ["tpr_gap", "acc"], stratified=False)
    assert found["tpr_gap"].undefined_share == pytest.approx(math.exp(-2), abs=0.05)
    assert found["acc"].undefined_share == 0


def test_an_empty_cell_has_no_interval():
    found = metrics.bootstrap([0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1], ["tpr_gap", "fpr_gap"])
    assert math.isnan(found["tpr_gap"].low) and found["tpr_gap"].undefined_share == 1
    assert found["fpr_gap"].undefined_share == 0 and 0.0 not in found["tpr_gap"]


def test_score_metrics_have_intervals_when_scores_are_given():
    rng = np.random.default_rng(8)
    target, protected = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    score = np.clip(0.3 + 0.3 * target + 0.2 * rng.standard_normal(400), 0, 1)
    found = metrics.bootstrap(target, None, protected, ["auc", "score_ddp", "acc"], score=score, resamples=200)
    report = metrics.group_report(target, None, protected, score=score)
    assert list(found) == ["auc", "score_ddp", "acc"] and report["auc"] in found["auc"]
    with pytest.raises(BadData, match="score="):
        metrics.bootstrap(target, target, protected, ["auc"])


@pytest.mark.parametrize("bad", [{"level": 1.0}, {"resamples": 0}, {"smoothing": -1}])
def test_bad_settings_are_an_error(bad):
    with pytest.raises(BadData, match="an interval needs"):
        metrics.bootstrap([0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1], **bad)


def test_unknown_names_and_fractional_counts_are_an_error():
    with pytest.raises(UnknownName):
        metrics.bootstrap([0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1], ["eo"])
    with pytest.raises(BadData, match="fractional"):
        metrics.bootstrap_report(metrics.from_cells([[1.5, 2], [1, 1]], [[2, 2], [2, 2]]))


# --- over seeds ---------------------------------------------------------------------------------------------------


def test_seed_interval_by_hand():
    found = metrics.seed_interval([1.0, 2.0, 3.0])  # t(0.975, 2) = 4.302653
    half = 4.302653 / math.sqrt(3)
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((2, 2 - half, 2 + half, 3))
    assert not found.excludes_zero and metrics.seed_interval([1.0, 1.1, 0.9]).excludes_zero


def test_one_seed_has_a_mean_and_no_interval():
    found = metrics.seed_interval([0.7])
    assert found.mean == 0.7 and math.isnan(found.low) and math.isnan(found.high) and not found.excludes_zero


def test_pairing_removes_what_the_seed_does_to_both():
    a, b = np.array([0.800, 0.700, 0.900]), np.array([0.790, 0.688, 0.889])
    assert metrics.paired_difference(a, b).excludes_zero
    assert metrics.paired_difference(a, b).mean == pytest.approx(0.011)
    assert metrics.seed_interval(a).low < b.mean()  # unpaired, the spread over seeds hides the difference
    with pytest.raises(BadData, match="one length"):
        metrics.paired_difference(a, b[:2])
    with pytest.raises(BadData, match="NaN"):
        metrics.paired_difference(a, [0.1, math.nan, 0.2])


def test_aimfair_takes_wst_and_std_of_mean_cells_but_the_mean_of_per_seed_eo():
    total = np.full((2, 2), 10)
    reports = [metrics.from_cells([[9, 6], [5, 8]], total), metrics.from_cells([[9, 6], [9, 8]], total)]
    found = metrics.aggregate_aimfair(reports)
    assert found["acc_y1s0"] == pytest.approx(0.7) and found["wst"] == pytest.approx(0.6)  # mean of wst: 0.55
    assert found["std"] == pytest.approx(np.std([0.9, 0.6, 0.7, 0.8]))
    assert found["eo_avg"] == pytest.approx((0.3 + 0.2) / 2) and found["eo_avg_of_mean_cells"] == pytest.approx(0.2)
    assert found["eo_max"] == pytest.approx(0.3) == found["eo_max_of_mean_cells"]
    with pytest.raises(BadData):
        metrics.aggregate_aimfair([])


def test_the_printed_eo_is_never_below_the_eo_of_the_mean_cells():
    rng = np.random.default_rng(9)
    for _ in range(100):
        total = rng.integers(1, 50, (2, 2))
        found = metrics.aggregate_aimfair([metrics.from_cells(rng.binomial(total, 0.7), total) for _ in range(5)])
        for name in ("eo_avg", "eo_max"):
            assert found[name] >= found[f"{name}_of_mean_cells"] - 1e-12


def test_average_reports_keeps_an_undefined_metric_undefined():
    total = np.full((2, 2), 10)
    good = metrics.from_cells([[9, 6], [5, 8]], total)
    with pytest.warns(metrics.UndefinedMetric):
        hole = metrics.from_cells([[9, 6], [5, 0]], [[10, 10], [10, 0]])
    found = metrics.average_reports([good, hole], ["tpr_gap", "acc"])
    assert math.isnan(found["tpr_gap"]) and found["acc"] == pytest.approx((28 / 40 + 20 / 30) / 2)


def test_joint_bootstrap_of_one_seed_is_the_plain_one():
    rng = np.random.default_rng(0)
    target, protected = rng.integers(0, 2, 800), rng.integers(0, 2, 800)
    predicted = np.where(rng.random(800) < 0.8, target, 1 - target)
    joint = metrics.bootstrap_over_seeds(target, predicted[None], protected, ["acc", "eo_max"], resamples=4000)
    plain = metrics.bootstrap(target, predicted, protected, ["acc", "eo_max"], resamples=4000, smoothing=0)
    for name in joint:
        assert abs(joint[name].low - plain[name].low) < 0.01 and abs(joint[name].high - plain[name].high) < 0.01


def test_equal_seeds_do_not_narrow_the_joint_interval_and_different_ones_do():
    rng = np.random.default_rng(1)
    target, protected = rng.integers(0, 2, 600), rng.integers(0, 2, 600)
    many = np.where(rng.random((9, 600)) < 0.8, target, 1 - target)
    width = {
        name: metrics.bootstrap_over_seeds(target, predicted, protected, ["acc"])["acc"].width
        for name, predicted in {"one": many[:1], "same": many[[0] * 9], "different": many}.items()
    }
    assert width["same"] == pytest.approx(width["one"])
    assert width["different"] < 0.5 * width["one"]


def test_seeds_with_test_sets_of_their_own_narrow_the_joint_interval_though_their_decisions_are_the_same():
    rng = np.random.default_rng(2)
    target, protected = rng.integers(0, 2, 600), rng.integers(0, 2, 600)
    many = np.repeat(np.where(rng.random(600) < 0.8, target, 1 - target)[None], 9, axis=0)
    alone = metrics.bootstrap_over_seeds(target, many, protected, ["acc"])["acc"]
    own = metrics.bootstrap_over_seeds(np.tile(target, (9, 1)), many, np.tile(protected, (9, 1)), ["acc"])["acc"]
    assert own.width == pytest.approx(alone.width / 3, rel=0.2)
    with pytest.raises(BadData, match="a row per seed"):
        metrics.bootstrap_over_seeds(np.tile(target, (2, 1)), many, np.tile(protected, (9, 1)), ["acc"])


def test_joint_bootstrap_refuses_other_shapes():
    with pytest.raises(BadData, match=r"predictions must be \(seeds, 4\)"):
        metrics.bootstrap_over_seeds([0, 1, 0, 1], np.zeros((2, 3), int), [0, 0, 1, 1], ["acc"])
