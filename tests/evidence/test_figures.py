"""The shared plots show the numbers that they are given, whole, whatever the user's matplotlibrc says."""

import os
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import figures, figures_scorecard, rule, seeds
from fairnb.evidence.figures import HERE, PRINTED, SEED
from fairnb.evidence.pictures import pictures

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")


def wide(**columns):
    """Two rows of a table, acc from 60 to 80 and from 70 to 90, the first with a printed number."""
    table = {"task": "t", "row": ["ERM", "Ours"], "acc": [70.0, 80.0], "acc_low": [60.0, 70.0]}
    return pd.DataFrame(table | {"acc_high": [80.0, 90.0], "printed_acc": [88.0, np.nan]} | columns)


def named(ax, name):
    """Offsets of the points with this name."""
    return np.concatenate([drawn.get_offsets() for drawn in ax.collections if drawn.get_label() == name])


def texts(fig):
    """The words of the legend."""
    return [text.get_text() for text in fig.legends[0].get_texts()]


def spans(ax):
    """Ends of all lines drawn, as pairs of x and pairs of y, and the limits of the axes."""
    ends = [(line.get_xdata(), line.get_ydata()) for line in ax.lines if len(line.get_xdata()) > 1]
    return ends, ax.get_xlim(), ax.get_ylim()


def test_rows_show_means_intervals_seeds_and_printed_numbers():
    table = wide(acc_values=[(65.0, 75.0), (75.0, 85.0)])
    fig = figures.rows(seeds.tidy(table, {"acc": "accuracy"}))
    [ax] = fig.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ERM", "Ours"] and ax.get_xlabel() == "accuracy"
    assert sorted(named(ax, SEED)[:, 0]) == [65, 75, 75, 85]
    np.testing.assert_allclose(named(ax, PRINTED)[0], [88, 0.2])
    bars = {tuple(np.round(x, 6)) for x, _ in spans(ax)[0]}
    assert {(60, 80), (70, 90)} <= bars and texts(fig) == [HERE, SEED, PRINTED]


def test_rows_have_a_line_of_panels_per_block_and_lines_for_zero_and_the_reference():
    table = pd.concat([wide(), wide(task="toy/u").assign(row=["Ours", "third"])])
    fig = figures.rows(seeds.tidy(table, {"acc": "accuracy"}), block="task", label="percent", zero=True, than="ERM")
    top, bottom = fig.axes
    assert top.get_title() == "accuracy" and bottom.get_xlabel() == "percent" and bottom.get_ylabel() == "toy\nu"
    assert bottom.yaxis.label.get_rotation() == 0, "names that stand upright run into each other"
    assert [text.get_text() for text in bottom.get_yticklabels()] == ["Ours", "third"]
    assert [line.get_xdata()[0] for line in top.lines if line.get_linestyle() == "--"] == [70]


def test_rows_of_several_lie_apart_and_have_their_looks():
    looks = figures.looks_of(["a", "b"])
    table = pd.concat([wide(who="a"), wide(who="b")]).drop(columns="printed_acc")
    fig = figures.rows(seeds.tidy(table, {"acc": "accuracy"}), looks=looks)
    heights = {round(float(y), 3) for _, ys in spans(fig.axes[0])[0] for y in ys}
    assert len(heights) == 4 and texts(fig) == ["a", "b"]


def test_every_interval_lies_inside_the_axes():
    table = wide(gap=[5.0, 6.0], gap_low=[-400.0, 1.0], gap_high=[410.0, 11.0])
    titles = {"acc": "accuracy", "gap": "gap"}
    drawn = figures.tradeoff(table, ("gap", "acc"), figures.looks_of(["ERM", "Ours"]), titles)
    for ax in [*drawn.axes, *figures.rows(seeds.tidy(table, titles)).axes]:
        ends, across, up = spans(ax)
        assert ends
        for x, y in ends:
            assert min(across) <= np.nanmin(x) and np.nanmax(x) <= max(across)
            assert min(up) <= np.nanmin(y) and np.nanmax(y) <= max(up)


