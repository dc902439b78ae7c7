"""`fairnb clean` removes what this machine has made, and never what git keeps below results/."""

import shutil
import subprocess

import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.cli import commands

ROOT = paths.project()
KEPT = ("README.md", "evidence/quick/a.jsonl.xz", "reference/quick/scorecard.csv")
MADE = ("runs/quick/a.json", "tables/t.csv", "open/tables/t.csv", "scorecard.csv")


def fill(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def there(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project of its own with results, whose ``FAIRNB_RESULTS`` is not set."""
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path / "project"))
    monkeypatch.delenv("FAIRNB_RESULTS", raising=False)
    fill(tmp_path / "project" / "results", KEPT + MADE)
    return tmp_path / "project"


def clean():
    return CliRunner().invoke(commands, ["clean"])


def test_clean_leaves_what_git_keeps(home):
    assert clean().exit_code == 0
    assert there(home / "results") == set(KEPT)


@pytest.mark.parametrize("place", ["elsewhere", "project/results/evidence", "project/results/reference"])
def test_clean_spares_it_wherever_results_are(home, monkeypatch, place):
    own = home.parent / place
    if place == "elsewhere":
        fill(own, MADE)
    monkeypatch.setenv("FAIRNB_RESULTS", str(own))
    assert clean().exit_code == 0
    assert there(home / "results") == set(KEPT + MADE)
    assert place != "elsewhere" or there(own) == set()


def test_clean_refuses_a_results_folder_that_holds_the_checkout(home, monkeypatch):
    monkeypatch.setenv("FAIRNB_RESULTS", str(home))
    result = clean()
    assert result.exit_code == 2 and "holds the checkout itself" in result.stderr
    assert there(home / "results") == set(KEPT + MADE)


def test_a_link_is_removed_and_what_it_points_to_is_not(home):
    fill(home, ["other/a.csv"])
    (home / "results" / "tables" / "t.csv").unlink()
    (home / "results" / "figures").symlink_to(home / "other")
    assert clean().exit_code == 0
    assert there(home / "other") == {"a.csv"} and not (home / "results" / "figures").exists()


def test_page_and_evidence_are_the_projects_wherever_results_are(home, monkeypatch):
    monkeypatch.setenv("FAIRNB_RESULTS", str(home.parent / "elsewhere"))
    assert paths.evidence() == home / "results" / "evidence"
    assert paths.results_page() == home / "results" / "README.md"


def test_git_keeps_them_and_ignores_the_rest(home):
    rules = paths.project().joinpath(".gitignore")
    shutil.copyfile(ROOT / ".gitignore", rules)
    git = shutil.which("git")
    if git is None or subprocess.run([git, "init", "-q", home], capture_output=True).returncode:
        pytest.skip("needs git, to ask it what it ignores")
    asked = [f"results/{name}" for name in KEPT + MADE]
    command = [git, "-C", str(home), "check-ignore", "--no-index", *asked]
    ignored = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.split()
    assert ignored == [f"results/{name}" for name in MADE]
