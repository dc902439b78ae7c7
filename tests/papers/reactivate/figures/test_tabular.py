"""The figures of ICDM 2022's tables of people show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.papers.reactivate.figures import tabular as figures_tabular

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
TASKS = ("toy_tables/adult_sex_aod", "bank/age25_spd")


def table(seeds=3):
    """Three rows in two tasks: printed with an accuracy, printed with a dash, not printed at all."""
    rows = [
        {"task": task, "row": row, "accuracy": 0.6 + 0.1 * i, "bias": 0.02 + 0.05 * i,
         "printed_accuracy": accuracy, "printed_bias": bias}
        for task in TASKS
        for i, (row, accuracy, bias) in enumerate(
            [("Proposed", 0.61, 0.049), ("Baseline", np.nan, 0.175), ("Mine", np.nan, np.nan)]
        )
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(accuracy_std=0.01 if seeds > 1 else np.nan, bias_std=0.02 if seeds > 1 else np.nan)


@pytest.mark.parametrize("seeds", [1, 3])
def test_scatter_has_filled_means_and_hollow_printed_values(seeds):
    fig = figures_tabular.scatter(table(seeds))
    for ax in fig.axes[:2]:
        filled = [(c.lines[0].get_xdata().item(), c.lines[0].get_ydata().item()) for c in ax.containers]
        np.testing.assert_allclose(filled, [(0.02, 0.6), (0.07, 0.7), (0.12, 0.8)])
        hollow = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
        found = [(line.get_xdata().item(), line.get_ydata().item()) for line in hollow]
        np.testing.assert_allclose(found, [(0.049, 0.61), (0.175, ax.get_ylim()[0])])
    words = [text.get_text() for text in fig.axes[-1].get_legend().get_texts()]
    assert words[:3] == ["Proposed", "Baseline", "Mine"] and len(words) == 5


def test_words_name_source_attribute_and_measure():
    assert [figures_tabular.words(task) for task in TASKS] == ["adult sex AOD", "bank age SPD"]


def test_a_sweep_draws_phi_where_the_bias_is_small():
    bias = np.array([0.0, 0.2, -0.2, 0.03])
    fig = figures_tabular.sweep(np.linspace(0, 1, 4), np.array([0.5, 0.9, 0.8, 0.6]), bias)
    drawn = [list(ax.lines[0].get_ydata()) for ax in fig.axes]
    assert drawn == [[0.5, 0.9, 0.8, 0.6], list(bias), [0.5, 0, 0, 0.6]]


def test_changes_are_paired_by_seed_and_in_points():
    levels = {"a": 0.0, "b": 0.01, "c": -0.02}
    rows = [
        {"task": task, "label": label, "seed": seed, "accuracy": 0.5 + 0.1 * seed + level, "bias": 0.2 - level}
        for task in TASKS
        for label, level in levels.items()
        for seed in range(3)
    ]
    fig = figures_tabular.changes(pd.DataFrame(rows), [("b", "a"), ("c", "a")], {"b": "first", "c": "c"})
    assert len(fig.axes) == 4
    for ax, sign in zip(fig.axes, (1, -1, 1, -1), strict=True):
        dots = [line.get_xdata() for line in ax.lines if line.get_marker() == "o"]
        np.testing.assert_allclose(dots, [[sign] * 3, [-2 * sign] * 3], atol=1e-9)
        assert [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"] == [0, 1]
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["first: b", "c"]
