"""ASAC's table figures show the numbers that they are given, and gains add up."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

from fairnb.evidence import tables
from fairnb.papers.asac.figures import tables as figures
from fairnb.papers.asac.tables import AEDA, CONTROL, FGSM, PROBE, STEPS

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
TASKS = ("toy_faces/smiling_male_natural", "toy_faces/big_nose_male_natural")
ACCURACY = {PROBE[0]: 0.80, CONTROL[0]: 0.86, STEPS[0]: 0.88, FGSM[0]: 0.87, AEDA[0]: 0.85}


@pytest.fixture
def frame():
    """Two tasks, three seeds; a seed adds the same to all rows, so paired differences have no spread."""
    rows = [
        {"task": task, "label": label, "seed": seed, "acc": acc + 0.01 * seed, "eo_sum": 0.3 - acc / 4 + 0.02 * seed}
        | {"eo_avg": 0.1}
        for task in TASKS
        for label, acc in ACCURACY.items()
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


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


def test_gains_are_paired_by_seed_and_add_up(frame):
    found = figures.gains(frame)
    one = found[found["task"] == TASKS[0]].set_index("step")
    assert one["acc"].to_list() == pytest.approx([6, 2, -1, 7]) and set(one["seeds"]) == {3}
    assert one["acc"].iloc[:3].sum() == pytest.approx(one["acc"].iloc[3])
    assert one.loc["attacked images", "eo_sum"] == pytest.approx(0.25)
    assert (one["acc_high"] - one["acc_low"]).to_numpy() == pytest.approx(0, abs=1e-9), "seeds cancel"
    assert len(one.loc["more steps", "acc_values"]) == 3


def test_gains_leave_out_rows_that_were_not_run_and_say_nothing_of_one_seeds_spread(frame):
    part = frame[(frame["label"] != CONTROL[0]) & (frame["seed"] == 0)]
    found = figures.gains(part)
    assert found["step"].to_list() == ["all layers, as many steps", "attacked images", "all of it"] * 2
    assert found["acc"].iloc[0] == pytest.approx(8) and found["acc_low"].isna().all()


def test_a_path_of_two_rows_is_one_step():
    assert list(figures.step_names((PROBE[0], FGSM[0])).values()) == ["all of it"]
    assert figures.step_names(("a", "b"))["a", "b"] == "a → b"


def test_decomposition_draws_every_seed_and_the_total_below(frame):
    found = figures.gains(frame)
    fig = figures.decomposition(found)
    assert len(fig.axes) == 4 and fig.axes[0].get_title() == "smiling male\n(toy_faces)"
    dots = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert np.allclose(dots, np.repeat([[6], [2], [-1], [7]], 3, axis=1))
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()][-1] == "all of it"


def test_tradeoff_has_our_points_filled_and_printed_ones_hollow(table):
    fig = figures.tradeoff(table)
    first = fig.axes[0]
    points = [line for line in first.lines if len(line.get_xdata()) == 1]
    hollow = [line for line in points if line.get_markerfacecolor() == "none"]
    filled = [line for line in points if line.get_markerfacecolor() != "none"]
    assert len(hollow) == 4 and {(*line.get_xdata(), *line.get_ydata()) for line in hollow} == {(40.0, 90.0)}
    ours = table[(table["task"] == TASKS[0]) & (table["source"] == tables.RERUN)]
    assert sorted(line.get_ydata()[0] for line in filled) == pytest.approx(sorted(ours["acc"]))
    low, high = first.get_xlim()
    assert low < ours["eo_sum"].min() and high > 40


def test_arrows_lead_from_the_base_by_the_controls_to_asac(table):
    first = figures.tradeoff(table).axes[0]
    arrows = [child for child in first.get_children() if isinstance(child, Annotation)]
    mean = table[table["task"] == TASKS[0]].set_index("row")
    assert [arrow.xy[1] for arrow in arrows] == [mean.loc[row[0], "acc"] for row in (CONTROL, STEPS, FGSM)]
    assert arrows[0].xyann[1] == mean.loc[PROBE[0], "acc"]


def test_tradeoff_leaves_unused_panels_out_and_needs_no_printed_numbers(table):
    ours = table[(table["source"] == tables.RERUN) & (table["task"] == TASKS[0])].drop(
        columns=["printed_acc", "printed_eo_sum"]
    )
    four = pd.concat([ours.assign(task=f"toy/{i}") for i in range(4)])
    fig = figures.tradeoff(four)
    assert [ax.axison for ax in fig.axes] == [True] * 4 + [False] * 2
    assert "hollow: printed" not in [text.get_text() for text in fig.legends[0].get_texts()]


def test_moves_draw_lines_where_the_score_is_one_half():
    x = np.array([[0.0, 1.0], [1.0, -1.0], [2.0, 0.5], [-1.0, 0.0]])
    labels = np.array([0, 1, 1, 0])
    weights = np.array([2.0, 1.0]), np.array([2.0, 0.0])
    fig = figures.moves(x, labels, labels, {"along v": (x + np.array([0, 1]), *weights)})
    dashed, solid = (next(n for n in fig.axes[0].lines if n.get_label() == f"M {w}") for w in ("before", "after"))
    assert np.stack([dashed.get_xdata(), dashed.get_ydata()], 1) @ weights[0] == pytest.approx(0)
    assert solid.get_xdata() == pytest.approx(0)
    steps = [child for child in fig.axes[0].collections if hasattr(child, "U")]
    assert np.concatenate([child.V for child in steps]) == pytest.approx(np.ones(4))


@pytest.mark.slow
def test_a_row_looks_the_same_in_every_table_and_no_two_rows_look_alike(table):
    def looks(shown):
        labels = {handle.get_label(): handle for handle in figures.tradeoff(shown).legends[0].legend_handles}
        return {row: (labels[row].get_color(), labels[row].get_marker()) for row in shown["row"]}

    one = table[table["row"] == FGSM[0]]
    more = [one.assign(row=name) for name in ("another", "a third", "a fourth")]
    every = looks(pd.concat([table, *more]))
    assert looks(table[table["row"] != PROBE[0]]).items() < every.items()
    assert len(set(every.values())) == len(every) == len(ACCURACY) + 3
    assert len(set(figures.LOOKS.values())) == len(figures.LOOKS)
