"""Which runs stand behind which table at which tier, and the printed numbers that belong to them."""

import pandas as pd
import pytest
from click.testing import CliRunner
from rooms import was_searched

from fairnb import paths, tasks
from fairnb.evidence import layout, reported, runs, tables
from fairnb.papers.aimfair import tables as aimfair
from fairnb.publish import notebooks
from fairnb.publish.cli import commands
from fairnb.tasks import tiers
from fairnb.training import methods

PRINTED_TABLES = [f"T{i}" for i in range(1, 8)]
TIERS = sorted(tiers.TIERS)


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """The tiers as they are, whatever the caller has set."""
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    monkeypatch.delenv(tiers.PRESET, raising=False)


def task_names(table, tier):
    """Tasks of a table as its rows name them: Table 5's prompt sets are rows of their setting."""
    found = pd.DataFrame({"task": [run.task for run in aimfair.grid(table, tier)]})
    return list((aimfair.by_setting(found) if table == "T5" else found)["task"].unique())


def results(grid, **values):
    """A frame as ``runs.run`` returns it, with made-up metrics; no run is computed."""
    blank = dict.fromkeys(aimfair.COLUMNS, 0.5) | values
    rows = [
        {"label": run.label, "task": run.task, "method": run.method, "seed": run.seed, "tier": run.tier, "notes": {}}
        for run in grid
    ]
    return pd.DataFrame(rows).assign(**blank)


@pytest.mark.parametrize("tier", TIERS)
def test_every_planned_task_exists_and_every_table_has_a_plan_somewhere(tier):
    planned = tiers.TIERS[tier].papers["aimfair"]["plan"]
    assert set(planned) <= {table.plan for table in aimfair.TABLES.values()}, "a plan that no table reads"
    for table in planned:
        for name, seeds in tiers.plan(tier, "aimfair", table):
            assert tasks.recipe(name).paper == "aimfair"
            assert seeds and set(seeds) <= set(tiers.get(tier).seeds)


@pytest.mark.parametrize("tier", TIERS)
def test_grids_can_be_made_and_name_each_row_once_for_a_task_and_seed(tier):
    for name in aimfair.TABLES:
        grid = aimfair.grid(name, tier)
        assert all(isinstance(run, runs.Run) for run in grid), "names and hyper-parameters were checked"
        places = [(run.label, run.task, run.seed) for run in grid]
        assert len(places) == len(set(places))
        table = aimfair.TABLES[name]
        wanted = tiers.rows(tier, "aimfair", table.plan, "")
        rows = [row for row in table.rows if wanted is None or row[0] in wanted]
        assert len(grid) == len(rows) * sum(len(seeds) for _, seeds in tiers.plan(tier, "aimfair", table.plan))


@pytest.mark.parametrize(("name", "plan"), [("T1", "table1"), ("T2", "table2")])
def test_a_tier_may_run_some_rows_of_a_table_and_quotes_the_others(name, plan):
    wanted = tiers.rows("quick", "aimfair", plan, "")
    labels = {label for label, _, _ in aimfair.TABLES[name].rows}
    assert set(wanted) < labels and {run.label for run in aimfair.grid(name, "quick")} == set(wanted)
    made = aimfair.table(name, results(aimfair.grid(name, "quick")), "quick")
    quoted = made[made["source"] == tables.QUOTED]
    assert set(quoted["row"]) == labels - set(wanted) and quoted["printed_acc"].notna().all()


def test_quick_has_a_grid_for_every_printed_table_and_open_for_those_of_its_setting():
    assert all(aimfair.grid(name, tier) for name in PRINTED_TABLES for tier in ("smoke", "quick", "paper"))
    assert [name for name in PRINTED_TABLES if aimfair.grid(name, "open")] == ["T1", "T3", "T4", "T6", "T7"]


def test_the_biased_model_comes_first_where_other_rows_start_from_it():
    for name in ("T1", "T2", "T3", "T4", "T6", "subsets"):
        assert aimfair.grid(name, "paper")[0].method == "erm"


def test_table_1_has_the_printed_rows_in_the_printed_order():
    printed = reported.wide("aimfair", "T1")["method"].unique()
    rows = [label for label, _, _ in aimfair.TABLES["T1"].rows]
    assert [aimfair.TABLES["T1"].printed[name] for name in printed] == rows
    assert aimfair.TABLES["T2"].rows == aimfair.TABLES["T1"].rows
    assert {method for _, method, _ in aimfair.TABLES["T1"].rows} == {
        "erm", "cvar_dro", "eiil", "lff", "jtt", "maple", "diga", "selective",
    }  # fmt: skip


