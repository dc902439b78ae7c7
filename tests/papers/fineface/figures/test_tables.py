"""FineFACE's table figures show the numbers that they are given: paired by seed, the printed ones apart from ours."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import tables
from fairnb.papers.fineface.checkpoints import checkpoints, edge
from fairnb.papers.fineface.figures import tables as figures
from fairnb.papers.fineface.tables import BASE, FINEFACE, TABLES

matplotlib.use("Agg")
pytestmark = pytest.mark.usefixtures("closed_figures")
TASK = "toy_faces/bangs_male_13"
WORST = {BASE[0]: 0.80, FINEFACE[0]: 0.86, "Weighting": 0.79}


@pytest.fixture
def frame():
    """Three seeds; a seed adds the same to all rows, so paired differences have no spread."""
    rows = [
        {"task": TASK, "label": label, "seed": seed, "acc_min": worst + 0.01 * seed, "dob": 0.1 - worst / 10}
        for label, worst in WORST.items()
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def test_an_attributes_change_is_paired_by_seed_and_beside_the_printed_one(frame):
    found = figures.by_attribute(frame).set_index("attribute")
    assert len(found) == 13 and list(found.index[found["source"] == tables.RERUN]) == ["Bangs"]
    bangs = found.loc["Bangs"]
    assert bangs["seeds"] == 3 and bangs["change"] == pytest.approx(6)
    assert (bangs["before"], bangs["after"]) == pytest.approx((81, 87))
    assert bangs["change_high"] - bangs["change_low"] == pytest.approx(0, abs=1e-9), "seeds cancel"
    assert bangs["printed_change"] == pytest.approx(95.90 - 94.67)
    assert (found["printed_change"] > 0).sum() == 12 and pd.isna(found.loc["Smiling", "change"])


def test_changes_have_a_line_per_attribute_and_ours_only_where_it_was_run(frame):
    [ax] = figures.changes(figures.by_attribute(frame)).axes
    assert len(ax.get_yticklabels()) == 13 and ax.get_yticklabels()[1].get_text() == "Bangs"
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert len(hollow) == 13 and len(dots) == 1
    assert dots[0].get_xdata() == pytest.approx([6, 6, 6]) and dots[0].get_ydata()[0] == pytest.approx(0.87)


def test_rows_are_compared_with_the_row_that_is_named_for_them(frame):
    found = figures.against(frame, {FINEFACE[0]: BASE[0], "Weighting": FINEFACE[0], "absent": BASE[0]}, ("acc_min",))
    assert found[["row", "than"]].to_numpy().tolist() == [[FINEFACE[0], BASE[0]], ["Weighting", FINEFACE[0]]]
    assert found["acc_min"].to_list() == pytest.approx([6, -7]) and set(found["seeds"]) == {3}
    one = figures.against(frame[frame["seed"] == 0], {FINEFACE[0]: BASE[0]}, ("acc_min",))
    assert one["acc_min"].iloc[0] == pytest.approx(6) and one["acc_min_low"].isna().all()


def test_differences_draw_every_seed(frame):
    found = figures.against(frame, {FINEFACE[0]: BASE[0], "Weighting": BASE[0]}, ("acc_min", "dob"))
    fig = figures.differences(found, ("acc_min", "dob"))
    dots = [line.get_xdata() for line in fig.axes[0].lines if line.get_marker() == "o"]
    assert np.allclose(dots, [[6, 6, 6], [-1, -1, -1]])
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == [FINEFACE[0], "Weighting"]


def test_tradeoff_keeps_printed_numbers_in_their_own_panel():
    table = pd.DataFrame({"row": [BASE[0], FINEFACE[0], "GAN debiasing"], "acc": [80.0, 84.0, np.nan]})
    table = table.assign(
        tpr_gap=[20.0, 12.0, np.nan], printed_acc=[92.47, 92.85, 92.12], printed_tpr_gap=[12.5, 1.2, 9]
    )
    for name in ("acc", "tpr_gap"):
        table = table.assign(**{f"{name}_low": table[name] - 1, f"{name}_high": np.nan})
    here, printed = figures.tradeoff(table).axes
    points = [[(*line.get_xdata(), *line.get_ydata()) for line in ax.lines] for ax in (here, printed)]
    assert points[0] == [(20, 80), (12, 84)] and (9, 92.12) in points[1] and len(points[1]) == 3
    only_ours = figures.tradeoff(table[table["acc"].notna()].drop(columns=["printed_acc", "printed_tpr_gap"]))
    assert len(only_ours.axes[0].lines) == 2 and not only_ours.axes[1].lines


def test_no_two_rows_look_alike():
    assert len(set(figures.LOOKS.values())) == len(figures.LOOKS) == len(TABLES["T7"].rows)
    assert figures.OTHER not in figures.LOOKS.values()


def test_epochs_mark_what_each_rule_keeps_and_where_the_script_tests():
    notes = {"val_accuracy": [0.5, 0.7, 0.6, 0.65, 0.6], "test_by_epoch": [0.55, 0.6, 0.8, 0.66, 0.62], "best_epoch": 1}
    frame = pd.DataFrame({"label": ["FineFACE"] * 2, "seed": [0, 1], "notes": [notes, {}]})
    fig = figures.epochs(frame, lambda test: 4)
    [ax] = fig.axes
    marks = {
        line.get_label(): (*line.get_xdata(), *line.get_ydata()) for line in ax.lines if len(line.get_xdata()) == 1
    }
    assert marks["kept: validation"] == pytest.approx((2, 60)) and marks["kept: best on test"] == pytest.approx((3, 80))
    assert marks["kept: as released"] == marks["kept: last epoch"] == pytest.approx((5, 62))
    assert checkpoints(notes)["as released"] == 0.62
    grey = [patch.get_x() for patch in ax.patches]
    assert grey == [0.5, 4.5] and ax.patches[0].get_width() == 1


@pytest.mark.parametrize(("epochs", "looked"), [(1, 1), (4, 1), (8, 2), (25, 5)])
def test_a_fifth_of_the_epochs_is_tested_at_each_end(epochs, looked):
    assert edge(epochs) == looked


def test_chance_draws_a_line_per_case():
    [ax] = figures.chance({"a": {1: 0.0, 10: 0.3}, "b": {1: 0.0, 10: 0.2}}).axes
    assert [list(line.get_ydata()) for line in ax.lines] == [[0.0, 0.3], [0.0, 0.2]]
