"""The house style, held by machine: module and function sizes, docstrings, notebook spine, no paths, no outputs."""

import ast
import json
import re
import subprocess
import sys

import pytest

from fairnb import paths

ROOT = paths.project()
MODULES = sorted((ROOT / "fairnb").rglob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SPINE = (
    "Question", "Claim", "Parameters", "Data and groups", "The idea on a toy", "The core in 25 lines", "Run", "Results",
    "Verdict and decisions", "Exercises",
)  # fmt: skip
CLAIMS_NOTHING = ("80_your_data",)  # whose data should
SHORT = ("00_start_here", "90_scorecard")  # they collect and explain, and may leave sections out


def functions(tree):
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(node):
    doc = ast.get_docstring(node) or ""
    return node.end_lineno - node.lineno + 1 - (doc.count("\n") + 1 if doc else 0)


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(ROOT)))
def test_modules_are_short_and_public_names_documented(file):
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= 250, "one idea a file"
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in functions(tree):
        assert body_lines(node) <= 40, f"{node.name} is too long"
    public = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")]
    for owner in list(public):
        if isinstance(owner, ast.ClassDef):
            public += [n for n in owner.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
    undocumented = [node.name for node in public if not ast.get_docstring(node)]
    assert not undocumented, f"public names without a docstring: {undocumented}"


def test_there_are_notebooks():
    assert {f.stem.split("_")[0] for f in NOTEBOOKS} >= {"00", "01", "02", "03", "10", "90"}


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda f: f.stem)
class TestNotebook:
    def cells(self, file, kind=None):
        cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
        return [c | {"text": "".join(c["source"])} for c in cells if kind in (None, c["cell_type"])]

    def test_has_no_outputs_and_a_portable_kernel(self, file):
        book = json.loads(file.read_text(encoding="utf-8"))
        assert book["metadata"]["kernelspec"]["name"] == "python3"
        assert not any(c["outputs"] or c["execution_count"] for c in self.cells(file, "code"))
        assert "papermill" not in book["metadata"]

    def test_has_one_parameters_cell_that_sets_the_tier_alone(self, file):
        [cell] = [c for c in self.cells(file) if "parameters" in c["metadata"].get("tags", [])]
        first, *own = cell["text"].strip().splitlines()
        assert first == 'tier = "quick"'
        assert not own or file.stem.startswith("8"), "your own data have columns, a paper has its tiers"

    def test_is_short_and_half_prose(self, file):
        cells, code = self.cells(file), self.cells(file, "code")
        assert len(cells) <= 45
        long = [c["text"].splitlines()[0] for c in code if len(c["text"].splitlines()) > 25]
        assert not long, f"cells of more than 25 lines: {long}"
        assert sum(len(c["text"].splitlines()) for c in code) <= 180, "more than a notebook's ideas"
        assert 0.35 <= 1 - len(code) / len(cells) <= 0.65

    def test_follows_the_spine(self, file):
        found = [m for c in self.cells(file, "markdown") for m in re.findall(r"^## (.+)$", c["text"], re.M)]
        assert set(found) <= set(SPINE), f"sections outside the spine: {sorted(set(found) - set(SPINE))}"
        assert found == [name for name in SPINE if name in found], "sections out of order, or twice"
        if file.stem not in SHORT:
            assert found == [name for name in SPINE if name != "Claim" or file.stem not in CLAIMS_NOTHING]
        assert self.cells(file)[0]["text"].startswith(f"# {file.stem[:2]} · ")

    def test_names_no_path_and_installs_nothing(self, file):
        for cell in self.cells(file, "code"):
            assert not re.search(r"pip install|^\s*!", cell["text"], re.M)
            assert not re.search(r"[\"'](/|\.\./|~/)", cell["text"]), "a path in a notebook"
            assert not re.search(r"if tier|tier ==", cell["text"]), "the tier decides in tiers.py alone"


def test_no_file_names_a_registry_or_this_machine():
    # Written in pieces so that this file does not find itself.
    words = ("python" + "hosted", "py" + "pi.org", "registry.npm" + "js", "/ro" + "ot/", "/wo" + "rk/")
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8").stdout.split("\n")
    if not any(files):
        pytest.skip("needs a git checkout to know which files are ours")
    for name in filter(None, files):
        if not (ROOT / name).is_file():
            continue
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        assert not [word for word in words if word in text], name


def test_import_is_light():
    code = "import fairnb, sys; sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'matplotlib', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_metrics_import_neither_torch_nor_data():
    code = "import fairnb.metrics, sys; sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'fairnb.data')))"
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0


def test_ruff_finds_nothing():
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "."], cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:]
