"""The figures of AIM-Fair's choices show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.contract import Split
from fairnb.evidence.figures import HERE, PRINTED
from fairnb.papers.aimfair import figures
from fairnb.papers.aimfair import tables as aimfair

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
TASK = "toy_faces/smiling_male"


def runs_of(name, seeds=3):
    """Made-up runs of a table, acc and eo_max counting up by row."""
    rows = [
        {"task": task, "label": label, "method": method, "seed": seed, "acc": 0.8 + 0.001 * i, "eo_max": 0.01 * i}
        for task in (TASK, "toy_faces/young_male")
        for i, (label, method, _) in enumerate(aimfair.TABLES[name].rows)
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("seeds", [1, 3])
def test_blocks_has_a_point_for_each_block_and_two_references(seeds):
    frame = runs_of("T4", seeds)
    fig = figures.blocks(frame, TASK)
    labels = [row[0] for row in aimfair.TABLES["T4"].rows]
    for ax, action in zip(fig.axes, ("Freeze", "Update"), strict=True):
        wanted = [*(f"{action} {block}" for block in aimfair.BLOCKS), "Full fine-tuning", "AIM-Fair"]
        expected = [(labels.index(row), 80 + 0.1 * labels.index(row)) for row in wanted]
        np.testing.assert_allclose(ax.collections[0].get_offsets(), expected)
    assert len(fig.legends[0].get_texts()) == 8


def test_differences_name_rows_as_the_tables_do():
    fig = figures.differences(runs_of("T3"), [("selective", "erm")], ["acc"], TASK)
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["AIM-Fair −\nERM"]


def swept(printed):
    table = pd.DataFrame({name: [1.0, 2.0, 3.0] for name in ("acc", "wst", "eo_max")})
    for name in ("acc", "wst", "eo_max"):
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.5, table[name] + 0.5
        if printed is not None:
            table[f"printed_{name}"] = printed
    return table


def test_a_sweep_draws_means_and_printed_values_at_the_same_places():
    fig = figures.sweep(swept([9.0, 8.0, 7.0]), [0.5, 1, 2], "ratio")
    for ax in fig.axes:
        [theirs] = [drawn.get_offsets() for drawn in ax.collections if drawn.get_label() == PRINTED]
        assert list(ax.lines[0].get_ydata()) == [1, 2, 3] and list(theirs[:, 1]) == [9, 8, 7]
        assert list(ax.lines[0].get_xdata()) == list(theirs[:, 0])
        assert [text.get_text() for text in ax.get_xticklabels()] == ["0.5", "1", "2"]


@pytest.mark.parametrize("printed", [None, [np.nan] * 3])
def test_a_sweep_without_printed_values_draws_ours_alone(printed):
    fig = figures.sweep(swept(printed), list("abc"), "k")
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [HERE]


class Pool:
    """Stands for a pack: each image is filled with its group's number."""

    def split(self, target, protected):
        """Ten images in each group of Smiling and Male."""
        y, s = np.repeat([0, 0, 1, 1], 10), np.repeat([0, 1, 0, 1], 10)
        x = np.broadcast_to((2 * y + s).astype(np.uint8)[:, None, None, None], (40, 3, 4, 4)).copy()
        return Split(x, y, s, np.arange(40), target, protected)


def test_prompt_sheets_show_serious_women_and_then_smiling_men():
    fig = figures.prompt_sheets({"plain": Pool(), "rich": Pool()}, seed=0, columns=3)
    shown = [int(ax.images[0].get_array()[0, 0, 0]) for ax in fig.axes]
    assert shown == [0, 0, 0, 3, 3, 3] * 2
    assert [fig.axes[i].get_ylabel() for i in (0, 6)] == ["plain", "rich"]


def test_spread_is_the_distance_inside_groups():
    same = np.repeat(np.array([10, 200], np.uint8), 50)[:, None, None, None] * np.ones((1, 3, 4, 4), np.uint8)
    groups = np.repeat([0, 1], 50)
    assert figures.spread(same, groups) == 0, "groups differ, images of a group do not"
    two = same.copy()
    two[::2] += 40  # half of the pairs of a group differ by 40
    assert figures.spread(two, groups) == pytest.approx(20, abs=1.5)