def test_only_named_controls_are_without_printed_rows():
    """Every printed row of Tables 1 to 7 has one of ours; ours beyond those are references and controls."""
    for name in PRINTED_TABLES:
        table = aimfair.TABLES[name]
        assert set(reported.wide("aimfair", name)["method"]) == set(table.printed), name
        ours = {row[0] for row in table.rows} | set(aimfair.BEST_OF if name == "T4" else ())
        ours |= set(aimfair.PROMPTS.values()) if name == "T5" else set()
        assert set(table.printed.values()) <= ours, name


@pytest.mark.parametrize(("tier", "task"), [("quick", "toy_faces/smiling_male"), ("paper", "celeba/smiling_male")])
def test_table_5_names_its_rows_by_the_prompts_behind_the_task(tier, task):
    labels = {run.task: run.label for run in aimfair.grid("T5", tier) if "smiling_male" in run.task}
    assert labels == {
        f"{task}_plain": "Plain prompt (1)",
        f"{task}_contextual25": "Contextual prompts (25)",
        f"{task}_contextual50": "Contextual prompts (50)",
        task: "Contextual + head poses (50)",
    }


# Rows and metrics as the paper has them: (settings x methods, metrics of three, or of four and the four groups).
NUMBERS = {"T1": 24 * 3, "T2": 24 * 3, "T3": 21 * 8, "T4": 15 * 8, "T5": 8 * 8, "T6": 5 * 8, "T7": 4 * 8}


@pytest.mark.parametrize("name", PRINTED_TABLES)
def test_every_printed_number_is_found_at_tier_paper(name):
    found = aimfair.printed(name, task_names(name, "paper"))
    assert not found.duplicated(["task", "row"]).any()
    assert int(found.drop(columns=["task", "row"]).notna().sum().sum()) == NUMBERS[name]
    assert len(found) == len(reported.wide("aimfair", name)), "no printed row is lost"


def test_printed_numbers_stand_beside_the_right_rows():
    def value(table, task, row, metric):
        found = aimfair.printed(table, [task])
        return found.set_index(["task", "row"]).loc[(task, row), metric]

    assert value("T1", "toy_faces/young_male", "AIM-Fair", "eo_max") == 28.18
    assert value("T1", "celeba/smiling_male", "DiGA (linear generator)", "wst") == 81.9
    assert value("T2", "celeba/smiling_male_50", "ERM", "acc") == 87.5
    assert value("T2", "celeba/smiling_male_10", "ERM", "acc") == 86.9
    assert value("T3", "utkface/female_white", "AIM-Fair", "wst") == 84.26
    assert value("T4", "celeba/smiling_male", "Best sub-tuning (update one block)", "eo_max") == 12.45
    assert value("T5", "celeba/smiling_male", "Plain prompt (1)", "acc") == 71.65
    assert value("T6", "celeba/smiling_male", "Bias ratio 1:9", "eo_max") == 6.07
    assert value("T7", "celeba/smiling_male", "Synthetic / real 0.5", "acc") == 89.51
    assert aimfair.printed("F5", ["celeba/smiling_male"]).empty, "a figure prints no numbers"
    assert aimfair.printed("T1", ["utkface/female_white"]).empty, "the paper's Table 1 has no UTKFace"


@pytest.mark.parametrize("name", PRINTED_TABLES)
def test_tables_at_quick_have_printed_numbers_beside_and_quote_what_is_not_run(name):
    frame = results(aimfair.grid(name, "quick"))
    if name == "T4":
        run = set(frame["label"])
        first = {next(row[0] for row in rows if row[0] in run): best for best, rows in aimfair.BEST_OF.items()}
        frame = frame.assign(label=frame["label"].replace(first))
    made = aimfair.table(name, frame, "quick")
    partly = name in ("T1", "T2", "T6", "T7")
    assert set(made["source"]) == ({tables.RERUN, tables.QUOTED} if partly else {tables.RERUN})
    assert set(made.loc[made["printed_acc"].notna(), "row"]) == set(aimfair.TABLES[name].printed.values())
    if name == "T5":
        assert list(made["row"]) == list(aimfair.PROMPTS.values()) and set(made["synthetic"]) == {"by row"}
    else:
        assert made["synthetic"].str.contains("tiny text-to-image pipeline").all()
    assert made["network"].str.contains("width 8, 48 px, weights toy").all()


def test_a_row_that_was_not_rerun_is_quoted():
    frame = results([run for run in aimfair.grid("T3", "quick") if run.method != "data_repairing"])
    made = aimfair.table("T3", frame, "quick").set_index(["task", "row"])
    quoted = made[made["source"] == tables.QUOTED]
    assert {row for _, row in quoted.index} == {"Data repairing"} and quoted["acc"].isna().all()


def test_a_table_says_where_a_method_differs_from_its_original():
    frame = results(aimfair.grid("T1", "smoke"))
    frame["notes"] = [{"stand_in": "on features"} if name == "maple" else {} for name in frame["method"]]
    made = aimfair.table("T1", frame, "smoke")
    assert set(made.loc[made["differs"] == "on features", "row"]) == {"MAPLE (on features)"}
    assert (made["differs"] == "").sum() == 7 * 3


