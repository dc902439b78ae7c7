"""FineFACE's tables: the runs behind them, group accuracies and their spread, means over attributes, checkpoints."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from rooms import was_searched

from fairnb import paths, tasks
from fairnb.evidence import reported, runs, tables
from fairnb.papers.fineface import checkpoints
from fairnb.papers.fineface import tables as fineface
from fairnb.papers.fineface import tasks_races as races
from fairnb.papers.fineface.words_choices import TENTH
from fairnb.publish.cli import commands
from fairnb.tasks import tiers

TIERS = sorted(tiers.TIERS)
SEEDS = (0, 1)
NOTES = {"best_epoch": 1, "test_by_epoch": [0.5, 0.7, 0.9, 0.6, 0.8]}


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    monkeypatch.delenv(tiers.PRESET, raising=False)
    monkeypatch.delenv("FAIRNB_ATTRIBUTES", raising=False)


def frame(task=races.TOY, labels=("Baseline", "FineFACE"), groups=7, **columns):
    """Made-up runs: group g has 0.9 - g / 100 of the men right, 5 points fewer of the women."""
    cells = {f"y{t}s{g}": 0.9 - 0.01 * g - 0.05 * t for t in (0, 1) for g in range(groups)}
    shared = {"tpr": 0.8, "fpr": 0.1, "acc": 0.85, "max_min": 1.25, "dob_sample": 0.04, "dob_population": 0.03}
    own = {"method": "fineface_base", "tier": "smoke", "hparams": "{}", "notes": NOTES}
    rows = [{"task": task, "label": label, "seed": seed} | own | shared | cells for label in labels for seed in SEEDS]
    return pd.DataFrame(rows).assign(**columns)


@pytest.mark.parametrize("tier", TIERS)
def test_every_plan_is_of_a_table_and_every_task_of_this_paper(tier):
    plans = tiers.TIERS[tier].papers["fineface"]["plan"]
    assert set(plans) == {table.plan for table in fineface.TABLES.values()}
    for plan in plans:
        assert all(tasks.recipe(name).paper == "fineface" for name, _ in tiers.plan(tier, "fineface", plan))


def test_tier_paper_sees_what_the_released_script_shows():
    task = fineface.grid("T2", "paper")[0].task
    own = tasks.settings_of(task, "paper")
    assert own["pixels"] == (460, 448) and own["size"] == 224 and own["augment"] == "flip"
    assert fineface.network("table2", "paper").startswith("448 px, resnet50")


@pytest.mark.parametrize("tier", ["smoke", "quick"])
@pytest.mark.parametrize("name", fineface.TABLES)
def test_grids_name_each_row_once_for_a_task_and_seed(tier, name):
    found = fineface.grid(name, tier)
    places = [(run.label, run.task, run.seed) for run in found]
    assert found and len(places) == len(set(places))


@pytest.mark.parametrize(("tier", "folder"), [("quick", "toy_faces"), ("open", "celeba_open"), ("paper", "celeba")])
def test_attributes_that_are_asked_for_are_those_of_tables_6_to_8_alone(tier, folder, monkeypatch):
    before = {name: fineface.grid(name, tier) for name in fineface.TABLES}
    monkeypatch.setenv("FAIRNB_ATTRIBUTES", " Gray_Hair,smiling,gray_hair,")
    after = {name: fineface.grid(name, tier) for name in fineface.TABLES}
    wanted = [f"{folder}/gray_hair_male_13", f"{folder}/smiling_male_13"]
    for name in ("T6", "T7"):
        assert list(dict.fromkeys(run.task for run in after[name])) == wanted
        assert all(tasks.recipe(task).paper == "fineface" for task in wanted)
        kinds = [{(run.label, run.seed, str(run.hparams)) for run in found[name]} for found in (before, after)]
        assert kinds[0] == kinds[1] and len(after[name]) == 2 * len(kinds[0])
    assert all(after[name] == before[name] for name in fineface.TABLES if name not in ("T6", "T7"))


def test_an_unknown_attribute_is_said_in_a_sentence(monkeypatch):
    monkeypatch.setenv("FAIRNB_ATTRIBUTES", "")  # the option sets it
    result = CliRunner().invoke(commands, ["plan", "--tier", "paper", "--only", "52", "--attributes", "smilng"])
    assert result.exit_code == 2
    expected = "unknown attribute in ATTRIBUTES 'smilng': did you mean 'smiling'? known are bags_under_eyes"
    assert expected in result.output


@pytest.mark.parametrize("name", ["T2", "T3", "T4", "T5", "T6", "T7"])
def test_every_printed_method_has_a_row_here_or_is_quoted(name):
    table = fineface.TABLES[name]
    assert set(reported.numbers("fineface", name)["method"]) <= set(table.printed)
    quoted = {fineface.VIEWS, fineface.GAN}
    assert set(table.printed.values()) <= {row[0] for row in table.rows} | quoted | {"Baseline", "FineFACE"}


def test_three_seeds_stand_behind_the_main_tables_at_quick_and_one_behind_attributes_and_choices():
    for name in fineface.TABLES:
        found = pd.DataFrame([vars(run) for run in fineface.grid(name, "quick")])
        wanted = 3 if name in ("T2", "T3", "T4") else 1
        assert (found.groupby(["label", "task"])["seed"].nunique() == wanted).all()


def test_quick_trains_as_long_as_fresh_experts_need_and_has_few_errors_by_chance():
    own = tiers.settings("quick", "fineface")
    assert own["finetune_epochs"] == 12
    assert own["n_test"] == 4200 and own["expert_channels"] == 2 * own["expert_width"]
    was_searched("fineface", ("finetune_epochs", "expert_channels"))


def test_the_learning_rates_at_open_suit_both_methods_best_of_what_was_tried():
    searched = pd.read_csv(paths.CHECKOUT / "docs" / "searches" / "fineface_open.csv", comment="#")
    pairs = searched.groupby("value")["accuracy"]
    assert (pairs.count() == 2).all() and len(pairs) >= 5, "the plain network and FineFACE"
    new, backbone = tiers.settings("open", "fineface")["finetune_lr"]
    assert pairs.mean().idxmax() == f"{new} and {backbone}"
    assert set(searched.loc[searched["chosen"], "value"]) == {f"{new} and {backbone}"}
    assert not set(searched["seed"]) & set(tiers.get("open").seeds)


SEARCHES = sorted((paths.CHECKOUT / "docs" / "searches").glob("fineface_rivals_*.csv"))


@pytest.mark.parametrize("file", SEARCHES, ids=lambda file: file.stem)
def test_the_rivals_numbers_are_the_largest_tried_that_cost_at_most_a_point_of_accuracy(file):
    tier = file.stem.rpartition("_")[2]
    searched, own = pd.read_csv(file, comment="#"), tiers.baselines(tier, "fineface")
    assert set(searched["method"]) == set(own) and not set(searched["seed"]) & set(tiers.get(tier).seeds)
    for method, found in searched.groupby("method"):
        mean = found.groupby("value")["accuracy"].mean()
        tried = list(mean.index[1:])
        assert len(tried) >= 5 and mean.index[0] == 0, "and without the term"
        bearable = [value for value in tried if mean[value] >= mean[0] - 0.01] or tried[:1]
        assert own[method] == {found["setting"].iloc[0]: max(bearable)}
        assert set(found.loc[found["chosen"], "value"]) == {max(bearable)}


def test_attention_is_asked_on_marks_and_at_larger_tiers_by_the_runs_of_table_2():
    for tier in ("open", "paper"):
        mine, theirs = (fineface.grid(name, tier) for name in ("attention", "T2"))
        of = {run.label: (run.task, run.method, run.hparams) for run in theirs}
        own = {run.label: (run.task, run.method, run.hparams) for run in mine}
        assert {label: own[label] for label in of} == of, "the same runs"
        assert {run.seed for run in mine} == {run.seed for run in theirs}
    small = fineface.grid("attention", "quick")
    assert {run.task for run in small} == {"toy_marks/mark"} and len(small) == 5
    assert not any("snapshots" in run.hparams for run in small), "nobody asks what choosing on test would give"


def test_a_row_that_quick_leaves_out_is_run_at_open_or_paper():
    for name in ("choices", "T7"):
        labels = {tier: {run.label for run in fineface.grid(name, tier)} for tier in ("quick", "open", "paper")}
        every = {row[0] for row in fineface.TABLES[name].rows}
        default = every & {TENTH}  # what paper has anyway
        assert labels["quick"] < labels["paper"] == every - default and default <= labels["open"]
    assert {"FineFACE as in the text", TENTH} <= {run.label for run in fineface.grid("choices", "open")}


def test_the_papers_share_of_the_rate_is_a_choice_where_the_tier_has_another_one():
    for tier, expected in {"open": True, "paper": False}.items():
        own = tiers.settings(tier, "fineface")["finetune_lr"]
        share = own[1] / own[0] if isinstance(own, tuple) else 0.1
        there = [run for run in fineface.grid("choices", tier) if run.hparams.get("backbone_rate") == 0.1]
        assert bool(there) == (share != pytest.approx(0.1)) == expected


class TestNothingIsTrainedTwice:
    def test_other_test_images_and_other_sums_use_the_network_of_table_2(self):
        home = {(run.label, run.seed): run.key for run in fineface.grid("T2", "smoke")}
        for name in ("T3", "T4"):
            for run in fineface.grid(name, "smoke"):
                assert runs.trained_by(run).key == home[run.label, run.seed] != run.key
        for run in fineface.grid("choices", "smoke"):
            if run.label in {row[0] for row in fineface.FUSIONS}:
                assert runs.trained_by(run).key == home["FineFACE", run.seed] != run.key
            elif run.label in {row[0] for row in fineface.TRAININGS}:
                assert runs.trained_by(run).key == run.key not in home.values()

    @pytest.mark.slow
    def test_the_tasks_that_share_a_network_share_training_and_validation_data(self):
        [home, *others] = [
            tasks.problem(run.task, "smoke").task
            for run in [fineface.grid(name, "smoke")[0] for name in ("T2", "T3", "T4")]
        ]
        for task in others:
            for part in ("train", "val"):
                mine, theirs = getattr(home, part), getattr(task, part)
                np.testing.assert_array_equal(mine.x, theirs.x)
                np.testing.assert_array_equal(mine.target, theirs.target)


class TestMeasured:
    def test_spreads_over_cells(self):
        found = fineface.measured(frame())
        cells = np.array([0.9 - 0.01 * g - 0.05 * t for g in range(7) for t in (0, 1)])
        np.testing.assert_allclose(found["dob"], cells.std(ddof=1))
        np.testing.assert_allclose(found["dob_population"], cells.std())
        np.testing.assert_allclose(100 * found["max_min"], 0.9 / (0.9 - 0.06 - 0.05))

    def test_genders_are_the_classes(self):
        found = fineface.measured(frame(), "genders")
        np.testing.assert_allclose(found["dob_population"], 0.05)  # 0.9 of the men and 0.8 of the women
        assert list(fineface.accuracies(frame().iloc[0], "genders")) == ["M", "F"]

    def test_over_races_they_are_the_report_s(self):
        found = fineface.measured(frame(), "races")
        np.testing.assert_allclose(found["dob"], 0.04)
        np.testing.assert_allclose(100 * found["max_min"], 1.25)

    def test_a_group_that_is_always_wrong_has_no_ratio_and_no_warning(self, recwarn):
        found = fineface.measured(frame(y1s6=0.0))
        shown = fineface.table("T2", found, "smoke")
        assert shown["max_min"].isna().all() and shown["dob"].notna().all() and not recwarn

    def test_the_printed_measures_follow_from_the_printed_groups(self):
        """Of Table 2: DoB with ddof=1 and Max/Min, within the rounding of the printed accuracies."""
        setting = tasks.recipe(races.REAL).setting
        shown = fineface.printed("T2", [races.REAL]).set_index("row")
        for row, part in fineface.printed_by_group("T2", setting).groupby("row"):
            accuracy, told = part["accuracy"], shown.loc[row]
            assert accuracy.std(ddof=1) == pytest.approx(told["dob"], abs=0.06)
            assert accuracy.max() / accuracy.min() == pytest.approx(told["max_min"], abs=0.011)


def test_groups_are_named_as_in_print_on_the_real_data():
    real = frame(races.REAL)
    ours = fineface.by_group(real)
    theirs = fineface.printed_by_group("T2", tasks.recipe(races.REAL).setting)
    assert len(theirs) == 28 and {name[-2:] for name in theirs["group"]} == {"/M", "/F"}
    assert list(dict.fromkeys(theirs["group"])) == list(dict.fromkeys(ours["group"])), "side by side in the figure"
    np.testing.assert_allclose(ours.loc[ours["group"] == "White/M", "accuracy"], 90)


class TestAveraged:
    def many(self):
        values = dict.fromkeys(fineface.ATTRIBUTES, 0.5)
        one = frame("toy_faces/bangs_male_13", **values)
        other = frame("toy_faces/smiling_male_13", **values | {"acc": 0.7}, notes=[{"stand_in": "x"}] * 4)
        return pd.concat([one, other], ignore_index=True)

    def test_means_over_attributes_by_row_and_seed(self):
        found = fineface.averaged(self.many())
        assert list(found["task"].unique()) == ["mean of 2 attributes"] and len(found) == 4
        np.testing.assert_allclose(found["acc"], 0.6)

    def test_a_row_without_one_of_the_attributes_has_no_mean(self):
        found = self.many()
        lacking = (found["label"] == "Baseline") & (found["task"] == "toy_faces/bangs_male_13")
        assert set(fineface.averaged(found[~lacking])["label"]) == {"FineFACE"}

    def test_the_table_has_the_printed_means_beside_and_the_rest_quoted(self):
        shown = fineface.table("T7", fineface.averaged(self.many()), "smoke").set_index("row")
        assert shown.loc["FineFACE", "printed_tpr_gap"] == 1.18
        assert shown.loc[fineface.GAN, "source"] == tables.QUOTED and shown.loc["Baseline", "source"] == tables.RERUN


class TestCheckpoints:
    def test_four_ways(self):
        found = checkpoints.checkpoints(NOTES)  # five epochs: the first and the last one are looked at
        assert found == {"validation": 0.7, "as released": 0.8, "best on test": 0.9, "last epoch": 0.8}

    def test_where_no_late_epoch_is_better_the_last_unseen_one_stays(self):
        test = [0.9, 0.5, 0.4, 0.3, 0.8]
        assert checkpoints.checkpoints({"best_epoch": 0, "test_by_epoch": test})["as released"] == 0.3

    def test_of_25_epochs_ten_are_looked_at(self):
        """SPEC 5a: epochs 0 to 4 and 20 to 24."""
        test = np.full(25, 0.5)
        for epoch in range(25):
            one = test.copy()
            one[epoch] = 0.6
            found = checkpoints.checkpoints({"best_epoch": 0, "test_by_epoch": list(one)})["as released"]
            # Between 5 and 19 the file is written over in every epoch, so only the last of these can be kept.
            assert found == (0.6 if epoch >= 19 else 0.5), epoch

    def test_runs_without_epochs_have_none(self):
        found = frame(notes=[NOTES, {}, NOTES, {}])
        assert len(checkpoints.by_checkpoint(found)) == 8 and set(checkpoints.by_checkpoint(found)["seed"]) == {0}

    def test_gains_are_paired_by_seed_for_every_row_that_was_trained(self):
        found = frame(notes=[NOTES] * 4)
        gains = checkpoints.gains(found)
        assert list(gains) == ["task", "row", "than", "seeds", "acc", "acc_low", "acc_high", "trained"]
        trained = list(dict.fromkeys(found["label"]))
        assert gains["trained"].tolist() == [label for label in trained for _ in range(3)]
        assert gains["row"].tolist() == ["as released", "best on test", "last epoch"] * len(trained)
        assert gains["acc"].tolist() == pytest.approx([10, 20, 10] * len(trained)), "0.8, 0.9, 0.8 against 0.7"
        assert set(gains["than"]) == {"validation"} and set(gains["seeds"]) == {4 // len(trained)}
