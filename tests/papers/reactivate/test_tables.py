"""ICDM 2022's tables: the runs behind them, the printed numbers beside ours, when a value agrees."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairnb import tasks
from fairnb.evidence import layout, reported, runs
from fairnb.papers.reactivate import tables as reactivate
from fairnb.papers.reactivate import tasks_cifar10s as cifar10s
from fairnb.papers.reactivate.agreement import CANNOT_TELL, agreement, reach
from fairnb.papers.reactivate.tables import TABLES, measured, printed, table
from fairnb.tasks import tiers

PRINTED = ("T1", "T2", "T3", "T4", "T5", "T6")
NAN = math.nan


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """The tiers as they are; the tasks of Tables I and II are there."""
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    monkeypatch.delenv(tiers.PRESET, raising=False)
    for name, recipe in cifar10s.RECIPES.items():
        monkeypatch.setitem(tasks.known(), name, recipe)


def planned(name, tier="paper"):
    return [task for task, _ in tiers.plan(tier, "reactivate", TABLES[name].plan)]


def results(name, tier="paper", **values):
    """A frame as ``runs.run`` returns it; values per label or for all rows, with the seed's number added in 1/1000."""
    rows = []
    for run in reactivate.grid(name, tier):
        row = {"label": run.label, "task": run.task, "method": run.method, "seed": run.seed, "tier": tier, "notes": {}}
        for metric, value in ({"bacc": 0.7, "spd": 0.01, "eod": 0.01, "aod": 0.01} | values).items():
            own = value.get(run.label, 0.01) if isinstance(value, dict) else value
            row[metric] = own + run.seed / 1000
        rows.append(row)
    return pd.DataFrame(rows)


def cell(frame, task, row):
    [found] = frame[(frame["task"] == task) & (frame["row"] == row)].to_dict("records")
    return found


# the printed numbers


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_number_is_found(name):
    found = printed(name, planned(name))
    numbers = reported.numbers("reactivate", name)
    numbers = numbers[numbers["metric"].isin(["accuracy", "bias"])]
    settings = {task: tasks.recipe(task).setting for task in planned(name)}
    assert set(settings.values()) == set(numbers["setting"]), "a printed setting without a task"
    for task, setting in settings.items():
        part = numbers[numbers["setting"] == setting]
        assert {row.removesuffix(" as released") for row in found[found["task"] == task]["row"]} == set(part["method"])
        for line in part.to_dict("records"):
            ours = cell(found, task, line["method"])
            np.testing.assert_equal((ours[line["metric"]], ours[f"{line['metric']}_std"]), (line["value"], line["std"]))


@pytest.mark.parametrize(
    ("name", "task", "row", "numbers"),
    [  # accuracy, its std, bias, its std, as one reads them in the paper
        ("T1", "cifar10s/skew95", "Baseline", (0.892, 0.004, 0.080, NAN)),
        ("T1", "cifar10s/skew95", "Proposed-joint", (0.935, 0.019, 0.014, NAN)),
        ("T2", "cifar10s/skew80", "Proposed", (0.946, NAN, NAN, NAN)),
        ("T3", "celeba/young_fitz", "Proposed-joint", (0.96, 0.01, NAN, NAN)),
        ("T4", "adult/sex_spd", "Baseline", (NAN, NAN, 0.341, 0.018)),
        ("T4", "adult/sex_aod", "Adv.Debias", (0.81, NAN, 0.008, 0.011)),
        ("T4", "adult/race_spd", "Proposed", (0.64, NAN, 0.042, 0.008)),
        ("T4", "adult/sex_aod", "Proposed", (0.77, NAN, NAN, NAN)),
        ("T5", "compas/sex_eod", "Baseline", (NAN, NAN, 0.152, 0.147)),
        ("T6", "bank/age25_spd", "Proposed", (0.53, NAN, 0.049, 0.027)),
    ],
)
def test_printed_numbers_by_hand(name, task, row, numbers):
    found = cell(printed(name, [task]), task, row)
    np.testing.assert_equal(tuple(found[m] for m in ("accuracy", "accuracy_std", "bias", "bias_std")), numbers)


def test_toy_tasks_stand_for_the_same_printed_numbers():
    toy, real = (printed("T4", planned("T4", tier)) for tier in ("quick", "paper"))
    pd.testing.assert_frame_equal(toy.drop(columns="task"), real.drop(columns="task"))


