"""Every convention by hand, the papers' own printed tables, and what happens to missing groups and bad input."""

import csv
import json
import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

from fairnb import metrics
from fairnb.errors import BadData, UnknownName

# Ten samples per cell: acc(0,0) = 0.9, acc(0,1) = 0.6, acc(1,0) = 0.5, acc(1,1) = 0.8.
CORRECT, TOTAL = [[9, 6], [5, 8]], [[10, 10], [10, 10]]
BY_HAND = {
    "acc": 28 / 40, "bacc": (0.65 + 0.75) / 2, "acc_group_mean": 0.7, "tpr": 0.65, "fpr": 0.25, "ppr": 18 / 40,
    "precision": 13 / 18, "f1": 26 / (26 + 5 + 7), "wst": 0.5, "std": math.sqrt((0.04 + 0.01 + 0.04 + 0.01) / 4),
    "acc_max": 0.7, "acc_min": 0.7, "acc_gap": 0.0, "max_min": 1.0, "dob_sample": 0.0, "dob_population": 0.0,
    "tpr_max": 0.8, "tpr_min": 0.5, "tpr_gap": 0.3, "tpr_ratio": 0.625, "fpr_max": 0.4, "fpr_min": 0.1,
    "fpr_gap": 0.3, "fpr_ratio": 0.25, "ppr_max": 0.6, "ppr_min": 0.3, "ddp": 0.3, "ppr_ratio": 0.5,
    "eo_avg": 0.3, "eo_max": 0.3, "eo_sum": 0.6, "eod": -0.3, "fpr_difference": -0.3, "aod": -0.3, "spd": -0.3,
    # Predicted 0: 14 of group 0, 8 of group 1; predicted 1: 6 and 12.
    "bias_amp": (14 / 22 + 12 / 18) / 2 - 1 / 2,
}  # fmt: skip


def samples(correct, total):
    """Samples (target, prediction, protected) that have these counts."""
    rows = [
        (t, t if i < correct[t][g] else 1 - t, g)
        for t in (0, 1)
        for g in range(len(total[0]))
        for i in range(total[t][g])
    ]
    return np.array(rows).T


def quiet_report(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.UndefinedMetric)
        return metrics.group_report(*args, **kwargs)


@pytest.mark.parametrize("name", BY_HAND)
def test_each_convention_has_the_value_computed_by_hand(name):
    assert metrics.from_cells(CORRECT, TOTAL)[name] == pytest.approx(BY_HAND[name])
    assert metrics.group_report(*samples(CORRECT, TOTAL))[name] == pytest.approx(BY_HAND[name])


def test_every_name_is_computed_by_hand_or_a_score_metric():
    assert set(metrics.NAMES) == set(BY_HAND) | {"auc", "score_eo_sum", "score_ddp"} == set(metrics.CONVENTIONS)


def test_unequal_gaps_tell_the_three_equalised_odds_apart():
    report = metrics.from_cells([[9, 8], [5, 8]], TOTAL)  # TPR gap 0.3, FPR gap 0.1
    assert [report[n] for n in ("eo_avg", "eo_max", "eo_sum")] == pytest.approx([0.2, 0.3, 0.4])


def test_signed_gaps_of_opposite_sign_cancel_in_aod_but_not_in_eo_avg():
    report = metrics.from_cells([[6, 9], [5, 8]], TOTAL)  # FPR 0.4, 0.1; TPR 0.5, 0.8
    assert (report["eod"], report["fpr_difference"]) == pytest.approx((-0.3, 0.3))
    assert report["aod"] == pytest.approx(0) and report["eo_avg"] == pytest.approx(0.3)


def test_swapping_the_groups_flips_every_signed_metric_and_no_other():
    target, prediction, protected = samples(CORRECT, TOTAL)
    one, other = (metrics.group_report(target, prediction, s) for s in (protected, 1 - protected))
    for name in BY_HAND:
        sign = -1 if metrics.CONVENTIONS[name].signed else 1
        assert other[name] == pytest.approx(sign * one[name]), name


def test_dob_differs_by_its_ddof():
    report = metrics.from_cells([[9, 5], [9, 5]], TOTAL)  # group accuracies 0.9 and 0.5
    assert report["dob_population"] == report["group_std"] == pytest.approx(0.2)
    assert report["dob_sample"] == pytest.approx(0.4 / math.sqrt(2))
    assert report["max_min"] == pytest.approx(1.8)


