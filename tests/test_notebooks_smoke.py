"""Every notebook runs at tier smoke, headless, without real data, and leaves its artefacts."""

import nbformat
import pandas as pd
import pytest

from fairnb import notebooks, paths

LAST = "90_scorecard"


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """All notebooks at tier smoke, once, in their order."""
    folder = tmp_path_factory.mktemp("smoke")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("RESULTS", "results"), ("CACHE", "cache"), ("DATA", "no_data")):
            patch.setenv(f"FAIRNB_{name}", str(folder / value))
        for name in ("FAIRNB_SEEDS", "FAIRNB_SCHEDULER", "FAIRNB_MANIFEST"):
            patch.setenv(name, "")
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
    assert {"audit", "aimfair_table3", "bias_dial", "metrics_translator"} <= tables
    assert {"aimfair_fig1", "aimfair_mask", "toy_faces", "scorecard", "audit_findings"} <= figures
    for file in paths.tables("smoke").glob("*.csv"):
        assert set(pd.read_csv(file)["tier"]) == {"smoke"}, file.name
    card = pd.read_csv(paths.results("smoke") / "scorecard.csv")
    assert len(card) == 50 and set(card["claim"].head(2)) == {"A1", "A2"}


def test_table3_keeps_quoted_rows_and_names_the_stand_in(executed):
    table = pd.read_csv(paths.tables("smoke") / "aimfair_table3.csv")
    assert set(table.loc[table["source"] == "quoted", "row"]) == {"Data supplementation", "Data repairing"}
    assert table.loc[table["source"] == "rerun", "acc"].notna().all()
    assert table["synthetic"].str.contains("style").all()
    assert table.loc[table["row"] == "Random mask", "printed_acc"].isna().all()
