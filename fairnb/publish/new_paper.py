"""``fairnb new-paper SLUG``: a room with all its doors, a notebook and a test that pass, to be filled with a paper."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from fairnb import paths, registry
from fairnb.errors import BadData

FIRST, LAST = 60, 79  # numbers of the notebooks of a sixth and a seventh paper
STEP = 10
ROOM = (
    "__init__.py",
    "paper.py",
    "tasks.py",
    "tiers.py",
    "method.py",
    "tables.py",
    "claims.py",
    "figures.py",
    "claims.csv",
)


def write(slug: str, title: str = "", into: Path | None = None) -> list[Path]:
    """Write the room of a new paper.

    Args:
        slug: a lower-case Python name. title: as tables call it (default: the slug).
        into: None for this checkout, else a folder for a distribution of its own: the package ``fairnb_SLUG``, which
            announces itself by an entry point once it is installed.

    Returns:
        The files written.

    Raises:
        BadData: a slug that is no name or is taken, no number left, or a file that is already there (none is touched).
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        raise BadData(f"{slug!r} cannot name a paper: give a lower-case Python name, e.g. fairgan")
    if slug in registry.rooms():
        raise BadData(f"there is a paper {slug!r} in {registry.room(slug).folder}: give the new one another name")
    if into is None and not paths.has_checkout():
        raise BadData(f"{paths.project()} is no checkout of fairnb: give a folder for it (--into)")
    package = f"fairnb_{slug}" if into else f"{registry.PAPERS}.{slug}"
    words = {"slug": slug, "title": title or slug, "package": package, "number": _number(), "claim": slug.upper()}
    files = _files(slug, int(words["number"]), into)
    there = [file for file in files if file.exists()]
    if there:
        raise BadData(f"{there[0]} is already there: move it away, or give the new paper another name")
    for file, template in files.items():
        text = Template((paths.assets() / "new_paper" / f"{template}.txt").read_text(encoding="utf-8")).substitute(
            words
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        _notebook(text, file) if file.suffix == ".ipynb" else file.write_text(text, encoding="utf-8", newline="\n")
    return list(files)


def _number() -> str:
    taken = {room.paper.notebooks for room in registry.rooms().values()}
    free = [number for number in range(FIRST, LAST, STEP) if number not in taken]
    if not free:
        raise BadData(
            f"the notebooks {FIRST} to {LAST} are taken by two papers already: give the room a number by hand"
        )
    return str(free[0])


def _files(slug: str, number: int, into: Path | None) -> dict[Path, str]:
    """What is written where -> from which template."""
    root = into or paths.project()
    room = root / f"fairnb_{slug}" if into else root / "fairnb" / "papers" / slug
    tests = root / "tests" if into else root / "tests" / "papers" / slug
    found = {room / name: name for name in ROOM} | {tests / f"test_{slug}.py": "test.py"}
    found[root / "notebooks" / f"{number}_{slug}.ipynb"] = "notebook.py"
    return found | ({root / "pyproject.toml": "pyproject.toml"} if into else {})


def _notebook(text: str, file: Path) -> None:
    try:
        import jupytext
    except ModuleNotFoundError:
        raise BadData("writing the notebook needs jupytext, which is not installed: pip install jupytext") from None
    book = jupytext.reads(text, "py:percent")
    book.metadata.pop("jupytext", None)
    jupytext.write(book, file, fmt="ipynb")
