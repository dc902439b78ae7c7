"""Every notebook runs at tier smoke (made ``smaller``), headless, without real data, and leaves its artefacts."""

import nbformat
import pandas as pd
import pytest
from papermill.engines import NotebookExecutionManager

from fairnb import paths, registry
from fairnb.evidence import reported
from fairnb.evidence import verdicts as claims
from fairnb.evidence.tables import ORACLE
from fairnb.papers.aimfair import tables as aimfair
from fairnb.publish import notebooks

LAST = "90_scorecard"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]  # twenty-six kernels, one after the other


@pytest.fixture(scope="module")
def executed(tmp_path_factory, new_cache, warm, warm_kernels):
    """All notebooks at tier smoke, once, in their order."""
    folder = tmp_path_factory.mktemp("smoke")
    new_cache(folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("RESULTS", "results"), ("CACHE", "cache"), ("DATA", "no_data")):
            patch.setenv(f"FAIRNB_{name}", str(folder / value))
        for name in ("FAIRNB_SEEDS", "FAIRNB_SCHEDULER", "FAIRNB_MANIFEST", "FAIRNB_PRESET"):
            patch.setenv(name, "")
        patch.setenv(warm.SMALLER, "1")
        patch.setattr(NotebookExecutionManager, "save", lambda *_, **__: None)  # once at its end is enough
        for name in notebooks.names():
            notebooks.execute(name, {"tier": "smoke"})
        yield folder


@pytest.mark.parametrize("name", notebooks.names())
def test_runs_and_prints_no_warnings(executed, name):
    book = nbformat.read(paths.executed("smoke") / f"{name}.ipynb", as_version=4)
    outputs = [o for c in book.cells if c.cell_type == "code" for o in c.outputs]
    assert outputs, "a notebook shows something"
    loud = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    assert not loud, "".join(loud)[:2000]


def test_tables_figures_and_scorecard_are_there(executed):
    tables = {file.stem for file in paths.tables("smoke").glob("*.csv")}
    figures = {file.stem for file in paths.figures("smoke").glob("*.png")}
    assert {"audit", "bias_dial", "metrics_translator", "aimfair_table4_candidates", "aimfair_fidelity"} <= tables
    assert {*(f"aimfair_table{i}" for i in range(1, 8)), "aimfair_fig5", "aimfair_rates"} <= tables
    assert {"aimfair_fig1", "aimfair_mask", "toy_faces", "scorecard", "audit_findings"} <= figures
    assert {f"aimfair_{name}" for name in ("fig2", "fig4", "fig5", "table1", "table2", "table5")} <= figures
    assert {"aimfair_table6", "aimfair_table7"} <= figures, "sweeps are drawn"
    assert {f"scorecard_{slug}" for slug in registry.rooms()} <= figures, "claims in words"
    for file in paths.tables("smoke").glob("*.csv"):
        assert set(pd.read_csv(file)["tier"]) == {"smoke"}, file.name
    card = pd.read_csv(paths.results("smoke") / "scorecard.csv")
    assert list(card["claim"]) == list(reported.claims()["id"])


def test_every_claim_is_judged_and_one_seed_decides_none(executed):
    card = pd.read_csv(paths.results("smoke") / "scorecard.csv").set_index("claim")
    assert card.loc["L4", "verdict"] == claims.HOLDS, "by construction: every message is looked at"
    own = card.drop("L4")
    assert set(own["verdict"]) <= {claims.UNDECIDED, claims.UNSEEN} and own[["ours", "reason", "note"]].notna().all(
        None
    )
    assert set(own.loc[own["verdict"] == claims.UNDECIDED, "seeds"]) == {1}
    assert (own["rerun"] == own["verdict"]).all(), "no other seeds than this run's"


@pytest.mark.parametrize(("number", "tasks", "rows"), [(2, 1, 3), (3, 2, 3), (4, 1, 3), (5, 1, 6), (7, 1, 11)])
def test_a_table_of_fineface_has_every_row_and_says_which_are_quoted(executed, number, tasks, rows):
    table = pd.read_csv(paths.tables("smoke") / f"fineface_table{number}.csv")
    quoted = {5: {"Deep generative views"}, 7: {"GAN debiasing"}}.get(number, set())
    assert len(table) == tasks * rows and set(table.loc[table["source"] == "quoted", "row"]) == quoted
    assert table.loc[table["source"] == "rerun", "acc"].notna().all()
    shown = table.loc[~table["row"].str.contains("same steps"), "printed_acc"]
    assert shown.isna().sum() <= (number == 5), "Table 5 has no printed baseline; all other rows have a number beside"


def test_finefaces_attention_choices_and_checkpoints_have_tables_and_figures(executed):
    tables = {file.stem.removeprefix("fineface_") for file in paths.tables("smoke").glob("fineface_*.csv")}
    figures = {file.stem.removeprefix("fineface_") for file in paths.figures("smoke").glob("fineface_*.png")}
    assert {"table2_groups", "table8", "choices", "by_attribute", "attention", "attention_paired"} <= tables
    assert {"attention", "attention_areas", "attention_faces", "attention_views"} <= figures
    assert {"one_picture", "fig1", "fig3", "table2_groups", "table7", "table8", "choices", "epochs"} <= figures


