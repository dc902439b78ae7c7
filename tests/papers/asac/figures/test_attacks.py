"""The figures of ASAC's attributions show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.evidence.figures import SEED
from fairnb.papers.asac.figures import attacks as figures
from fairnb.papers.asac.tables import FGSM, PROBE

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
EPSILONS = (0.0, 0.01, 0.05)
MODELS = ["Base", "Control", "ASAC"]


@pytest.fixture
def faces():
    """Two images of 8 pixels."""
    return np.random.default_rng(0).integers(30, 220, (2, 3, 8, 8), dtype=np.uint8)


def test_what_was_added_is_amplified_around_gray(faces):
    moved = {eps: np.float32(faces / 255 + eps) for eps in (0.01, 0.05)}
    fig = figures.counterfactuals(faces, moved, (faces[:, :, :4, :4], faces), amplified=8)
    heads = [ax.get_title() for ax in fig.axes[:7]]
    assert heads[0] == "original" and heads[1:4:2] == ["ASAC, ε = 0.01", "ASAC, ε = 0.05"]
    assert heads[5:] == ["generated face", "its counterfactual"]
    shown = [np.asarray(ax.images[0].get_array()) for ax in fig.axes]
    assert len(shown) == 14 and shown[5].shape == (4, 4, 3)
    np.testing.assert_allclose(shown[2], 0.58, atol=1e-4)
    np.testing.assert_allclose(shown[4], 0.9, atol=1e-4)
    np.testing.assert_array_equal(shown[7], faces[1].transpose(1, 2, 0))
    assert len(figures.counterfactuals(faces, moved).axes) == 10


def test_attributions_are_summed_without_their_sign_below_the_share(faces):
    mouths = np.zeros((2, 8, 8), bool)
    mouths[:, 5:7, 2:6] = True
    values = np.random.default_rng(1).normal(size=(2, 3, 8, 8))
    fig = figures.attributions(
        faces, mouths, {"Base": values, "ASAC": -2 * values}, {"Base": np.array([0.1, 0.25]), "ASAC": np.ones(2)}
    )
    first, _, base, second, asac, _ = fig.axes
    assert [ax.get_ylabel() for ax in (first, base, asac)] == ["face and mouth", "Base", "ASAC"]
    assert [ax.get_title() for ax in (first, base, second)] == ["", "mouth 10 %", "mouth 25 %"]
    np.testing.assert_allclose(base.images[0].get_array(), np.abs(values[0]).sum(0))
    np.testing.assert_allclose(asac.images[0].get_array(), 2 * np.abs(values[0]).sum(0))
    edge = first.collections[0].get_paths()[0].vertices
    assert edge.min(0) == pytest.approx([1.5, 4.5], abs=0.1) and edge.max(0) == pytest.approx([5.5, 6.5], abs=0.1)


def test_a_mask_without_a_mouth_and_a_flat_attribution_draw_no_outline(faces):
    fig = figures.attributions(faces, np.zeros((2, 8, 8), bool), {"Base": np.zeros((2, 3, 8, 8))}, {"Base": np.ones(2)})
    assert not any(ax.collections for ax in fig.axes)


def test_faces_are_in_a_row_with_their_mouths(faces):
    mouths = np.zeros((2, 8, 8), bool)
    mouths[1, 2:4, 2:4] = True
    one, other = figures.faces_with_mouths(faces, mouths).axes
    assert not one.collections and len(other.collections) == 1
    np.testing.assert_array_equal(other.images[0].get_array(), faces[1].transpose(1, 2, 0))


def frame(seeds):
    rows = [(label, seed, 0.1 * i + 0.01 * seed, 0.2) for i, label in enumerate(MODELS) for seed in range(seeds)]
    return pd.DataFrame(rows, columns=["label", "seed", "mouth_share", "slope_same"])


@pytest.mark.parametrize("seeds", [1, 3])
def test_shares_are_dots_by_seed_beside_chance(seeds):
    [ax] = figures.mouth_shares(frame(seeds), 0.04).axes
    [dots] = [part.get_offsets()[:, 0] for part in ax.collections if part.get_label() == SEED]
    np.testing.assert_allclose(dots, [10 * i + s for i in range(3) for s in range(seeds)], atol=1e-9)
    means = [x for line in ax.lines if line.get_marker() == "o" for x in line.get_xdata()]
    np.testing.assert_allclose(means[:4], [*dots.reshape(3, seeds).mean(1), 4], atol=1e-9)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"] == [4]
    assert [text.get_text() for text in ax.get_yticklabels()] == [*MODELS, figures.CHANCE]
    lowest = np.nanmin(np.concatenate([line.get_xdata() for line in ax.lines]))
    assert ax.get_xlim()[0] <= min(0, lowest) and (seeds == 1 or lowest < 0), "a bar below 0 is drawn whole"


def test_smile_curves_have_a_mean_for_each_group_and_few_single_images():
    groups = np.repeat([0, 1], 10)
    curves = groups[:, None] * 0.5 + np.outer(np.linspace(0, 0.2, 20), np.ones(3)) + np.array(EPSILONS)
    fig = figures.smile_curves({"Base": curves, "ASAC": curves / 2}, EPSILONS, groups, ["women", "men"], few=4)
    base, asac = fig.axes
    assert base.get_title() == "Base"
    for ax, scale in ((base, 1), (asac, 0.5)):
        drawn = [line for line in ax.lines if len(line.get_xdata())]
        means = [line.get_ydata() for line in drawn if line.get_linewidth() == 2.5]
        np.testing.assert_allclose(means, [scale * curves[groups == g].mean(0) for g in (0, 1)])
        single = [line.get_ydata() for line in drawn if line.get_linewidth() == 0.6]
        np.testing.assert_allclose(single, scale * np.concatenate([curves[:4], curves[10:14]]))
        band = ax.collections[0].get_paths()[0].vertices[:, 1]
        low, high = np.quantile(scale * curves[:10], (0.25, 0.75), axis=0)
        assert (band.min(), band.max()) == pytest.approx((low.min(), high.max()))
    assert [text.get_text()[:5] for text in fig.legends[0].get_texts()] == ["women", "men: "]


def test_movement_is_in_points_with_a_band_over_seeds():
    rows = [
        {"kind": kind, "label": label, "seed": seed, "epsilon": epsilon, "change": size * (1 + 2 * seed) * epsilon}
        for kind, label, size in (("same", PROBE[0], 1), ("same", FGSM[0], 0.25), ("refit", PROBE[0], 1))
        for seed in range(2)
        for epsilon in EPSILONS
    ]
    fig = figures.movement(pd.DataFrame(rows), {"same": "same images", "refit": "own head"})
    same, refit = fig.axes
    assert (same.get_title(), refit.get_title()) == ("same images", "own head")
    lines = [line.get_ydata() for line in same.lines if len(line.get_xdata())]
    np.testing.assert_allclose(lines, 200 * np.outer([1, 0.25], EPSILONS))
    band = same.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(15) and len([n for n in refit.lines if len(n.get_xdata())]) == 1
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [PROBE[0], FGSM[0]]


def test_slopes_have_a_panel_for_each_kind_of_attack():
    kinds = {"slope_same": "transferred", "mouth_share": "refitted"}
    first, second = figures.slopes(frame(3), kinds).axes
    assert (first.get_title(), second.get_title()) == ("transferred", "refitted")
    assert all(x == 20 for part in first.collections for x in part.get_offsets()[:, 0])
