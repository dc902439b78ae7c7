"""pyproject.toml, requirements.lock and environment.yml say the same; the Makefile and CI call what the README says."""

import re
import subprocess
import sys
import tomllib

import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fairnb import paths
from fairnb.publish import environment

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
