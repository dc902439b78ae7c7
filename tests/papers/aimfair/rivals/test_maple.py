"""MAPLE's stand-in: projection, masks, hypergradient, and which samples it keeps of a planted problem."""

import json

import numpy as np
import pytest
import torch
from fake_task import fake_task
from scipy.optimize import minimize

from fairnb.errors import BadData, UnknownName
from fairnb.papers.aimfair.rivals import maple
from fairnb.papers.aimfair.rivals.maple import Search
from fairnb.training import methods


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(4))
def test_projection_is_the_euclidean_one(seed):
    scores = torch.randn(8, generator=random(seed)) * 2 + 0.5
    found = maple.project(scores, 3).numpy()
    assert found.sum() <= 3 + 1e-5 and found.min() >= 0 and found.max() <= 1
    exact = minimize(
        lambda x: ((x - scores.numpy()) ** 2).sum(),
        np.full(8, 0.2),
        bounds=[(0, 1)] * 8,
        constraints={"type": "ineq", "fun": lambda x: 3 - x.sum()},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    np.testing.assert_allclose(found, exact.x, atol=2e-4)


def test_projection_leaves_a_feasible_point_alone():
    scores = torch.tensor([0.2, 0.9, 0.0])
    assert torch.equal(maple.project(scores, 2), scores)
    assert torch.equal(maple.project(torch.tensor([-1.0, 5.0]), 2), torch.tensor([0.0, 1.0]))


def test_masks_are_hard_and_as_probable_as_their_scores():
    scores = torch.tensor([0.0, 0.1, 0.7, 1.0]).repeat_interleave(5000).requires_grad_()
    mask = maple.gumbel_mask(scores, 1.0, random())
    assert set(mask.unique().tolist()) == {0, 1}
    shares = mask.detach().view(4, -1).mean(1)
    torch.testing.assert_close(shares, torch.tensor([0.0, 0.1, 0.7, 1.0]), atol=0.02, rtol=0)
    mask.sum().backward()
    assert scores.grad.isfinite().all() and (scores.grad >= 0).all()
    uniform = torch.rand(20_000, generator=random()).double()
    inside = scores.detach().double()[5000:15_000]
    soft = (inside.logit() + uniform[5000:15_000].logit()).sigmoid()
    expected = soft * (1 - soft) / (inside * (1 - inside))
    torch.testing.assert_close(scores.grad[5000:15_000].double(), expected, rtol=1e-3, atol=1e-4)


def planted(count: int = 400, classes: int = 2, **options):
    """Colour agrees with the target but for 10 %; the shape that the target is named after, but for 20 %."""
    rng = np.random.default_rng(0)
    shape = rng.integers(0, classes, count)
    target = np.where(rng.random(count) < 0.2, (shape + 1) % classes, shape)
    conflicting = rng.random(count) < 0.1
    colour = np.where(conflicting, (target + 1) % classes, target)
    x = np.concatenate([2 * np.eye(classes)[colour], np.eye(classes)[shape], rng.normal(size=(count, 3))], 1)
    x += rng.normal(0, 0.3, x.shape)
    features = maple.standardised(torch.from_numpy(x).float())
    return Search(features, torch.from_numpy(target), torch.from_numpy(conflicting), **options)


@pytest.mark.slow
@pytest.mark.parametrize("risk", ["irmv1", "vrex"])
@pytest.mark.parametrize("classes", [2, 3])
def test_hypergradient_equals_finite_differences(risk, classes):
    single = planted(30, classes, risk=risk)
    search = Search(single.features.double(), single.target, single.environments, risk)
    mask = (torch.rand(30, generator=random()) < 0.5).double()
    step, size = search.step_size(), mask.sum()
    head = search.trained(mask, 10, step)
    variable = mask.clone().requires_grad_()
    [gradient] = torch.autograd.grad(search.outer(search.stepped(head, variable, step)), [variable])

    def value(i: int, change: float) -> float:
        moved = mask.clone()
        moved[i] += change
        # The number of samples is a constant of the hypergradient, as in the authors' code.
        return search.outer(search.stepped(head, moved, step * (moved.sum() / size).item())).item()

    numeric = [(value(i, 1e-5) - value(i, -1e-5)) / 2e-5 for i in range(30)]
    np.testing.assert_allclose(gradient.numpy(), numeric, rtol=1e-4, atol=1e-8)


def test_inner_training_is_gradient_descent_on_the_masked_samples():
    search = planted(60)
    mask = (torch.rand(60, generator=random()) < 0.5).float()
    step = search.step_size()
    head = torch.zeros(search.features.shape[1], 1, requires_grad=True)
    for _ in range(5):
        losses = maple.common.sample_losses(search.features @ head, search.target)
        [slope] = torch.autograd.grad((mask * losses).sum() / mask.sum(), [head])
        head = (head - step * slope).detach().requires_grad_()
    torch.testing.assert_close(search.trained(mask, 5, step), head.detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("risk", ["irmv1", "vrex"])
def test_search_keeps_its_budget_and_relatively_more_conflicting_samples(risk):
    search = planted(risk=risk)
    scores = search.keep_probabilities(120, 20, 60, 2, seed=0)
    assert scores.sum() <= 120.01 and scores.min() >= 0 and scores.max() <= 1
    kept = maple.most_probable(scores, 120, 0)
    conflicting = search.environments.numpy()
    assert len(set(kept.tolist())) == 120
    assert conflicting[kept].mean() > 1.5 * conflicting.mean()
    assert torch.equal(scores, search.keep_probabilities(120, 20, 60, 2, seed=0))


def test_equal_scores_are_drawn_at_random():
    scores = torch.tensor([0.5] * 50 + [1.0] * 3)
    one, two = (set(maple.most_probable(scores, 10, seed).tolist()) for seed in (0, 1))
    assert {50, 51, 52} <= one & two and one != two


@pytest.mark.slow
def test_maple_trains_on_what_it_keeps(monkeypatch):
    task, plans = fake_task(), []
    original = maple.common.train

    def train(*arguments, **options):
        plans.append(options)
        return original(*arguments, **options)

    monkeypatch.setattr(maple.common, "train", train)
    options = {"outer_steps": 3, "inner_steps": 5, "inference_steps": 1000, "epochs": 1, "lr": 0.002}
    predictor = methods.get("maple")(task, seed=0, kept=25, **options)
    assert len(np.unique(plans[0]["rows"])) == 25 and plans[0]["epoch_samples"] == 80 <= len(plans[0]["rows"])
    notes = json.loads(json.dumps(predictor.notes))
    assert "linear head on frozen features" in notes["stand_in"] and sum(notes["kept_of_environments"]) == 25
    assert predictor(task.val.x[:4]).shape == (4, 2)


def test_bad_values():
    for hparams, words in [
        ({"kept": 81}, r"keeps 1 to 80 samples \(all of the training set\), got kept=81"),
        ({"kept": 0}, "got kept=0"),
        ({"draws": 0}, "steps and draws of 1 or more"),
    ]:
        with pytest.raises(BadData, match=words):
            methods.get("maple")(fake_task(), seed=0, **hparams)
    with pytest.raises(UnknownName, match="unknown risk 'irm': did you mean 'irmv1'"):
        planted(10, risk="irm")
