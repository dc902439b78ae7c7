"""The strict runner, on small notebooks of our own: parameters, failures, receipts, resuming."""

import json

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from fairnb import paths
from fairnb.errors import FairnbError, UnknownName
from fairnb.publish import driver, notebooks
from fairnb.publish.cli import commands

pytestmark = pytest.mark.slow

SAVE = """import pandas as pd
from fairnb.evidence import report
report.save_table(pd.DataFrame({"row": ["a"], "x": [1.5]}), "small_table1", tier=tier, caption="A small table")"""


@pytest.fixture
def home(sandbox, monkeypatch, warm, warm_kernels):
    """A checkout of our own; ``home(name, *code)`` adds a notebook to it."""
    monkeypatch.setattr(driver, "subprocess", warm.instead_of_subprocess())
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    monkeypatch.setenv("FAIRNB_MANIFEST", "")
    monkeypatch.setenv("FAIRNB_HEADLESS", "")
    (sandbox / "notebooks").mkdir()

    def add(name, *code):
        first = new_code_cell('tier = "quick"', metadata={"tags": ["parameters"]})
        cells = [new_markdown_cell(f"# {name}"), first, *map(new_code_cell, code)]
        book = new_notebook(
            cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        )
        nbformat.write(book, sandbox / "notebooks" / f"{name}.ipynb")

    return add


def test_an_executed_notebook_leaves_a_receipt_of_its_outputs(home):
    home("11_small", SAVE)
    assert notebooks.why("11_small", "smoke") == "new"
    notebooks.execute("11_small", {"tier": "smoke"})
    receipt = notebooks.receipt("11_small", "smoke")
    assert [entry["file"] for entry in receipt["outputs"]] == [
        f"smoke/tables/small_table1.{s}" for s in ("csv", "md", "tex")
    ]
    assert "tier" in (paths.tables("smoke") / "small_table1.csv").read_text()
    assert notebooks.why("11_small", "smoke") == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda home: home("11_small", SAVE, "1"), "notebook changed"),
        (lambda home: (paths.tables("smoke") / "small_table1.csv").unlink(), "output small_table1.csv missing"),
        (lambda home: (paths.tables("smoke") / "small_table1.md").write_text("x"), "output small_table1.md altered"),
        (lambda home: (paths.executed("smoke") / "11_small.ipynb").unlink(), "new"),
        (lambda home: notebooks.receipt_file("11_small", "smoke").write_text("{"), "new"),
    ],
)
def test_why_says_what_changed(home, change, reason):
    home("11_small", SAVE)
    notebooks.execute("11_small", {"tier": "smoke"})
    change(home)
    assert notebooks.why("11_small", "smoke") == reason


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("SEEDS", "4", "seeds changed"),
        ("PRESET", "paper", "preset changed"),
        ("ATTRIBUTES", "bangs", "attributes changed"),
    ],
)
def test_another_choice_is_a_reason(home, monkeypatch, variable, value, reason):
    home("11_small", SAVE)
    notebooks.execute("11_small", {"tier": "smoke"})
    monkeypatch.setenv(f"FAIRNB_{variable}", value)
    assert notebooks.why("11_small", "smoke") == reason


def test_an_unknown_parameter_is_an_error_before_anything_runs(home):
    home("11_small", SAVE)
    with pytest.raises(UnknownName, match="unknown parameter of notebook 11_small 'teir': did you mean 'tier'"):
        notebooks.execute("11_small", {"teir": "smoke"})
    assert not paths.executed("quick").exists()


def test_an_unknown_tier_is_an_error(home):
    home("11_small", SAVE)
    with pytest.raises(UnknownName, match="unknown tier 'tiny'"):
        notebooks.execute("11_small", {"tier": "tiny"})


def test_a_cell_that_raises_is_named_and_the_red_notebook_kept(home):
    home("11_small", "x = 1", "raise ValueError('no such file: faces.zip')")
    with pytest.raises(
        FairnbError, match=r"notebook 11_small failed: cell 4 raised ValueError: no such file: faces.zip"
    ):
        notebooks.execute("11_small", {"tier": "smoke"})
    assert (paths.executed("smoke") / "11_small.failed.ipynb").exists()
    assert not (paths.executed("smoke") / "11_small.ipynb").exists()
    assert notebooks.why("11_small", "smoke") == "new"


