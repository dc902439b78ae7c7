"""The figures of ASAC's ablations show the numbers that they are given; differences are paired by seed."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairnb.papers.asac.figures import choices as figures

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
ROWS = ("main", "other", "same")
HEADS = {"0": 0.98, "0.001": 0.9, "0.01": 0.4}


def frame(seeds=3):
    """``other`` has a DEO 2, 3, 4 points above ``main``; seeds differ by much more."""
    rows = []
    for i, label in enumerate(ROWS):
        for seed in range(seeds):
            gap = 0.1 + 0.2 * seed + (0.02 + 0.01 * seed) * (label == "other")
            notes = {"magnitude_by_step": [0.001 * (i + seed), 0.002, 0.003], "protected_head": dict(HEADS)}
            row = {"task": "t", "label": label, "seed": seed, "eo_sum": gap, "acc": 0.9 - 0.01 * (label == "other")}
            rows.append(row | {"notes": notes})
    return pd.DataFrame(rows)


def table(printed=True):
    rows = {"row": list(ROWS), "eo_sum": [30.0, 33.0, 30.0], "acc": [90.0, 89.0, 90.0]}
    rows |= {f"{name}_{end}": [np.nan] * 3 for name in ("eo_sum", "eo_avg", "acc") for end in ("low", "high")}
    made = pd.DataFrame(rows | {"eo_avg": [15.0, 16.5, 15.0], "eo_avg_low": [14.0, 16.0, 14.0]})
    made["eo_avg_high"] = [16.0, 17.0, 16.0]
    theirs = {"printed_eo_sum": [5.0, 5.5, 5.8], "printed_acc": [91.91, 91.42, 91.84]}
    return made.assign(**theirs) if printed else made


def points(ax, mark):
    """Places ``(x, y)`` of all marks of a kind in a panel."""
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in ax.lines if line.get_marker() == mark]


# differences


def test_differences_are_paired_by_seed_beside_the_printed_ones():
    found = figures.against(frame(), table(), "main").set_index("row")
    assert list(found.index) == ["other", "same"], "not the main row itself"
    other = found.loc["other"]
    reach = stats.t.ppf(0.975, 2) * 1.0 / 3**0.5
    assert other["eo_sum"] == pytest.approx(3.0) and other["seeds"] == 3
    assert (other["eo_sum_low"], other["eo_sum_high"]) == pytest.approx((3 - reach, 3 + reach))
    assert other["acc"] == pytest.approx(-1.0)
    assert (other["printed_eo_sum"], other["printed_acc"]) == pytest.approx((0.5, -0.49))
    same = found.loc["same"]
    assert same["eo_sum"] == 0 and same["printed_eo_sum"] == pytest.approx(0.8), "one run, but printed twice"


def test_a_seed_that_a_row_lacks_is_left_out_and_one_seed_has_no_interval():
    runs = frame()
    short = runs[(runs["label"] != "other") | (runs["seed"] > 0)]
    other = figures.against(short, table(), "main").set_index("row").loc["other"]
    assert other["seeds"] == 2 and other["eo_sum"] == pytest.approx(3.5)
    single = figures.against(frame(1), table(), "main").set_index("row").loc["other"]
    assert single["eo_sum"] == pytest.approx(2.0) and np.isnan(single["eo_sum_low"])


def test_each_row_has_a_point_its_printed_one_below_and_the_band():
    found = figures.against(frame(), table(), "main")
    fig = figures.differences(found, {"eo_sum": (0.0, 0.8)})
    gap, accuracy = fig.axes
    assert [x for x, _ in points(gap, "o")] == pytest.approx([3.0, 0.0])
    assert [x for x, _ in points(gap, "D")] == pytest.approx([0.5, 0.8])
    assert [round(y) for _, y in points(gap, "o")] == [round(y) for _, y in points(gap, "D")] == [0, 1]
    assert [text.get_text() for text in gap.get_yticklabels()] == ["other", "same"]
    assert gap.get_ylim()[0] > gap.get_ylim()[1], "rows go down as in the table"
    [band] = gap.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((0.0, 0.8)) and not accuracy.patches
    names = [text.get_text() for text in fig.legends[0].get_texts()]
    assert len(names) == len(set(names)) == 3


def test_without_printed_numbers_only_ours_are_drawn():
    found = figures.against(frame(), table(printed=False), "main")
    assert found["printed_eo_sum"].isna().all()
    fig = figures.differences(found, {})
    assert len(points(fig.axes[0], "o")) == 2 and not points(fig.axes[0], "D")
    fig = figures.conventions(table(printed=False))
    assert not points(fig.axes[0], "D") and len(points(fig.axes[1], "o")) == 3


# both readings of DEO


def test_average_and_sum_are_joined_beside_the_printed_deo():
    gap, accuracy = figures.conventions(table()).axes
    assert [(x, round(y)) for x, y in points(gap, "s")] == [(15.0, 0), (16.5, 1), (15.0, 2)]
    assert [(x, round(y)) for x, y in points(gap, "o")] == [(30.0, 0), (33.0, 1), (30.0, 2)]
    pairs = zip(points(gap, "s"), points(gap, "o"), strict=True)
    assert all(abs(above - below) > 0.2 for (_, above), (_, below) in pairs), "intervals do not cover each other"
    assert points(gap, "D") == [(5.0, 0.0), (5.5, 1.0), (5.8, 2.0)]
    assert points(accuracy, "D")[1] == (91.42, 1.0) and not points(accuracy, "s")
    joined = [tuple(line.get_xdata()) for line in gap.lines if len(line.get_xdata()) == 2]
    assert (16.5, 33.0) in joined and (16.0, 17.0) in joined, "the interval, too"
    assert gap.get_xlim()[0] == 0


def test_quoted_rows_show_the_printed_numbers_only():
    made = table()
    made.loc[1, ["eo_sum", "eo_avg", "acc"]] = np.nan
    gap, accuracy = figures.conventions(made).axes
    assert [round(y) for _, y in points(gap, "o")] == [0, 2] == [round(y) for _, y in points(accuracy, "o")]
    assert len(points(gap, "D")) == 3


# what an order orders


def test_magnitudes_by_step_are_means_over_seeds_beside_the_dotted_extreme():
    left, right = figures.magnitude_by_step(frame(), ROWS[:2], (0.01, 0.0, 0.001)).axes
    lines = {line.get_label(): line.get_ydata() for line in left.lines}
    np.testing.assert_allclose(lines["main"], [0.001, 0.002, 0.003])
    np.testing.assert_allclose(lines["other"], [0.002, 0.002, 0.003])
    np.testing.assert_allclose(lines["if difficulty were magnitude"], [0.0, 0.001, 0.01])
    assert "same" not in lines and len(left.lines) == 2 * (3 + 1) + 1
    mean = max((line for line in right.lines if line.get_marker() == "None"), key=lambda line: len(line.get_xdata()))
    np.testing.assert_allclose(mean.get_xdata(), [0, 0.001, 0.01])
    np.testing.assert_allclose(mean.get_ydata(), [98, 90, 40])


def test_heads_of_all_rows_are_one_per_seed_and_magnitude():
    runs = frame(2)
    runs.at[3, "notes"] = {"protected_head": {"0": 0.98, "0.05": 0.2}}  # "other", seed 1
    runs.at[4, "notes"] = {}  # a control has no head
    found = figures.head_accuracy(runs)
    assert list(map(tuple, found.to_numpy())) == [
        *((0.0, float(radius), share) for radius, share in HEADS.items()),
        *((1.0, float(radius), share) for radius, share in HEADS.items()),
        (1.0, 0.05, 0.2),
    ]
    assert figures.head_accuracy(runs.iloc[4:5]).empty


# the toy


def test_paths_and_minima_are_in_every_panel():
    chunks = {"easy": (np.eye(2), np.array([1.0, 0.0])), "hard": (np.diag([2.0, 0.5]), np.array([-1.0, 3.0]))}
    path = np.array([[0.0, -1.0], [0.5, 0.0], [0.6, 0.2]])
    fig = figures.orders({"one step": {"a": path, "b": path}, "two": {"a": path, "b": path + 0.1}}, chunks)
    assert [ax.get_title() for ax in fig.axes] == ["one step", "two"]
    for ax in fig.axes:
        assert points(ax, "*") == [(1.0, 0.0), (-1.0, 3.0)]
        assert ax.get_xlim() == pytest.approx((-1.3, 1.3)) and ax.get_ylim() == pytest.approx((-1.3, 3.3))
    last = [line for line in fig.axes[1].lines if line.get_marker() == "."][1]
    np.testing.assert_allclose(last.get_xydata(), path + 0.1)
    assert points(fig.axes[1], "o") == [(0.6, 0.2), (pytest.approx(0.7), pytest.approx(0.3))]
