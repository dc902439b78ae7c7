"""Whose an output is: a notebook of somebody's own, a copied one say, does not write over another's tables."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from fairnb import paths
from fairnb.errors import BadData
from fairnb.evidence import layout

LIST = ".outputs"  # ends the name of the list of what a running notebook has written


def list_of(name: str, folder: Path) -> Path:
    """Where the running notebook ``name`` notes its outputs; ``folder`` is that of executed notebooks."""
    return folder / f".{name}{LIST}"


def require_own(outputs: Path, file: str) -> None:
    """Refuse an output that another notebook has made; the notebooks of fairnb itself are refused nothing.

    Args:
        outputs: the ``list_of`` the notebook that writes. file: relative to the results folder.

    Raises:
        BadData: whose it is, and what to do.
    """
    own = outputs.name.removeprefix(".").removesuffix(LIST)
    others = [other for other in makers(outputs.parent, file) if other != own]
    if others and not is_ours(own):
        raise BadData(
            f"notebook {own} would write over {file}, which is made by {others[0]}: give it another name, or move "
            f"notebooks/{own}.ipynb away if it is a copy"
        )


def makers(folder: Path, file: str) -> list[str]:
    """Notebooks that are still there and have written ``file``, by receipts and by the lists of those that run."""
    found = {receipt.stem: _entries(receipt) for receipt in sorted(folder.glob("*.json"))}
    found |= {f.name[1 : -len(LIST)]: _entries(f) for f in sorted(folder.glob(f".*{LIST}"))}
    there = {name: files for name, files in found.items() if (paths.notebooks() / f"{name}.ipynb").is_file()}
    return [name for name, files in there.items() if file in files]


def _entries(source: Path) -> set[str]:
    try:
        text = source.read_text("utf-8")
        entries = json.loads(text)["outputs"] if source.suffix == ".json" else map(json.loads, text.splitlines())
        return {entry["file"] for entry in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


@cache
def is_ours(name: str) -> bool:
    """Whether fairnb itself knows a notebook: a paper's room asks for its runs, or a reference has its time."""
    return name in layout.grids() or any(
        line.partition(",")[0] == name
        for timings in paths.reference().parent.glob("*/timings.csv")
        for line in timings.read_text("utf-8").splitlines()
    )
