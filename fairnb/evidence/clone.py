"""Whose code runs: a checkout's results come from its own code, and kernels and workers run what their caller runs."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

from fairnb import paths
from fairnb.errors import FairnbError
from fairnb.evidence import provenance

RUNNER = "FAIRNB_RUNNER"  # set for a kernel by the notebook runner: the code that both must run


def signature() -> str:
    """The code that this process runs: its hash, and the folder that the package was imported from."""
    return f"{provenance.code_hash()} {_package()}"


def environment() -> dict[str, str]:
    """What a Python that is started here must be told to import this package: its checkout comes first.

    An installed package is found by itself.
    """
    checkout, given = _package().parent, os.environ.get("PYTHONPATH", "")
    if not _is_checkout(checkout) or given.split(os.pathsep)[0] == str(checkout):
        return {}
    return {"PYTHONPATH": os.pathsep.join(filter(None, (str(checkout), given)))}


def require_runner() -> None:
    """In a kernel: refuse to run other code than the runner that started it (``RUNNER``), which signs for it.

    Raises:
        FairnbError: the package comes from another folder, or was changed in between.
    """
    wanted, _, folder = os.environ.get(RUNNER, "").partition(" ")
    if folder and folder != str(_package()):
        raise FairnbError(
            f"the kernel imports fairnb from {_package()}, its runner from {folder}: look at PYTHONPATH and at what "
            "changes Python's path here (sitecustomize, .pth files)"
        )
    if wanted:
        require_code(wanted, "the kernel")


def require_code(wanted: str, who: str) -> None:
    """Refuse to compute with other code than was asked for: its numbers would be told as those of this one.

    Args:
        wanted: the ``code_hash`` of who asks. who: what runs here, for the message.

    Raises:
        FairnbError: this process has another one.
    """
    found = provenance.code_hash()
    if found != wanted:
        raise FairnbError(
            f"{who} runs other code ({found} in {_package()}) than who asked for it ({wanted}): the package was "
            "changed in between, or it is another clone: start it again"
        )


def require_clone() -> None:
    """Refuse to work inside one checkout of fairnb with the code of another one: which would get the results?

    Raises:
        FairnbError: the package was imported from elsewhere (most likely by PYTHONPATH).
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:  # a working directory that somebody has removed
        return
    place = next(filter(_is_checkout, (here, *here.parents)), None)
    if place and (place / "fairnb").resolve() != _package().resolve():
        cause = f"PYTHONPATH={os.environ['PYTHONPATH']}" if os.environ.get("PYTHONPATH") else sys.executable
        raise FairnbError(
            f"this is the checkout {place}, but the code that runs comes from {_package().parent} ({cause}): unset "
            "PYTHONPATH and use `make` here, or go to the other checkout"
        )


def _is_checkout(folder: Path) -> bool:
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]["name"]
        return project == "fairnb" and (folder / "fairnb" / "__init__.py").exists()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _package() -> Path:
    return paths.assets().parent