def test_a_killed_kernel_is_a_sentence(home):
    home("11_small", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(FairnbError, match="its kernel was killed"):
        notebooks.execute("11_small", {"tier": "smoke"})


def test_reproduce_goes_on_after_a_failure_and_repeats_only_what_is_missing(home):
    home("11_good", SAVE)
    home("12_bad", "raise KeyError('x')")
    first = CliRunner().invoke(commands, ["reproduce", "--tier", "smoke", "--jobs", "2"])
    assert first.exit_code == 2
    assert "notebook 12_bad failed: cell 3 raised KeyError" in first.stderr
    assert "11_good: done" in first.stdout
    home("12_bad", "pass")
    second = CliRunner().invoke(commands, ["reproduce", "--tier", "smoke", "--jobs", "2"])
    assert second.exit_code == 0, second.output
    assert "11_good: up to date" in second.stdout
    assert "12_bad: done" in second.stdout


def test_the_synthesis_runs_again_when_another_notebook_did(home):
    home("11_small", SAVE)
    home("90_all", "print(1)")

    def run():
        result = CliRunner().invoke(commands, ["reproduce", "--tier", "smoke", "--jobs", "1"])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert "90_all: done" in run()
    assert "90_all: done" not in run()
    home("11_small", SAVE, "2")
    assert "90_all: done" in run()


def test_an_unreachable_scheduler_is_a_sentence(home, monkeypatch):
    from fairnb.evidence import engine

    monkeypatch.setenv("FAIRNB_SCHEDULER", "not-an-address")
    with pytest.raises(FairnbError, match="no Dask scheduler answers at SCHEDULER='not-an-address'"):
        list(engine.outcomes([[_Missing()]], print))


class _Missing:
    key = "0"


def test_the_receipt_is_valid_json_with_the_parameters(home):
    home("11_small", SAVE)
    notebooks.execute("11_small", {"tier": "smoke"})
    content = json.loads(notebooks.receipt_file("11_small", "smoke").read_text())
    assert content["parameters"] == {"tier": "smoke"}
    assert content["seconds"] > 0


def reproduce(*words):
    return CliRunner().invoke(commands, ["reproduce", "--tier", "smoke", "--jobs", "1", *words])


def test_a_copy_is_left_out_with_a_line_and_cannot_write_over_another_notebook_s_table(home, monkeypatch):
    home("11_small", SAVE)
    home("11_small-Copy1", SAVE.replace("1.5", "2.5"))
    home("12_conflict")
    (paths.notebooks() / "12_conflict.ipynb").write_text("<<<<<<< HEAD\n{}\n")
    home("81_copy", SAVE.replace("1.5", "2.5"))
    result = reproduce()
    assert result.exit_code == 2 and "left out: 11_small-Copy1.ipynb (" in result.stdout
    assert "11_small: done" in result.stdout and "12_conflict.ipynb has a merge conflict in line 1" in result.stderr
    assert (
        "81_copy failed: cell 3 raised BadData: notebook 81_copy would write over smoke/tables/small" in result.stderr
    )
    assert "1.5" in (paths.tables("smoke") / "small_table1.csv").read_text()
    assert "11_small: up to date" in reproduce("--only", "11").stdout


def test_two_at_once_are_told_apart(home):
    from fairnb.publish import alone

    home("11_small", SAVE)
    with alone.alone(paths.executed("smoke") / ".reproduce", "it"):
        result = reproduce()
    assert result.exit_code == 2 and "`make reproduce` is being executed in" in result.stderr
    assert not paths.tables("smoke").exists()


def test_a_setting_that_nobody_reads_is_refused_and_a_known_one_reaches_the_notebook(home, monkeypatch):
    home("11_small", "import os; assert os.environ['FAIRNB_SCHEDULER'] == 'tcp://mine:1'")
    monkeypatch.setenv("FAIRNB_RESULT", "/somewhere")
    for command in ("reproduce", "plan"):
        result = CliRunner().invoke(commands, [command, "--tier", "smoke"])
        assert result.exit_code == 2 and "did you mean 'FAIRNB_RESULTS'" in result.stderr
    monkeypatch.delenv("FAIRNB_RESULT")
    monkeypatch.setenv("FAIRNB_SCHEDULER", "tcp://mine:1")
    assert reproduce().exit_code == 0


def test_what_is_no_receipt_means_that_it_runs_again(home):
    home("11_small", SAVE)
    for text in ("[]", "null", "{}", '{"inputs": {}}'):
        paths.executed("smoke").mkdir(parents=True, exist_ok=True)
        notebooks.receipt_file("11_small", "smoke").write_text(text)
        assert notebooks.receipt("11_small", "smoke") is None and notebooks.why("11_small", "smoke") == "new"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device"), "notebook 11_small failed: the disk is full"),
        (ZeroDivisionError("by zero"), "notebook 11_small failed: ZeroDivisionError: by zero"),
        (FairnbError("notebook 11_small failed: cell 3"), "notebook 11_small failed: cell 3"),
    ],
)
def test_the_last_line_names_the_notebook_whatever_went_wrong(monkeypatch, capsys, sandbox, error, sentence):
    def fail(*_):
        raise error

    monkeypatch.setattr(notebooks, "execute", fail)
    monkeypatch.setattr("sys.argv", ["notebooks", "11_small", "smoke"])
    monkeypatch.setattr(notebooks, "_end_with", lambda parent: None)
    assert notebooks.main() == 1
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith(sentence)


def test_a_broken_record_has_no_part_in_the_measured_times(sandbox):
    (paths.runs() / "smoke").mkdir(parents=True)
    (paths.runs() / "smoke" / "erm-seed0-0123456789abcdef.json").write_text("{", encoding="utf-8")
    assert notebooks.timings("smoke").empty


def test_a_room_adds_its_own_words_to_the_command():
    result = CliRunner().invoke(commands, ["party", "--help"])
    assert result.exit_code == 0 and {"certificate", "serve", "verify"} <= set(result.stdout.split())
    assert "party" in CliRunner().invoke(commands, ["--help"]).stdout
