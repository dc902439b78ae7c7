"""One checkout's results come from its own code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairnb import paths
from fairnb.errors import FairnbError
from fairnb.evidence import clone, provenance


def checkout(folder, name="fairnb"):
    (folder / "fairnb").mkdir(parents=True)
    (folder / "fairnb" / "__init__.py").write_text("")
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\n')
    return folder


@pytest.mark.parametrize("below", [".", "notebooks/deep"])
def test_the_code_of_another_clone_is_refused_anywhere_in_a_checkout(tmp_path, monkeypatch, below):
    place = checkout(tmp_path / "clone") / below
    place.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(place)
    monkeypatch.setenv("PYTHONPATH", str(paths.CHECKOUT))
    told = rf"the checkout {tmp_path}/clone, but the code .* comes from {paths.CHECKOUT} .PYTHONPATH="
    with pytest.raises(FairnbError, match=told):
        clone.require_clone()


@pytest.mark.parametrize("make", [lambda folder: checkout(folder, "fairnb_mine"), Path.mkdir])
def test_any_other_folder_is_no_checkout(tmp_path, monkeypatch, make):
    make(tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")
    clone.require_clone()


def test_a_link_to_this_checkout_is_this_checkout(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(paths.CHECKOUT)
    monkeypatch.chdir(tmp_path / "link")
    clone.require_clone()


@pytest.mark.slow
@pytest.mark.parametrize("words", [["plan"], ["reproduce", "--only", "01"]])
def test_the_commands_refuse_it(tmp_path, words):
    place, environment = checkout(tmp_path / "clone"), os.environ | {"FAIRNB_RESULTS": str(tmp_path / "results")}
    program = "import sys; from fairnb.publish.cli import main; sys.argv[0] = 'fairnb'; main()"
    said = subprocess.run(
        [sys.executable, "-P", "-c", program, *words, "--tier", "smoke"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.returncode == 2 and "but the code that runs comes from" in said.stderr
    assert "Traceback" not in said.stderr and not (tmp_path / "results").exists()


def test_a_kernel_runs_what_its_runner_runs(monkeypatch):
    monkeypatch.setenv(clone.RUNNER, clone.signature())
    clone.require_runner()
    monkeypatch.setenv(clone.RUNNER, f"{provenance.code_hash()} /another/fairnb")
    with pytest.raises(FairnbError, match="the kernel imports fairnb from .*, its runner from /another/fairnb"):
        clone.require_runner()
    monkeypatch.setenv(clone.RUNNER, f"0123456789abcdef {paths.CHECKOUT / 'fairnb'}")
    with pytest.raises(FairnbError, match="the kernel runs other code"):
        clone.require_runner()
    monkeypatch.delenv(clone.RUNNER)  # JupyterLab: nobody signs
    clone.require_runner()


def test_processes_that_are_started_find_this_package_first(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/another/clone")
    assert clone.environment() == {"PYTHONPATH": f"{paths.CHECKOUT}{os.pathsep}/another/clone"}
    monkeypatch.setenv("PYTHONPATH", str(paths.CHECKOUT))
    assert clone.environment() == {}
    monkeypatch.delenv("PYTHONPATH")
    assert clone.environment() == {"PYTHONPATH": str(paths.CHECKOUT)}
    monkeypatch.setattr(clone, "_package", lambda: Path("/usr/lib/site-packages/fairnb"))
    assert clone.environment() == {}
