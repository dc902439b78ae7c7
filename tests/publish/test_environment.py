"""pyproject.toml, requirements.lock and environment.yml say the same; the Makefile and CI call what the README says."""

import errno
import os
import re
import subprocess
import sys
import tomllib

import pytest
import stranger
import yaml
from click.testing import CliRunner
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fairnb import paths
from fairnb.data import registry
from fairnb.publish import environment
from fairnb.publish.cli import commands

ROOT = paths.project()


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pinned(python):
    """Name -> version for a Python version on Linux."""
    setting = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "extra": "",
    }
    chosen = [r for r in lock() if r.marker is None or Marker(str(r.marker)).evaluate(setting)]
    found = {}
    for requirement in chosen:
        name = canonicalize_name(requirement.name)
        assert name not in found, f"{name} is locked twice for Python {python}"
        found[name] = str(requirement.specifier).removeprefix("==")
    return found


def test_the_lock_meets_every_requirement_on_both_pythons():
    wanted = [Requirement(text) for text in [*project()["dependencies"], *project()["optional-dependencies"]["dev"]]]
    for python in ("3.11", "3.12"):
        found = pinned(python)
        for requirement in wanted:
            name = canonicalize_name(requirement.name)
            assert name in found, f"{name} is not locked for Python {python}"
            assert requirement.specifier.contains(found[name]), f"{name} {found[name]} does not fit {requirement}"


def test_the_conda_environment_repeats_the_lock():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    [pip] = [entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict)]
    assert pip == [str(line) for line in (ROOT / "requirements.lock").read_text().splitlines() if line]
    assert f"python{project()['requires-python']}" in [str(entry) for entry in content["dependencies"]]


def test_this_environment_is_the_locked_one():
    from importlib.metadata import version

    found = pinned(f"{sys.version_info.major}.{sys.version_info.minor}")
    for name in ("torch", "torchvision", "numpy", "pandas", "papermill", "distributed"):
        assert version(name).split("+")[0] == found[name], name


def test_the_lock_names_no_index():
    assert not re.search(r"https?://|--index|--extra-index|--find-links", (ROOT / "requirements.lock").read_text())


def test_the_makefile_has_the_promised_targets_and_help_is_the_default():
    text = (ROOT / "Makefile").read_text()
    for target in ("help", "reproduce", "test", "lab", "plan", "verify", "data", "clean"):
        assert re.search(rf"^{target}:", text, re.M), target
    shown = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert shown.returncode == 0 and "make reproduce" in shown.stdout and "TIER=" in shown.stdout


