"""A sixth paper in a distribution of its own is found, run and judged like the five."""

import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from fairnb import paths
from fairnb.errors import BadData
from fairnb.publish import new_paper
from fairnb.publish.cli import commands

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """What ``fairnb new-paper`` writes to a folder outside the package, announced as an installation would do it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    result = CliRunner().invoke(commands, ["new-paper", "sixth", "--title", "The sixth", "--into", str(folder)])
    assert result.exit_code == 0 and "60_sixth.ipynb" in result.output, result.output
    about = folder / "sixth-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sixth\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[fairnb.papers]\nsixth = fairnb_sixth\n")
    return folder


def run(folder, *words, launch=subprocess.Popen):
    """A command that sees the folder as a checkout of its own, and this package as installed."""
    there = os.pathsep.join([str(folder), str(paths.project())])
    moved = {f"FAIRNB_{name}": str(folder / name.lower()) for name in ("RESULTS", "CACHE", "DATA")}
    environment = os.environ | moved | {"FAIRNB_HOME": str(folder), "PYTHONPATH": there, "FAIRNB_SEEDS": ""}
    pipe = subprocess.PIPE
    with launch([sys.executable, *words], cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, f"{out}{errors}"
    return out or errors  # a warm process says all in one place


def test_its_notebook_gives_a_table_a_claim_and_a_verdict(elsewhere, warm):
    run(elsewhere, "-m", "fairnb.publish.notebooks", "60_sixth", "smoke", launch=warm.Process)
    results = elsewhere / "results" / "smoke"
    table = pd.read_csv(results / "tables" / "sixth_table1.csv")
    assert (
        list(table["row"]) == ["ERM", "The sixth"] and table["eo_max"].notna().all() and set(table["tier"]) == {"smoke"}
    )
    assert (results / "figures" / "sixth_table1.png").is_file()
    [verdict] = json.loads((results / "verdicts" / "60_sixth.json").read_text())
    assert (verdict["claim"], verdict["paper"], verdict["verdict"]) == ("SIXTH1", "sixth", "undecided")


def test_it_stands_beside_the_five(elsewhere, warm):
    (elsewhere / "beside.py").write_text(
        "from fairnb import registry, tasks\n"
        "from fairnb.evidence import layout, reported\n"
        "from fairnb.training import methods\n"
        "print(list(registry.rooms())[-1], 'sixth' in methods.names())\n"
        "print('toy_faces/sixth' in tasks.known())\n"
        "print(len(layout.grid_of('60_sixth', 'smoke')), list(reported.claims()['id'])[-1])"
    )
    said = run(elsewhere, "-m", "beside", launch=warm.Process)
    assert said.split() == ["sixth", "True", "True", "2", "SIXTH1"]


def test_its_own_test_is_collected(elsewhere):
    assert "1 test" in run(elsewhere, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "tests")


@pytest.mark.parametrize(
    ("slug", "sentence"),
    [("asac", "there is a paper 'asac' in"), ("Fair GAN", "'Fair GAN' cannot name a paper: give a lower-case")],
)
def test_a_name_that_will_not_do_is_a_sentence(slug, sentence, tmp_path):
    with pytest.raises(BadData, match=sentence):
        new_paper.write(slug, into=tmp_path)


def test_nothing_that_is_there_is_overwritten(elsewhere):
    before = (elsewhere / "pyproject.toml").read_text()
    with pytest.raises(BadData, match="is already there: move it away"):
        new_paper.write("sixth", into=elsewhere)
    assert (elsewhere / "pyproject.toml").read_text() == before


def test_in_the_checkout_it_is_a_room_like_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "project", lambda: tmp_path)
    written = {str(file.relative_to(tmp_path)) for file in new_paper.write("seventh")}
    assert {
        "fairnb/papers/seventh/paper.py",
        "notebooks/60_seventh.ipynb",
        "tests/papers/seventh/test_seventh.py",
    } <= written
    assert "from fairnb.papers.seventh.tasks import TASK" in (tmp_path / "fairnb/papers/seventh/tiers.py").read_text()
