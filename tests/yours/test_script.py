"""A stranger's script: five lines, no guard, worker processes, an installed package, an empty folder."""

import os
import subprocess
import sys

import pytest

from fairnb import paths

SCRIPT = """
import fairnb

found = fairnb.read("faces.csv", target="smiles", protected="sex")
settings = {"size": 16, "width": 4, "pretrain_epochs": 1}
print(fairnb.compare(found, methods=["cvar_dro"], seeds=2, jobs=2, settings=settings))
print("once")
"""


@pytest.mark.slow
def test_a_script_without_a_guard_uses_worker_processes(faces, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    places = {"FAIRNB_RESULTS": tmp_path / "r", "FAIRNB_CACHE": tmp_path / "c", "PYTHONPATH": paths.project()}
    own = {name: str(place) for name, place in places.items()}
    ended = subprocess.run(
        [sys.executable, tmp_path / "script.py"], cwd=faces, env=os.environ | own, capture_output=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr.decode()
    assert "CVaR DRO" in ended.stdout.decode() and ended.stdout.decode().count("once") == 1
