"""``fairnb evidence``, ``decide``, ``audit-evidence``, the claims in ``plan``, and what `make clean` knows of them."""

import json
import os

import made_up_runs as made
import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.data import settings
from fairnb.evidence import auditing, clone, deciding, engine, ledger, plans
from fairnb.evidence.auditing import Audit
from fairnb.publish import alone, books, cleaning, evidence_commands, planning
from fairnb.publish.cli import commands


@pytest.fixture
def checkout(sandbox, tmp_path, monkeypatch):
    """A checkout of its own with the made-up claims."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    monkeypatch.setenv("FAIRNB_HEADLESS", "1")
    monkeypatch.delenv("FAIRNB_SEEDS", raising=False)
    made.use(monkeypatch)
    monkeypatch.setattr(engine, "outcomes", made.outcomes())
    monkeypatch.setattr(os, "nice", lambda by: by)
    monkeypatch.setattr(settings, "check", lambda: None)
    monkeypatch.setattr(clone, "require_clone", lambda: None)
    monkeypatch.setattr(books, "select", lambda only="": [made.NOTEBOOK])
    return tmp_path


def run(*words: str):
    return CliRunner().invoke(commands, list(words))


def test_evidence_prints_what_it_wrote_and_what_it_did_not(checkout):
    made.finish(*made.grid("quick"))
    made.finish(made.row("Base", 8), commit="unknown")
    found = run("evidence", "--tier", "quick")
    assert found.exit_code == 0
    assert "9 runs of reactivate: results/evidence/quick/reactivate/" in found.output
    assert "not given: 1 record, made from uncommitted changes" in found.output
    assert run("evidence", "--tier", "smoke").exit_code == 2


def test_decide_says_what_was_decided(checkout):
    made.finish(*made.grid("quick"))
    found = run("decide", "--budget", "600", "--jobs", "1")
    assert found.exit_code == 0, found.output
    assert "R2 holds (" in found.output
    dry = run("decide", "--dry", "--jobs", "1").output
    assert dry.endswith("0 claims are open; 60 min of 1 at a time; nothing was run\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--budget", "soon"), "BUDGET='soon' is no number"),
        (("--jobs", "two"), "JOBS='two' is no number"),
        (("--only", "Z9"), "unknown claim or paper 'Z9'"),
        (("--tier", "smoke"), "runs of tier smoke are no evidence"),
        (("--tier", "huge"), "unknown tier 'huge'"),
    ],
)
def test_what_cannot_be_decided_is_one_sentence(checkout, words, said):
    found = run("decide", *words)
    assert found.exit_code == 2
    assert said in found.output
    assert len(found.output.strip().splitlines()) == 1


@pytest.mark.parametrize("tier", ["quick", "open"])
def test_decide_comes_after_a_reproduce_in_the_same_folder(checkout, tier):
    with alone.alone(paths.executed(tier) / ".reproduce", "`make reproduce`"):
        found = run("decide", "--jobs", "1")
    assert found.exit_code == 2
    assert "`make reproduce` is being executed in" in found.output
    assert "`make decide`" not in found.output


def test_one_decide_at_a_time_and_no_clean_meanwhile(checkout):
    with evidence_commands.deciding_alone():
        for words in (("decide", "--jobs", "1"), ("clean",)):
            found = run(*words)
            assert found.exit_code == 2
            assert "`make decide` is being executed in" in found.output


def test_decide_is_nice_and_a_stop_keeps_its_exit_code(checkout, monkeypatch):
    nice = []
    monkeypatch.setattr(os, "nice", nice.append)

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(deciding, "decide", stop)
    found = run("decide")
    assert found.exit_code == 130
    assert nice == [19]
    assert "the same command goes on from here" in found.output


@pytest.mark.parametrize(("credible", "code"), [(True, 0), (False, 1)])
def test_an_audit_exits_by_what_it_found(checkout, monkeypatch, credible, code):
    made.ledger_of(made.row("Base", 3))
    monkeypatch.setattr(auditing, "audit", lambda line, run: Audit(credible, f"seed {run.seed} is as it is"))
    found = run("audit-evidence")
    assert found.exit_code == code
    assert "which took 30 s on" in found.output
    assert found.output.endswith("seed 3 is as it is\n")
    [line] = ledger.read("quick")
    assert run("audit-evidence", line["key"]).exit_code == code
    assert "no line with experiment key 'ffff'" in run("audit-evidence", "ffff").output


def test_plan_ends_with_what_each_claim_needs(checkout, monkeypatch):
    monkeypatch.setattr(planning, "plan", lambda tier, only: None)
    made.finish(*made.grid("quick"))
    lines = run("plan").output.splitlines()
    assert lines[-3].split() == ["claim", "outcome", "seeds", "needed", "minutes"]
    assert lines[-2].split() == ["R2", "undecided", "3", "6", "3.0"]
    assert run("plan", "--tier", "smoke").output == ""


def test_clean_knows_the_names_of_plans(checkout):
    plan = plans.new("quick", ())
    plan.begin([("a row", 1)])
    assert json.loads(plan.file.read_text())["begun"] == [["a row", 1]]
    with evidence_commands.deciding_alone():
        pass
    assert cleaning.clean() == []
    assert not plans.folder().exists()
