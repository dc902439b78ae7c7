"""macOS, Windows, Binder and Colab: what can be said of them on Linux. None of them was tried by us."""

import ast
import os
import platform
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path, PureWindowsPath

import nbformat
import numpy as np
import other_system
import pytest
import yaml
from click.testing import CliRunner

from fairnb import paths
from fairnb.data import celeba, machine
from fairnb.errors import MissingData
from fairnb.publish import cli, environment, notebooks, online, without_make
from fairnb.yours.found import Found

ROOT = paths.project()
HELPER = ROOT / "fairnb" / "data" / "machine.py"
ABSENT = {owner.__name__: set(names.split()) for owner, names in other_system.LACKING.items()}
WORDS = {"start_new_session", "preexec_fn", "pass_fds", "process_group", "umask"}  # of Popen
CALLS = {"owner", "group"}  # of a path
PLACES = re.compile(r"/(proc|sys|dev|tmp|bin|usr|etc)(/|$)")
SHELLS = {"make", "bash", "sh", "env"}
FOR_CONTRIBUTORS = {"env", "lint", "lock", "test-portable", "help"}
ACTIONS = {"checkout", "setup-python", "configure-pages", "upload-pages-artifact", "deploy-pages"}


def tracked():
    """The names of all files in git, and what it knows of their line ends: in the index, and by attribute."""
    done = subprocess.run(["git", "ls-files", "--eol", "-z"], cwd=ROOT, capture_output=True, encoding="utf-8")
    if not done.stdout:
        pytest.skip("needs a git checkout to know which files are ours")
    for line in filter(None, done.stdout.split("\0")):
        about, name = line.split("\t", 1)
        index, _, attribute = about.split(maxsplit=2)
        yield name, index, attribute


def bound(tree):
    """Lines that only Linux or macOS can run, with what they ask for."""
    texts = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        match node:
            case ast.Import() if found := {alias.name for alias in node.names} & {*other_system.MODULES}:
                yield node.lineno, *found
            case ast.ImportFrom() if node.module in other_system.MODULES:
                yield node.lineno, node.module
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if name in ABSENT.get(owner, ()):
                yield node.lineno, name
            case ast.ImportFrom() if found := {alias.name for alias in node.names} & ABSENT.get(node.module, set()):
                yield node.lineno, *found
            case ast.keyword(arg=name) if name in WORDS:
                yield node.value.lineno, name
            case ast.Call(func=ast.Attribute(attr=name), args=[], keywords=[]) if name in CALLS:
                yield node.lineno, name
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                yield node.value.lineno, "shell"
            case ast.Constant(value=str(text)) if id(node) not in texts and PLACES.match(text):
                yield node.lineno, text
            case ast.List(elts=[ast.Constant(value=str(text)), *_]) if text in SHELLS:
                yield node.lineno, text


def test_only_one_module_knows_what_systems_lack():
    files = [file for file in (ROOT / "fairnb").rglob("*.py") if file != HELPER]
    found = {str(file.relative_to(ROOT)): list(bound(ast.parse(file.read_text(encoding="utf-8")))) for file in files}
    assert not {name: lines for name, lines in found.items() if lines}, f"ask {HELPER.name} for it"
    known = {word for _, *words in bound(ast.parse(HELPER.read_text(encoding="utf-8"))) for word in words}
    assert {"sched_getaffinity", "resource", "geteuid", "pthread_sigmask", "nice", "/proc/cpuinfo"} <= known


@pytest.mark.parametrize(
    "text",
    [
        "import fcntl",
        "from resource import getrusage",
        "from signal import SIGKILL",
        "os.kill(pid, signal.SIGHUP)",
        "Popen(words, start_new_session=True)",
        "path.owner()",
        "run(words, shell=True)",
        "open('/proc/cpuinfo', 'rb')",
        "run(['make', 'env'])",
    ],
)
def test_what_is_bound_to_a_system_is_found(text):
    assert len(list(bound(ast.parse(text)))) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_module_is_there_where_these_calls_are_absent(tmp_path):
    tmp_path.chmod(0o755)
    variables = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    words = [sys.executable, str(ROOT / "tests" / "other_system.py"), str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, encoding="utf-8", timeout=280)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 400


def test_every_committed_name_is_one_that_windows_takes():
    names = [name for name, *_ in tracked()]
    parts = {part for name in names for part in name.split("/")}
    assert len(names) > 1000
    assert not [part for part in parts if re.search(r'[:?*"<>|\\\x00-\x1f]|[. ]$', part)]
    assert not [name for name in names if PureWindowsPath(name).is_reserved()]
    assert not [name for name, count in Counter(map(str.casefold, {*names, *folders(names)})).items() if count > 1]
    assert max(map(len, names)) <= 200, "Windows takes 260 characters with the folder of the clone"


