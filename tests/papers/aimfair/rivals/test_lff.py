"""LfF: its biased loss, its tables of losses, and whom it weighs up."""

import json

import numpy as np
import pytest
import torch
from fake_task import BIASED, SETTINGS, fake_task

from fairnb.contract import Split, Task
from fairnb.errors import BadData
from fairnb.papers.aimfair.rivals import lff
from fairnb.training import comparators as common
from fairnb.training import methods
from fairnb.training.comparators import sample_losses

pytestmark = pytest.mark.numerics


@pytest.mark.parametrize("width", [1, 3])
def test_generalised_cross_entropy_has_q_times_its_gradient(width):
    logits = torch.randn(6, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    target, q = torch.tensor([0, 1, 0, 1, 1, 0]), 0.7
    ours, exact = (logits.clone().requires_grad_() for _ in range(2))
    lff.generalised(sample_losses(ours, target), q).sum().backward()
    p = exact.softmax(1) if width > 1 else torch.cat([1 - exact.sigmoid(), exact.sigmoid()], 1)
    ((1 - p.gather(1, target[:, None]) ** q) / q).sum().backward()
    torch.testing.assert_close(ours.grad, q * exact.grad, rtol=1e-5, atol=1e-7)


def test_moving_average_takes_the_first_loss_whole_and_normalises_by_class():
    average = lff.MovingAverage(torch.tensor([0, 0, 1, 1]), 0.7)
    average.update(torch.tensor([2.0, 4.0]), torch.tensor([0, 2]))
    assert average.value.tolist() == [2, 0, 4, 0]
    average.update(torch.tensor([1.0, 1.0]), torch.tensor([0, 1]))
    assert average.value.tolist() == pytest.approx([1.7, 1, 4, 0])
    found = average.normalised(torch.tensor([0, 1, 2, 3])).tolist()
    assert found == pytest.approx([1, 1 / 1.7, 1, 0])


def test_weights_are_high_where_only_the_biased_network_fails():
    target = torch.zeros(4, dtype=torch.long)
    loss = lff.FailureLoss(target, 0.7, 0.7)
    first, second = torch.tensor([-3.0, -3.0, 3.0, 3.0]), torch.tensor([-2.0, 2.0, -2.0, 2.0])
    total = loss(torch.stack([first, second], 1), target, torch.arange(4))
    weights = loss.weights(torch.arange(4))
    one, two = (sample_losses(part[:, None], target) for part in (first, second))
    expected = (one / one.max()) / (one / one.max() + two / two.max() + 1e-8)
    torch.testing.assert_close(weights, expected)
    assert weights.argmax() == 2 and weights[1] < 0.1
    torch.testing.assert_close(total, (lff.generalised(one, 0.7) + expected * two).mean())


def test_the_pair_shows_both_in_training_and_the_second_otherwise():
    pair = lff.Pair(fake_task(), 0)
    x = torch.rand(6, 3, 32, 32)
    assert pair.train()(x).shape == (6, 2)
    pair.eval()
    assert torch.equal(pair(x), pair.second(x))
    assert not torch.equal(pair.first.net.fc.weight, pair.second.net.fc.weight)


def feature_task() -> Task:
    """A feature that shows the protected attribute, easy to learn, and one that shows the target, hard to learn."""
    rng = np.random.default_rng(0)
    target, protected = np.repeat(np.array(list(BIASED)), [20, 180, 180, 20], axis=0).T
    x = np.stack([3 * (2 * protected - 1), 0.3 * (2 * target - 1)], 1) + rng.normal(0, 0.1, (400, 2))
    split = Split(x.astype(np.float32), target, protected, np.arange(400))

    def backbone(seed: int) -> torch.nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return torch.nn.Linear(2, 1)

    return Task("features", split, split, backbone, backbone, None, SETTINGS)


def test_lff_weighs_up_bias_conflicting_samples(monkeypatch):
    task, kept = feature_task(), []
    original = lff.FailureLoss

    def record(*arguments):
        kept.append(original(*arguments))
        return kept[-1]

    monkeypatch.setattr(lff, "FailureLoss", record)
    predictor = methods.get("lff")(task, seed=0, epochs=6)
    weights = kept[0].weights(torch.arange(400)).numpy()
    conflicting = task.train.target == task.train.protected
    assert weights[conflicting].mean() > 2 * weights[~conflicting].mean()
    erm = common.train(task, 0, epochs=6)

    def worst(model):
        right = model(task.train.x).argmax(1) == task.train.target
        return right[conflicting].mean()

    assert worst(predictor) > worst(erm) + 0.1
    notes = json.loads(json.dumps(predictor.notes))
    assert len(notes["mean_weights"]) == 2 and len(notes["val_accuracy"]) == 6


@pytest.mark.parametrize("hparams", [{"q": 0.0}, {"q": 1.0}, {"decay": 1.0}, {"decay": -0.1}])
def test_values_out_of_range(hparams):
    with pytest.raises(BadData, match=r"LfF needs q in \(0, 1\) and decay in \[0, 1\)"):
        methods.get("lff")(fake_task(), seed=0, **hparams)
