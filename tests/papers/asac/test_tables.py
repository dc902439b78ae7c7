"""ASAC's tables: the runs behind them, the printed numbers in percent beside the right rows, quoted rows."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fairnb import tasks
from fairnb.evidence import reported
from fairnb.papers.asac import tables as asac
from fairnb.papers.asac.tables import TABLES, grid, network, printed, table
from fairnb.tasks import tiers

PRINTED = ("T1", "T2", "T3", "T4", "T5", "T6")
NAN = math.nan
SMILE = "celeba/smiling_male_natural"
# The paper's row names as our rows: written out here, so that a slip in the module's mapping is seen.
OURS = {
    "Base Classifier": "Base (linear probe)",
    "Adversarial Training (Zhang&Sang)": "Adversarial training (AEDA)",
    "Counterfactual GAN (Ramaswamy)": "Counterfactual generator",
    "ASAC FGSM": "ASAC (FGSM)",
    "ASAC PGD": "ASAC (PGD)",
    "ASAC": "ASAC (FGSM)",
    "W/O curriculum (random)": "Random order",
    "Ascending": "Easy to hard (ascending)",
    "Descending": "Hard to easy (descending)",
    "eps {0.001,0.01}": "ε = {0.001, 0.01}",
    "eps {0.001,0.03}": "ε = {0.001, 0.03}",
    "eps {0.001,0.05}": "ε = {0.001, 0.05}",
    "eps {0.001,0.03,0.05}": "ε = {0.001, 0.03, 0.05}",
    "eps {0.001}": "ε = {0.001}",
    "eps {0.05}": "ε = {0.05}",
    "alpha 0.3": "α = 0.3",
    "alpha 0.5": "α = 0.5",
    "alpha 0.7": "α = 0.7",
}
TASKS = {
    ("T1", "CelebA;P=Gender;T=Smile"): SMILE,
    ("T1", "CelebA;P=Gender;T=Big Nose"): "celeba/big_nose_male_natural",
    ("T1", "CelebA;P=Gender;T=Wavy Hair"): "celeba/wavy_hair_male_natural",
    ("T2", "LFW;P=Gender;T=Smile"): "lfw/smiling_male",
    ("T2", "LFW;P=Gender;T=Bags Under Eyes"): "lfw/bags_under_eyes_male",
    ("T2", "LFW;P=Gender;T=Wavy Hair"): "lfw/wavy_hair_male",
    ("T3", "CelebA;T=Smile;P=Gender;FGSM;backbone=ResNet-18"): SMILE,
    ("T3", "CelebA;T=Smile;P=Gender;FGSM;backbone=ResNet-50"): f"{SMILE}_resnet50",
    ("T3", "CelebA;T=Smile;P=Gender;FGSM;backbone=DenseNet-121"): f"{SMILE}_densenet121",
    ("T3", "CelebA;T=Smile;P=Gender;FGSM;backbone=DenseNet-169"): f"{SMILE}_densenet169",
} | {(name, "CelebA;T=Smile;P=Gender;FGSM;ResNet-18"): SMILE for name in ("T4", "T5", "T6")}
METRICS = {"DEO": "eo_sum", "DEOp": "tpr_gap", "DDP": "ddp", "ACC": "acc"}


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """The tiers as they are."""
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    monkeypatch.delenv(tiers.PRESET, raising=False)


def planned(name, tier="paper"):
    return [task for task, _ in tiers.plan(tier, "asac", TABLES[name].plan)]


def results(name, tier="paper", **values):
    """A frame as ``runs.run`` returns it; values per label or for all rows, with the seed's number added in 1/1000."""
    rows = []
    for run in grid(name, tier):
        row = {"label": run.label, "task": run.task, "method": run.method, "seed": run.seed, "tier": tier, "notes": {}}
        for metric in asac.COLUMNS:
            value = values.get(metric, 0.1)
            row[metric] = (value.get(run.label, 0.1) if isinstance(value, dict) else value) + run.seed / 1000
        rows.append(row)
    return pd.DataFrame(rows)


def cell(frame, task, row):
    [found] = frame[(frame["task"] == task) & (frame["row"] == row)].to_dict("records")
    return found


