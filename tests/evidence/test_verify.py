"""`make verify`: says what differs and by how much."""

import pandas as pd
import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.cli import commands
from fairnb.evidence import report, verify
from fairnb.publish import notebooks

TRAINED = pd.DataFrame({"row": ["ERM", "AIM"], "acc": [88.0, 89.0], "acc_low": [87.0, 88.5], "acc_high": [89.0, 89.5]})
EXACT = pd.DataFrame({"finding": ["a"], "size": [0.25]})
CARD = pd.DataFrame({"claim": ["A1"], "verdict": ["holds"], "ours": ["1"], "note": ["n"]})


@pytest.fixture
def both(sandbox, monkeypatch):
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    (sandbox / "notebooks").mkdir()
    _write(TRAINED, EXACT, CARD)
    assert verify.accept("smoke", notebooks.timings("smoke")) == 4
    return sandbox


def _write(trained, exact, card):
    report.save_table(trained, "t_table1", tier="smoke", caption="c")
    report.save_table(exact, "audit", tier="smoke", caption="c")
    report.save_text(card.to_csv(index=False), paths.results("smoke") / "scorecard.csv")


def differences():
    return [(d.agrees, str(d)) for d in verify.compare("smoke")[1]]


def test_equal_results_agree(both):
    assert differences() == []
    result = CliRunner().invoke(commands, ["verify", "--tier", "smoke"])
    assert result.exit_code == 0 and "3 files compared" in result.output


def test_a_mean_inside_the_references_interval_agrees_and_is_still_reported(both):
    _write(TRAINED.assign(acc=[88.4, 89.0]), EXACT, CARD)
    [(agrees, text)] = differences()
    assert agrees and "acc: 88.4000, reference 88.0000 (by +0.4000)" in text and "ERM" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trained", "exact", "card", "says"),
    [
        (TRAINED.assign(acc=[90.0, 89.0]), EXACT, CARD, "by +2.0000"),
        (TRAINED, EXACT.assign(size=0.26), CARD, "by +0.0100"),
        (TRAINED.head(1), EXACT, CARD, "1 rows, reference has 2"),
        (TRAINED.rename(columns={"acc": "accuracy"}), EXACT, CARD, "columns ['acc', 'accuracy']"),
        (TRAINED, EXACT, CARD.assign(verdict="undecided"), "verdict: 'undecided', reference 'holds'"),
    ],
)
def test_what_differs_is_named_with_its_size(both, trained, exact, card, says):
    _write(trained, exact, card)
    result = CliRunner().invoke(commands, ["verify", "--tier", "smoke"])
    assert result.exit_code == 1
    assert says in result.output and "DIFFERS" in result.output


def test_missing_and_new_files_are_named(both):
    (paths.tables("smoke") / "audit.csv").unlink()
    report.save_table(EXACT, "new_table", tier="smoke", caption="c")
    texts = " ".join(text for _, text in differences())
    assert "tables/audit.csv: was not made by this run" in texts
    assert "tables/new_table.csv: has no reference yet" in texts
