"""Training on real images, generated ones and their counterfactuals."""

from dataclasses import replace

import numpy as np
import pytest
from fake_task import balanced, fake_task, squares
from small_network import with_small_network

from fairnb.errors import BadData, UnknownName
from fairnb.papers.asac.rivals.generative_counterfactuals import generative_counterfactuals, prevalence_threshold
from fairnb.tasks import _synthetic
from fairnb.tasks.recipes import Data
from fairnb.training.methods import get


@pytest.fixture(scope="module")
def task():
    found = fake_task(base_epochs=3, finetune_epochs=2)
    pool = squares(balanced(20), 1000, noise=20)
    return replace(found, synthetic=lambda kind, seed, **_: {"all": pool}[kind])


@pytest.fixture(scope="module")
def predictor(task):
    return generative_counterfactuals(task, seed=0, lr=3e-3)


@pytest.mark.slow
def test_it_learns_from_both_and_says_so(task, predictor):
    assert predictor.notes["real"] == len(task.train) and predictor.notes["generated"] == 80
    assert predictor.notes["generated_cells"] == {"0,0": 20, "0,1": 20, "1,0": 20, "1,1": 20}
    assert len(predictor.notes["train_loss"]) == 5 and "text-to-image" in predictor.notes["stand_in"]
    test = squares(balanced(25), 77)
    assert (predictor(test.x).argmax(1) == test.target).mean() > 0.8


@pytest.mark.slow
def test_as_many_are_predicted_as_there_are(task, predictor):
    predicted = predictor(task.val.x).argmax(1).sum()
    assert abs(int(predicted) - int(task.val.target.sum())) <= 2  # bfloat16 scores may tie
    half = generative_counterfactuals(task, seed=0, lr=3e-3, threshold="half")
    assert half.notes["threshold"] == 0.5
    moved, plain = (np.argsort(found(task.val.x)[:, 1], kind="stable") for found in (predictor, half))
    assert (moved == plain).mean() > 0.9  # the threshold changes no order


@pytest.mark.slow
def test_it_does_not_read_the_group_of_real_images(task):
    small = with_small_network(task)
    train = replace(task.train, protected=1 - task.train.protected)
    one, other = (generative_counterfactuals(found, seed=0, lr=3e-3) for found in (small, replace(small, train=train)))
    np.testing.assert_array_equal(other(task.val.x), one(task.val.x))


def test_threshold_by_prevalence():
    score = np.array([0.1, 0.9, 0.4, 0.8])
    assert prevalence_threshold(score, np.array([0, 1, 0, 0])) == pytest.approx(0.85)
    assert prevalence_threshold(score, np.array([1, 1, 1, 0])) == pytest.approx(0.25)
    assert (np.full(4, 0.5) > prevalence_threshold(np.full(4, 0.5), np.array([1, 0, 0, 0]))).sum() == 0
    with pytest.raises(BadData, match="both classes"):
        prevalence_threshold(score, np.zeros(4))


def test_what_cannot_work_is_a_sentence(task):
    with pytest.raises(BadData, match="no synthetic data"):
        data = Data(task.train, task.val, task.val)
        generative_counterfactuals(replace(task, synthetic=lambda *a, **k: _synthetic(data, *a, **k)), seed=0)
    with pytest.raises(BadData, match="one size"):
        small = squares(balanced(2), 5, size=16)
        generative_counterfactuals(replace(task, synthetic=lambda *a, **k: small), seed=0)
    with pytest.raises((UnknownName, BadData), match="threshold"):
        generative_counterfactuals(task, seed=0, threshold="best")


def test_a_tasks_whole_pool_is_a_kind_of_synthetic_data(task):
    pool = squares(balanced(3), 9)
    data = Data(task.train, task.val, task.val, pool=pool, n_synthetic=len(pool))
    assert _synthetic(data, "all", 0) is pool
    with pytest.raises(UnknownName, match="all"):
        _synthetic(data, "al", 0)


def test_registered():
    found = get("generative_counterfactuals")
    assert found.needs_synthetic and found.reads_groups
