"""Imports go one way, a paper's room is imported by nobody else, and every room has its doors."""

import ast
import shutil
import subprocess
import sys
import zipfile
from functools import cache

import pytest

from fairnb import paths, registry

# From the top: each may import those below it. A paper's room is found by ``registry``, never imported from outside.
LAYERS = ("publish", "yours", "papers", "evidence", "tasks", "synthesis", "training", "nets", "data", "metrics")
NOUNS = ("contract", "errors", "paths", "registry", "")  # below all; "" is the package itself, for its version
FRONT = ("__main__",)  # above all


@cache
def graph():
    """Every module of the package (dotted name without ``fairnb.``) with the modules that it imports."""
    root = paths.project() / "fairnb"
    files = {".".join(file.relative_to(root).with_suffix("").parts): file for file in sorted(root.rglob("*.py"))}
    files = {name.removesuffix("__init__").rstrip("."): file for name, file in files.items()}
    return {name: set(imported(file.read_text(encoding="utf-8"), files)) for name, file in files.items()}


def imported(text, known):
    """What a module imports of the package, wherever it stands but for type checkers."""
    tree = ast.parse(text)
    hidden = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    hidden = {id(node) for block in hidden for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in hidden:
            base = node.module or ""
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import) and id(node) not in hidden:
            base, names = "", [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            if name.split(".")[0] == "fairnb":
                whole, part = name[len("fairnb.") :], base[len("fairnb.") :]
                yield whole if whole in known else part


def faults(below):
    """Arrows that go up, or into a paper's room from outside it: ``importer -> imported``."""
    arrows = [(one, other) for one, found in below.items() for other in found]
    return sorted(f"{one} -> {other}" for one, other in arrows if not _allowed(one, other))


def planted(where, text):
    return graph() | {where: graph()[where] | set(imported(text, graph()))}


def _allowed(one, other):
    room, there = (tuple(name.split(".")[1:2]) if name.startswith("papers.") else () for name in (one, other))
    if there:
        return room == there
    return one in FRONT or (height(other) <= height(one) and other not in FRONT)


def height(name):
    top = name.split(".")[0]
    return 0 if top in NOUNS else len(LAYERS) - LAYERS.index(top) if top in LAYERS else len(LAYERS) + 1


def circles(below):
    """Modules that import each other, directly or by others."""
    for _ in range(len(below).bit_length()):  # paths of one step, two, four, ...
        below = {name: found.union(*(below[other] for other in found)) for name, found in below.items()}
    return sorted(name for name, found in below.items() if name in found)


def test_arrows_go_one_way_and_into_no_paper_s_room():
    assert faults(graph()) == []


def test_nothing_imports_itself_by_others():
    assert circles(graph()) == []


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("nets.models", "from fairnb.evidence import runs"),
        ("training.losses", "def late():\n    from fairnb.tasks import recipes"),
        ("evidence.runs", "from fairnb.papers.asac import method"),
        ("publish.driver", "import fairnb.papers.asac.method"),
        ("papers.fineface.method", "from fairnb.papers.aimfair import mask"),
        ("metrics.counts", "from fairnb.publish import cli"),
        ("registry", "from fairnb.data import cache"),
    ],
)
def test_a_planted_arrow_is_found(where, line):
    assert [fault.split(" -> ")[0] for fault in faults(planted(where, line))] == [where]


def test_a_planted_circle_is_found():
    found = planted("evidence.engine", "from fairnb.evidence.runs import ensure_together")
    assert {"evidence.engine", "evidence.runs"} <= set(circles(found))


@pytest.mark.parametrize("slug", registry.rooms())
def test_a_room_has_every_door(slug):
    room = registry.room(slug)
    printed = registry.PRINTED if (room.folder / "reported.csv").is_file() else ()
    assert [door for door in (*registry.DOORS, *printed) if not room.doors(door)] == []
    assert (room.folder / "claims.csv").is_file() and room.paper.slug == slug == room.folder.name


def test_the_house_has_few_entries():
    there = [entry.name for entry in (paths.project() / "fairnb").iterdir() if entry.name != "__pycache__"]
    assert len(there) <= 18, sorted(there)
    assert {*LAYERS, *FRONT} <= {name.removesuffix(".py") for name in there}


@pytest.mark.slow
def test_a_wheel_has_every_file_of_the_package(tmp_path):
    """An editable install reads the checkout, so it cannot show that a file is left out."""
    copy = tmp_path / "copy"  # the build writes beside its sources
    shutil.copytree(
        paths.project() / "fairnb", copy / "fairnb", ignore=shutil.ignore_patterns("__pycache__", "*.parts")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(paths.project() / name, copy)
    words = ["pip", "wheel", "--no-deps", "--no-build-isolation", "--no-cache-dir", "--quiet", "-w", tmp_path, "."]
    subprocess.run([sys.executable, "-m", *words], cwd=copy, check=True, timeout=240)
    [wheel] = tmp_path.glob("fairnb-*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = {str(file.relative_to(copy)) for file in (copy / "fairnb").rglob("*") if file.is_file()}
    assert files <= packed, sorted(files - packed)[:20]
