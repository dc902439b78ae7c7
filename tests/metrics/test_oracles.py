"""Against fairlearn and AIF360 on random predictions, small and empty groups included."""

import logging
import math
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairnb import metrics

fairlearn = pytest.importorskip("fairlearn.metrics")
logging.disable(logging.WARNING)  # aif360 logs that tensorflow is missing at import
aif360_data = pytest.importorskip("aif360.datasets")
aif360_metrics = pytest.importorskip("aif360.metrics")
logging.disable(logging.NOTSET)

BOUNDED = settings(
    deadline=None, derandomize=True, max_examples=60, database=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def predictions(draw, most_groups=4, n=40):
    """(target, prediction, protected, number of groups): groups may be empty, have one member or one class."""
    n_groups = draw(st.integers(2, most_groups))
    size = draw(st.integers(1, n))
    rows = [draw(st.lists(st.integers(0, top), min_size=size, max_size=size)) for top in (1, 1, n_groups - 1)]
    return *map(np.array, rows), n_groups


def assess(target, prediction, protected, n_groups):
    """Our report, and whether it warned (once)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = metrics.group_report(target, prediction, protected, groups=range(n_groups))
    assert len(caught) <= 1 and all(w.category is metrics.UndefinedMetric for w in caught)
    return report, bool(caught)


def holds(target, protected, n_groups, t=None):
    """Whether every group has samples (of target ``t``)."""
    return all(((protected == g) & ((t is None) | (target == t))).any() for g in range(n_groups))


# Groups go to fairlearn as a pandas Series: its MetricFrame cannot take a plain array of one sample.


def same_or_undefined(ours, theirs, defined, warned):
    """``theirs`` is a function, called only where it counts: one MetricFrame takes 20 ms."""
    if defined:
        assert ours == pytest.approx(theirs(), abs=1e-12)
    else:
        assert math.isnan(ours) and warned


@pytest.mark.slow
@BOUNDED
@given(predictions())
def test_gaps_equal_fairlearns_wherever_every_cell_has_samples_and_are_nan_with_a_warning_elsewhere(data):
    target, prediction, protected, n_groups = data
    report, warned = assess(*data)
    args = (target, prediction)
    positives, negatives = (holds(target, protected, n_groups, t) for t in (1, 0))
    for name, function, options, defined in (
        ("eo_max", fairlearn.equalized_odds_difference, {"agg": "worst_case"}, positives and negatives),
        ("eo_avg", fairlearn.equalized_odds_difference, {"agg": "mean"}, positives and negatives),
        ("tpr_gap", fairlearn.equal_opportunity_difference, {}, positives),
        ("ddp", fairlearn.demographic_parity_difference, {}, holds(target, protected, n_groups)),
    ):
        theirs = partial(function, *args, sensitive_features=pd.Series(protected), **options)
        same_or_undefined(report[name], theirs, defined, warned)


@pytest.mark.slow
@BOUNDED
@given(predictions())
def test_group_rates_equal_fairlearns_metric_frame(data):
    target, prediction, protected, _ = data
    report, warned = assess(*data)
    functions = {
        "acc": lambda y, p: float(np.mean(y == p)), "tpr": fairlearn.true_positive_rate,
        "fpr": fairlearn.false_positive_rate, "ppr": fairlearn.selection_rate,
    }  # fmt: skip
    frame = fairlearn.MetricFrame(
        metrics=functions, y_true=target, y_pred=prediction, sensitive_features=pd.Series(protected)
    ).by_group
    for g, row in enumerate(report.per_group()):
        members = target[protected == g]
        for name in functions:
            needed = {"tpr": members == 1, "fpr": members == 0}.get(name, members >= 0)
            theirs = partial(frame[name].get, g, math.nan)
            same_or_undefined(row[name], theirs, needed.any(), warned)
    assert report["acc"] == pytest.approx(np.mean(target == prediction))


def test_fairlearn_silently_calls_the_tpr_of_a_group_without_positives_0_and_ours_is_nan_with_a_warning():
    target, prediction, protected = [0, 1, 0, 0], [0, 1, 1, 0], pd.Series([0, 0, 1, 1])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        theirs = fairlearn.equalized_odds_difference(target, prediction, sensitive_features=protected)
        opportunity = fairlearn.equal_opportunity_difference(
            target, prediction, sensitive_features=pd.Series(protected)
        )
    assert (theirs, opportunity) == (1, 1) and not [w for w in caught if "positive" in str(w.message).lower()]
    with pytest.warns(metrics.UndefinedMetric, match=r"group '1' \(n=2\) has 0 samples with target 1"):
        report = metrics.group_report(target, prediction, protected)
    assert math.isnan(report["eo_max"]) and math.isnan(report["tpr_gap"])


def test_fairlearn_calls_a_missing_group_fair_and_ours_is_nan_with_a_warning():
    target, prediction, protected = [0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 0]
    assert fairlearn.equalized_odds_difference(target, prediction, sensitive_features=pd.Series(protected)) == 0
    with pytest.warns(metrics.UndefinedMetric, match="group '1' has 0 of 4 samples"):
        assert math.isnan(metrics.group_report(target, prediction, protected)["eo_max"])


def aif360(target, prediction, protected):
    """AIF360's metrics with group 0 as the unprivileged one: its differences are group 0 minus group 1 too."""

    def dataset(labels):
        frame = pd.DataFrame({"x": 0.0, "y": labels.astype(float), "s": protected.astype(float)})
        return aif360_data.BinaryLabelDataset(df=frame, label_names=["y"], protected_attribute_names=["s"])

    return aif360_metrics.ClassificationMetric(
        dataset(target), dataset(prediction), unprivileged_groups=[{"s": 0.0}], privileged_groups=[{"s": 1.0}]
    )


@pytest.mark.slow
@BOUNDED
@given(predictions(most_groups=2))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_signed_differences_equal_aif360s_as_group_0_minus_group_1(data):
    target, prediction, protected, n_groups = data
    report, warned = assess(*data)
    present = holds(target, protected, n_groups)
    positives, negatives = (holds(target, protected, n_groups, t) for t in (1, 0))
    if not present:
        return
    theirs = aif360(target, prediction, protected)
    for name, value, defined in (
        ("spd", theirs.statistical_parity_difference, present),
        ("eod", theirs.equal_opportunity_difference, positives),
        ("fpr_difference", theirs.false_positive_rate_difference, negatives),
        ("aod", theirs.average_odds_difference, positives and negatives),
        ("eo_avg", theirs.average_abs_odds_difference, positives and negatives),
    ):
        same_or_undefined(report[name], value, defined, warned)
    assert report["acc"] == pytest.approx(theirs.accuracy())


@BOUNDED
@given(predictions(n=60))
def test_relations_that_hold_for_any_predictions(data):
    report, _ = assess(*data)
    row = {name: report[name] for name in metrics.NAMES}
    for name, value in row.items():
        if not math.isnan(value) and metrics.CONVENTIONS[name].unit == "fraction":
            assert (-1 if metrics.CONVENTIONS[name].signed else 0) <= value <= 1 + (name == "eo_sum"), name
        assert math.isnan(value) == (name in report.reasons) and report.reasons.get(name, "x")
    if not math.isnan(row["eo_max"]):
        assert row["eo_avg"] <= row["eo_max"] + 1e-12 <= row["eo_sum"] + 2e-12
        assert row["wst"] <= row["acc"] + 1e-12
    sizes = report.total.sum(0)
    assert row["acc"] == pytest.approx(np.nansum(report.group_accuracy * sizes) / sizes.sum())
    if not math.isnan(row["dob_sample"]):
        n_groups = len(sizes)
        assert row["dob_sample"] == pytest.approx(row["dob_population"] * math.sqrt(n_groups / (n_groups - 1)))


@BOUNDED
@given(predictions())
def test_cells_alone_give_what_the_samples_give(data):
    report, _ = assess(*data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.UndefinedMetric)
        again = metrics.from_cells(report.correct, report.total)
    assert dict(again.values) == pytest.approx(dict(report.values), nan_ok=True)


def test_auc_equals_scikit_learns():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        target, score = rng.integers(0, 2, 50), rng.integers(0, 8, 50) / 8
        report = metrics.group_report(target, None, rng.integers(0, 2, 50), score=score)
        assert report["auc"] == pytest.approx(roc_auc_score(target, score))