def test_swept_values_are_the_papers_and_the_default_is_the_plain_run():
    hparams = {name: [row[2] for row in aimfair.TABLES[name].rows] for name in ("F5", "T6", "T7")}
    assert hparams["F5"] == [{"k": 40}, {"k": 45}, {"k": 50}, {}, {"k": 60}]
    assert hparams["T6"][2:] == [{"bias_share": 0.6}, {"bias_share": 0.7}, {"bias_share": 0.8}, {}]
    assert hparams["T7"] == [{"balanced_ratio": 0.5}, {}, {"balanced_ratio": 1.5}, {"balanced_ratio": 2.0}]


def test_a_tiers_values_for_baselines_reach_only_those_methods():
    given = tiers.baselines("quick", "aimfair")
    assert set(given) == {"cvar_dro", "jtt", "lff", "diga"} and not tiers.baselines("paper", "aimfair")
    for run in aimfair.grid("T1", "quick"):
        assert run.hparams == given.get(run.method, {})
    for name, values in given.items():
        defaults = methods.get(name).defaults
        assert all(values[key] != defaults[key] for key in values), "else the tier need not say it"


@pytest.mark.parametrize("name", aimfair.TABLES)
def test_the_main_tables_have_three_seeds_at_quick_and_the_others_one(name):
    found = pd.DataFrame([vars(run) for run in aimfair.grid(name, "quick")])
    wanted = 3 if name in ("T1", "T3") else 1
    assert not len(found) or (found.groupby(["label", "task"])["seed"].nunique() == wanted).all()


def test_all_that_fine_tunes_on_toy_faces_ends_at_a_rate_of_nothing():
    own = tiers.settings("quick", "aimfair")
    assert own["finetune_schedule"] == "cosine" and own["finetune_epochs"] == 12
    was_searched("aimfair", ("finetune_epochs", "finetune_lr"))
    was_searched("aimfair", ("finetune_epochs", "finetune_lr"), "open")


@pytest.mark.parametrize("tier", ["quick", "open"])
def test_rivals_have_what_was_best_on_validation_data(tier):
    found = pd.read_csv(paths.CHECKOUT / "docs" / "searches" / f"aimfair_rivals_{tier}.csv", comment="#")
    for (method, setting), own in found.groupby(["method", "setting"]):
        means, values = own.groupby("value")["accuracy"].mean(), sorted(own["value"].unique())
        assert len(values) >= 5 and tiers.baselines(tier, "aimfair")[method] == {setting: means.idxmax()}
        assert means.idxmax() == own.loc[own["chosen"], "value"].unique() and means.idxmax() in values[1:-1]
        assert not {*own["seed"]} & {*tiers.seeds(tier, "aimfair")}


def test_tier_open_stands_where_the_images_cost_what_the_paper_s_do():
    found = pd.read_csv(paths.CHECKOUT / "docs" / "searches" / "aimfair_open_gap.csv", comment="#")
    [chosen] = found.loc[found["chosen"], "task"].unique()
    planned = [name for table in ("table3", "table4", "sweeps") for name, _ in tiers.plan("open", "aimfair", table)]
    assert chosen in planned and {name.rsplit("_", 1)[1] for name in planned} == {chosen.rsplit("_", 1)[1]}


def test_fewer_real_images_train_longer_where_the_tier_says_so():
    epochs = [
        tasks.settings_of(f"toy_faces/smiling_male{end}", "quick")["pretrain_epochs"] for end in ("", "_50", "_10")
    ]
    assert epochs == [8, 8, 16]
    assert tasks.settings_of("celeba/smiling_male_10", "paper")["pretrain_epochs"] == 15


@pytest.mark.parametrize(
    ("tier", "absent"),
    [
        (
            "open",
            {
                "13_aimfair_prompts",
                "31_asac_lfw",
            },
        ),
        ("quick", set()),
        ("smoke", set()),
    ],
)
def test_a_notebook_belongs_where_it_has_runs(tier, absent):
    assert set(layout.grids()) <= set(notebooks.names())
    assert {name for name in notebooks.names() if not layout.belongs(name, tier)} == absent


def test_the_driver_leaves_out_what_does_not_belong_to_a_tier(sandbox):
    chosen = ["--tier", "open", "--only", "13,31"]
    done = CliRunner().invoke(commands, ["reproduce", *chosen])
    assert done.exit_code == 0, done.output
    for name in ("13_aimfair_prompts", "31_asac_lfw"):
        assert f"{name}: nothing of it runs at tier open" in done.output
    assert "0 notebooks executed" in done.output and not (sandbox / "results").exists()
    listed = CliRunner().invoke(commands, ["plan", *chosen])
    assert listed.exit_code == 0 and "13_aimfair" not in listed.output and "31_asac" not in listed.output