def test_tradeoff_fills_what_was_run_and_leaves_printed_marks_hollow():
    table = wide(gap=[5.0, 3.0], gap_low=[4.0, 2.0], gap_high=[6.0, 4.0], printed_gap=[9.0, np.nan])
    looks = figures.looks_of(["ERM", "Ours"])
    fig = figures.tradeoff(table, ("gap", "acc"), looks, {"acc": "accuracy", "gap": "gap"}, path=["ERM", "Ours"])
    [ax] = fig.axes
    ours, theirs = (drawn for drawn in ax.collections if len(drawn.get_offsets()))
    np.testing.assert_allclose(ours.get_offsets(), [[5, 70], [3, 80]])
    np.testing.assert_allclose(theirs.get_offsets(), [[9, 88]])
    assert len(theirs.get_facecolor()) == 0 and len(ours.get_facecolor())
    assert texts(fig) == ["ERM", "Ours", "hollow: printed", "ERM → Ours"]


def test_curves_draw_means_bands_and_printed_numbers_over_words_and_numbers():
    for x in ([1, 3], ["few", "many"]):
        found = seeds.tidy(wide(size=x), {"acc": "accuracy"})
        [ax] = figures.curves(found, "size").axes
        np.testing.assert_allclose(ax.lines[0].get_ydata(), [70, 80])
        band = ax.collections[0].get_paths()[0].vertices[:, 1]
        assert band.min() == 60 and band.max() == 90
        assert named(ax, PRINTED)[:, 1].tolist() == [88]


@pytest.mark.parametrize("draw", [figures.rows, lambda found: figures.curves(found.assign(x=[1, 2]), "x")])
def test_one_seed_has_a_mark_and_no_bar(draw):
    found = seeds.tidy(wide(acc_low=np.nan, acc_high=np.nan, printed_acc=np.nan), {"acc": "accuracy"})
    assert texts(draw(found)) == [HERE]


def test_pictures_lie_in_the_order_of_their_lines_and_need_not_be_as_many():
    image, heat = np.full((3, 4, 4), 0.5), np.eye(4)
    fig = pictures({"one": [image, heat], "two": [image]}, ["image", "map"])
    assert [len(ax.images) for ax in fig.axes] == [1, 1, 1, 0]
    assert fig.axes[0].get_title() == "image" and fig.axes[2].get_ylabel() == "two"
    assert not any(ax.get_xticks().size for ax in fig.axes)
    assert pictures({0: [image]}).axes[0].get_ylabel() == ""


def test_the_scorecard_shows_what_decided_and_names_the_rest():
    states = [rule.HOLDS, rule.HOLDS, rule.NOT_RUN]
    frame = pd.DataFrame(
        {
            "claim": ["A1", "A2", "B1"],
            "paper": ["a", "a", "b"],
            "verdict": states,
            "note": ["", "", "our reconstruction"],
        }
    )
    frame = frame.assign(effect=[2.0, np.nan, np.nan], low=[1.0, np.nan, np.nan], high=[3.0, np.nan, np.nan])
    frame = frame.assign(printed_difference=np.nan)
    one, other = figures_scorecard.forest(frame).axes
    assert [text.get_text() for text in one.get_yticklabels()] == ["A1", "A2"]
    assert [(text.get_text(), text.get_position()) for text in one.texts] == [("holds", (0, 1))]
    assert (one.get_title(), other.get_title()) == ("a", "b\n(our reconstruction)")
    assert [text.get_text() for text in other.texts] == ["not run"] and len(other.lines) == 1
    assert (1.0, 3.0) in {tuple(np.round(x, 6)) for x, _ in spans(one)[0]}


HOSTILE = "lines.linewidth: 9\nfont.family: serif\nsavefig.bbox: tight\naxes.grid: False\nsavefig.transparent: True\n"
DRAW = """
import sys, pandas as pd, matplotlib
matplotlib.use("Agg")
from fairnb.evidence import figures, report, seeds
from fairnb.evidence.pictures import pictures
report.style()
table = pd.DataFrame({"row": ["a"], "acc": [1.0], "acc_low": [0.0], "acc_high": [2.0], "printed_acc": [1.5]})
report.save_figure(figures.rows(seeds.tidy(table, {"acc": "accuracy"})), "rows", tier="smoke")
"""


@pytest.mark.slow
def test_a_users_matplotlibrc_changes_no_byte(tmp_path):
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    made = []
    for name, ours in {"theirs": {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}, "none": {}}.items():
        environment = os.environ | {"FAIRNB_RESULTS": str(tmp_path / name)} | ours
        subprocess.run([sys.executable, "-c", DRAW], env=environment, check=True, timeout=300, cwd=tmp_path / "..")
        made.append([(tmp_path / name / "smoke" / "figures" / f"rows.{end}").read_bytes() for end in ("png", "pdf")])
    assert made[0] == made[1]