def test_more_than_two_groups_have_gaps_but_no_signed_differences():
    report = metrics.from_cells([[9, 8, 6], [5, 8, 7]], [[10] * 3] * 2)
    assert (report["tpr_gap"], report["fpr_gap"]) == pytest.approx((0.3, 0.3))
    for name in ("eod", "aod", "spd", "fpr_difference"):
        assert math.isnan(report[name]) and "two groups, there are 3" in report.reasons[name]


def test_accuracy_is_the_group_mean_weighted_by_size():
    report = metrics.from_cells([[90, 3], [40, 9]], [[100, 5], [50, 10]])
    sizes = report.total.sum(0)
    assert report["acc"] == pytest.approx((report.group_accuracy * sizes).sum() / sizes.sum())
    assert report["acc"] != pytest.approx(report["acc_group_mean"])


def test_multi_class_has_accuracy_and_bias_amplification_and_reasons_for_the_rest():
    target = np.tile([0, 0, 1, 1, 2, 2], 2)
    prediction = np.array([0, 0, 1, 1, 2, 2, 0, 0, 0, 1, 2, 2])
    protected = np.repeat([0, 1], 6)
    report = metrics.group_report(target, prediction, protected)
    assert report["acc"] == pytest.approx(11 / 12) and report["wst"] == pytest.approx(0.5)
    assert report["bacc"] == pytest.approx((1 + 0.75 + 1) / 3)
    assert report["bias_amp"] == pytest.approx((3 / 5 + 2 / 3 + 1 / 2) / 3 - 1 / 2)
    assert math.isnan(report["eo_max"]) and "two classes" in report.reasons["eo_max"]
    only_pairs = metrics.from_cells(report.correct, report.total)
    assert only_pairs["wst"] == report["wst"] and "pairs" in only_pairs.reasons["bias_amp"]


def test_bias_amplification_is_undefined_when_a_class_is_never_predicted():
    report = metrics.group_report([0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1])
    assert math.isnan(report["bias_amp"]) and "predicted as class 1" in report.reasons["bias_amp"]
    assert math.isnan(report["precision"]) and report["f1"] == 0
    assert report["tpr_gap"] == 0 and "0 in all groups" in report.reasons["tpr_ratio"]


def test_score_metrics():
    target, protected, score = [0, 0, 1, 1], [0, 1, 0, 1], [0.1, 0.3, 0.3, 0.9]
    report = metrics.group_report(target, None, protected, score=score)
    assert report["auc"] == pytest.approx(3.5 / 4)
    assert report["score_eo_sum"] == pytest.approx(0.2 + 0.6) and report["score_ddp"] == pytest.approx(0.4)
    assert report["tpr_gap"] == 1 and report["acc"] == 0.75
    assert metrics.group_report(target, None, protected, score=score, threshold=0.2)["acc"] == 0.75
    assert math.isnan(metrics.from_cells(CORRECT, TOTAL)["auc"])


def test_two_dimensional_scores_are_decided_by_the_largest_column():
    report = quiet_report([0, 1, 1], None, [0, 0, 1], score=np.eye(2)[[0, 1, 0]])
    assert report["tpr_gap"] == 1 and "one number per sample" in report.reasons["auc"]


# --- the papers' own tables ---------------------------------------------------------------------------------------


def printed(shared, paper, table, setting):
    found: dict[str, dict] = {}
    with (shared / "papers" / f"{paper}.csv").open() as file:
        for row in csv.DictReader(file):
            if row["table"] == table and row["setting"] == setting and row["value"]:
                metric = row["group"] if row["metric"] == "GroupACC" else row["metric"]
                found.setdefault(row["method"], {})[metric] = float(row["value"])
    return found


def test_aimfair_table_3_follows_from_its_cells_with_eo_as_the_maximum(shared):
    total = np.array([[5354, 4621], [6893, 3094]])
    rows = printed(shared, "aimfair", "T3", "CelebA;T=Smiling;P=Male")
    assert len(rows) == 7
    for method, row in rows.items():
        cells = np.array([[row["y0s0"], row["y0s1"]], [row["y1s0"], row["y1s1"]]]) / 100
        report = metrics.percent(metrics.from_cells(cells * total, total).row())
        for name, ours in (("ACC", "acc"), ("WST", "wst"), ("STD", "std")):
            assert report[ours] == pytest.approx(row[name], abs=0.0151), (method, name)
        assert report["eo_max"] <= row["EO"] + 0.011 and row["EO"] - report["eo_max"] < 0.3, method
        assert report["eo_avg"] < row["EO"] - 1, method


