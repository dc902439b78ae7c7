"""The figures of ICDM 2022's tables show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import seeds
from fairnb.evidence.figures import HERE, SEED
from fairnb.papers.reactivate.figures import tables as figures
from fairnb.papers.reactivate.tables import TOLERANCE

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
TASKS = ("toy_tables/adult_sex_aod", "bank/age25_spd")


def people(deviation=0.01):
    """Three rows in two tasks: printed with an accuracy, printed with a dash, not printed at all."""
    rows = [
        {"task": task, "row": row, "accuracy": 0.6 + 0.1 * i, "bias": 0.02 + 0.05 * i,
         "printed_accuracy": accuracy, "printed_bias": bias}
        for task in TASKS
        for i, (row, accuracy, bias) in enumerate(
            [("Proposed", 0.61, 0.049), ("Baseline", np.nan, 0.175), ("Mine", np.nan, np.nan)]
        )
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(accuracy_std=deviation, bias_std=3 * deviation)


def shapes(printed=True, task="toy_shapes/skew95", deviation=0.01):
    """Three rows of one task, all printed or none."""
    rows = [
        {"task": task, "row": row, "accuracy": 0.8 + 0.01 * i, "bias": 0.1 - 0.02 * i}
        | {"accuracy_std": deviation, "bias_std": deviation}
        | {"printed_accuracy": 0.9 if printed else np.nan, "printed_bias": 0.03 if printed else np.nan}
        for i, row in enumerate(figures.ROWS)
    ]
    return pd.DataFrame(rows)


def marks(ax):
    """Places of the filled marks and of the hollow ones."""
    found = [c for c in ax.collections if len(c.get_offsets())]
    hollow = [c.get_offsets() for c in found if not len(c.get_facecolors())]
    return next(c.get_offsets() for c in found if len(c.get_facecolors())), *hollow


def lines(ax, style):
    return [line for line in ax.lines if line.get_linestyle() == style and len(line.get_xdata())]


def words(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


@pytest.mark.parametrize("deviation", [np.nan, 0.01])
def test_tradeoff_has_filled_means_and_hollow_printed_values(deviation):
    fig = figures.tradeoff(people(deviation), trivial=0.5)
    assert [ax.get_title() for ax in fig.axes] == ["adult sex AOD", "bank age SPD"]
    for ax in fig.axes:
        filled, hollow = marks(ax)
        np.testing.assert_allclose(filled, [(0.02, 0.6), (0.07, 0.7), (0.12, 0.8)])
        np.testing.assert_allclose(hollow, [(0.049, 0.61), (0.175, ax.get_ylim()[0])])
        assert [list(line.get_ydata()) for line in lines(ax, ":")] == [[0.5, 0.5]]
        assert not lines(ax, "--"), "nothing joins marks where there are many panels"
    assert words(fig) == [
        "Proposed", "Baseline", "Mine", "hollow: printed", "bias within tolerance", "a trivial threshold",
        figures.DEVIATIONS,
    ]  # fmt: skip


@pytest.mark.parametrize("printed", [True, False])
def test_one_task_joins_each_row_with_its_printed_value(printed):
    fig = figures.tradeoff(shapes(printed))
    [ax] = fig.axes
    np.testing.assert_allclose(marks(ax)[0], [(0.1, 0.8), (0.08, 0.81), (0.06, 0.82)])
    ends = [[0.8, 0.9], [0.81, 0.9], [0.82, 0.9]] if printed else np.empty((0, 2))
    np.testing.assert_allclose(np.reshape([line.get_ydata() for line in lines(ax, "--")], (-1, 2)), ends)
    assert ("hollow: printed" in words(fig)) is printed and "a trivial threshold" not in words(fig)
    [band] = [patch for patch in ax.patches if patch.get_label() == "bias within tolerance"]
    assert (band.get_x(), band.get_width()) == (0, TOLERANCE)


@pytest.mark.parametrize("rows", [("ROC", "Baseline"), tuple(row for row in figures.LOOKS if row != "Proposed")])
def test_the_last_column_of_names_ends_above_the_corner(rows):
    made = pd.concat([shapes(False).head(1).assign(row=row) for row in rows], ignore_index=True)
    [legend] = figures.tradeoff(made, trivial=0.5).legends
    assert len(legend.get_texts()) % legend._ncols or len(legend.get_texts()) == legend._ncols


def test_bars_are_standard_deviations_inside_the_axes_and_the_range():
    made = shapes(False, deviation=0.03).head(1).assign(accuracy=0.98, bias=0.01)
    [ax] = figures.tradeoff(made).axes
    up, across = sorted(lines(ax, "-"), key=lambda line: np.ptp(line.get_xdata()))
    np.testing.assert_allclose(sorted(across.get_xdata()), [0, 0.04])
    np.testing.assert_allclose(sorted(up.get_ydata()), [0.95, 1])
    assert ax.get_ylim()[0] < 0.95 and ax.get_ylim()[1] > 1 and ax.get_xlim()[0] < 0


def test_skews_are_in_order_whatever_the_order_of_the_tables():
    made = [shapes(task=f"cifar10s/skew{skew}").assign(accuracy=skew / 100) for skew in (95, 99, 80)]
    fig = figures.skews(pd.concat(made, ignore_index=True), 0.97)
    ours, theirs = fig.axes
    assert [text.get_text() for text in ours.get_xticklabels()] == ["80 %", "95 %", "99 %"]
    for ax, values in ((ours, [0.8, 0.95, 0.99]), (theirs, [0.9] * 3)):
        drawn = lines(ax, "-" if ax is ours else "--")
        np.testing.assert_allclose(np.array([line.get_ydata() for line in drawn], float), [values] * 3)
        assert all((line.get_markerfacecolor() == "white") is (ax is theirs) for line in drawn)
        assert [line.get_color() for line in drawn] == [figures.LOOKS[row][0] for row in figures.ROWS]
    assert [line.get_ydata()[0] for line in lines(ours, ":")] == [0.97]
    assert figures.DEVIATIONS in ours.get_title() and theirs.get_title() == "printed"
    assert words(fig) == [*figures.ROWS, "Baseline, all images in colour"]
    bars = {round(float(end), 9) for c in ours.collections for segment in c.get_segments() for end in segment[:, 1]}
    np.testing.assert_allclose(sorted(bars), [0.79, 0.81, 0.94, 0.96, 0.98, 1])


def test_changes_are_paired_by_seed_and_in_points():
    levels = {"a": 0.0, "Kaiming": 0.01, "p_flip = 0.0": -0.02}
    rows = [
        {"task": task, "label": label, "seed": seed, "accuracy": 0.5 + 0.1 * seed + level, "bias": 0.2 - level}
        for task in TASKS
        for label, level in levels.items()
        for seed in range(3)
    ]
    found = seeds.paired(pd.DataFrame(rows), [("Kaiming", "a"), ("p_flip = 0.0", "a")], ("accuracy", "bias"))
    fig = figures.changes(found)
    assert len(fig.axes) == 4
    for ax, sign in zip(fig.axes, (1, -1, 1, -1), strict=True):
        [dots] = [c.get_offsets()[:, 0] for c in ax.collections if c.get_label() == SEED]
        np.testing.assert_allclose(dots, [sign] * 3 + [-2 * sign] * 3, atol=1e-9)
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["restart: Kaiming", "p_flip = 0.0"]
    assert [ax.get_title() for ax in fig.axes[:2]] == ["balanced accuracy", "|bias|"] and words(fig) == [HERE, SEED]
    alone = figures.changes(found[found["task"] == TASKS[1]])
    assert [ax.get_title() for ax in alone.axes] == ["bank age SPD: balanced accuracy", "bank age SPD: |bias|"]
