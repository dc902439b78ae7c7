"""FineFACE's table figures show the numbers that they are given, the printed ones apart from ours, no interval cut."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from fairnb.evidence import report, seeds
from fairnb.papers.fineface import changes
from fairnb.papers.fineface.checkpoints import checkpoints, edge
from fairnb.papers.fineface.figures import tables as figures
from fairnb.papers.fineface.tables import BASE, FINEFACE, STEPS, TABLES

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
TASK = "toy_faces/bangs_male_13"
ROWS = {BASE[0]: 0.80, FINEFACE[0]: 0.86, "Mean pooling": 0.79}


@pytest.fixture
def frame():
    """Three seeds; a seed adds the same to all rows, so paired differences have no spread."""
    rows = [
        {"task": TASK, "label": label, "seed": seed, "acc": worst, "dob": 0.1 - worst / 10, "max_min": 0.01}
        | {"acc_min": worst + 0.01 * seed}
        for label, worst in ROWS.items()
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def groups():
    """As ``by_group``: two groups, all rows."""
    rows = [
        {"row": row, "group": group, "accuracy": value, "accuracy_low": value - 20, "accuracy_high": value + 8}
        for row, value in ((BASE[0], 90.0), (STEPS[0], 94.0), (FINEFACE[0], 95.0))
        for group in ("White/M", "White/F")
    ]
    return pd.DataFrame(rows)


def words(fig):
    return [text.get_text() for text in fig.legends[0].get_texts()]


def names(ax):
    return [text.get_text() for text in ax.get_yticklabels()]


def marks(ax):
    """What is drawn as dots: label -> positions."""
    return {drawn.get_label(): np.asarray(drawn.get_offsets()).tolist() for drawn in ax.collections}


def bars(ax):
    """Ends of the bars, low and high, in the order of drawing."""
    drawn = [np.asarray(line.get_xdata(), float) for line in ax.lines if line.get_linestyle() == "-"]
    return [(float(x[0]), float(x[1])) for x in drawn if len(x) == 2 and np.isfinite(x).all()]


def test_dots_show_every_number_and_every_interval_up_to_100(groups):
    printed = groups[groups["row"] != STEPS[0]].drop(columns=["accuracy_low", "accuracy_high"])
    fig = figures.dots({"here": groups, "printed": printed.assign(damaged=printed["row"] == BASE[0])})
    here, theirs = fig.axes
    assert sorted(bars(here)) == [(70, 98), (70, 98), (74, 100), (74, 100), (75, 100), (75, 100)]
    low, high = here.get_xlim()
    assert low < 70 and 100 < high < 105 and here.get_xlim() == theirs.get_xlim()
    assert names(here) == ["White/M", "White/F"]
    assert marks(theirs)[f"{FINEFACE[0]}, printed"] == [[95, 0.22], [95, 1.22]]
    assert marks(theirs)[f"{BASE[0]}, {figures.DAMAGED}"] == [[90, -0.22], [90, 0.78]]
    assert not any(len(drawn.get_facecolor()) for drawn in theirs.collections), "printed marks are hollow"
    ours = [BASE[0], STEPS[0], FINEFACE[0]]
    assert words(fig) == [*ours, f"{BASE[0]}, {figures.DAMAGED}", f"{FINEFACE[0]}, printed"]


def test_dots_of_fewer_groups_stand_as_close_as_the_others_and_differences_have_a_line_at_0(groups):
    fig = figures.dots({"all": groups, "men": groups[groups["group"] == "White/M"]}, "points", zero=True)
    assert [ax.get_ylim() for ax in fig.axes] == [(1.5, -0.5)] * 2 and names(fig.axes[1]) == ["White/M"]
    assert all(any(set(line.get_xdata()) == {0} for line in ax.lines) for ax in fig.axes)
    assert {ax.get_xlabel() for ax in fig.axes} == {"points"} and words(fig) == [BASE[0], STEPS[0], FINEFACE[0]]


def test_table_5_has_a_panel_per_measure_and_ends_accuracies_at_100(frame):
    frame["acc"] += 0.13 * (frame["seed"] - 1)
    fig = figures.races(frame)
    assert [ax.get_xlabel().split("\n")[0] for ax in fig.axes] == ["accuracy, %", "DoB over races, points", "Max/Min"]
    assert names(fig.axes[0]) == list(ROWS)
    seeds_of = marks(fig.axes[0])["a seed"]
    assert [x for x, y in seeds_of if round(y) == 1] == pytest.approx([73, 86, 99])
    assert max(high for _, high in bars(fig.axes[0])) == 100
    dashed = [line.get_xdata()[0] for line in fig.axes[0].lines if line.get_linestyle() == "--"]
    assert dashed == pytest.approx([80])


def test_changes_have_a_line_per_attribute_and_ours_only_where_it_was_run(frame):
    fig = figures.worse_gender(changes.by_attribute(frame))
    [ax] = fig.axes
    assert len(ax.get_yticklabels()) == 13 and names(ax)[1] == "Bangs"
    drawn = marks(ax)
    printed = next(places for label, places in drawn.items() if label.startswith("printed"))
    assert len(printed) == 13 and printed[1] == pytest.approx([95.90 - 94.67, 1.2])
    assert drawn["a seed"] == [pytest.approx([6, 0.8])] * 3
    assert bars(ax)[0] == pytest.approx((6, 6)), "seeds cancel"


def test_differences_draw_every_seed(frame):
    found = seeds.paired(frame, [(FINEFACE[0], BASE[0]), ("Mean pooling", BASE[0])], ("acc", "dob"))
    fig = figures.differences(found)
    assert [x for x, _ in marks(fig.axes[0])["a seed"]] == pytest.approx([6, 6, 6, -1, -1, -1])
    assert [x for x, _ in marks(fig.axes[1])["a seed"]] == pytest.approx([-0.6] * 3 + [0.1] * 3)
    assert names(fig.axes[0]) == [FINEFACE[0], "Mean pooling"]


def test_tradeoff_keeps_printed_numbers_in_their_own_panel_and_intervals_inside():
    table = pd.DataFrame({"row": [BASE[0], FINEFACE[0], "GAN debiasing"], "acc": [80.0, 84.0, np.nan]})
    table = table.assign(
        tpr_gap=[20.0, 12.0, np.nan], printed_acc=[92.47, 92.85, 92.12], printed_tpr_gap=[12.5, 1.2, 9]
    )
    for name in ("acc", "tpr_gap"):
        table = table.assign(**{f"{name}_low": table[name] - 15, f"{name}_high": table[name] + 15})
    fig = figures.tradeoff(table)
    here, printed = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["here", "printed (CelebA)"]
    assert here.collections[-1].get_offsets().tolist() == [[20, 80], [12, 84]]
    [theirs] = [drawn for drawn in printed.collections if len(drawn.get_offsets()) == 3]
    assert theirs.get_offsets().tolist() == [[12.5, 92.47], [1.2, 92.85], [9, 92.12]]
    assert not len(theirs.get_facecolor()), "printed marks are hollow"
    low, high = here.get_xlim()
    assert low < -3 and high > 35, "the intervals are inside"
    assert words(fig) == [BASE[0], FINEFACE[0], "GAN debiasing", "hollow: printed"]


def test_no_two_rows_look_alike():
    rows = {row[0] for row in TABLES["T7"].rows} | {"GAN debiasing"}
    assert len(set(figures.LOOKS.values())) == len(figures.LOOKS) and set(figures.LOOKS) == rows


def test_epochs_mark_what_each_rule_keeps_and_where_the_script_tests():
    notes = {"val_accuracy": [0.5, 0.7, 0.6, 0.65, 0.6], "test_by_epoch": [0.55, 0.6, 0.8, 0.66, 0.62], "best_epoch": 1}
    frame = pd.DataFrame({"label": ["FineFACE"] * 2, "seed": [0, 1], "notes": [notes, {}]})
    fig = figures.epochs(frame, lambda test: 4)
    [ax] = fig.axes
    kept = {label: places[0] for label, places in marks(ax).items()}
    assert kept["kept: validation"] == pytest.approx([2, 60]) and kept["kept: best on test"] == pytest.approx([3, 80])
    assert kept["kept: as released"] == kept["kept: last epoch"] == pytest.approx([5, 62])
    assert checkpoints(notes)["as released"] == 0.62
    drawn = {to_hex(line.get_color()).upper(): line for line in ax.lines if len(line.get_xdata())}
    test, validation = drawn[report.COLOURS[0]], drawn[report.COLOURS[5]]
    assert list(test.get_ydata()) == pytest.approx([55, 60, 80, 66, 62]) and list(test.get_xdata()) == [1, 2, 3, 4, 5]
    assert list(validation.get_ydata()) == pytest.approx([50, 70, 60, 65, 60]) and validation.get_linestyle() == "--"
    grey = [patch.get_x() for patch in ax.patches]
    assert grey == [0.5, 4.5] and ax.patches[0].get_width() == 1
    assert {"test images", "validation images", "the released script tests"} < set(words(fig))


@pytest.mark.parametrize(("epochs", "looked"), [(1, 1), (4, 1), (8, 2), (25, 5)])
def test_a_fifth_of_the_epochs_is_tested_at_each_end(epochs, looked):
    assert edge(epochs) == looked


def test_chance_draws_a_line_per_case():
    fig = figures.chance({"a": {1: 0.1, 10: 0.3}, "b": {1: 0.05, 10: 0.2}})
    [ax] = fig.axes
    assert [list(line.get_ydata()) for line in ax.lines if len(line.get_ydata())] == [[0.1, 0.3], [0.05, 0.2]]
    assert ax.get_yscale() == "log" and words(fig) == ["a", "b"]


def test_areas_are_means_by_epoch_of_the_rows_that_told_them(frame):
    told = {FINEFACE[0]: [0.9, 0.5], "Mean pooling": []}
    areas = [
        {"box_area": [area + 0.1 * seed for area in told.get(label, [])]}
        for label, seed in zip(frame["label"], frame["seed"], strict=True)
    ]
    [ax] = figures.areas(frame.assign(notes=areas)).axes
    [line] = [line for line in ax.lines if len(line.get_xdata()) == 2]
    assert line.get_xdata().tolist() == [1, 2] and line.get_ydata() == pytest.approx([100, 60])
    assert ax.get_title() == TASK and "%" in ax.get_ylabel()