def test_the_cpu_build_of_torch_leaves_cuda_out_and_another_choice_is_refused():
    command = ["make", "-n", "-W", "requirements.lock", "env", "TORCH=cpu"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    [pattern] = re.findall(r"grep -vE '(.+)' requirements.lock", shown)
    left = {r.name for r in lock() if not re.match(pattern, r.name)}
    gone = {r.name for r in lock()} - left
    assert {"torch", "torchvision"} <= left and {"cuda-toolkit", "nvidia-cublas", "triton"} <= gone
    assert not [name for name in left if re.search("nvidia|cuda|cu13|triton", name)]
    assert "--torch-backend=cpu" in shown
    command[-1] = "TORCH=gpu"
    refused = subprocess.run(command[:1] + command[2:], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and "TORCH=gpu is no build of torch" in refused.stdout


def test_ci_calls_the_readmes_test_command():
    assert "make test" in (ROOT / ".ci" / "run").read_text()
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make reproduce" in (ROOT / "README.md").read_text()


def test_the_environment_check_passes_here_and_says_what_to_do_elsewhere(monkeypatch):
    assert all(check.ok for check in environment.checks()), [str(c) for c in environment.checks() if not c.ok]
    monkeypatch.setattr(environment, "PACKAGES", ("no-such-package",))
    [failed] = [check for check in environment.checks() if not check.ok]
    assert str(failed) == "[FAIL] no-such-package: not installed  ->  run `make env`"


def test_the_check_names_folders_that_refuse(monkeypatch, tmp_path):
    def failed():
        return [str(check) for check in environment.checks() if not check.ok]

    with stranger.open_folder() as folder:
        (folder / "data").mkdir(mode=0o700)
        (folder / "results").mkdir(mode=0o755)
        monkeypatch.setenv("FAIRNB_DATA", str(folder / "data" / "UTKFace"))
        monkeypatch.setenv("FAIRNB_RESULTS", str(folder / "results"))
        monkeypatch.setenv("FAIRNB_CACHE", str(folder / "results" / "not" / "yet"))
        monkeypatch.setattr(environment, "_gpu", environment._python)  # torch is heavy
        monkeypatch.setattr(environment, "PACKAGES", ())  # another user may not look into a checkout of `mktemp -d`
        results, cache, data = stranger.asks(failed)
    assert results == (
        f"[FAIL] folder of results: {folder}/results  ->  it cannot be written: name a folder that can with "
        "FAIRNB_RESULTS"
    )
    assert cache.startswith(f"[FAIL] folder of cache: {folder}/results/not/yet  ->  it cannot be written: name")
    assert data.startswith(f"[FAIL] real data: {folder}/data/UTKFace  ->  {folder}/data/UTKFace cannot be used (Perm")
    monkeypatch.setenv("FAIRNB_RESULTS", str(tmp_path / "results"))
    assert not [line for line in failed() if "results" in line and "cache" not in line]


class TestCommand:
    """What the system refuses anywhere in a command is one sentence, and exit code 2."""

    @pytest.fixture
    def said(self, monkeypatch):
        def run(error):
            def refused(*_):
                raise error

            monkeypatch.setattr(registry, "main_table", refused)
            return CliRunner().invoke(commands, ["data"])

        return run

    @pytest.mark.parametrize(
        ("number", "sentence"),
        [
            (errno.EACCES, r"fairnb: /x/data cannot be used \(Permission denied\): .* the right"),
            (errno.EROFS, r"fairnb: /x/data cannot be written \(Read-only file system\): make its disk writable"),
            (errno.EIO, r"fairnb: /x/data cannot be used \(Input/output error\): check that disk"),
            (errno.EMFILE, r"fairnb: /x/data cannot be used \(Too many open files\): raise the limit of open files"),
            (errno.ENOLCK, r"fairnb: /x/data cannot be used \(No locks available\): this disk has no locks"),
        ],
    )
    def test_a_disk_that_refuses_is_a_sentence(self, said, number, sentence):
        result = said(OSError(number, os.strerror(number), "/x/data"))
        assert result.exit_code == 2 and re.match(sentence, result.stderr) and result.stderr.count("\n") == 1

    def test_a_connection_that_refuses_is_a_sentence(self, said):
        result = said(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert result.stderr.startswith("fairnb: the system refuses (Connection refused): ")

    def test_a_reader_that_went_away_is_clicks_affair(self, said):
        result = said(BrokenPipeError(errno.EPIPE, "Broken pipe"))
        assert (result.exit_code, result.stderr) == (1, "")


class TestFolders:
    """Every folder that a variable names is absolute, whoever works where."""

    def test_a_command_takes_them_from_where_it_is_called(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", "/home/me")
        for name, value in zip(paths.FOLDERS, ("clone", "out", "~/cache", "../data", ""), strict=True):
            monkeypatch.setenv(name, value)
        paths.settle()
        found = [os.environ[name] for name in paths.FOLDERS]
        assert found == [f"{tmp_path}/clone", f"{tmp_path}/out", "/home/me/cache", f"{tmp_path.parent}/data", ""]
        assert paths.results("smoke") == tmp_path / "out" / "smoke" and paths.imagenet() == paths.data() / "weights"

    def test_a_kernel_finds_relative_ones_in_the_checkout_wherever_it_works(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", "/home/me")
        monkeypatch.delenv("FAIRNB_HOME", raising=False)
        for name, value in zip(paths.FOLDERS[1:], ("out", "~/cache", "../data", "weights/"), strict=True):
            monkeypatch.setenv(name, value)
        for place in (ROOT / "notebooks", tmp_path):
            monkeypatch.chdir(place)
            assert (paths.results_root(), paths.runs()) == (ROOT / "out", ROOT / "out" / "runs")
            assert (str(paths.cache()), paths.data()) == ("/home/me/cache", ROOT.parent / "data")
            assert paths.imagenet() == ROOT / "weights"
        monkeypatch.setenv("FAIRNB_HOME", "notebooks")
        assert paths.project() == ROOT / "notebooks" and paths.results_root() == ROOT / "notebooks" / "out"