# the printed numbers


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_number_is_beside_its_row_in_percent(name):
    found = printed(name, planned(name))
    numbers = reported.numbers("asac", name)
    assert len(found) * len(METRICS) == len(numbers), "no number is lost, none is there twice"
    for line in numbers.to_dict("records"):
        ours = cell(found, TASKS[name, line["setting"]], OURS[line["method"]])
        percent = line["value"] * (1 if line["metric"] == "ACC" else 100)
        assert ours[METRICS[line["metric"]]] == pytest.approx(percent)


@pytest.mark.parametrize(
    ("name", "task", "row", "numbers"),
    [  # DEO, DEOp, DDP, ACC, in percent, as one reads them in the paper
        ("T1", SMILE, "Base (linear probe)", (8.8, 6.6, 15, 84.29)),
        ("T1", "celeba/big_nose_male_natural", "ASAC (FGSM)", (35.4, 26.7, 30, 82.05)),
        ("T1", "celeba/wavy_hair_male_natural", "Counterfactual generator", (34.4, 23.0, 34, 79.21)),
        ("T2", "lfw/bags_under_eyes_male", "ASAC (PGD)", (6.6, 6.2, 17, 86.42)),
        ("T3", f"{SMILE}_resnet50", "Base (linear probe)", (7.7, 6.4, 14.8, 86.60)),
        ("T3", f"{SMILE}_densenet121", "ASAC (FGSM)", (5.2, 4.6, 15.3, 91.32)),
        ("T3", f"{SMILE}_densenet169", "ASAC (FGSM)", (7.0, 5.1, 15.8, 91.08)),
        ("T4", SMILE, "Hard to easy (descending)", (5.8, 4.8, 17, 92.08)),
        ("T5", SMILE, "ε = {0.001, 0.05}", (5.7, 4.7, 14, 91.38)),
        ("T6", SMILE, "ε = {0.001, 0.03, 0.05}", (6.5, 4.7, 16, 91.00)),
        ("T6", SMILE, "α = 0.3", (6.0, 4.0, 16, 92.04)),
    ],
)
def test_printed_numbers_by_hand(name, task, row, numbers):
    found = cell(printed(name, [task]), task, row)
    assert tuple(found[metric] for metric in METRICS.values()) == pytest.approx(numbers)


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("tier", ["smoke", "quick"])
def test_toy_tasks_stand_for_the_same_printed_numbers(name, tier):
    toy, real = (printed(name, planned(name, size)) for size in (tier, "paper"))
    if (name, tier) == ("T3", "quick"):  # has the first of the other networks alone
        real = real[~real["task"].str.contains("densenet")].reset_index(drop=True)
    pd.testing.assert_frame_equal(toy.drop(columns="task"), real.drop(columns="task"))
    assert set(toy["task"]) == set(planned(name, tier))


def test_resnet_18_alone_stands_for_the_settings_that_name_no_other_network():
    assert set(printed("T3", [SMILE])["task"]) == {SMILE} and len(printed("T3", [SMILE])) == 2
    assert printed("T4", [f"{SMILE}_resnet50"]).empty


def test_without_printed_numbers_a_table_has_ours_only():
    assert "F" not in PRINTED and printed("F", [SMILE]).empty and printed("T4", ["utkface/over35_female"]).empty
    frame = results("F", "open")
    made = table("F", frame, "open")
    assert set(made["source"]) == {"rerun"} and set(frame["task"]) == set(made["task"])
    assert made.filter(like="printed_").isna().all(axis=None)
    assert len(made) == len(frame) / 3, "a row per label and task, three seeds each"


# the grids


@pytest.mark.parametrize("name", list(TABLES))
@pytest.mark.parametrize("tier", sorted(tiers.TIERS))
def test_grids_name_each_row_once_for_a_task_and_seed(name, tier):
    runs = grid(name, tier)
    places = [(run.label, run.task, run.seed) for run in runs]
    assert len(places) == len(set(places))
    assert {run.task for run in runs} == set(planned(name, tier)), "tasks of the plan, all of them"
    assert all(tasks.recipe(task).paper == "asac" for task in planned(name, tier))


@pytest.mark.parametrize(("tier", "seeds"), [("smoke", {0}), ("quick", {0, 1, 2}), ("paper", {0, 1, 2})])
def test_all_tables_are_run_at_a_tier_with_its_seeds(tier, seeds):
    main = planned("T1", tier)[0]
    for name in TABLES:
        for task in planned(name, tier):
            few = tier == "quick" and (task != main or name in ("T2", "T4", "T5", "T6", "D"))
            assert {run.seed for run in grid(name, tier) if run.task == task} == ({0} if few else seeds)
    assert [len(planned(name, tier)) for name in TABLES] == [3, 3, 2 if tier == "quick" else 4, *[1] * 5]


