"""The post-processing baselines of ICDM 2022, against AIF360 and by hand."""

import logging

import numpy as np
import pytest
import torch

from fairnb.errors import BadData
from fairnb.papers.reactivate.rivals import postprocessing as post
from fairnb.papers.reactivate.rivals.aif360_quiet import GROUPS, quiet
from fairnb.training import methods
from tests.reactivate_task import feature_task, image_task

FEATURES = [feature_task(seed, n=1500, epochs=2) for seed in range(2)]
NAMES = ("reject_option", "equalised_odds", "calibrated_equalised_odds")
AIF360 = {
    "spd": "Statistical parity difference", "aod": "Average odds difference", "eod": "Equal opportunity difference",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def predict(predictor, task):
    return predictor(task.val.x, task.val.protected)


def rates(task, positive):
    """P(class 1 | target, protected)."""
    val = task.val
    return {(t, p): positive[(val.target == t) & (val.protected == p)].mean() for t in (0, 1) for p in (0, 1)}


def drawn(n, seed, gap=0.5, rounded=None):
    rng = np.random.default_rng(seed)
    protected = rng.integers(0, 2, n)
    target = (rng.random(n) < 0.3 + 0.2 * protected).astype(int)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 1.5 * target - 1 + gap * protected)))
    return (score if rounded is None else score.round(rounded)), target, protected


@pytest.mark.slow
@pytest.mark.parametrize("measure", AIF360)
@pytest.mark.parametrize(("seed", "gap", "rounded"), [(0, 0.5, None), (1, 3.0, 2)])
def test_the_reject_option_search_is_aif360s(measure, seed, gap, rounded):
    score, target, protected = drawn(300, seed, gap, rounded)
    wanted = aif360_reject_option(score, target, protected, measure, (-0.05, 0.05), (20, 15))
    assert post.search_reject_option(score, target, protected, measure, size=(20, 15)) == wanted


@pytest.mark.slow
def test_the_reject_option_search_has_aif360s_grid():
    score, target, protected = drawn(500, 5, 1.5)
    wanted = aif360_reject_option(score, target, protected, "spd", (-0.05, 0.05), (100, 50))
    assert post.search_reject_option(score, target, protected, "spd") == wanted


def test_the_reject_option_without_a_feasible_point_is_aif360s():
    score, target, protected = drawn(200, 3)
    wanted = aif360_reject_option(score, target, protected, "aod", (2.0, -2.0), (20, 15))
    assert post.search_reject_option(score, target, protected, "aod", bound=-1.0, size=(20, 15)) == wanted


def aif360_reject_option(score, target, protected, measure, bounds, size):
    with quiet() as (dataset, algorithms):
        options = {"metric_name": AIF360[measure], "metric_lb": bounds[0], "metric_ub": bounds[1]}
        options |= {"num_class_thresh": size[0], "num_ROC_margin": size[1]}
        model = algorithms.RejectOptionClassification(**GROUPS, **options)
        model.fit(dataset(target, target, protected), dataset(score > 0.5, score, protected))
    return model.classification_threshold, model.ROC_margin


def test_reject_option_decides_by_its_band_and_is_within_tolerance_on_validation_data():
    [found] = methods.get("reject_option").together(FEATURES[:1], seeds=[0])
    task, note = FEATURES[0], found.notes["threshold"]
    with torch.no_grad():
        score = task.biased_model(0)(torch.from_numpy(task.val.x))[:, 0].sigmoid().numpy().astype(float)
    positive = predict(found, task)[:, 1] > 0.5
    with quiet() as (dataset, algorithms):
        model = algorithms.RejectOptionClassification(**GROUPS)
        model.classification_threshold, model.ROC_margin = note["value"], note["margin"]
        wanted = model.predict(dataset(score > 0.5, score, task.val.protected)).labels.ravel()
    assert np.array_equal(positive, wanted == 1)
    share = [positive[task.val.protected == p].mean() for p in (0, 1)]
    assert abs(share[0] - share[1]) <= 0.05


def test_the_reject_option_helps_the_group_that_is_not_privileged():
    task = FEATURES[0]  # group 1 has class 1 more often
    right = methods.get("reject_option")(task, seed=0)
    wrong = methods.get("reject_option")(task, seed=0, privileged=0)
    tier = type(task)(**(vars(task) | {"settings": task.settings | {"privileged": 0}}))
    assert methods.get("reject_option")(tier, seed=0).notes == wrong.notes != right.notes

    def accuracy(predictor):
        found = rates(task, predict(predictor, task)[:, 1] > 0.5)
        return sum(found[1, p] - found[0, p] for p in (0, 1))

    assert accuracy(right) > accuracy(wrong) + 0.1
    with pytest.raises(BadData, match="got 2"):
        methods.get("reject_option")(task, seed=0, privileged=2)


def test_equalised_odds_equalises_the_rates_of_the_groups():
    task = FEATURES[0]
    [before] = methods.get("default_model").together([task], seeds=[0])
    [found] = methods.get("equalised_odds").together([task], seeds=[0])
    old, new = rates(task, before(task.val.x)[:, 1] > 0.5), rates(task, predict(found, task)[:, 1] > 0.5)
    assert max(abs(old[t, 0] - old[t, 1]) for t in (0, 1)) > 0.15
    assert max(abs(new[t, 0] - new[t, 1]) for t in (0, 1)) < 0.06


