"""Golden tables: committed fake records (``golden/make.py``) through the table printer, byte for byte."""

from pathlib import Path

import pandas as pd
import pytest

from fairnb import paths
from fairnb.evidence import records, report, scorecard, tables
from fairnb.metrics import group_report
from fairnb.papers.aimfair import claims as aimfair
from fairnb.papers.aimfair.tables import METRICS, TABLES

pytestmark = pytest.mark.numerics

GOLDEN = Path(__file__).parent / "golden"
LABELS = {method: label for label, method, _ in TABLES["T3"].rows}


@pytest.fixture(scope="module")
def frame():
    found = [records.read(file) for file in sorted((GOLDEN / "runs" / "smoke").glob("*.json"))]
    assert len(found) == 24
    order = list(LABELS)
    found.sort(key=lambda record: (order.index(record.run["method"]), record.run["seed"]))
    return pd.DataFrame([records.row_of(record, LABELS[record.run["method"]]) for record in found])


def golden(name, text, update=False):
    """Compare with the committed file; set ``update=True`` once, by hand, when the format changes on purpose."""
    file = GOLDEN / name
    if update:
        file.write_text(text)
    assert text == file.read_text(), f"{name} changed: look at the difference, then update it on purpose"


def test_predictions_of_a_record_give_its_metrics(frame):
    for file in sorted((GOLDEN / "runs" / "smoke").glob("*seed0*.json")):
        record = records.read(file)
        p = record.predictions
        again = group_report(p["target"], (p["score"] > 0.5).astype(int), p["protected"])
        assert again["eo_max"] == pytest.approx(record.metrics["eo_max"])


def test_table3(frame, sandbox):
    ours = tables.over_seeds(frame, ("acc", "wst", "eo_max"))
    ours = ours.merge(tables.as_printed(frame)[["task", "row", "wst_of_mean", "std_of_mean"]], on=["task", "row"])
    settings = {"CelebA;T=Smiling;P=Male": "toy_faces/smiling_male"}
    columns = {name: METRICS[name] for name in ("ACC", "WST", "EO", "STD")}
    theirs = tables.printed("aimfair", "T3", settings, TABLES["T3"].printed, columns)
    report.save_table(tables.beside(ours, theirs), "t", tier="smoke", caption="Golden")
    golden("table3.csv", (paths.tables("smoke") / "t.csv").read_text())
    golden("table3.md", tables.compact(tables.beside(ours, theirs), ("acc", "wst", "eo_max")).to_markdown(index=False))


def test_scorecard(frame, sandbox):
    scorecard.save(aimfair.verdicts(frame, "golden"), "10_aimfair", tier="smoke")
    golden("scorecard.csv", scorecard.read("smoke").to_csv(index=False, lineterminator="\n", float_format="%.6f"))
