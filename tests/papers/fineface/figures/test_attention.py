"""FineFACE's pictures show the maps, boxes and crops that they are given."""

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from fairnb.papers.fineface.figures import attention as figures
from fairnb.papers.fineface.looking import Looks

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")


def test_the_grid_has_a_line_per_face_and_frames_the_overall_box():
    rng = np.random.default_rng(0)
    maps = {name: rng.random((3, 8, 8)) for name in ("Baseline", "expert 1", "overall")}
    found = Looks(rng.random((3, 3, 8, 8)), maps, np.array([[0, 0, 8, 8], [1, 2, 5, 4], [3, 0, 4, 8]]))
    fig = figures.attention_grid(found, ("a", "b", "c"))
    assert [ax.get_title() for ax in fig.axes] == ["image", *maps] + [""] * 8
    assert [ax.get_ylabel() for ax in fig.axes[::4]] == ["a", "b", "c"]
    assert np.allclose(fig.axes[4].images[0].get_array(), np.moveaxis(found.x[1], 0, -1))
    second = figures.over(found.x[1], maps["expert 1"][1])
    assert np.allclose(fig.axes[6].images[0].get_array(), np.moveaxis(second, 0, -1))
    for ax, box in zip(fig.axes[3::4], found.boxes, strict=True):
        [frame] = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
        top, left, bottom, right = box
        assert (frame.get_y() + 0.5, frame.get_x() + 0.5) == (top, left)
        assert (frame.get_height(), frame.get_width()) == (bottom - top, right - left)
    assert not any(ax.patches for i, ax in enumerate(fig.axes) if i % 4 != 3)


def test_one_picture_shows_coarse_maps_boxes_and_crops():
    rng = np.random.default_rng(1)
    image, small = torch.tensor(rng.random((3, 8, 8))), [torch.tensor(rng.random(size)) for size in ((4, 4), (2, 3))]
    fine = [torch.tensor(rng.random((8, 8))) for _ in small] + [torch.zeros(8, 8)]
    fig = figures.one_picture(image, small, fine, [(1, 2, 7, 8)] * 3, [image[:, :4, :4]] * 3)
    axes = np.array(fig.axes).reshape(3, 4)
    assert [ax.get_title() for ax in axes[0]] == ["image", "expert 1 (shallow)", "expert 2 (deep)", "overall"]
    assert axes[0, 2].images[0].get_array().shape == (2, 3, 3) and axes[0, 2].get_xlabel() == "2 × 3"
    assert axes[0, 3].images[0].get_array().shape == (8, 8, 3)
    assert np.allclose(axes[2, 1].images[0].get_array(), np.moveaxis(image[:, :4, :4].numpy(), 0, -1))
    assert [len(ax.patches) for ax in axes[1]] == [0, 1, 1, 1]
    assert [len(ax.collections) for ax in axes[1, 1:]] == [1, 1, 0], "a flat map has no edge"


def test_views_have_a_line_per_kind_and_the_images_their_boxes():
    rng = np.random.default_rng(2)
    x, boxes = rng.random((2, 3, 8, 8)), np.array([[0, 0, 8, 8], [1, 2, 5, 4]])
    fig = figures.views(x, boxes, {"own box": x[::-1], "no crop": x})
    assert [ax.get_ylabel() for ax in fig.axes[::2]] == ["image, own box", "own box", "no crop"]
    assert [len(ax.patches) for ax in fig.axes] == [1, 1, 0, 0, 0, 0]
    assert np.allclose(fig.axes[2].images[0].get_array(), np.moveaxis(x[1], 0, -1))


def test_a_map_is_coloured_from_dark_to_bright_and_lies_over_gray():
    one = figures.scaled(np.array([[-2.0, 0.0], [2.0, 2.0]]))
    assert one.tolist() == [[0, 0.5], [1, 1]] and not figures.scaled(np.full((2, 2), 3.0)).any()
    bright = figures.heat(one).mean(0)
    assert bright[0, 0] < 0.01 < bright[0, 1] < bright[1, 0] == bright[1, 1]
    image = np.stack([np.full((2, 2), value) for value in (0.0, 0.5, 1.0)])
    assert figures.over(image, one)[:, 0, 0] == pytest.approx(0.45 * 0.5, abs=0.01)
