"""A notebook depends on what its data hold, not on where they lie; numbers on changed data are never old ones."""

import json
import os
import shutil

import pytest

from fairnb import paths, tasks
from fairnb.data import fingerprints
from fairnb.errors import DiskTrouble
from fairnb.evidence import layout
from fairnb.evidence.runs import Run
from fairnb.publish import notebooks

PERSON = "{age}, State-gov, 1, HS-grad, 13, Never-married, Sales, Wife, White, Male, 2174, 0, 40, Cuba, <=50K"


def book(*lines: str) -> str:
    """A notebook with a parameters cell and one with these lines."""
    cells = [("tier = 'smoke'",), lines]
    made = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": "\n".join(c),
        }
        for i, c in enumerate(cells)
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A checkout with two notebooks that have no runs and one that has, and the data root ``data`` with Adult."""
    (tmp_path / "notebooks").mkdir()
    write = {
        "11_small": book("from fairnb.data import adult", "len(adult.read())"),
        "91_roundabout": book("import somewhere_else"),
        "21_reactivate_tabular": book("from fairnb.data import (", "    subsets,", "    lfw,", ")"),
    }
    for name, text in write.items():
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(text, encoding="utf-8")
    (tmp_path / "data/adult").mkdir(parents=True)
    for part in ("data", "test"):
        lines = [PERSON.format(age=20 + i) for i in range(8)]
        (tmp_path / f"data/adult/adult.{part}").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, folder in {"HOME": "", "DATA": "data", "RESULTS": "results", "CACHE": "cache"}.items():
        monkeypatch.setenv(f"FAIRNB_{name}", str(tmp_path / folder))
    return tmp_path


def executed(name: str, tier: str = "smoke") -> None:
    """What an execution leaves: the notebook and its receipt."""
    paths.executed(tier).mkdir(parents=True, exist_ok=True)
    shutil.copy(paths.notebooks() / f"{name}.ipynb", paths.executed(tier))
    content = {"inputs": notebooks.inputs(name, tier), "outputs": [], "seconds": 1.0}
    notebooks.receipt_file(name, tier).write_text(json.dumps(content), encoding="utf-8")
    assert notebooks.why(name, tier) == ""


@pytest.mark.parametrize("name", ["11_small", "91_roundabout"])
def test_a_notebook_without_runs_depends_on_all_data_there_are(home, name):
    executed(name)
    with open(home / "data/adult/adult.data", "a", encoding="utf-8") as file:
        file.write(PERSON.format(age=50) + "\n")
    assert notebooks.why(name, "smoke") == "data of adult changed"
    executed(name)
    file = home / "data/adult/adult.test"
    old = file.stat().st_mtime_ns
    file.write_bytes(file.read_bytes().replace(b"<=50K", b">50K "))
    os.utime(file, ns=(old, old))
    assert notebooks.why(name, "smoke") == "data of adult changed"
    executed(name)
    (home / "data/adult/adult.test").unlink()
    assert (
        notebooks.why(name, "smoke") == "data of adult changed"
        and layout.data_of(name, "smoke")["data of adult"] == "none"
    )


def test_where_the_data_lie_and_what_lies_beside_them_is_nothing_to_it(home, monkeypatch):
    executed("11_small")
    (home / "data/adult/.DS_Store").write_bytes(b"x")
    (home / "data/adult/adult.names").write_bytes(b"x")
    os.utime(home / "data/adult/adult.data", (1, 1))
    (home / "data").rename(home / "moved")
    monkeypatch.setenv("FAIRNB_DATA", str(home / "moved"))
    assert notebooks.why("11_small", "smoke") == ""


def test_a_notebook_with_runs_depends_on_its_tasks_and_on_what_it_imports(home):
    own = layout.data_of("21_reactivate_tabular", "open")
    adults = {f"data of {name}" for name in ("adult/sex_aod", "adult/race_spd", "adult/sex_spd")}
    assert adults < set(own) and "data of lfw" in own and "data of utkface" not in own
    assert {own[name] for name in adults} == {tasks.fingerprint("adult/sex_aod", "open")} and own[
        "data of lfw"
    ] == "none"
    assert set(layout.data_of("21_reactivate_tabular", "smoke")) == {"data of lfw"}


def test_data_that_may_not_be_read_are_no_failure_of_other_notebooks(home, monkeypatch):
    def refused(*names, root=None):
        raise DiskTrouble("no")

    fine = layout.data_of("91_roundabout", "smoke")
    monkeypatch.setattr(fingerprints, "_of", refused)
    monkeypatch.setattr(fingerprints, "of", refused)
    assert set(layout.data_of("91_roundabout", "smoke")) == set(fine)
    assert set(layout.data_of("91_roundabout", "smoke").values()) == {"none"}


def test_the_key_of_a_run_follows_its_data_within_one_process(home):
    run = Run("adult/sex_aod", "default_model", 0, "open")
    before, file = run.key, home / "data/adult/adult.data"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"<=50K", b">50K "))
    assert run.key != before
    file.write_bytes(content)
    assert run.key == before


def test_asking_is_cheap_once_the_data_are_known(home, monkeypatch):
    monkeypatch.setattr(fingerprints, "SETTLED", -1.0)
    tasks.fingerprint("adult/sex_aod", "open")
    monkeypatch.setattr(fingerprints, "_content", lambda path: pytest.fail(f"{path} was read again"))
    for _ in range(100):
        assert tasks.fingerprint("adult/sex_aod", "open").startswith("adult-")
