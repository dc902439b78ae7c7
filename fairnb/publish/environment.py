"""Is this machine ready? One line per check, [OK] or [FAIL] with the remedy; users paste it into bug reports."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fairnb import paths
from fairnb.data import files, machine
from fairnb.errors import FairnbError

PACKAGES = ("numpy", "pandas", "torch", "torchvision", "papermill", "distributed", "matplotlib", "seaborn")
NEEDED_GB = 3.0


@dataclass(frozen=True)
class Check:
    """One line of the environment check."""

    name: str
    ok: bool
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"[{'OK' if self.ok else 'FAIL':>4}] {self.name}: {self.found}"
        return line if self.ok else f"{line}  ->  {self.remedy}"


def checks() -> list[Check]:
    """All checks: Python, packages, disk, rights, cores, GPU (never required), real data (never required)."""
    folders = [_folder("results", paths.results_root()), _folder("cache", paths.cache())]
    return [_python(), *map(_package, PACKAGES), _disk(), *folders, _cores(), _gpu(), _data()]


def _python() -> Check:
    good = (3, 11) <= sys.version_info[:2] <= (3, 12)
    return Check(
        "Python",
        good,
        platform.python_version(),
        "use Python 3.11 or 3.12: make clean, then PYTHON=python3.12 make test",
    )


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", "run `make env`")


def _disk() -> Check:
    free = files.free_bytes(paths.cache()) / 1e9
    return Check(
        "free disk",
        free > NEEDED_GB,
        f"{free:.1f} GB",
        f"free at least {NEEDED_GB:g} GB, or set FAIRNB_CACHE elsewhere",
    )


def _folder(name: str, folder: Path) -> Check:
    """Whether ``folder`` may be written, or made where it is not there yet."""
    place = folder
    while not os.path.lexists(place):
        place = place.parent
    good = os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)
    remedy = f"it cannot be written: name a folder that can with FAIRNB_{name.upper()}"
    return Check(f"folder of {name}", good, paths.shown(folder), remedy)


def _cores() -> Check:
    return Check("usable cores", True, str(machine.cores()))


def _gpu() -> Check:
    import torch

    return Check(
        "GPU",
        True,
        torch.cuda.get_device_name() if torch.cuda.is_available() else "none (tiers smoke, quick, open need none)",
    )


def _data() -> Check:
    try:
        with files.plain_errors(paths.data()):
            found = paths.data().is_dir()
            if found:
                os.listdir(paths.data())
    except FairnbError as error:
        return Check("real data", False, paths.shown(paths.data()), str(error))
    return Check(
        "real data",
        True,
        paths.shown(paths.data()) if found else "none (tier quick needs none; `make data` says how to get it)",
    )