def test_open_has_photographs_of_one_network_only():
    assert not grid("T2", "open") and not grid("T3", "open")
    first, *others = planned("T1", "open")
    assert (first, others) == ("celeba_open/smiling_male_natural", ["celeba_open/big_nose_male_natural"])
    assert all(planned(name, "open") == [first] for name in ("T4", "T5", "T6", "D", "F"))


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_row_has_a_row_of_ours(name):
    rows = {label for label, _, _ in TABLES[name].rows}
    for method in set(reported.numbers("asac", name)["method"]):
        assert TABLES[name].printed[method] == OURS[method] and OURS[method] in rows


def key_of(name, label, tier="smoke"):
    return {run.seed: run.key for run in grid(name, tier) if run.label == label and run.task == planned("T1", tier)[0]}


@pytest.mark.parametrize("tier", ["smoke", "quick"])
def test_the_main_configuration_is_one_run_in_all_tables(tier):
    main = key_of("T1", "ASAC (FGSM)", tier)
    assert len(main) == len(tiers.seeds(tier, "asac")[:3])
    same = [("T4", "Easy to hard (ascending)"), ("T5", "ε = {0.001, 0.01}"), ("T6", "α = 0.5")]
    for name, label in same:
        assert key_of(name, label, tier) == {0: main[0]}, "Tables 4 to 6 have one seed"
    assert key_of("F", "ASAC (FGSM)", tier) == main
    for label in ("Control, same steps", "Base (linear probe)"):
        assert key_of("T4", label, tier)[0] == key_of("T1", label, tier)[0]


def test_all_other_rows_of_the_ablations_are_runs_of_their_own():
    rows = {(name, label) for name in ("T4", "T5", "T6") for label, _, _ in TABLES[name].rows}
    keys = {row: tuple(key_of(*row).values()) for row in rows}
    main = keys["T6", "α = 0.5"]
    others = [key for key in keys.values() if key != main]
    assert len(others) == len(set(others)) == len(rows) - 3


def test_hyper_parameters_are_those_of_the_rows():
    found = {run.label: run.hparams for name in TABLES for run in grid(name, "smoke")}
    assert found["Control, ε = {0}"] == {"epsilons": (0.0,)}
    assert found["Control, same steps"] == {"epsilons": (0.0, 0.0, 0.0)}
    assert found["ε = {0.001, 0.03, 0.05}"] == {"epsilons": (0.0, 0.001, 0.03, 0.05)}
    assert found["ε = {0.05}"] == {"epsilons": (0.0, 0.05)} and found["α = 0.7"] == {"alpha": 0.7}
    assert found["ASAC (PGD)"] == {"attack": "pgd"} and found["Base (trained)"] == {"kind": "trained"}
    assert found["Control from trained"] == {"start": "trained", "epsilons": (0.0, 0.0, 0.0)}
    assert found["Random order"] == {"curriculum": "random"} and found["ASAC (FGSM)"] == {}


# ours beside the paper's


def test_a_table_has_means_intervals_and_the_printed_numbers_in_percent():
    made = table("T4", results("T4", acc={"Random order": 0.9}, eo_sum=0.05, eo_avg=0.025), "paper")
    row = cell(made, SMILE, "Random order")
    values = 90 + np.array([0.0, 0.1, 0.2])
    reach = stats.t.ppf(0.975, 2) * values.std(ddof=1) / 3**0.5
    assert row["acc"] == pytest.approx(90.1) and row["eo_sum"] == pytest.approx(5.1)
    assert (row["acc_low"], row["acc_high"]) == pytest.approx((90.1 - reach, 90.1 + reach))
    assert row["eo_avg"] == pytest.approx(2.6), "the average stands beside the sum, without a printed number"
    assert (row["printed_eo_sum"], row["printed_acc"]) == pytest.approx((5.5, 91.23))
    assert "printed_eo_avg" not in made and row["seeds"] == 3
    assert row["groups"] == "●" and cell(made, SMILE, "Base (linear probe)")["groups"] == "○"
    np.testing.assert_equal(cell(made, SMILE, "Control, same steps")["printed_acc"], NAN)
    assert list(made["row"]) == [label for label, _, _ in TABLES["T4"].rows]


