"""ASAC's table figures show the numbers that they are given, and a row looks the same in all of them."""

import asac_runs
import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import tables
from fairnb.evidence.figures import SEED
from fairnb.papers.asac import tables as asac
from fairnb.papers.asac.figures import tables as figures
from fairnb.papers.asac.tables import AEDA, CONTROL, FGSM, PROBE, STEPS

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def frame():
    return asac_runs.frame()


@pytest.fixture
def table(frame):
    """As ``tables.table``: one row is quoted in each task, one has no printed number."""
    means = frame.groupby(["task", "label"], sort=False)[["acc", "eo_sum"]].mean().mul(100).reset_index()
    means = means.rename(columns={"label": "row"}).assign(source=tables.RERUN)
    for name in ("acc", "eo_sum"):
        means = means.assign(**{f"{name}_low": means[name] - 1, f"{name}_high": means[name] + 1})
    means = means.assign(printed_acc=90.0, printed_eo_sum=40.0)
    means.loc[means["row"] == STEPS[0], ["printed_acc", "printed_eo_sum"]] = np.nan
    means.loc[means["row"] == AEDA[0], ["acc", "acc_low", "acc_high", "eo_sum", "eo_sum_low", "eo_sum_high"]] = np.nan
    means.loc[means["row"] == AEDA[0], "source"] = tables.QUOTED
    return means


def words(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


def test_decomposition_draws_every_seed_and_the_total_below(frame):
    fig = figures.decomposition(asac.gains(frame))
    assert len(fig.axes) == 4 and fig.axes[0].get_ylabel() == "smiling male\n(toy faces)"
    [dots] = [drawn.get_offsets() for drawn in fig.axes[0].collections if drawn.get_label() == SEED]
    assert np.allclose(dots[:, 0], np.repeat([6, 2, -1, 7], 3))
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()][-1] == "all of it"
    assert "accuracy" in fig.axes[2].get_xlabel() and "DEO" in fig.axes[3].get_xlabel()


def test_tradeoff_has_our_points_filled_and_printed_ones_hollow(table):
    fig = figures.tradeoff(table)
    first = fig.axes[0]
    assert first.get_title() == "smiling male\n(toy faces)"
    filled, hollow = (drawn for drawn in first.collections if len(drawn.get_offsets()))
    assert len(hollow.get_facecolor()) == 0 and len(filled.get_facecolor())
    np.testing.assert_allclose(hollow.get_offsets(), [[40.0, 90.0]] * 4)
    ours = table[(table["task"] == asac_runs.TASKS[0]) & (table["source"] == tables.RERUN)]
    np.testing.assert_allclose(filled.get_offsets(), ours[["eo_sum", "acc"]])
    assert {*asac_runs.ACCURACY, "hollow: printed"} <= set(words(fig)), "the quoted row is named, too"


def test_a_line_leads_from_the_base_by_the_controls_to_asac(table):
    fig = figures.tradeoff(table)
    assert f"{PROBE[0]} → … → {FGSM[0]}" in words(fig)
    mean = table[table["task"] == asac_runs.TASKS[0]].set_index("row")
    path = mean.loc[[row[0] for row in (PROBE, CONTROL, STEPS, FGSM)], ["eo_sum", "acc"]]
    [line] = [line for line in fig.axes[0].lines if "…" in str(line.get_label())]
    np.testing.assert_allclose(line.get_xydata(), path)


def test_a_gaps_bar_ends_at_zero_and_an_accuracys_lies_inside(table):
    table["eo_sum_low"], table["acc_high"] = -50.0, 140.0
    first = figures.tradeoff(table).axes[0]
    ends = np.concatenate([line.get_xydata() for line in first.lines if len(line.get_xdata())])
    assert ends[:, 0].min() == 0 and ends[:, 1].max() == 140
    assert first.get_ylim()[1] > 140


def test_tradeoff_leaves_unused_panels_out_and_needs_no_printed_numbers(table):
    ours = table[(table["source"] == tables.RERUN) & (table["task"] == asac_runs.TASKS[0])].drop(
        columns=["printed_acc", "printed_eo_sum"]
    )
    four = pd.concat([ours.assign(task=f"toy/{i}") for i in range(4)])
    fig = figures.tradeoff(four)
    assert [ax.axison for ax in fig.axes] == [True] * 4 + [False] * 2
    assert "hollow: printed" not in words(fig)


def test_every_row_has_a_look_and_no_two_look_alike():
    rows = {row[0] for name in ("T1", "T2", "T3", "F") for row in asac.TABLES[name].rows}
    assert rows == set(figures.LOOKS)
    assert len(set(figures.LOOKS.values())) == len(figures.LOOKS)


def test_moves_draw_lines_where_the_score_is_one_half():
    x = np.array([[0.0, 1.0], [1.0, -1.0], [2.0, 0.5], [-1.0, 0.0]])
    labels = np.array([0, 1, 1, 0])
    weights = np.array([2.0, 1.0]), np.array([2.0, 0.0])
    fig = figures.moves(x, labels, labels, {"along v": (x + np.array([0, 1]), *weights)})
    [ax] = fig.axes
    dashed, solid = (line for line in ax.lines if len(line.get_xdata()) == 2)
    assert dashed.is_dashed() and not solid.is_dashed()
    assert dashed.get_xydata() @ weights[0] == pytest.approx(0) and solid.get_xdata() == pytest.approx(0)
    [arrows] = [child for child in ax.collections if hasattr(child, "U")]
    assert arrows.V == pytest.approx(np.ones(4)) and arrows.U == pytest.approx(np.zeros(4))
    np.testing.assert_allclose(ax.collections[0].get_offsets(), x)
    assert words(fig)[-2:] == ["M before", "M after"] and {"y = 0, a = 0", "y = 1, a = 1"} <= set(words(fig))


def test_identities_are_means_in_percent_with_a_band_over_seeds():
    found = pd.DataFrame({"r": [0.5, 0.5, 1.0, 1.0], "random images": [0.5, 0.6, 0.9, 1.0], "new people": [0.5] * 4})
    fig = figures.identities(found)
    [ax] = fig.axes
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.5, 55], [1, 95]])
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((50, 100))
    assert words(fig) == ["random images", "new people"] and ax.get_ylabel() == "accuracy, %"
