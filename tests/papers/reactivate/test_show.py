"""What a reader sees of ICDM 2022's tables: text cells, the paper's dashes, and how trivial a threshold is."""

import numpy as np
import pandas as pd
import pytest

from fairnb.evidence import say
from fairnb.papers.reactivate import show as reactivate_show
from fairnb.papers.reactivate import tables as reactivate

TASK = "toy_tables/adult_sex_aod"


def table(rows):
    """A table with the columns that reading needs, from (row, accuracy, bias, printed accuracy, printed bias)."""
    frame = pd.DataFrame(rows, columns=["row", "accuracy", "bias", "printed_accuracy", "printed_bias"])
    stds = {"accuracy_std": 0.0123, "bias_std": 0.004, "printed_accuracy_std": np.nan, "printed_bias_std": 0.016}
    frame = frame.assign(**stds, task=TASK, groups="●", within=frame["bias"] <= reactivate.TOLERANCE)
    frame.loc[frame["printed_bias"].isna(), "printed_bias_std"] = np.nan
    frame = frame.assign(accuracy_value="differs", accuracy_reach=0.0123, bias_value="", bias_reach=np.nan)
    return frame


def test_cells_are_means_with_deviations_and_dashes_follow_the_papers_rule():
    found = reactivate_show.shown(table([("A", 0.7654, 0.2, np.nan, 0.175), ("B", 0.7, 0.05, 0.6, np.nan)]))
    assert list(found.columns) == list(reactivate_show.COLUMNS)
    first, second = found.to_dict("records")
    assert (first["accuracy"], first["bias"]) == ("–", "0.200 ± 0.004"), "out of tolerance"
    assert (first["printed accuracy"], first["printed bias"]) == ("–", "0.175 ± 0.016")
    assert (second["accuracy"], second["bias"]) == ("0.700 ± 0.012", "0.050 ± 0.004"), "0.05 is within"
    assert (first["accuracy?"], first["bias?"]) == ("differs (± 0.012)", "")
    assert (second["printed accuracy"], second["printed bias"]) == ("0.60", ""), "unreadable is empty, not a dash"


@pytest.mark.parametrize("printed_bias", [0.08, np.nan])
def test_a_table_whose_printed_accuracies_are_complete_has_no_dashes(printed_bias):
    """Tables I to III print every accuracy; tables of our own have no printed numbers at all."""
    printed = 0.892 if np.isfinite(printed_bias) else np.nan
    [row] = reactivate_show.shown(table([("A", 0.9, 0.3, printed, printed_bias)])).to_dict("records")
    assert row["accuracy"] == "0.900 ± 0.012"
    assert row["printed accuracy"] == ("0.892" if np.isfinite(printed_bias) else "")


def test_one_seed_has_no_deviation_and_a_quoted_row_no_cells_of_ours():
    frame = table([("A", 0.9, 0.01, 0.5, 0.1), ("Q", np.nan, np.nan, 0.4, 0.2)])
    frame[["accuracy_std", "bias_std"]] = np.nan
    frame["groups"] = ["●", None]
    found = reactivate_show.shown(frame)
    assert list(found["accuracy"]) == ["0.900", ""] and list(found["groups"]) == ["●", ""]


def test_a_single_seed_s_difference_is_its_amount():
    assert reactivate_show.told(say.compare([1.0], [3.0])) == "different by -2.0 points (one seed)"
    several = say.compare([1.0, 2.0], [3.0, 3.0])
    assert reactivate_show.told(several) == str(several)


def test_side_by_side_keeps_the_order_of_rows_and_tasks():
    one = table([("B", 0.7, 0.01, np.nan, np.nan), ("A", 0.8, 0.02, np.nan, np.nan)])
    other = one.assign(task="bank/age25_spd", accuracy=0.6)
    found = reactivate_show.side_by_side(pd.concat([one, other]))
    assert list(found.index) == ["B", "A"] and [task for task, _ in found.columns[::2]] == [TASK, "bank/age25_spd"]
    assert list(found.loc["A"]) == ["0.800 ± 0.012", "0.020 ± 0.004", "0.600 ± 0.012", "0.020 ± 0.004"]


def notes(bacc, trivial=False, within=True):
    return {"threshold": {"value": 0.1, "bacc": bacc, "bias": 0.0, "trivial": trivial, "within": within}}


def test_trivial_thresholds_are_counted_and_post_processing_is_left_out():
    found = [notes(0.5, trivial=True), notes(0.515), notes(0.7, within=False), notes(0.8)]
    rows = [{"task": TASK, "label": "Proposed", "notes": own} for own in found]
    rows += [{"task": TASK, "label": "ROC", "notes": {"threshold": {"value": 0.5, "margin": 0.1}}}]
    [row] = reactivate_show.trivial(pd.DataFrame(rows)).to_dict("records")
    assert row.pop("bacc") == pytest.approx(0.62875)
    assert row == {
        "task": TASK, "row": "Proposed", "seeds": 4, "no threshold": 1, "trivial": 1, "near-trivial": 2,
    }  # fmt: skip


def test_nothing_to_count_is_an_empty_table():
    assert reactivate_show.trivial(pd.DataFrame([{"task": TASK, "label": "ROC", "notes": {}}])).empty


def test_words_name_source_attribute_and_measure():
    names = ("toy_tables/adult_sex_aod", "bank/age25_spd", "celeba/young_fitz")
    assert [reactivate_show.words(task) for task in names] == ["adult sex AOD", "bank age SPD", "celeba young fitz"]


def test_deviations_end_where_neither_number_can_pass():
    made = pd.DataFrame({"accuracy": [0.98, 0.5], "accuracy_std": [0.03, np.nan], "bias": 0.01, "bias_std": 0.02})
    found = reactivate_show.deviations(made)
    np.testing.assert_allclose(found[["accuracy_low", "accuracy_high"]], [[0.95, 1], [np.nan] * 2])
    np.testing.assert_allclose(found[["bias_low", "bias_high"]], [[0, 0.03]] * 2)


def test_noted_shows_what_runs_wrote_down_as_text():
    frame = pd.DataFrame({"label": ["a", "b"], "seed": [0, 1], "notes": [{"x": 1, "y": [2]}, {"x": None, "y": 3}]})
    found = reactivate_show.noted(frame.iloc[1:], ("x", "y"))
    assert found.to_dict("records") == [{"label": "b", "seed": 1, "x": "None", "y": "3"}]
    assert list(reactivate_show.noted(frame.iloc[:0], ("x",))) == ["label", "seed", "x"]
