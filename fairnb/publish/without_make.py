"""``fairnb test`` and ``fairnb lab``: what the Makefile does by a shell, for systems that have none."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import click

from fairnb import paths
from fairnb.errors import FairnbError
from fairnb.evidence import clone

FAST = ("-m", "not slow")


@click.command()
@click.option("--jobs", default="auto", show_default=True, help="test processes")
@click.option("--fast", is_flag=True, help="leave out the tests that are marked slow")
@click.argument("files", nargs=-1)
def test(jobs: str, fast: bool, files: tuple[str, ...]) -> None:
    """Run the tests of this checkout, or of FILES, as `make test` does."""
    if not (paths.project() / "tests").is_dir():
        raise FairnbError(f"{paths.project()} has no tests: they come with a clone of the repository, so go there")
    if not (find_spec("pytest") and find_spec("xdist")):
        raise FairnbError("pytest and pytest-xdist are not installed: `pip install -r requirements.lock` brings them")
    _run("pytest", "-n", jobs, "--dist", "loadfile", *(FAST if fast else ()), *files)


@click.command()
def lab() -> None:
    """Open the notebooks in JupyterLab."""
    _run("jupyterlab", str(paths.notebooks()))


def _run(module: str, *words: str) -> None:
    """Run a module by this Python in the checkout and end with its exit code; one thread a process, as in `make`."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | clone.environment()
    sys.exit(subprocess.call([sys.executable, "-m", module, *words], cwd=paths.project(), env=environment))


COMMANDS = (test, lab)