def test_tables_of_our_own_have_no_printed_numbers():
    for name in ("ceiling", "newer_bank", "choices", "released"):
        assert printed(name, planned(name)).empty


# the grids


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_row_is_rerun(name):
    methods_printed = set(reported.numbers("reactivate", name)["method"])
    labels = [label for label, _, _ in TABLES[name].rows]
    assert methods_printed == {label.removesuffix(" as released") for label in labels}, "nothing is quoted or ours"
    assert labels[0] == "Baseline", "the others start from it"
    assert set(TABLES[name].printed) == methods_printed


@pytest.mark.parametrize("name", list(TABLES))
@pytest.mark.parametrize("tier", sorted(tiers.TIERS))
def test_grids_name_each_row_once_for_a_task_and_seed(name, tier):
    grid = reactivate.grid(name, tier)
    assert all(isinstance(run, runs.Run) for run in grid), "names and hyper-parameters were checked"
    places = [(run.label, run.task, run.seed) for run in grid]
    assert len(places) == len(set(places))
    for task in {run.task for run in grid}:
        assert tasks.recipe(task).paper == "reactivate"


@pytest.mark.parametrize("tier", ["open", "paper"])
def test_the_tables_have_two_initialisations_more_than_the_papers_ten(tier):
    for name in ("T4", "T5", "T6"):
        assert {run.seed for run in reactivate.grid(name, tier)} == set(range(12)), "12 are a rung of the ladder"


@pytest.mark.parametrize("tier", ["quick", "open", "paper"])
@pytest.mark.parametrize("name", list(TABLES))
def test_seeds_are_a_rung(name, tier):
    assert all(len(seeds) in (1, 3, 6, 12) for _, seeds in tiers.plan(tier, "reactivate", TABLES[name].plan))


def test_several_tables_make_one_grid():
    both = layout.several(reactivate.grid, "T5", "T6")("quick")
    assert both == [*reactivate.grid("T5", "quick"), *reactivate.grid("T6", "quick")]


# ours beside the paper's


def test_measured_takes_the_tasks_own_measure_without_its_sign():
    frame = pd.DataFrame(
        {
            "task": ["adult/sex_aod", "adult/sex_spd", "compas/sex_eod"],
            "bacc": [0.7, 0.6, 0.5],
            "aod": [-0.1, -0.2, -0.3],
            "spd": [0.4, -0.5, 0.6],
            "eod": [0.7, 0.8, -0.9],
            "acc_group_mean": 0.99,
            "bias_amp": 0.99,
        }
    )
    found = measured(frame, "paper")
    assert found["accuracy"].tolist() == [0.7, 0.6, 0.5] and found["bias"].tolist() == [0.1, 0.5, 0.9]
    images = pd.DataFrame({"task": ["cifar10s/skew95"], "acc_group_mean": [0.9], "bias_amp": [-0.02], "bacc": [NAN]})
    found = measured(images, "paper")
    assert (found["accuracy"].item(), found["bias"].item()) == (0.9, 0.02)
    clean = pd.DataFrame({"task": ["cifar10s/clean"], "acc_group_mean": [NAN], "bias_amp": [NAN], "acc": [0.95]})
    found = measured(clean, "paper")
    assert found["accuracy"].item() == 0.95 and found["bias"].isna().item(), "there is one domain only"


def test_a_table_has_means_deviations_and_the_printed_numbers():
    biases = {"Baseline": -0.3, "Proposed": 0.02}
    made = table("T4", results("T4", spd=biases, aod=biases), "paper")
    assert len(made) == 30 and set(made["source"]) == {"rerun"}, "no row is dropped, none is only quoted"
    row = cell(made, "adult/sex_spd", "Baseline")
    seeds = np.arange(12) / 1000
    assert row["accuracy"] == pytest.approx(0.7 + seeds.mean())
    assert row["bias"] == pytest.approx(0.3 - seeds.mean()) and row["bias_std"] == pytest.approx(seeds.std(ddof=1))
    reach = stats.t.ppf(0.975, 11) * seeds.std(ddof=1) / 12**0.5
    assert (row["bias_low"], row["bias_high"]) == pytest.approx((row["bias"] - reach, row["bias"] + reach))
    assert (row["printed_bias"], row["printed_bias_std"], row["seeds"]) == (0.341, 0.018, 12)
    assert row["groups"] == "○" and cell(made, "adult/sex_spd", "Proposed")["groups"] == "●"
    assert row["bias_value"] == "differs", "0.2955 (ten seeds) with a deviation of 0.003 is not 0.341 with 0.018"
    assert row["size"] == "11 layers of 32, at most 1001 epochs"


