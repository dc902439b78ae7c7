"""JTT: whom it repeats, how often, and that an epoch can keep ERM's cost."""

import numpy as np
import pytest
import torch
from fake_task import BIASED, fake_task, squares

from fairnb.errors import BadData
from fairnb.nets.models import ModelPredictor
from fairnb.papers.aimfair.rivals import jtt
from fairnb.training import comparators as common
from fairnb.training import methods


@pytest.fixture(scope="module")
def task():
    return fake_task()


def test_the_error_set_is_what_a_known_model_gets_wrong(task):
    model = common.reference(task, 0, 1, lr=0.002)
    expected = ModelPredictor(model)(task.train.x).argmax(1) != task.train.target
    assert 0 < expected.sum() < len(task.train)
    assert np.array_equal(jtt.errors(model, task.train), expected)


def test_errors_of_three_classes():
    class Constant(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scores = torch.nn.Parameter(torch.tensor([0.0, 2.0, 1.0]))

        def forward(self, x):
            return self.scores.expand(len(x), 3)

    split = squares(BIASED, 1)
    assert np.array_equal(jtt.errors(Constant(), split), split.target != 1)


def test_repeated_counts():
    rows = jtt.repeated(np.array([False, True, False, True]), 5)
    assert np.bincount(rows).tolist() == [1, 5, 1, 5]
    assert np.array_equal(jtt.repeated(np.array([True, False]), 1), [0, 1])


def test_second_training_is_on_the_repeated_set(task, monkeypatch):
    plans = []
    original = common.fit

    def fit(*arguments, **options):
        plans.append(options)
        return original(*arguments, **options)

    monkeypatch.setattr(common, "fit", fit)
    predictor = methods.get("jtt")(task, seed=0, epochs=1, lambda_up=5, identification_lr=0.002, epoch_samples=80)
    first, second = plans
    wrong = np.bincount(second["rows"]) == 5
    assert (first["lr"], first["epochs"], first["schedule"]) == (0.002, 1, "constant") and "val" not in first
    assert second["lr"] == 0.05 and second["epoch_samples"] == 80
    assert predictor.notes["errors"] == wrong.sum() > 0
    assert predictor.notes["samples"] == 80 + 4 * wrong.sum() == len(second["rows"])
    assert len(predictor.notes["val_accuracy"]) == 1


def test_the_reference_is_erm_without_selection(task):
    one, again = (common.reference(task, 0, 2) for _ in range(2))
    other = common.reference(task, 1, 2)
    weights = [model.net.fc.weight for model in (one, again, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_bad_values(task, monkeypatch):
    with pytest.raises(BadData, match="lambda_up of 1 or more, got 0"):
        methods.get("jtt")(task, seed=0, lambda_up=0)
    with pytest.raises(BadData, match="the reference model needs 1 epoch or more, got 0"):
        methods.get("jtt")(task, seed=0, identification_epochs=0)
    monkeypatch.setattr(jtt, "errors", lambda model, split: np.zeros(len(split), bool))
    with pytest.raises(BadData, match="makes no error on the training set"):
        methods.get("jtt")(task, seed=0)
