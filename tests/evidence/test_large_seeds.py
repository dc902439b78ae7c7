"""Seeds near 2^31 work in every method of all papers: no seed arithmetic leaves what numpy and torch take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fairnb.training import methods

TESTS = Path(__file__).parents[1]


@pytest.mark.slow
def test_every_method_takes_the_largest_seed(sandbox):
    places = os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH"))))  # also where paths are safe
    done = subprocess.run(
        [sys.executable, TESTS / "large_seeds.py"],
        env=os.environ | {"FAIRNB_HEADLESS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": places},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {name: said for name, said in lines.items() if said != "ok"} == {}
    assert set(lines) == set(methods._places())
