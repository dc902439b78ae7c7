"""Learning rates and losses of a recipe, by hand."""

import pytest
import torch
from torch.nn import functional

from fairnb.errors import BadData, UnknownName
from fairnb.training.losses import mean_loss
from fairnb.training.recipe import Recipe, optimizer_of, rates_of

PLAIN = {"epochs": 2, "lr": 0.5, "batch_size": 4, "seed": 0}


def rates(schedule, steps=5):
    recipe = Recipe(**PLAIN, schedule=schedule)
    optimizer = optimizer_of([torch.nn.Parameter(torch.zeros(1))], recipe)
    scheduler, found = rates_of(optimizer, recipe, steps), []
    for _ in range(recipe.epochs * steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return [*found, optimizer.param_groups[0]["lr"]]


def test_a_triangle_rises_for_a_fifth_of_the_steps_and_falls_to_zero():
    found = rates("triangular")
    assert found[:3] == pytest.approx([0.1, 0.3, 0.5]) and found[-1] == 0
    assert found[2:] == pytest.approx([0.5 * (10 - i) / 8 for i in range(2, 11)])


def test_smoothing_spreads_a_part_of_each_label():
    logits, target = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
    wanted = 0.8 * functional.one_hot(target, 3) + 0.2 / 3
    by_hand = -(wanted * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(mean_loss(logits, target, 3, 0.2), by_hand)
    one, binary = logits[:, :1], target.clamp(max=1)
    both = torch.cat([torch.zeros_like(one), one], 1)
    torch.testing.assert_close(
        mean_loss(one, binary, 2, 0.2), functional.cross_entropy(both, binary, label_smoothing=0.2)
    )
    assert torch.equal(
        mean_loss(one, binary, 2), functional.binary_cross_entropy_with_logits(one[:, 0], binary.float())
    )


def test_nesterov_looks_ahead():
    moved = []
    for nesterov in (False, True):
        tensor = torch.nn.Parameter(torch.ones(1))
        optimizer = optimizer_of([tensor], Recipe(**PLAIN, nesterov=nesterov, weight_decay=0.0))
        tensor.grad = torch.ones(1)
        optimizer.step()
        moved.append(1 - tensor.item())
    assert moved == pytest.approx([0.5, 0.5 * 1.9])


@pytest.mark.parametrize("wrong", [{"label_smoothing": 1.0}, {"label_smoothing": -0.1}, {"epochs": 0}, {"lr": 0.0}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(BadData):
        Recipe(**PLAIN | wrong)


def test_names():
    with pytest.raises(UnknownName, match="triangular"):
        Recipe(**PLAIN, schedule="square")
