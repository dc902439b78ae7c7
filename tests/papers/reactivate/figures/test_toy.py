"""The figures of ICDM 2022's toys and images show what they are given."""

import matplotlib
import numpy as np
import pytest

from fairnb.contract import Split
from fairnb.papers.reactivate.figures import toy as figures

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def split():
    """Forty points, ten in each cell; the first feature is the row."""
    target, protected = np.repeat([0, 0, 1, 1], 10), np.tile(np.repeat([0, 1], 10), 2)
    x = np.stack([np.arange(40), np.arange(40) % 7], 1).astype(np.float32)
    return Split(x, target, protected, np.arange(40))


def predict(x):
    """Label 1 where the first feature is above 20."""
    above = (x[:, 0] > 20).astype(float)
    return np.stack([1 - above, above], 1)


def drawn(ax):
    """The points of all cells: their first feature, which is the row, and their collection."""
    found = [c for c in ax.collections if type(c).__name__ == "PathCollection"]
    [points] = [c for c in found if not c.get_label().startswith("D_i")]
    return points.get_offsets().data[:, 0].tolist(), points


def colours_and_marks(points):
    """Colour and mark of each point, as numbers in the order of first use."""
    faces = [tuple(face[:3]) for face in points.get_facecolors()]
    marks = [len(path.vertices) for path in points.get_paths()]
    return [list(dict.fromkeys(found)).index(one) for found in (faces, marks) for one in found]


def test_regions_draw_each_cell_with_its_own_mark_in_panels_of_one_scale(split):
    fig = figures.regions({"all": (predict, split), "few": (predict, split)}, few=15)
    first, second = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["all", "few"] and first.get_xlim() == second.get_xlim()
    rows, points = drawn(first)
    assert rows == list(range(15))
    assert colours_and_marks(points) == [0] * 10 + [1] * 5 + [0] * 15, "two groups, one label"
    texts = [text.get_text() for text in fig.legends[0].get_texts()]
    assert texts == [f"label {t}, group {s}" for t in (0, 1) for s in (0, 1)]


def test_labels_differ_in_mark_and_groups_in_colour(split):
    _, points = drawn(figures.regions({"one": (predict, split)}).axes[0])
    assert colours_and_marks(points) == [*split.protected, *split.target]


def test_regions_have_their_line_where_the_decision_changes(split):
    fig = figures.regions({"one": (predict, split)})
    line = next(c for c in fig.axes[0].collections if 2.5 in np.atleast_1d(c.get_linewidth()))
    places = np.concatenate([path.vertices for path in line.get_paths()])[:, 0]
    assert np.abs(places - 20).max() < 0.5


def test_attacks_draw_an_arrow_for_each_row_and_rings_for_the_first_ones_neighbours(split):
    near = np.arange(80).reshape(40, 2) % 40
    moved = {"apart": split.x + 1, "mix": split.x - 2}
    fig = figures.attacks(split, predict, moved, near, [5, 3, 8])
    for ax, step in zip(fig.axes, (1, -2), strict=True):
        [arrows] = [c for c in ax.collections if type(c).__name__ == "Quiver"]
        assert arrows.U.tolist() == [step] * 3 and arrows.X.tolist() == [5, 3, 8]
        [rings] = [c for c in ax.collections if c.get_label() == "D_i of one sample"]
        assert rings.get_offsets()[:, 0].tolist() == near[5].tolist()
        rays = [line.get_xdata().tolist() for line in ax.lines if len(line.get_xdata())]
        assert [set(ray) for ray in rays] == [{5, j} for j in near[5]]
        assert drawn(ax)[0] == [5, 3, 8]
        low, high = ax.get_xlim()
        assert low <= min(arrows.X + arrows.U) and high >= max(arrows.X + arrows.U)


def test_weights_are_areas_and_dropped_weights_are_dark(split):
    weights = np.where(split.target == 1, 5.0, 1.0)
    mask = np.ones((4, 3))
    mask[0, 0] = 0
    fig = figures.weights_and_masks(split, weights, {"in": mask, "out": np.ones((1, 4))})
    points, layer, last = fig.axes
    rows, scatter = drawn(points)
    areas = dict(zip(rows, scatter.get_sizes(), strict=True))
    assert {row: areas[row] > 50 for row in areas} == {row: row >= 20 for row in range(40)}
    shown = layer.collections[0].get_array().reshape(4, 3)
    assert shown[0, 0] == 1 and shown.sum() == 1 and layer.get_title() == "in\n−8 %"
    assert last.collections[0].get_array().size == 4 and last.get_xlim() == (0, 1), "a row of weights is a column"


def test_examples_have_a_column_for_each_class():
    target = np.repeat([0, 1, 2], 6)
    x = np.broadcast_to((80 * target).astype(np.uint8)[:, None, None, None], (18, 3, 4, 4)).copy()
    fig = figures.examples(Split(x, target, np.zeros(18, int), np.arange(18)), ["a", "b", "c"], rows=2)
    shown = [int(ax.images[0].get_array()[0, 0, 0]) for ax in fig.axes]
    assert shown == [0, 80, 160] * 2 and [ax.get_title() for ax in fig.axes[:3]] == ["a", "b", "c"]


def test_kept_shares_have_a_line_per_start_and_one_for_tau():
    fig = figures.kept_shares({"one": np.array([1.0, 0.5]), "two": np.array([1.0, 0.9])}, 0.9)
    lines = [list(line.get_ydata()) for line in fig.axes[0].lines if len(line.get_xdata())]
    assert lines == [[1, 0.5], [1, 0.9], [0.9, 0.9]]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["one", "two", "τ = 0.9"]


def test_a_sweep_draws_phi_where_the_bias_is_small():
    bias = np.array([0.0, 0.2, -0.2, 0.03])
    fig = figures.sweep(np.linspace(0, 1, 4), np.array([0.5, 0.9, 0.8, 0.6]), bias)
    lines = [list(ax.lines[0].get_ydata()) for ax in fig.axes]
    assert lines == [[0.5, 0.9, 0.8, 0.6], list(bias), [0.5, 0, 0, 0.6]]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["|μ| < ε = 0.05"]
