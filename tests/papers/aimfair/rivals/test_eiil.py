"""EIIL: the environments that it finds, IRMv1's penalty against autograd, and the whole method."""

import time

import numpy as np
import pytest
import torch
from fake_task import fake_task
from small_network import with_small_network

from fairnb.errors import BadData
from fairnb.papers.aimfair.rivals import eiil
from fairnb.training import comparators as common
from fairnb.training import methods

RANDOM = torch.Generator().manual_seed(0)


def slope_by_autograd(logits, target):
    scale = torch.ones((), requires_grad=True)
    return torch.autograd.grad(common.sample_losses(logits * scale, target).mean(), [scale], create_graph=True)[0]


@pytest.mark.parametrize("width", [1, 4])
def test_scale_gradients_are_autograds(width):
    logits, target = torch.randn(30, width, generator=RANDOM), torch.arange(30) % max(2, width)
    assert common.scale_gradients(logits, target).mean() == pytest.approx(slope_by_autograd(logits, target).item())


def test_assignment_gradient_is_autograds():
    slopes, scores = torch.randn(25, generator=RANDOM), torch.randn(25, generator=RANDOM, requires_grad=True)
    soft = scores.sigmoid()
    objective = ((soft * slopes).mean() ** 2 + ((1 - soft) * slopes).mean() ** 2) / 2
    torch.testing.assert_close(
        eiil.assignment_gradient(scores.detach(), slopes), torch.autograd.grad(objective, [scores])[0]
    )


def planted(count: int, flips: float = 0.1):
    """Logits of a model that sees the colour alone; the colour agrees with the label except in ``flips``."""
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.integers(0, 2, count))
    conflicting = torch.from_numpy(rng.random(count) < flips)
    colour = torch.where(conflicting, 1 - target, target)
    noise = torch.from_numpy(rng.normal(0, 0.3, count)).float()
    return ((2 * colour - 1) * 2 + noise)[:, None], target, conflicting


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_environments_are_recovered(seed):
    logits, target, conflicting = planted(2000)
    found = eiil.infer_environments(logits, target, seed, steps=4000)
    agreement = (found == conflicting).float().mean().item()
    assert max(agreement, 1 - agreement) > 0.98
    assert torch.equal(found, eiil.infer_environments(logits, target, seed, steps=4000))


def test_inference_is_cheap():
    logits, target, _ = planted(20_000)
    start = time.process_time()
    eiil.infer_environments(logits, target, 0, steps=500)
    assert time.process_time() - start < 1.5


def test_an_empty_environment_is_named():
    with pytest.raises(BadData, match="EIIL's environment q > 0.5 is empty|EIIL's environment q <= 0.5 is empty"):
        eiil.infer_environments(torch.ones(1, 1), torch.ones(1, dtype=torch.long), 0, steps=1)


def test_invariant_risk_is_irmv1():
    logits, target = torch.randn(20, 1, generator=RANDOM).requires_grad_(), torch.arange(20) % 2
    environments = torch.arange(20) < 5
    risk, penalty = eiil.invariant_risk(logits, target, environments)
    parts = [(logits[side], target[side]) for side in (environments, ~environments)]
    expected = torch.stack([slope_by_autograd(*part) ** 2 for part in parts]).mean()
    assert risk.item() == pytest.approx(np.mean([common.sample_losses(*part).mean().item() for part in parts]))
    ours, theirs = (torch.autograd.grad(value, [logits])[0] for value in (penalty, expected))
    torch.testing.assert_close(ours, theirs)
    alone, _ = eiil.invariant_risk(logits, target, torch.ones(20, dtype=torch.bool))
    assert alone.item() == pytest.approx(common.sample_losses(logits, target).mean().item())


def test_the_weight_comes_after_the_annealing_and_divides_the_loss():
    logits, target, rows = torch.randn(20, 1, generator=RANDOM), torch.arange(20) % 2, torch.arange(20)
    loss = eiil.InvariantRisk(rows < 5, 100.0, 2)
    risk, penalty = (part.item() for part in eiil.invariant_risk(logits, target, rows < 5))
    found = [loss(logits, target, rows).item() for _ in range(3)]
    assert found == pytest.approx([risk + penalty, risk + penalty, risk / 100 + penalty])


def test_group_dro_weighs_up_the_larger_risk():
    logits, target = torch.randn(20, 1, generator=RANDOM), torch.arange(20) % 2
    environments = torch.arange(20) < 5
    loss, weights = eiil.WorstEnvironment(environments), np.full(2, 0.5)
    losses = common.sample_losses(logits, target).numpy()
    risks = np.array([losses[5:].mean(), losses[:5].mean()])
    for _ in range(3):
        weights = weights * np.exp(0.01 * risks)
        weights /= weights.sum()
        assert loss(logits, target, torch.arange(20)).item() == pytest.approx((weights * risks).sum(), rel=1e-5)
    assert loss.weights.argmax() == risks.argmax()
    alone = eiil.WorstEnvironment(environments)(logits[:5], target[:5], torch.arange(5)).item()
    assert alone == pytest.approx(risks[1] * 0.5, rel=0.02)


@pytest.mark.slow
def test_eiil_trains_and_notes_its_environments():
    task = with_small_network(fake_task())
    first, again = (methods.get("eiil")(task, seed=0, epochs=2, inference_steps=2000, lr=0.002) for _ in range(2))
    assert first.notes == again.notes and sum(first.notes["environment_sizes"]) == 80
    assert min(first.notes["environment_sizes"]) > 0 and len(first.notes["val_accuracy"]) == 2
    assert first(task.val.x[:4]).shape == (4, 2)
    other = methods.get("eiil")(task, seed=0, epochs=2, inference_steps=2000, lr=0.002, invariance="irmv1")
    assert other.notes["environment_sizes"] == first.notes["environment_sizes"]
    assert other.notes["train_loss"] != first.notes["train_loss"]


@pytest.mark.parametrize(
    ("hparams", "words"),
    [
        ({"penalty_weight": -1.0}, "penalty_weight of 0 or more"),
        ({"anneal": 1.0}, r"anneal in \[0, 1\)"),
        ({"inference_steps": 0}, "1 inference step or more, got 0"),
    ],
)
def test_bad_values(hparams, words):
    with pytest.raises(BadData, match=words):
        methods.get("eiil")(fake_task(), seed=0, **hparams)
