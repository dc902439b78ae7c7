"""The figures of ICDM 2022's notebooks show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.contract import Split
from fairnb.papers.reactivate.figures import images as figures
from fairnb.papers.reactivate.tables import TOLERANCE

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
    """Points of the four cells: (label, group) -> rows (their first feature)."""
    return {c.get_label(): c.get_offsets().data[:, 0].tolist() for c in ax.collections if "group" in str(c.get_label())}


def test_regions_draw_each_cell_with_its_own_mark_in_panels_of_one_scale(split):
    fig = figures.regions({"all": (predict, split), "few": (predict, split)}, few=15)
    first, second = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["all", "few"] and first.get_xlim() == second.get_xlim()
    points = drawn(first)
    assert points["label 0, group 0"] == list(range(10)) and points["label 0, group 1"] == list(range(10, 15))
    assert points["label 1, group 0"] == []


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
        rings = next(line for line in ax.lines if line.get_label() == "D_i of one sample")
        assert rings.get_xdata().tolist() == near[5].tolist()
        low, high = ax.get_xlim()
        assert low <= min(arrows.X + arrows.U) and high >= max(arrows.X + arrows.U)


def test_weights_are_areas_and_dropped_weights_are_dark(split):
    weights = np.where(split.target == 1, 5.0, 1.0)
    mask = np.ones((4, 3))
    mask[0, 0] = 0
    fig = figures.weights_and_masks(split, weights, {"in": mask, "out": np.ones((1, 4))})
    points, layer, last = fig.axes
    areas = {c.get_label(): set(np.round(c.get_sizes(), 3)) for c in points.collections}
    assert max(areas["label 0, group 0"]) < min(areas["label 1, group 0"])
    image = layer.images[0].get_array()
    assert image[0, 0] == 1 and image.sum() == 1 and layer.get_title() == "in\n−8 %"
    assert last.images[0].get_array().shape == (4, 1), "a row of weights is drawn as a column"


def test_examples_have_a_column_for_each_class():
    target = np.repeat([0, 1, 2], 6)
    x = np.broadcast_to((80 * target).astype(np.uint8)[:, None, None, None], (18, 3, 4, 4)).copy()
    fig = figures.examples(Split(x, target, np.zeros(18, int), np.arange(18)), ["a", "b", "c"], rows=2)
    image = fig.axes[0].images[0].get_array()
    assert image.shape == (8, 12, 3) and image[0, :, 0].tolist() == [0] * 4 + [80] * 4 + [160] * 4


def table(printed=True, task="toy_shapes/skew95", seeds=3):
    """A made-up table of three rows."""
    rows = [
        {"task": task, "row": row, "source": "rerun", "accuracy": 0.8 + 0.01 * i, "bias": 0.1 - 0.02 * i}
        | {f"{name}_std": 0.01 if seeds > 1 else np.nan for name in ("accuracy", "bias")}
        | {"printed_accuracy": 0.9 if printed else np.nan, "printed_bias": 0.03 if printed else np.nan}
        for i, row in enumerate(figures.ROWS)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("printed", [True, False])
def test_accuracy_against_bias_joins_each_row_with_its_printed_value(printed, seeds):
    [ax] = figures.accuracy_against_bias(table(printed, seeds=seeds)).axes
    ours = [(c.lines[0].get_xdata().item(), c.lines[0].get_ydata().item()) for c in ax.containers]
    np.testing.assert_allclose(ours, [(0.1, 0.8), (0.08, 0.81), (0.06, 0.82)])
    assert [list(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "--"] == [[TOLERANCE] * 2]
    joins = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    ends = [[0.8, 0.9], [0.81, 0.9], [0.82, 0.9]] if printed else np.empty((0, 2))
    np.testing.assert_allclose(np.reshape([line.get_ydata() for line in joins], (-1, 2)), ends)
    assert bool(ax.figure.legends[0].get_title().get_text()) is printed


def test_error_bars_belong_to_their_axes():
    made = table().assign(accuracy_std=0.03, bias_std=0.01)
    [ax] = figures.accuracy_against_bias(made).axes
    across, up = (segment.get_segments()[0] for segment in ax.containers[0].lines[2])
    np.testing.assert_allclose(np.ptp(across, axis=0), [0.02, 0], atol=1e-9)
    np.testing.assert_allclose(np.ptp(up, axis=0), [0, 0.06], atol=1e-9)


def test_skews_are_in_order_whatever_the_order_of_the_tables():
    made = pd.concat([table(task=f"cifar10s/skew{skew}").assign(accuracy=skew / 100) for skew in (95, 99, 80)])
    ours, theirs = figures.skews(made, 0.97).axes
    assert [text.get_text() for text in ours.get_xticklabels()] == ["80 %", "95 %", "99 %"]
    for container in ours.containers:
        assert list(container.lines[0].get_ydata()) == [0.8, 0.95, 0.99]
    assert [line.get_ydata()[0] for line in ours.lines if line.get_linestyle() == ":"] == [0.97]
    assert len(theirs.lines) == 3 and set(theirs.lines[0].get_ydata()) == {0.9}
