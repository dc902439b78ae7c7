"""FairLoRA's toy in numpy."""

import numpy as np
import pytest

from fairnb.papers.fairlora import toy

pytestmark = pytest.mark.numerics


def test_labels_agree_as_often_as_asked():
    for agree in (0.2, 0.8):
        _, y, s = toy.draw(20_000, 0, agree)
        assert (y == s).mean() == pytest.approx(agree, abs=0.02)


def test_u_is_evidence_for_the_target_and_v_for_the_protected_attribute():
    x, y, s = toy.draw(20_000, 0, agree=0.5)
    means = [[x[label == side, i].mean() for i in range(4)] for label, side in ((y, 1), (s, 1))]
    np.testing.assert_allclose(means, [[1, 0, 0, 0], [0, 1, 0, 0]], atol=0.06)


def test_a_fresh_adapter_changes_nothing():
    b, a, h = toy.start(0, features=3)
    assert not b.any() and a.shape == (4,) and h.shape == (3,)


def test_the_error_is_the_gradient_of_the_cross_entropy():
    x, y, _ = toy.draw(50, 0)
    w, step = np.array([0.3, -0.2, 0.1, 0.5]), 1e-6

    def loss(w):
        return np.mean(np.logaddexp(0, x @ w) - y * (x @ w))

    slopes = [(loss(w + step * axis) - loss(w - step * axis)) / (2 * step) for axis in np.eye(4)]
    np.testing.assert_allclose(toy.error(w, x, y), slopes, atol=1e-6)


def test_a_head_alone_finds_what_the_features_show():
    x, y, _ = toy.draw(1000, 0)
    w = np.array([[1.0, 0, 0, 0], [0, 0, 0, 1.0]])
    h = toy.head(w, x, y)
    assert abs(h[1]) < 0.2 * h[0] and ((x @ w.T @ h > 0) == y).mean() > 0.7


def test_strategies_are_measured_by_their_weights():
    x = np.array([[1.0, 0, 0, 0], [-1, 0, 0, 0], [1, 0, 0, 0], [-1, 0, 0, 0]])
    y, s = np.array([1, 0, 1, 0]), np.array([1, 0, 0, 0])
    adapter = np.array([1.0, 0]), np.array([0.0, 3, 0, 0]), np.array([2.0, 0])
    base = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]])
    found = toy.measured({"Erm": (base, adapter)}, np.array([0.0, 2, 0, 0]), (x, y, s)).set_index("strategy")
    assert found.loc[toy.AUDITOR, ["w on u", "w on v"]].tolist() == [0, 1]
    assert found.loc["Erm", ["w on u", "w on v", "accuracy"]].tolist() == [2, 6, 1]
    assert found.loc["Erm", "DDP"] == pytest.approx(2 / 3) and found.loc["Erm", "|cos(a, a_s)|"] == pytest.approx(1)
