"""Counterfactual directions: the paper's formula, and the shipped pack of pairs."""

import numpy as np
import pytest

from fairnb.errors import BadData, UnknownName
from fairnb.synthesis import counterfactuals
from fairnb.synthesis.directions import Direction, counterfactual, direction


def two(rng, cosine=0.6, dimensions=12):
    """Unit normals with that cosine, and offsets."""
    basis = np.linalg.qr(rng.normal(size=(dimensions, 2)))[0].T
    other = cosine * basis[0] + np.sqrt(1 - cosine**2) * basis[1]
    return Direction(basis[0], 0.7), Direction(other, -0.3)


@pytest.mark.parametrize("cosine", [-0.9, 0.0, 0.6])
def test_the_move_mirrors_the_protected_score_and_keeps_the_target_score(cosine):
    rng = np.random.default_rng(0)
    protected, target = two(rng, cosine)
    z = rng.normal(size=(50, 12))
    moved = counterfactual(z, protected, target)
    np.testing.assert_allclose(protected.score(moved), -protected.score(z), atol=1e-12)
    np.testing.assert_allclose(target.score(moved), target.score(z), atol=1e-12)
    np.testing.assert_allclose(counterfactual(moved, protected, target), z, atol=1e-12)


def test_the_move_is_the_printed_formula_and_the_shortest_one():
    rng = np.random.default_rng(1)
    protected, target = two(rng)
    w_s, w_y, b_s = protected.normal, target.normal, protected.offset
    z = rng.normal(size=12)
    u = w_s - (w_s @ w_y) * w_y
    u = u / np.linalg.norm(u)
    expected = z - 2 * (w_s @ z + b_s) / np.sqrt(1 - (w_s @ w_y) ** 2) * u
    moved = counterfactual(z[None], protected, target)[0]
    np.testing.assert_allclose(moved, expected, atol=1e-12)
    step = moved - z
    plane = np.stack([w_s, w_y])
    shortest = np.linalg.pinv(plane) @ np.array([-2 * (w_s @ z + b_s), 0])
    np.testing.assert_allclose(step, shortest, atol=1e-12)


def test_parallel_directions_cannot_be_told_apart():
    protected, _ = two(np.random.default_rng(2))
    with pytest.raises(BadData, match="parallel"):
        counterfactual(np.ones((2, 12)), protected, Direction(-protected.normal, 0.0))


def test_direction_finds_the_plane_that_labels_come_from():
    rng = np.random.default_rng(3)
    truth = Direction(np.array([0.6, 0.8, 0.0]), 0.5)
    z = rng.normal(size=(600, 3))
    found = direction(z, (truth.score(z) > 0).astype(int))
    assert np.linalg.norm(found.normal) == pytest.approx(1)
    assert found.normal @ truth.normal > 0.99 and found.offset == pytest.approx(0.5, abs=0.1)
    assert found.accuracy > 0.95
    noise = direction(z, rng.integers(0, 2, 600))
    assert abs(noise.accuracy - 0.5) < 0.1


@pytest.mark.parametrize("labels", [np.zeros(20), np.arange(20), np.ones(3)])
def test_direction_refuses_labels_that_teach_nothing(labels):
    with pytest.raises(BadData, match="a direction needs"):
        direction(np.ones((20, 3)), labels)


@pytest.mark.parametrize("target", counterfactuals.TARGETS)
class TestPack:
    @pytest.mark.slow
    def test_pool_has_pairs_of_one_target_and_two_genders(self, target):
        pool = counterfactuals.counterfactual_pool(target, "Male", 64, crop=48)
        pair = np.array([name.split("/")[1].split("-")[0] for name in pool.ids])
        side = np.array([name.rpartition("-")[2] for name in pool.ids])
        assert set(side) == {"original", target} and pool.x.shape[1:] == (3, 48, 48)
        one, other = side == "original", side == target
        assert one.sum() == other.sum() >= 500 and (pair[one] == pair[other]).all()
        assert (pool.target[one] == pool.target[other]).all()
        assert (pool.protected[one] == 1 - pool.protected[other]).all()
        assert min(pool.counts().values()) > 20

    @pytest.mark.slow
    def test_pairs_show_the_same_person(self, target):
        originals, others, rows = counterfactuals.pairs(target, 40)
        assert originals.shape == others.shape == (40, 3, 64, 64) and len(rows) == 40
        assert (rows["flipped"] == 1 - rows["Male"]).all()
        corner = np.s_[:, :, :10, :10]  # background, which the pair's noise decides
        near = np.abs(originals[corner].astype(float) - others[corner]).mean()
        far = np.abs(originals[corner].astype(float) - np.roll(others[corner], 1, 0)).mean()
        assert near < far / 2
        assert np.abs(originals.astype(float) - others).mean() > 3

    def test_header_says_how_good_the_pairs_are(self, target):
        found = counterfactuals.quality(target)
        assert found["flipped"] > 0.8 and found["kept"] > 0.5
        assert found["both"] <= min(found["flipped"], found["kept"])


def test_unknown_names_and_numbers_are_sentences():
    with pytest.raises(UnknownName, match="Smilng"):
        counterfactuals.pairs("Smilng")
    with pytest.raises(UnknownName, match="Young"):
        counterfactuals.counterfactual_pool("Smiling", "Young", 64)
    with pytest.raises(BadData, match="ask for 1 to"):
        counterfactuals.pairs("Smiling", 10**6)
