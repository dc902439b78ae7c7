"""The figures of ASAC's ablations show the numbers that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.evidence.figures import HERE, PRINTED, SEED
from fairnb.papers.asac.figures import choices as figures

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
ROWS = ("main", "other", "same")
HEADS = {"0": 0.98, "0.001": 0.9, "0.01": 0.4}


def table(printed=True):
    rows = {"row": list(ROWS), "eo_sum": [30.0, 33.0, 30.0], "acc": [90.0, 89.0, 90.0]}
    rows |= {f"{name}_{end}": [np.nan] * 3 for name in ("eo_sum", "eo_avg", "acc") for end in ("low", "high")}
    made = pd.DataFrame(rows | {"eo_avg": [15.0, 16.5, 15.0], "eo_avg_low": [14.0, -6.0, 14.0]})
    made["eo_avg_high"] = [16.0, 17.0, 16.0]
    theirs = {"printed_eo_sum": [5.0, 5.5, 5.8], "printed_acc": [91.91, 91.42, 91.84]}
    return made.assign(**theirs) if printed else made


def words(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


def drawn(ax, name):
    """Places ``(x, y)`` of all marks with a name in a panel, in the order of rows."""
    found = [part.get_offsets() for part in ax.collections if part.get_label() == name]
    return [tuple(place) for place in np.concatenate(found)] if found else []


def means(ax, mark):
    """Places ``(x, y)`` of the means with a mark in a panel."""
    return [tuple(place) for line in ax.lines if line.get_marker() == mark for place in line.get_xydata()]


# differences


def found(printed=True):
    """As ``choices.against``: ``other`` lies 3 points of DEO above the main row, ``same`` is the main row itself."""
    rows = {"row": ["other", "same"], "seeds": 3}
    for name, mean in (("eo_sum", 3.0), ("acc", -1.0)):
        rows |= {name: [mean, 0], f"{name}_low": [mean - 2, 0], f"{name}_high": [mean + 2, 0]}
        rows |= {f"{name}_values": [(mean - 1, mean + 1), (0.0, 0.0)], f"printed_{name}": np.nan}
    made = pd.DataFrame(rows)
    return made.assign(printed_eo_sum=[0.5, 0.8], printed_acc=[-0.49, -0.07]) if printed else made


def test_each_row_has_a_mean_its_seeds_its_printed_difference_and_the_band():
    fig = figures.differences(found(), {"eo_sum": (0.0, 0.8)})
    gap, accuracy = fig.axes
    assert means(gap, "o")[:2] == [(3.0, 0.0), (0.0, 1.0)]
    assert [x for x, _ in drawn(gap, SEED)] == [2.0, 4.0, 0.0, 0.0]
    assert drawn(gap, PRINTED) == [(0.5, 0.2), (0.8, 1.2)]
    assert [text.get_text() for text in gap.get_yticklabels()] == ["other", "same"]
    assert gap.get_ylim()[0] > gap.get_ylim()[1], "rows go down as in the table"
    [band] = gap.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((0.0, 0.8)) and not accuracy.patches
    assert "DEO" in gap.get_xlabel() and "accuracy" in accuracy.get_xlabel()
    assert words(fig) == [HERE, SEED, PRINTED, "main configuration as printed"]


def test_without_printed_numbers_only_ours_are_drawn():
    fig = figures.differences(found(printed=False), {})
    assert words(fig) == [HERE, SEED]
    fig = figures.conventions(table(printed=False))
    assert PRINTED not in words(fig) and len(means(fig.axes[1], "o")) == 3


# both readings of DEO


def test_average_and_sum_lie_above_each_other_beside_the_printed_deo():
    fig = figures.conventions(table())
    gap, accuracy = fig.axes
    assert [(x, round(y)) for x, y in means(gap, "s")] == [(15.0, 0), (16.5, 1), (15.0, 2)]
    assert [(x, round(y)) for x, y in means(gap, "o")] == [(30.0, 0), (33.0, 1), (30.0, 2)]
    pairs = zip(means(gap, "s"), means(gap, "o"), strict=True)
    assert all(below - above > 0.2 for (_, above), (_, below) in pairs), "intervals do not cover each other"
    assert [(x, round(y)) for x, y in drawn(gap, PRINTED)] == [(5.0, 0), (5.5, 1), (5.8, 2)]
    assert drawn(accuracy, PRINTED)[1][0] == 91.42 and not means(accuracy, "s")
    ends = [
        line.get_xdata() for line in gap.lines if line.get_marker() in (None, "None") and len(line.get_xdata()) == 2
    ]
    assert any(np.allclose(end, (0, 17)) for end in ends), "an interval of a gap ends at 0"
    assert words(fig) == ["average of both gaps", "sum of both gaps", PRINTED, "accuracy"]


def test_quoted_rows_show_the_printed_numbers_only():
    made = table()
    made.loc[1, ["eo_sum", "eo_avg", "acc", "eo_avg_low", "eo_avg_high"]] = np.nan
    gap, accuracy = figures.conventions(made).axes
    assert [round(y) for _, y in means(gap, "o")] == [0, 2] == [round(y) for _, y in means(accuracy, "o")]
    assert len(drawn(gap, PRINTED)) == 3


# what an order orders


def test_magnitudes_by_step_are_means_over_seeds_beside_the_extreme():
    rows = [
        {"label": label, "seed": seed}
        | {"notes": {"magnitude_by_step": [0.001 * (i + seed), 0.002, 0.003], "protected_head": dict(HEADS)}}
        for i, label in enumerate(ROWS)
        for seed in range(3)
    ]
    fig = figures.magnitude_by_step(pd.DataFrame(rows), ROWS[:2], (0.01, 0.0, 0.001))
    left, right = fig.axes
    lines = [line.get_ydata() for line in left.lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(lines, [[0.001, 0.002, 0.003], [0.002, 0.002, 0.003], [0, 0.001, 0.01]])
    assert words(fig) == [*ROWS[:2], figures.EXTREME, figures.HEAD]
    np.testing.assert_allclose(right.lines[0].get_xydata(), [[0, 98], [0.001, 90], [0.01, 40]])
    band = left.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((0, 0.003))


# the toy


def test_paths_and_minima_are_in_every_panel():
    chunks = {"easy": (np.eye(2), np.array([1.0, 0.0])), "hard": (np.diag([2.0, 0.5]), np.array([-1.0, 3.0]))}
    path = np.array([[0.0, -1.0], [0.5, 0.0], [0.6, 0.2]])
    fig = figures.orders({"one step": {"a": path, "b": path}, "two": {"a": path, "b": path + 0.1}}, chunks)
    assert [ax.get_title() for ax in fig.axes] == ["one step", "two"]
    for ax in fig.axes:
        assert any(np.allclose(part.get_offsets(), [[1, 0], [-1, 3]]) for part in ax.collections)
        assert ax.get_xlim() == pytest.approx((-1.3, 1.3)) and ax.get_ylim() == pytest.approx((-1.3, 3.3))
    first, last = (line for line in fig.axes[1].lines if len(line.get_xdata()) == 3)
    np.testing.assert_allclose(first.get_xydata(), path)
    np.testing.assert_allclose(last.get_xydata(), path + 0.1)
    np.testing.assert_allclose(fig.axes[1].collections[-1].get_offsets(), [[0.6, 0.2], [0.7, 0.3]])
    assert words(fig) == ["minimum of the easy chunk", "minimum of the hard chunk", "a", "b"]