def test_the_main_configuration_is_printed_differently_in_three_tables():
    frames = [table(name, results(name), "paper") for name in ("T4", "T5", "T6")]
    rows = ["Easy to hard (ascending)", "ε = {0.001, 0.01}", "α = 0.5"]
    found = [cell(made, SMILE, row) for made, row in zip(frames, rows, strict=True)]
    assert [row["printed_eo_sum"] for row in found] == pytest.approx([5.0, 5.0, 5.8])
    assert [row["printed_acc"] for row in found] == pytest.approx([91.79, 91.91, 91.84])
    assert len({row["acc"] for row in found}) == 1


@pytest.mark.parametrize("tier", ["quick", "paper"])
def test_the_gan_row_is_rerun_where_there_are_generated_faces_and_quoted_elsewhere(tier, monkeypatch):
    monkeypatch.setattr(tasks, "synthetic_words", lambda task, tier: "generated" * task.startswith("toy"))
    made = table("T1", results("T1", tier), tier)
    rows = made[made["row"] == "Counterfactual generator"].sort_values("printed_acc")
    rerun = ["rerun", "rerun", "quoted"]  # at quick for the two targets of claim S3
    assert rows["source"].tolist() == (rerun if tier == "quick" else ["quoted"] * 3)
    assert rows["printed_acc"].tolist() == pytest.approx([78.77, 79.21, 86.5])
    assert rows["acc"].isna().tolist() == (rows["source"] == "quoted").tolist()
    others = made[(made["row"] != "Counterfactual generator") & (made["task"] == planned("T1", tier)[0])]
    assert set(others["source"]) == {"rerun"} and len(others) == len(TABLES["T1"].rows) - 1
    assert (rows["network"] != "").all()


def test_faces_without_generated_ones_have_no_generator_runs(monkeypatch):
    monkeypatch.setattr(tasks, "synthetic_words", lambda task, tier: "" if "big_nose" in task else "generated")
    found = {run.task for run in grid("T1", "quick") if run.method == "generative_counterfactuals"}
    assert found == {"toy_faces/wavy_hair_male_natural"}
    quoted = table("T1", results("T1", "quick"), "quick").query("source == 'quoted'")
    smiling = quoted["task"].str.contains("smiling")
    assert set(quoted.loc[smiling, "row"]) == {"Counterfactual generator"}, "quick has all others of the first target"
    left_out = {"Counterfactual generator", "Adversarial training (AEDA)", "ASAC (PGD)"}
    assert set(quoted.loc[~smiling, "row"]) == left_out, "and few of the others"


def test_stand_ins_and_networks_are_named():
    frame = results("T1", "quick")
    frame["notes"] = [{"stand_in": "another GAN"} if "generator" in label else {} for label in frame["label"]]
    made = table("T1", frame, "quick")
    assert set(made.loc[made["differs"] != "", "row"]) == {"Counterfactual generator"}
    assert set(made["differs"]) == {"", "another GAN"}
    assert (made["network"] == [network(task, "quick") for task in made["task"]]).all()
    assert network(f"{SMILE}_densenet121", "paper") == "224 px, densenet121 of width 64, weights imagenet"
    own = tasks.settings_of("toy_lfw/smiling_male", "quick")
    start = f"{own['n_train']} training images, {own['crop']} px, resnet18 of width {own['width']}"
    assert network("toy_lfw/smiling_male", "quick").startswith(start)


def test_a_control_reads_no_protected_label():
    grid = asac.grid("T1", "smoke")
    rows = [{"label": run.label, "task": run.task, "method": run.method, "seed": run.seed, "notes": {}} for run in grid]
    made = asac.table("T1", pd.DataFrame(rows).assign(**dict.fromkeys(asac.COLUMNS, 0.5)), "smoke")
    marks = made.drop_duplicates("row").set_index("row")["groups"]
    assert {marks[asac.CONTROL[0]], marks[asac.STEPS[0]], marks[asac.PROBE[0]]} == {"○"}
    assert {marks[asac.FGSM[0]], marks[asac.PGD[0]], marks[asac.AEDA[0]]} == {"●"}
