"""A copied notebook does not write over the tables of the notebook that it was copied from."""

import json

import pandas as pd
import pytest

from fairnb import paths
from fairnb.errors import BadData
from fairnb.evidence import owners, report

TABLE = "smoke/tables/shared.csv"


@pytest.fixture
def running(sandbox, monkeypatch):
    """``running(name)`` is a notebook at work in a checkout of our own, where ``10_real`` is one of fairnb's."""
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    monkeypatch.setattr(owners, "is_ours", lambda name: name == "10_real")
    for folder in (paths.notebooks(), paths.executed("smoke")):
        folder.mkdir(parents=True)

    def run(name):
        (paths.notebooks() / f"{name}.ipynb").touch()
        outputs = owners.list_of(name, paths.executed("smoke"))
        outputs.touch()
        monkeypatch.setenv(report.MANIFEST, str(outputs))

    return run


def save(value):
    return report.save_table(pd.DataFrame({"x": [value]}), "shared", tier="smoke", caption="c")


def done(name):
    """It has ended and has a receipt."""
    outputs = owners.list_of(name, paths.executed("smoke"))
    entries = [json.loads(line) for line in outputs.read_text().splitlines()]
    (paths.executed("smoke") / f"{name}.json").write_text(json.dumps({"outputs": entries}))
    outputs.unlink()


@pytest.mark.parametrize("end", [True, False])
def test_a_copy_is_refused_while_the_other_runs_and_after_it(running, end):
    running("10_real")
    save(1)
    if end:
        done("10_real")
    running("81_copy")
    with pytest.raises(BadData, match=rf"notebook 81_copy would write over {TABLE}, which is made by 10_real"):
        save(2)
    assert (
        "1.0" in (paths.results_root() / TABLE).read_text() or "smoke,1" in (paths.results_root() / TABLE).read_text()
    )


def test_our_own_notebook_takes_its_table_back(running):
    running("81_copy")
    save(2)
    done("81_copy")
    running("10_real")
    save(1)
    assert "smoke,1" in (paths.results_root() / TABLE).read_text()


def test_a_notebook_writes_its_own_table_again_and_that_of_one_that_is_gone(running):
    for name in ("81_mine", "81_mine", "82_renamed"):
        running(name)
        save(3)
        done(name)
        (paths.notebooks() / f"{name}.ipynb").unlink()


def test_a_torn_receipt_says_nothing(running):
    running("10_real")
    (paths.executed("smoke") / "10_real.json").write_text("[")
    running("81_mine")
    save(1)


def test_ours_are_those_that_rooms_run_and_those_of_the_reference():
    assert owners.is_ours("10_aimfair") and owners.is_ours("01_fairness_metrics") and not owners.is_ours("10_old")