def folders(names):
    return {str(above) for name in names for above in Path(name).parents}


def test_a_column_s_name_becomes_a_file_s_name():
    assert machine.file_name("smiling") == "smiling"
    assert machine.file_name('Is it a "yes/no"?') == "Is it a -yes-no--"


def test_text_has_the_same_line_ends_on_every_system():
    text, binary = "attr/text=auto eol=lf", "attr/-text"
    kinds = {("i/lf", text), ("i/none", text), ("i/-text", binary)}
    wrong = [name for name, index, attribute in tracked() if (index, attribute.strip()) not in kinds]
    assert not wrong, "name its kind in .gitattributes, or write it with LF"


def targets():
    return re.findall(r"^([a-z][a-z-]*):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


def test_what_make_does_for_a_user_does_fairnb_too():
    assert {"reproduce", "test", "test-fast", "lab", "plan", "clean"} <= {*targets()}
    wanted = {*targets()} - FOR_CONTRIBUTORS
    assert wanted - {*cli.commands.list_commands(None)} == {"test-fast"}, "that is `fairnb test --fast`"


class TestWithoutMake:
    """``fairnb test`` and ``lab``."""

    @pytest.fixture
    def started(self, monkeypatch):
        calls = []

        def call(words, **options):
            calls.append((words, options))
            return 3

        monkeypatch.setattr(without_make.subprocess, "call", call)
        return calls

    @pytest.mark.parametrize(("target", "options"), [("test", []), ("test-fast", ["--fast"])])
    def test_tests_are_those_of_the_makefile(self, started, target, options):
        assert CliRunner().invoke(cli.commands, ["test", *options]).exit_code == 3
        [line] = re.findall(rf"^{target}: .*\n\t@(.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
        [(words, given)] = started
        made = line.replace("$${JOBS:-auto}", "auto").replace('"not slow"', "not_slow").split()
        assert [word.replace(" ", "_") for word in words[1:]] == made[1:] and words[0] == sys.executable
        assert given["cwd"] == ROOT and given["env"]["OMP_NUM_THREADS"] == "1"

    def test_a_folder_without_tests_and_a_python_without_pytest_are_a_sentence(self, started, monkeypatch, tmp_path):
        monkeypatch.setattr(without_make, "find_spec", lambda name: None)
        said = CliRunner().invoke(cli.commands, ["test"])
        assert said.exit_code == 2 and "pytest-xdist are not installed: `pip install -r" in said.stderr
        monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
        said = CliRunner().invoke(cli.commands, ["test"])
        assert said.exit_code == 2 and f"fairnb: {tmp_path} has no tests: they come with a clone" in said.stderr
        assert not started

    def test_lab_opens_the_notebooks(self, started):
        assert CliRunner().invoke(cli.commands, ["lab"]).exit_code == 3
        assert started[0][0][1:] == ["-m", "jupyterlab", str(ROOT / "notebooks")]


@pytest.mark.parametrize("name", ["tests", "site"])
def test_a_workflow_is_whole_and_pins_what_it_uses(name):
    flow = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    assert flow["name"] == name and flow[True] and flow["permissions"] == {"contents": "read"}  # YAML reads "on" so
    for job in flow["jobs"].values():
        assert job["runs-on"] and job["steps"] and ("timeout-minutes" in job or len(job["steps"]) == 1)
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if used := step.get("uses"):
                owner, action, version = re.fullmatch(r"(\w+)/([\w-]+)@v(\d+)", used).groups()
                assert owner == "actions" and action in ACTIONS and int(version) >= 4
            for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", "")):
                assert target in targets(), target


def test_the_workflows_cover_the_systems_and_publish_what_was_built():
    flows = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted((ROOT / ".github").rglob("*.yml"))]
    site, tests = (flow["jobs"] for flow in flows)
    assert tests["linux"]["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
    assert tests["laptops"]["strategy"]["matrix"]["system"] == ["macos-latest", "windows-latest"]
    assert "python -m fairnb reproduce --tier smoke" in [step.get("run") for step in tests["laptops"]["steps"]]
    uploaded = [step["with"]["path"] for step in site["build"]["steps"] if "upload-pages" in step.get("uses", "")]
    assert uploaded == ["build/site"] and site["deploy"]["needs"] == "build"
    assert site["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}


def test_binder_installs_the_lock_without_cuda_and_fairnb_itself():
    build = (ROOT / "binder" / "postBuild").read_text(encoding="utf-8")
    [pattern] = re.findall(r"grep -vE '(.+)' requirements.lock", build)
    assert pattern.strip("^()") in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--torch-backend=cpu" in build and build.rstrip().endswith("--no-deps -e .")
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)
    assert subprocess.run(["bash", "-n", ROOT / "binder" / "postBuild"], timeout=60).returncode == 0
    environment = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text(encoding="utf-8"))
    assert environment["dependencies"] == ["python=3.12", "pip"]


class TestOnline:
    """Badges and copies for Colab, from an address that is made up."""

    ADDRESS = "https://github.com/somebody/fairnb.git"

    def test_a_badge_needs_an_address(self):
        assert online.badges("10_aimfair", "") == {} == online.badges("10_aimfair", "https://example.org/fairnb")
        found = online.badges("10_aimfair", self.ADDRESS)
        assert found["Binder"].startswith(
            "https://mybinder.org/v2/gh/somebody/fairnb/HEAD?urlpath=lab/tree/notebooks/10"
        )
        assert found["Colab"].endswith(f"/github/somebody/fairnb/blob/{online.BRANCH}/10_aimfair.ipynb")

    def test_the_address_is_that_of_the_project(self, monkeypatch, tmp_path):
        monkeypatch.setenv("FAIRNB_HOME", str(tmp_path))
        for text, wanted in (("", ""), (f'[project.urls]\nRepository = "{self.ADDRESS}"\n', self.ADDRESS)):
            (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
            online.repository.cache_clear()
            assert online.repository() == wanted
        online.repository.cache_clear()

    def test_a_copy_for_colab_installs_first_and_runs_at_tier_smoke(self, monkeypatch):
        book = online.for_colab("10_aimfair", self.ADDRESS)
        nbformat.validate(book)
        said, install, begin, *rest = book.cells
        assert said.cell_type == "markdown" and f"git clone --quiet --depth 1 {self.ADDRESS} " in install.source
        assert "%cd /content/fairnb/notebooks" in begin.source
        [parameters] = [cell for cell in rest if "parameters" in cell.metadata.get("tags", [])]
        assert parameters.source.startswith('tier = "smoke"')
        pattern = re.compile(re.search(r"grep -vE '(.+)' ", install.source)[1])
        kept = [
            line for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines() if not pattern.match(line)
        ]
        assert [line for line in kept if line.startswith("pandas==")]
        assert not [line for line in kept if re.match("(torch|ipykernel|nvidia)[=-]", line)]

    def test_without_an_address_the_command_says_so(self, monkeypatch):
        monkeypatch.setattr(online, "repository", lambda: "")
        said = CliRunner().invoke(cli.commands, ["colab", "01"])
        assert said.exit_code == 2 and "fairnb: the repository's address is not known: say --repository" in said.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_executed_notebook_names_no_folder_no_host_and_no_user(monkeypatch, tmp_path, new_cache):
    new_cache(tmp_path)
    monkeypatch.setenv("FAIRNB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(machine, "POSIX", False)  # its kernel is spoken with as on Windows
    notebooks.execute("01_fairness_metrics", {"tier": "smoke"})
    book = nbformat.read(paths.executed("smoke") / "01_fairness_metrics.ipynb", as_version=4)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    said = repr([outputs, book.metadata])
    assert outputs and book.metadata.papermill.parameters == {"tier": "smoke"}
    for secret in (str(ROOT), str(tmp_path), os.path.expanduser("~") + "/", "/site-packages/"):
        assert secret not in said, secret
    assert not re.search(rf"\b{re.escape(platform.node())}\b", said)


def test_what_lies_in_the_checkout_is_shown_from_there_on(monkeypatch, tmp_path):
    assert paths.shown(ROOT / "results" / "smoke") == "results/smoke"
    assert paths.shown(tmp_path) == str(tmp_path)
    for name in ("RESULTS", "CACHE", "DATA"):
        monkeypatch.setenv(f"FAIRNB_{name}", str(ROOT / "no" / "such" / "folder"))
    monkeypatch.setattr(environment, "_gpu", environment._cores)  # torch is heavy
    said = "\n".join(map(str, environment.checks()))
    assert "no/such/folder" in said and str(ROOT) not in said
    with pytest.raises(MissingData) as missing:
        celeba.read()
    assert "celeba is not there: no/such/folder has no" in str(missing.value)


def test_somebody_s_data_say_nothing_of_their_folder(tmp_path):
    half = np.arange(16) % 2
    words = half.astype(str)
    names = {"classes": ("no", "yes"), "groups": ("a", "b"), "feature_names": ("x",), "names": ("target", "group")}
    found = Found(
        root=tmp_path,
        files=words[:0],
        x=half[:, None].astype(np.float32),
        target=half,
        protected=half[::-1],
        part=np.full(16, "test"),
        ids=words,
        content=words,
        **names,
    )
    assert "16 rows of 1 features" in repr(found) and str(tmp_path) not in repr(found)