def test_a_value_is_judged_by_the_first_ten_seeds():
    frame = results("T4", spd=0.341)
    far = (frame["task"] == "adult/sex_spd") & (frame["label"] == "Baseline")
    frame["spd"] = 0.341
    frame.loc[far & (frame["seed"] >= 10), "spd"] = 0.9
    row = cell(table("T4", frame, "paper"), "adult/sex_spd", "Baseline")
    assert row["bias_value"] == "agrees" and row["bias"] > 0.4 and row["seeds"] == 12
    frame.loc[far, "spd"] = np.where(frame.loc[far, "seed"] < 10, 0.41, 0.0)
    row = cell(table("T4", frame, "paper"), "adult/sex_spd", "Baseline")
    assert row["bias_value"] == "differs" and row["bias"] == pytest.approx(0.341, abs=0.001)


def test_a_row_out_of_tolerance_shows_a_dash_and_stays():
    made = table("T4", results("T4", bacc=0.7091, aod={"Baseline": 0.3, "ROC": 0.0444, "Proposed": 0.0446}), "paper")
    for row, shown, within in (("Baseline", "–", False), ("ROC", "0.715", True), ("Proposed", "–", False)):
        found = cell(made, "adult/sex_aod", row)  # + 0.0055, the mean of the seeds: 0.0499 is within, 0.0501 is not
        assert (found["shown"], found["within"]) == (shown, within)
        assert found["accuracy"] == pytest.approx(0.7146)
    assert len(made) == 30


def test_stand_ins_are_named():
    frame = results("T6")
    frame["notes"] = [{"stand_in": "a smaller search"} if m == "reject_option" else {} for m in frame["method"]]
    made = table("T6", frame, "paper")
    assert cell(made, "bank/age25_spd", "ROC")["differs"] == "a smaller search"
    assert (made["differs"] == "").sum() == len(made) - 1


def test_images_have_their_own_measures_and_size():
    made = table("T1", results("T1", acc_group_mean=0.9, bias_amp={"Baseline": 0.08}), "paper")
    row = cell(made, "cifar10s/skew95", "Baseline")
    seeds = np.mean([run.seed for run in reactivate.grid("T1", "paper")]) / 1000
    assert (row["accuracy"], row["bias"]) == pytest.approx((0.9 + seeds, 0.08 + seeds))
    assert (row["printed_accuracy"], row["printed_bias"], row["bias_value"]) == (0.892, 0.080, "agrees")
    assert row["size"] == "32 px, ResNet-18 of width 64, 200 epochs"


def test_our_own_tables_have_no_printed_numbers_beside_them():
    made = table("released", results("released"), "paper")
    assert made["printed_bias"].isna().all() and (made["bias_value"] == "").all()
    assert len(made) == len(TABLES["released"].rows) * len(planned("released"))


# whether a value agrees


def compared(mean, std, count, printed_mean, printed_std, **options):
    row = {"bias": mean, "bias_std": std, "seeds": count, "printed_bias": printed_mean, "printed_bias_std": printed_std}
    return agreement(row, **options)


@pytest.mark.parametrize(
    ("mean", "verdict"),
    # variances 0.0004 / 5 and 0.000324 / 10: 0.0106 of their sum; 7.36 degrees of freedom: t = 2.341; reach 0.0248
    [(0.341, "agrees"), (0.3162, "agrees"), (0.3152, "differs"), (0.3658, "agrees"), (0.3668, "differs")],
)
def test_welchs_interval_by_hand(mean, verdict):
    assert compared(mean, 0.02, 5, 0.341, 0.018) == verdict


@pytest.mark.parametrize("seed", range(10))
def test_agreement_is_welchs_test_at_five_percent(seed):
    rng = np.random.default_rng(seed)
    n, (a, b) = int(rng.integers(2, 12)), rng.uniform(0.005, 0.1, 2)
    gap = rng.uniform(0, 0.1)
    p = stats.ttest_ind_from_stats(gap, a, n, 0, b, 10, equal_var=False).pvalue
    assert compared(gap + 0.0005 + 0.2, a, n, 0.2, b) in (("agrees", CANNOT_TELL) if p >= 0.05 else ("differs",))