def test_equalised_odds_flips_the_decisions_at_its_threshold():
    task = FEATURES[0]
    with torch.no_grad():
        score = task.biased_model(0)(torch.from_numpy(task.val.x))[:, 0].sigmoid().numpy().astype(float)
    for threshold in (0.5, 0.3):
        found = methods.get("equalised_odds")(task, seed=0, threshold=threshold)
        with quiet() as (dataset, algorithms):
            model = algorithms.EqOddsPostprocessing(**GROUPS, seed=0)
            truth = dataset(task.val.target, task.val.target, task.val.protected)
            decided = dataset(score > threshold, score, task.val.protected)
            wanted = model.fit(truth, decided).predict(decided).labels.ravel()
        assert np.array_equal(predict(found, task)[:, 1] > 0.5, wanted == 1)
        assert found.notes["threshold"]["value"] == threshold


@pytest.mark.parametrize("name", NAMES[1:])
def test_the_threshold_is_one_half_as_released_or_the_baselines(name):
    task = FEATURES[0]
    [before] = methods.get("default_model").together([task], seeds=[0])
    found = {value: methods.get(name)(task, seed=0, threshold=value).notes for value in (0.5, None)}
    assert methods.get(name)(task, seed=0).notes == found[0.5] and found[0.5]["threshold"]["value"] == 0.5
    assert found[None]["threshold"]["value"] == before.notes["threshold"]["value"] != 0.5


def test_the_label_leak_gives_accuracy_one():
    task = FEATURES[0]
    leak = methods.get("equalised_odds")(task, seed=0, as_released=True)
    right = methods.get("equalised_odds")(task, seed=0)
    predicted = leak(task.val.x, task.val.protected, task.val.target).argmax(1)
    assert leak.reads_target and (predicted == task.val.target).mean() == 1
    assert (predict(right, task).argmax(1) == task.val.target).mean() < 0.95
    with pytest.raises(BadData, match="target"):
        predict(leak, task)


def test_calibrated_equalised_odds_mixes_in_the_base_rate_by_generalised_false_positive_rates():
    task = FEATURES[0]
    with torch.no_grad():
        score = task.biased_model(0)(torch.from_numpy(task.val.x))[:, 0].sigmoid().numpy().astype(float)
    found = methods.get("calibrated_equalised_odds")(task, seed=0)
    model, value, favourable = found.adjust.args
    assert favourable == 1
    with quiet() as (dataset, _):
        adjusted = model.predict(dataset(score > value, score, task.val.protected), threshold=value)
    mixed, old = rates(task, adjusted.scores.ravel()), rates(task, score)
    base = task.val.target[task.val.protected == 0].mean()
    assert old[0, 0] < old[0, 1]  # so the unprivileged group's scores are mixed with its base rate, to cost as much
    wanted = (old[0, 1] - old[0, 0]) / (base - old[0, 0])
    assert found.notes["mix_rates"] == pytest.approx([wanted, 0], rel=1e-5)
    assert abs(mixed[0, 0] - mixed[0, 1]) < abs(old[0, 0] - old[0, 1])
    assert np.array_equal(predict(found, task)[:, 1] > 0.5, adjusted.labels.ravel() == 1)
    assert value == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_does_not_depend_on_the_seeds_beside_it_and_scores_are_two_columns(name):
    together = methods.get(name).together(FEATURES, seeds=[0, 1])
    alone = methods.get(name)(FEATURES[1], seed=1)
    found = predict(together[1], FEATURES[1])
    assert together[1].reads_protected and found.dtype == np.float32 and found.shape == (1500, 2)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(found, predict(alone, FEATURES[1]), atol=1e-5)
    assert np.array_equal(found, predict(together[1], FEATURES[1]))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_images_of_two_classes_work_and_more_are_refused(name):
    task = image_task(0)
    found = methods.get(name)(task, seed=0)
    assert predict(found, task).shape == (len(task.val), 2)
    with pytest.raises(BadData, match="two classes"):
        methods.get(name)(image_task(0, classes=3), seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_cell_is_refused(name):
    task = FEATURES[0]
    keep = ~((task.val.target == 1) & (task.val.protected == 0))
    other = type(task)(**(vars(task) | {"val": task.val.take(keep)}))
    with pytest.raises(BadData, match="every class in every group"):
        methods.get(name)(other, seed=0)


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_threshold_out_of_range_is_refused(name):
    with pytest.raises(BadData, match=r"equalised odds needs a threshold between 0 and 1, got 1\.0"):
        methods.get(name)(FEATURES[0], seed=0, threshold=1.0)


def test_aif360_is_silent_and_leaves_numpys_generator_alone(capfd):
    np.random.seed(3)
    wanted = np.random.random()
    np.random.seed(3)
    predict(methods.get("equalised_odds")(FEATURES[0], seed=0), FEATURES[0])
    assert np.random.random() == wanted
    assert capfd.readouterr() == ("", "") and logging.root.manager.disable == 0