def test_fineface_table_2_is_a_sample_standard_deviation_and_table_4_a_population_one(shared):
    for table, setting, name in (
        ("T2", "FairFace->FairFace;gender;ResNet50", "dob_sample"),
        ("T4", "FairFace->CelebA test;gender;ResNet50", "dob_population"),
    ):
        for row in printed(shared, "fineface", table, setting).values():
            summary = {k: row[k] for k in ("Max/Min", "Overall", "DoB")}
            groups = np.array([v for k, v in row.items() if k not in summary]) / 100
            report = metrics.from_cells(np.tile(groups, (2, 1)), np.ones((2, len(groups))))
            assert 100 * report[name] == pytest.approx(summary["DoB"], abs=0.051)
            # The baseline of T2 prints 1.18, but its own cells give 98.1 / 82.4 = 1.19.
            assert report["max_min"] == pytest.approx(summary["Max/Min"], abs=0.0115)


# --- missing groups -----------------------------------------------------------------------------------------------


def test_an_empty_group_gives_nan_and_one_warning_that_names_it_and_its_size():
    with pytest.warns(metrics.UndefinedMetric) as caught:
        report = metrics.group_report([0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 2, 2], groups=("a", "b", "c"))
    assert len(caught) == 1 and "group 'b' has 0 of 4 samples" in str(caught[0].message)
    for name in ("wst", "std", "eo_max", "tpr_gap", "ddp", "acc_min", "max_min", "dob_sample", "bias_amp"):
        assert math.isnan(report[name]) and "'b'" in report.reasons[name], name
    assert report["acc"] == 0.75 and report["tpr"] == 1


def test_an_empty_cell_leaves_what_does_not_need_it():
    with pytest.warns(metrics.UndefinedMetric, match=r"group '1' \(n=2\) has 0 samples with target 1"):
        report = metrics.group_report([0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1])
    assert math.isnan(report["tpr_gap"]) and math.isnan(report["eo_sum"]) and math.isnan(report["wst"])
    assert (report["fpr_gap"], report["acc_gap"], report["ddp"]) == (0.5, 0.5, 0)


def test_a_single_group_is_never_called_fair():
    with pytest.warns(metrics.UndefinedMetric, match="group '1' has 0 of 4"):
        report = metrics.group_report([0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 0])
    assert math.isnan(report["eo_max"]) and math.isnan(report["acc_gap"])


def test_a_target_with_one_class_has_accuracy_and_nan_gaps():
    with pytest.warns(metrics.UndefinedMetric, match="target 1"):
        report = metrics.group_report([0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1])
    assert report["acc"] == 0.75 and report["fpr_gap"] == 0.5 and math.isnan(report["eo_max"])


def test_one_member_groups_have_a_value_and_a_huge_interval():
    target, prediction, protected = samples([[50, 1], [50, 0]], [[50, 1], [50, 1]])
    report = metrics.group_report(target, prediction, protected)
    assert report["tpr_gap"] == 1 and report["wst"] == 0
    interval = metrics.bootstrap(target, prediction, protected, ["tpr_gap"])["tpr_gap"]
    assert interval.low < 0.1 and interval.high == 1


def test_no_warning_without_an_empty_cell():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.group_report(*samples(CORRECT, TOTAL))
        metrics.from_cells([[0, 0], [0, 0]], TOTAL)


