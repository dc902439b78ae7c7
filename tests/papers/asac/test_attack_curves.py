"""The target's probability under attacks on the protected attribute: a model that shares its evidence moves."""

import numpy as np
import pytest
import torch
from fake_task import balanced, squares
from torch import nn

from fairnb.contract import Split
from fairnb.errors import BadData, UnknownName
from fairnb.papers.asac import attack_curves

pytestmark = pytest.mark.numerics

EPSILONS = (0.0, 0.01, 0.02)


class Channel(nn.Module):
    """One logit: the mean of some channels, less 1/2, times a scale."""

    def __init__(self, channels, scale):
        super().__init__()
        self.channels, self.scale = list(channels), nn.Parameter(torch.tensor(float(scale)))

    def forward(self, x):
        return self.scale * (x[:, self.channels].mean((1, 2, 3)) - 0.5)[:, None]


@pytest.fixture
def split():
    x = np.random.default_rng(0).integers(60, 200, (10, 3, 6, 6), dtype=np.uint8)
    return Split(x, np.arange(10) % 2, np.arange(10) // 5, np.arange(10))


@pytest.mark.parametrize("attack", ["fgsm", "pgd"])
def test_perturbed_images_make_the_classifier_less_sure_within_the_ball(split, attack):
    classifier = Channel([0], 5).train()
    x = attack_curves.perturbed(classifier, split, EPSILONS, attack=attack, batch=4)
    assert x.shape == (3, 10, 3, 6, 6) and x.dtype == np.float32 and classifier.training
    np.testing.assert_allclose(x[0], split.x / 255, atol=1e-6)
    assert np.abs(x - x[0]).max((1, 2, 3, 4)) == pytest.approx(EPSILONS, abs=1e-6)
    assert (x[:, :, 1:] == x[0][:, 1:]).all(), "the classifier does not see these channels"
    true = np.where(split.protected[:, None] == 1, *(s * attack_curves.probability(classifier, x) for s in (1, -1)))
    assert (np.diff(true, axis=1) < 0).all()


def test_the_attacks_of_a_model_that_shares_evidence_move_it_and_of_another_do_not(split):
    x = attack_curves.perturbed(Channel([0], 5), split, EPSILONS)
    same, other = (attack_curves.probability(Channel([c], 4), x, batch=7) for c in (0, 2))
    assert same.shape == (10, 3) and attack_curves.slope(other, EPSILONS) == 0
    expected = 1 / (1 + np.exp(-4 * (x[:, :, 0].mean((2, 3)).T - 0.5)))
    np.testing.assert_allclose(same, expected, atol=1e-5)
    assert attack_curves.slope(same, EPSILONS) == pytest.approx(0.01, rel=0.1), "4 p (1 - p) per unit, p near 1/2"


def test_noise_is_as_large_as_an_attack_and_moves_the_model_less(split):
    noise, moved = attack_curves.noisy(split, EPSILONS), attack_curves.perturbed(Channel([0], 5), split, EPSILONS)
    np.testing.assert_allclose(np.abs(noise[2] - noise[0]), 0.02, atol=1e-6)
    assert noise.dtype == np.float32 and (attack_curves.noisy(split, EPSILONS) == noise).all()
    by_chance, on_purpose = (
        attack_curves.slope(attack_curves.probability(Channel([0], 5), x), EPSILONS) for x in (noise, moved)
    )
    assert 0 < by_chance < 0.5 * on_purpose


def test_a_slope_is_the_least_squares_line_through_the_origin():
    at = np.array([0, 0.01, 0.03])
    curves = 0.5 + np.outer([2, -4], at)  # up and down count alike
    assert attack_curves.slope(curves, at) == pytest.approx(0.03)
    np.testing.assert_allclose(attack_curves.change(curves, at), np.outer([2, 4], at))


def test_real_networks_work_and_bad_input_is_a_sentence(split):
    from fairnb.nets.models import resnet18

    faces = squares(balanced(2), 1)
    x = attack_curves.perturbed(resnet18(8, seed=0), faces, EPSILONS)
    p = attack_curves.probability(resnet18(8, seed=1), x)
    assert p.shape == (8, 3) and attack_curves.slope(p, EPSILONS) > 0
    with pytest.raises(UnknownName, match="warp"):
        attack_curves.perturbed(resnet18(8), faces, attack="warp")
    for epsilons, text in (((0.01, 0.02, 0.03), "one of them 0"), ((0.0, 0.1), "as many"), ((0, 0, 0), "above 0")):
        with pytest.raises(BadData, match=text):
            attack_curves.slope(p, epsilons)
