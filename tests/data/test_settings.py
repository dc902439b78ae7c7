"""Every environment variable is known in one place; a name that nobody reads is refused."""

import os
import re
from pathlib import Path

import pytest

from fairnb import paths
from fairnb.data import settings
from fairnb.errors import UnknownName


@pytest.fixture(autouse=True)
def none_set(monkeypatch):
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)


def named(*files):
    return {name for file in files for name in re.findall(r"\bFAIRNB_[A-Z0-9_]*[A-Z0-9]\b", file.read_text("utf-8"))}


def test_the_list_has_every_variable_that_is_read_and_no_other():
    root, own = paths.CHECKOUT, Path(settings.__file__)
    product = [file for file in (root / "fairnb").rglob("*.py") if file != own]
    product += [root / "Makefile", *(root / "docs").glob("*.md"), *(root / "scripts").glob("*.py")]
    tests = [file for file in (root / "tests").rglob("*.py") if file != Path(__file__)]
    assert named(*product) <= set(settings.KNOWN) <= named(*product, *tests)
    assert len(set(settings.KNOWN)) == len(settings.KNOWN)


@pytest.mark.parametrize("name", settings.KNOWN)
def test_a_known_setting_is_no_error(monkeypatch, name):
    monkeypatch.setenv(name, "x")
    settings.check()


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("FAIRNB_RESULT", "FAIRNB_RESULTS"), ("FAIRNB_SEED", "FAIRNB_SEEDS"), ("FAIRNB_DATA_DIR", "FAIRNB_DATA")],
)
def test_a_setting_that_nobody_reads_is_refused_with_the_nearest_one(monkeypatch, wrong, meant):
    monkeypatch.setenv(wrong, "/somewhere")
    with pytest.raises(UnknownName, match=f"unknown environment variable '{wrong}': did you mean '{meant}'"):
        settings.check()


def test_an_empty_setting_is_none(monkeypatch):
    """``make`` exports those that it was not given."""
    monkeypatch.setenv("FAIRNB_TIER", "")
    settings.check()


def test_workers_are_told_folders_as_absolute_paths_and_choices_even_where_none_is_made(monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
    monkeypatch.setenv("FAIRNB_RESULTS", "out")
    monkeypatch.setenv("FAIRNB_SEEDS", " 3 ")
    monkeypatch.setenv("FAIRNB_LM_KEY", "secret")
    assert settings.for_workers() == {
        "FAIRNB_HOME": str(tmp_path),
        "FAIRNB_RESULTS": str(tmp_path / "out"),
        "FAIRNB_SEEDS": "3",
        "FAIRNB_PRESET": "",
        "FAIRNB_ATTRIBUTES": "",
    }


def test_a_worker_forgets_what_the_last_one_who_asked_had_set(monkeypatch):
    monkeypatch.setenv("FAIRNB_CACHE", "/own")
    own = dict(os.environ)
    settings.take({"FAIRNB_RESULTS": "/a", "FAIRNB_CACHE": "/b", "FAIRNB_SEEDS": "1"}, own)
    assert (os.environ["FAIRNB_RESULTS"], os.environ["FAIRNB_CACHE"]) == ("/a", "/b")
    settings.take({"FAIRNB_SEEDS": ""}, own)
    assert "FAIRNB_RESULTS" not in os.environ and os.environ["FAIRNB_CACHE"] == "/own"
    monkeypatch.delenv("FAIRNB_SEEDS")
