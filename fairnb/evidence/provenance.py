"""Where a number comes from: commit, versions, device, hashes of code and data."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fairnb import paths, registry
from fairnb.data import machine


@cache
def commit() -> str:
    """The checkout's commit, ``-dirty`` appended when tracked files differ from it; ``unknown`` outside git."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", paths.project(), *words], capture_output=True, encoding="utf-8", timeout=20, check=True
        )
        return done.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that move numbers."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in ("fairnb", "numpy", "torch", "torchvision")
    }


@cache
def code_hash() -> str:
    """Short hash of every file of the package, and of rooms outside it: changes when the code or an asset does."""
    digest = hashlib.sha256()
    for folder in _code_folders():
        found = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
        for file in sorted(filter(_is_code, found), key=lambda file: file.parts):  # Windows sorts paths otherwise
            digest.update(file.as_posix().encode() + b"\0" + (folder / file).read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _is_code(file: Path) -> bool:
    """Not what Python, an editor, a file manager or Jupyter leaves beside our files: it changes no number."""
    beside = file.suffix in {".pyc", ".orig", ".rej", ".bak"} or file.name.endswith("~") or file.name == "Thumbs.db"
    return not beside and not any(part.startswith(".") or part == "__pycache__" for part in file.parts)


def _code_folders() -> list[Path]:
    package = paths.assets().parent
    return [package, *(room.folder for room in registry.rooms().values() if package not in room.folder.parents)]


def device_name() -> str:
    """The device that trains: the GPU's name, else the processor's architecture, and whether it lacks bfloat16."""
    import torch

    from fairnb.nets import precision

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"cpu ({platform.machine()}{'' if precision.has_bfloat16('cpu') else ', no bfloat16'})"


def stamp(seconds: float) -> dict[str, Any]:
    """The provenance part of a record."""
    return {
        "seconds": round(seconds, 2),
        "peak_memory_mb": machine.peak_memory_mb(),
        "device": device_name(),
        "processor": machine.processor(),
        "commit": commit(),
        "code": code_hash(),
        "versions": versions(),
    }
