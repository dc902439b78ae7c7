"""`make verify`: exact where nothing is trained, by the ledger where something is, verdicts only if they contradict."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.evidence import distribution, ledger, report, verify
from fairnb.evidence.distribution import Compared
from fairnb.publish import notebooks
from fairnb.publish.cli import commands

TRAINED = pd.DataFrame(
    {"row": ["ERM", "AIM"], "seeds": [3, 3], "acc": [88.0, 89.0], "acc_low": [87.0, 88.5], "printed_acc": [90.1, 91.2]}
)
EXACT = pd.DataFrame({"finding": ["a", None], "size": [0.25, 1.0]})
CARD = pd.DataFrame(
    {
        **{"claim": ["A1", "A2"], "verdict": ["holds", "undecided"], "rerun": ["undecided"] * 2},
        **{"printed": ["1", "2"], "seeds": [12, 3], "printed_difference": [0.1, 0.2]},
    }
)


@pytest.fixture
def both(sandbox, monkeypatch):
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    (sandbox / "notebooks").mkdir()
    _write(TRAINED, EXACT, CARD)
    assert verify.accept("smoke", notebooks.timings("smoke")) == 4
    return sandbox


def _write(trained=TRAINED, exact=EXACT, card=CARD):
    report.save_table(trained, "t_table1", tier="smoke", caption="c")
    report.save_table(exact, "audit", tier="smoke", caption="c")
    report.save_text(card.to_csv(index=False), paths.results("smoke") / "scorecard.csv")


def run():
    return CliRunner().invoke(commands, ["verify", "--tier", "smoke"])


def test_equal_results_agree_and_without_a_ledger_it_says_so(both):
    result = run()
    assert result.exit_code == 0, result.output
    assert "3 files compared at tier smoke: 1 tables as a whole, 2 in their rows and printed numbers" in result.output
    assert "the ledger has no run of theirs at tier smoke yet" in result.output
    assert "nothing differs beyond chance" in result.output


def test_trained_numbers_and_the_order_of_their_rows_are_not_compared(both):
    others = CARD.assign(seeds=[24, 3], printed_difference=[0.5, 0.25])
    _write(TRAINED.assign(acc=[10.0, 20.0], acc_low=[1.0, 2.0])[::-1], card=others)
    assert verify.compare("smoke")[1] == [], "seeds grow, and another condition may decide"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"exact": EXACT.assign(size=[0.26, 1.0])}, "a size: 0.2600, reference 0.2500 (by +0.0100)"),
        ({"exact": EXACT.assign(finding=["a", "b"])}, "finding: 'b', reference nan"),
        ({"trained": TRAINED.head(1)}, "1 rows, reference has 2"),
        ({"trained": TRAINED.rename(columns={"acc": "accuracy"})}, "columns ['acc', 'accuracy']"),
        ({"trained": TRAINED.assign(printed_acc=[90.1, 91.3])}, "printed_acc: 91.3000, reference 91.2000"),
        ({"trained": TRAINED.assign(row=["ERM", "JTT"])}, "row: 'JTT', reference 'ERM'"),
        ({"trained": TRAINED.assign(seeds=[3, 4])}, "seeds: "),
        ({"card": CARD.assign(printed=["1", "3"])}, "printed: 3.0000, reference 2.0000"),
        ({"card": CARD.assign(rerun=["reversed", "holds"])}, "A1 is 'reversed' here, and was 'holds'"),
        ({"card": CARD.assign(verdict=["reversed", "holds"])}, "A1 is 'reversed' here, and was 'holds'"),
    ],
)
def test_what_differs_is_named_with_its_size(both, change, says):
    _write(**change)
    result = run()
    assert result.exit_code == 1
    assert says in result.output and "DIFFERS" in result.output and "findings" in result.output


def test_a_verdict_that_became_another_one_is_told_and_no_finding(both):
    _write(card=CARD.assign(verdict=["no such difference", "holds"], rerun=["no such difference", "reversed"]))
    result = run()
    assert result.exit_code == 0
    assert "note: scorecard.csv: A1 is 'no such difference' here, was 'holds'" in result.output


def test_the_ledgers_last_verdict_goes_before_the_references(both):
    line = {"kind": ledger.VERDICT, "claim": "A2", "before": "not run", "seeds": 12, "version": "1"}
    ledger.write("smoke", "aimfair", [line | {"outcome": "reversed"}])
    assert verify.contradictions("smoke")[0].agrees  # undecided here
    _write(card=CARD.assign(rerun=["undecided", "holds"]))
    assert [str(one) for one in verify.contradictions("smoke")] == [
        "DIFFERS: scorecard.csv: A2 is 'holds' here, and was 'reversed'"
    ]


def test_missing_files_are_findings_and_new_ones_are_told(both):
    (paths.tables("smoke") / "audit.csv").unlink()
    report.save_table(EXACT, "new_table", tier="smoke", caption="c")
    texts = [str(found) for found in verify.compare("smoke")[1]]
    assert texts == [
        "DIFFERS: tables/audit.csv: was not made by this run",
        "note: tables/new_table.csv: has no reference yet",
    ]


@pytest.mark.parametrize(
    ("notebook", "text", "moved", "differs"),
    [
        ("03_published_numbers", "", 0.1, True),
        ("02_biased_data", "model.fit(x, y)", 0.1, False),
        ("02_biased_data", "model.fit(x, y)", 1.1, True),
        ("10_aimfair", "", 1.1, False),
        ("80_your_data", "fairnb.compare(found)", 1.1, False),
    ],
)
def test_whoever_made_a_table_says_whether_something_was_trained(both, notebook, text, moved, differs):
    (both / "notebooks" / f"{notebook}.ipynb").write_text(text)
    receipt = paths.executed("smoke") / f"{notebook}.json"
    receipt.parent.mkdir(parents=True)
    receipt.write_text(json.dumps({"outputs": [{"file": "smoke/tables/t_table1.csv"}]}))
    _write(TRAINED.assign(acc=[88.0, 89.0 + moved]))
    assert bool(verify.compare("smoke")[1]) == differs


def test_what_the_runs_say_decides_the_exit_code(both, monkeypatch):
    monkeypatch.setattr(distribution, "compare", lambda tier: Compared(["12 rows"], ["ERM on toy: accuracy 1 % here"]))
    result = run()
    assert result.exit_code == 1
    assert "12 rows" in result.output and "DIFFERS: runs: ERM on toy: accuracy 1 % here" in result.output