@pytest.mark.parametrize(("name", "rows"), [("methods", 5), ("strength", 16), ("choices", 14)])
def test_a_table_of_fairlora_has_every_row_and_says_whose_it_is(executed, name, rows):
    table = pd.read_csv(paths.tables("smoke") / f"fairlora_{name}.csv")
    assert set(table["source"]) == {"our reconstruction"} and len(table) == rows
    assert table[["acc", "fpr_gap", "ddp"]].notna().all().all() and not [c for c in table if "printed" in c]


def test_fairloras_messages_and_leakage_have_tables_and_figures(executed):
    tables = {file.stem.removeprefix("fairlora_") for file in paths.tables("smoke").glob("fairlora_*.csv")}
    figures = {file.stem.removeprefix("fairlora_") for file in paths.figures("smoke").glob("fairlora_*.png")}
    assert {"leakage", "messages"} <= tables and {"protocol", "adapters", "leakage", "bytes"} <= figures


@pytest.mark.parametrize("number", range(1, 8))
def test_a_table_reruns_every_row_and_has_the_printed_numbers_beside(executed, number):
    table = pd.read_csv(paths.tables("smoke") / f"aimfair_table{number}.csv")
    assert set(table["source"]) == {"rerun"} and table[["acc", "wst", "eo_max"]].notna().all().all()
    beside = set(table.loc[table["printed_acc"].notna(), "row"])
    assert beside == set(aimfair.TABLES[f"T{number}"].printed.values())


@pytest.mark.parametrize(
    ("number", "tasks", "rows"), [(1, 1, 12), (2, 3, 3), (3, 1, 9), (4, 3, 10), (5, 1, 12), (6, 1, 10)]
)
def test_a_table_of_icdm_reruns_every_printed_row(executed, number, tasks, rows):
    table = pd.read_csv(paths.tables("smoke") / f"reactivate_table{number}.csv")
    assert set(table["source"]) == {"rerun"} and len(table) == tasks * rows, "nothing is quoted, no row is dropped"
    assert table["accuracy"].between(0, 1).all() and table["bias"].between(0, 1).all()
    assert (table["shown"].eq("–") == ~table["within"]).all(), "a dash where the bias is out of tolerance"
    assert table["printed_accuracy"].notna().any() and table["size"].notna().all()


@pytest.mark.parametrize(
    ("number", "tasks", "rows"), [(1, 3, 8), (2, 3, 5), (3, 4, 3), (4, 1, 5), (5, 1, 3), (6, 1, 6)]
)
def test_a_table_of_asac_reruns_every_printed_row(executed, number, tasks, rows):
    table = pd.read_csv(paths.tables("smoke") / f"asac_table{number}.csv")
    assert set(table["source"]) == {"rerun"} and len(table) == tasks * rows, "nothing is quoted, no row is dropped"
    assert table[["acc", "eo_sum", "eo_avg"]].notna().all().all() and table["printed_eo_sum"].notna().any()
    assert (table["eo_sum"] - 2 * table["eo_avg"]).abs().max() < 1e-5, "both conventions of DEO"


def test_asacs_pictures_have_numbers(executed):
    tables = {file.stem for file in paths.tables("smoke").glob("asac_*.csv")}
    figures = {file.stem for file in paths.figures("smoke").glob("asac_*.png")}
    assert {"asac_attack_slopes", "asac_mouth_share", "asac_gains"} <= tables
    assert {f"asac_fig{number}" for number in (1, 3, 4, 5, 6)} <= figures
    assert {"asac_slopes", "asac_mouth_share", "asac_table1"} <= figures
    share = pd.read_csv(paths.tables("smoke") / "asac_mouth_share.csv")
    assert share.select_dtypes("number").notna().any().any()


def test_choices_and_released_bugs_have_tables_and_figures(executed):
    tables = {file.stem.removeprefix("reactivate_") for file in paths.tables("smoke").glob("reactivate_*.csv")}
    figures = {file.stem.removeprefix("reactivate_") for file in paths.figures("smoke").glob("reactivate_*.png")}
    assert {"choices", "released", "leak", "values", "thresholds"} <= tables
    assert {"toy", "fig_table1", "table2", "table3", "tabular", "phi", "choices", "released"} <= figures


def test_table3_names_the_pipeline_and_has_no_printed_control(executed):
    table = pd.read_csv(paths.tables("smoke") / "aimfair_table3.csv")
    assert table["synthetic"].str.contains("tiny text-to-image pipeline").all()
    assert table.loc[table["row"] == "Random mask", "printed_acc"].isna().all()


def test_table4_has_an_oracle_beside_each_choice(executed):
    table = pd.read_csv(paths.tables("smoke") / "aimfair_table4.csv").set_index("row")
    for label, candidates in aimfair.BEST_OF.items():
        names = {row[0] for row in candidates}
        assert {table.loc[label, "chosen"], table.loc[label + ORACLE, "chosen"]} <= names
        assert table.loc[label + ORACLE, "wst"] >= table.loc[label, "wst"]
    every = pd.read_csv(paths.tables("smoke") / "aimfair_table4_candidates.csv")
    assert len(every) == len(aimfair.TABLES["T4"].rows) - 1, "all but the biased model, which chooses nothing"


def test_fidelity_is_measured_and_smiling_and_male_pass_the_gate(executed):
    table = pd.read_csv(paths.tables("smoke") / "aimfair_fidelity.csv").set_index("attribute")
    assert {"Smiling", "Male", "Young"} <= set(table.index) and table["auc"].between(0, 100).all()
    assert (table["auc_low"] <= table["auc"]).all() and (table["auc"] <= table["auc_high"]).all()
    assert table.loc[["Smiling", "Male"], "passes"].all()