def test_rounding_of_the_third_decimal_is_no_difference():
    assert compared(0.2004, 0.0, 5, 0.2, 0.0) == "agrees"
    assert compared(0.2006, 0.0, 5, 0.2, 0.0) == "differs"
    assert compared(0.2004, 1e-9, 5, 0.2, 0.0) == "agrees"


@pytest.mark.parametrize(
    "values",
    [
        (NAN, 0.02, 5, 0.341, 0.018),
        (0.3, NAN, 5, 0.341, 0.018),
        (0.3, 0.02, NAN, 0.341, 0.018),
        (0.3, 0.02, 5, NAN, 0.018),
        (0.3, 0.0, 1, 0.341, 0.018),
    ],
)
def test_without_numbers_or_with_one_seed_there_is_no_verdict(values):
    assert compared(*values) == ""


def test_a_wide_reach_cannot_tell_what_lies_within_it():
    found = {gap: compared(0.2 + gap, 0.1, 6, 0.2, 0.147) for gap in (0.0, 0.1, 0.3)}
    assert found == {0.0: CANNOT_TELL, 0.1: CANNOT_TELL, 0.3: "differs"}
    assert reach({"bias": 0.2, "bias_std": 0.1, "seeds": 6, "printed_bias": 0.2, "printed_bias_std": 0.147}) > 0.1


@pytest.mark.parametrize(("mean", "verdict"), [(0.77, "agrees"), (0.779, "agrees"), (0.78, "differs")])
def test_an_accuracy_without_a_deviation_has_ours_twice_and_its_own_rounding(mean, verdict):
    """t(5) = 2.571; 2.571 * 0.003 * sqrt(2 / 6) = 0.0045, and 0.005 for the second decimal."""
    row = {"accuracy": mean, "accuracy_std": 0.003, "seeds": 6, "printed_accuracy": 0.77, "printed_accuracy_std": NAN}
    assert reach(row, "accuracy") == pytest.approx(2.571 * 0.003 * (2 / 6) ** 0.5 + 0.005, abs=1e-5)
    assert agreement(row, "accuracy") == verdict
    assert reach(row | {"printed_accuracy": 0.771}, "accuracy") == pytest.approx(0.00495, abs=2e-5), "three decimals"


def test_as_released_rows_have_the_same_printed_numbers_beside_them():
    found = printed("T5", ["compas/sex_eod"])
    for row in ("ROC", "CalibEqOdds"):
        plain, released = (cell(found, "compas/sex_eod", name) for name in (row, f"{row} as released"))
        np.testing.assert_equal({**plain, "row": ""}, {**released, "row": ""})
        assert plain["accuracy"] > 0


def test_rows_at_the_best_threshold_have_the_printed_numbers_of_their_row_and_toys_are_not_judged():
    rows = {task: set(printed("thresholds", [task])["row"]) for task in ("adult/sex_spd", "compas/sex_eod")}
    assert set(map(frozenset, rows.values())) == {frozenset(row[0] for row in TABLES["thresholds"].rows)}
    plain = cell(printed("T4", ["adult/sex_spd"]), "adult/sex_spd", "CalibEqOdds")
    best = cell(printed("thresholds", ["adult/sex_spd"]), "adult/sex_spd", "CalibEqOdds at the best threshold")
    assert plain["bias"] == best["bias"] > 0.2
    made = table("T4", results("T4", "quick"), "quick")
    assert (made["bias_value"] == "").all() and (made["accuracy_value"] == "").all()


def test_fewer_initialisations_of_the_paper_reach_further():
    assert compared(0.31, 0.02, 5, 0.341, 0.018) == "differs"
    assert compared(0.31, 0.02, 5, 0.341, 0.018, seeds=3) == "agrees"


def test_rows_of_a_table_can_have_fewer_seeds_and_no_more():
    rows = reactivate.grid("T1", "open")
    seeds = {label: [run.seed for run in rows if run.label == label] for label in ("Baseline", "Dom.Ind.")}
    assert seeds["Dom.Ind."] == seeds["Baseline"][:1] and len(seeds["Baseline"]) > 1
