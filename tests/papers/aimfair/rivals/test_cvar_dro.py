"""CVaR DRO's weights against a linear program, and its place between the worst sample and ERM."""

import dataclasses

import numpy as np
import pytest
import torch
from fake_task import BIASED, fake_task, squares
from scipy.optimize import linprog

from fairnb.errors import BadData
from fairnb.papers.aimfair.rivals.cvar_dro import worst_case_weights
from fairnb.training import methods
from fairnb.training.batches import Batches
from fairnb.training.comparators import sample_losses
from fairnb.training.loop import fit

LOSSES = torch.from_numpy(np.random.default_rng(0).exponential(size=13)).float()


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.29, 0.5, 0.77, 1.0])
def test_weights_solve_the_linear_program(alpha):
    weights = worst_case_weights(LOSSES, alpha)
    exact = linprog(-LOSSES.numpy(), A_eq=np.ones((1, 13)), b_eq=[1], bounds=(0, 1 / (alpha * 13)))
    bound = max(1 / (alpha * 13), 1)
    if alpha * 13 >= 1:
        assert weights.sum() == pytest.approx(1, abs=1e-6)
        assert (weights * LOSSES).sum() == pytest.approx(-exact.fun, rel=1e-5)
        np.testing.assert_allclose(weights, exact.x, atol=1e-6)
    else:  # less than one sample's share: all weight on the worst one
        assert weights[LOSSES.argmax()] == 1 <= bound and weights.sum() == 1


def test_weights_of_a_whole_number_of_samples_and_of_ties():
    assert worst_case_weights(torch.arange(100.0), 0.29).count_nonzero() == 29
    assert torch.equal(worst_case_weights(torch.ones(4), 0.5), torch.tensor([0.5, 0.5, 0, 0]))
    assert torch.equal(worst_case_weights(LOSSES, 1.0), torch.full((13,), 1 / 13))


@pytest.mark.slow
def test_alpha_one_is_erm_and_less_is_not():
    task = fake_task()
    options = {"seed": 0, "epochs": 1}
    erm = task.backbone(0)
    from fairnb.training import comparators as common

    fit(erm, task.train, val=task.val, seed=0, select="val_acc", **common.schedule(task, epochs=1))
    same, other = (methods.get("cvar_dro")(task, alpha=alpha, **options) for alpha in (1.0, 0.1))
    for name, tensor in erm.state_dict().items():
        torch.testing.assert_close(same.model.state_dict()[name], tensor, atol=2e-3, rtol=2e-2)
    assert (other(task.val.x) - same(task.val.x)).max() > 0.01
    assert other.notes["alpha"] == 0.1 and len(other.notes["val_accuracy"]) == 1


@pytest.mark.parametrize("alpha", [0.0, -0.1, 1.5])
def test_alpha_out_of_range(alpha):
    with pytest.raises(BadData, match=rf"alpha in \(0, 1\], got {alpha}"):
        methods.get("cvar_dro")(fake_task(), seed=0, alpha=alpha)


def test_sample_losses_average_to_the_mean_loss():
    rng = torch.Generator().manual_seed(0)
    target = torch.tensor([0, 1, 1, 0])
    one, three = (torch.randn(4, width, generator=rng) for width in (1, 3))
    binary = torch.nn.functional.binary_cross_entropy_with_logits(one[:, 0], target.float())
    assert sample_losses(one, target).mean() == pytest.approx(binary.item())
    assert sample_losses(three, target).mean() == pytest.approx(torch.nn.functional.cross_entropy(three, target).item())


def test_a_loss_sees_the_rows_of_its_samples():
    split = squares(BIASED, 1)
    seen = []

    def loss(logits, target, rows):
        assert torch.equal(target, torch.from_numpy(split.target)[rows])
        seen.append(rows)
        return logits.square().mean()

    fit(fake_task().backbone(0), split, epochs=2, lr=0.01, batch_size=20, seed=0, loss=loss)
    assert torch.equal(torch.cat(seen[:4]).sort().values, torch.arange(80)) and len(seen) == 8


def test_rows_and_epoch_samples_make_the_epoch():
    split, where = squares(BIASED, 1), torch.device("cpu")
    rows = np.array([3] * 30 + [5] * 10)
    batches = Batches(split, 10, where, rows=rows)
    drawn = torch.cat([index for _, _, index in batches.shuffled_rows(torch.Generator().manual_seed(0))])
    assert len(batches) == 4 and sorted(drawn.tolist()) == rows.tolist()
    fewer = Batches(split, 10, where, rows=rows, epoch_samples=25)
    assert len(fewer) == 2 == len(list(fewer.shuffled(torch.Generator())))
    for wrong in ({"epoch_samples": 0}, {"rows": rows[:0]}):
        with pytest.raises(BadData):
            Batches(split, 10, where, **wrong)
    one_class = dataclasses.replace(split, target=(np.arange(80) > 40).astype(np.int64))
    with pytest.raises(BadData, match="all 40 training samples have Below = 0"):
        fit(fake_task().backbone(0), one_class, epochs=1, lr=0.01, batch_size=20, seed=0, rows=rows)