# --- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": [0, 1, 0]}, "one length"),
        ({"target": [0, 1, math.nan, 1]}, "NaN or infinite in 1 of 4"),
        ({"prediction": [0, 1, 0.4, 1]}, "pass scores as score="),
        ({"target": [-1, 1, -1, 1]}, "label -1"),
        ({"prediction": [0, 1, 2, 1]}, "only 2 classes"),
        ({"target": [0, 1, 2, 1], "classes": 2}, "target has label 2"),
        ({"protected": ["f", "m", "f", "m"]}, "pass groups="),
        ({"protected": ["f", "m", "x", "m"], "groups": ("f", "m")}, "'x', which is not in groups"),
        ({"protected": ["f", None, "f", "m"], "groups": ("f", "m")}, "None"),
        ({"protected": [0.0, 1.0, math.nan, 1.0]}, "protected is NaN"),
        ({"protected": [0, 1, 2, 1], "groups": ("f", "m")}, "group 2"),
        ({"groups": ("f",)}, "at least two"),
        ({"prediction": None}, "nothing to assess"),
        ({"prediction": None, "score": [0.1, math.nan, 0.3, 0.2]}, "score is NaN"),
        ({"score": [0.1, 0.2]}, "one length"),
        ({"target": [], "prediction": [], "protected": []}, "non-empty"),
        ({"target": ["a", "b", "a", "b"]}, "encode"),
    ],
)
def test_bad_input_is_an_error_in_one_sentence(changes, says):
    good = {"target": [0, 1, 0, 1], "prediction": [0, 1, 1, 1], "protected": [0, 0, 1, 1]}
    with pytest.raises(BadData, match=says) as caught:
        metrics.group_report(**(good | changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("correct", "total"),
    [([[1, 2]], [[2, 2]]), ([[3, 1], [1, 1]], [[2, 2], [2, 2]]), ([[math.nan, 1], [1, 1]], [[2, 2], [2, 2]]),
     ([[0, 0], [0, 0]], [[0, 0], [0, 0]]), ([[1, 1], [1, 1]], [[2, 2, 2], [2, 2, 2]])],
)  # fmt: skip
def test_bad_cells_are_an_error(correct, total):
    with pytest.raises(BadData):
        metrics.from_cells(correct, total)


def test_group_names_map_strings_and_name_integers():
    plain = metrics.group_report([0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 1, 1])
    for protected, groups in ((["f", "f", "m", "m"], ("f", "m")), ([3, 3, 5, 5], (3, 5)), ([0, 0, 1, 1], ("f", "m"))):
        report = metrics.group_report([0, 1, 0, 1], [0, 1, 1, 1], protected, groups=groups)
        assert report["spd"] == plain["spd"] == -0.5 and report.groups == tuple(str(g) for g in groups)


def test_unknown_names_say_the_nearest():
    with pytest.raises(UnknownName, match="eo_max"):
        metrics.from_cells(CORRECT, TOTAL)["eo_maxx"]


# --- tables -------------------------------------------------------------------------------------------------------


def test_translate_gives_every_paper_its_own_names():
    rows = metrics.translate(metrics.from_cells([[9, 8], [5, 8]], TOTAL))
    value = {(row["paper"], row["name"]): row["value"] for row in rows}
    assert value["fineface", "DEO"] == pytest.approx(0.3) and value["fineface", "DEODD"] == pytest.approx(0.4)
    assert value["asac", "DEO (defined)"] == pytest.approx(0.2) and value["asac", "DEO (tables)"] == pytest.approx(0.4)
    assert value["aimfair", "EO (tables)"] == pytest.approx(0.3) and value["reactivate", "EOD"] == pytest.approx(-0.3)
    assert {row["paper"] for row in rows} == {"aimfair", "reactivate", "asac", "fairlora", "fineface"}


def test_reports_list_cells_groups_and_one_flat_row():
    report = metrics.from_cells(CORRECT, TOTAL, groups=("f", "m"))
    assert report.cells()[2] == {"target": 1, "group": "f", "correct": 5, "total": 10, "acc": 0.5}
    assert report.per_group()[1] == pytest.approx(
        {"group": "m", "n": 20, "acc": 0.7, "tpr": 0.8, "fpr": 0.4, "ppr": 0.6}
    )
    row = report.row()
    assert row["acc_y1s0"] == 0.5 and row["n_y0s1"] == 10 and json.dumps(row)
    scaled = metrics.percent(row)
    assert (scaled["acc_y1s0"], scaled["n_y0s1"], scaled["max_min"]) == (50, 10, 1)
    assert scaled["wst"] == 50 and scaled["eod"] == pytest.approx(-30)


def test_importing_metrics_loads_neither_torch_nor_pandas_nor_scipy():
    code = "import sys, fairnb.metrics; print({'torch', 'pandas', 'scipy', 'fairnb.data'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "set()"
