"""A notebook runs in a kernel of this Python and this clone, whatever its user has installed, set or put beside it."""

import json
import os
import stat
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from fairnb import paths
from fairnb.errors import FairnbError
from fairnb.publish import kernels, notebooks

pytestmark = pytest.mark.slow
PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
LOOK = """
import json, os, stat, sys
import psutil, pathlib, seaborn
import fairnb, helper
own = psutil.Process()
connection = pathlib.Path(sys.argv[sys.argv.index("-f") + 1])
found = {
    "python": sys.executable, "fairnb": fairnb.__file__, "seaborn": seaborn.__file__, "helper": helper.VALUE,
    "started": [name for name in ("FROM_PROFILE", "FROM_STARTUP") if name in globals()],
    "backend": os.environ["MPLBACKEND"], "utf8": sys.flags.utf8_mode,
    "listens": [c.laddr.ip for c in own.net_connections("inet") if c.status == "LISTEN"],
    "folder": connection.parent.stat().st_mode & 0o777, "key": stat.S_IMODE(connection.stat().st_mode),
    "where": str(connection.parent), "way": json.loads(connection.read_text())["transport"],
}
pathlib.Path("found.json").write_text(json.dumps(found))
"""


@pytest.fixture
def home(sandbox, monkeypatch):
    """A checkout of our own; ``home(name, code)`` adds a notebook to it."""
    monkeypatch.setenv("FAIRNB_HOME", str(sandbox))
    (sandbox / "notebooks").mkdir()

    def add(name, code):
        cells = [new_code_cell('tier = "quick"', metadata={"tags": ["parameters"]}), new_code_cell(code)]
        nbformat.write(new_notebook(cells=cells, metadata=PYTHON), sandbox / "notebooks" / f"{name}.ipynb")

    return add


def test_nothing_of_the_user_s_changes_the_kernel(home, sandbox, monkeypatch):
    home("11_look", LOOK)
    for name in ("random", "seaborn", "fairnb", "IPython"):
        (paths.notebooks() / f"{name}.py").write_text("raise SystemExit('another module in use')")
    (paths.notebooks() / "helper.py").write_text("VALUE = 1")
    spec = sandbox / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({"argv": ["/bin/false"], "display_name": "x", "language": "python"}))
    profile = sandbox / "ipython" / "profile_default" / "startup"
    profile.mkdir(parents=True)
    (profile / "00.py").write_text("FROM_PROFILE = 1")
    (sandbox / "startup.py").write_text("FROM_STARTUP = 1")
    for name in ("JUPYTER_PATH", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(sandbox / "jupyter"))
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "no-such-provisioner")
    monkeypatch.setenv("IPYTHONDIR", str(sandbox / "ipython"))
    monkeypatch.setenv("PYTHONSTARTUP", str(sandbox / "startup.py"))
    monkeypatch.setenv("MPLBACKEND", "no_such_backend")
    notebooks.execute("11_look", {"tier": "smoke"})
    found = json.loads((paths.notebooks() / "found.json").read_text())
    assert found["python"] == sys.executable and found["fairnb"] == str(Path(paths.__file__).with_name("__init__.py"))
    assert "site-packages" in found["seaborn"] and found["helper"] == 1 and found["started"] == []
    assert "inline" in found["backend"] and found["utf8"] == 1
    assert found["way"] == "ipc" and (found["folder"], found["key"]) == (0o700, 0o600)
    # ipykernel's own port for what forked processes print, which drops every message without its secret.
    assert set(found["listens"]) <= {"127.0.0.1"} and len(found["listens"]) <= 1
    assert not Path(found["where"]).exists(), "sockets and key are gone"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise OSError(28, 'No space left on device', '/full/disk')", r"No space left on device: '/full/disk'"),
        ("raise SystemExit('no module named ipykernel')", "no module named ipykernel"),
    ],
)
def test_a_kernel_that_does_not_start_says_why(home, sandbox, monkeypatch, program, reason):
    """``sitecustomize`` is imported by every Python of this environment as it starts."""
    home("11_small", "1")
    module = sandbox / "path" / "ipykernel"
    module.mkdir(parents=True)
    (module / "__init__.py").write_text("")
    (module / "kernelapp.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(sandbox / "path"), prepend=os.pathsep)
    with pytest.raises(FairnbError, match=rf"notebook 11_small failed: its kernel did not start: .*{reason}"):
        notebooks.execute("11_small", {"tier": "smoke"})
    assert notebooks.why("11_small", "smoke") == "new"


def test_a_kernel_with_other_code_is_refused(home, monkeypatch):
    from fairnb.evidence import clone

    home("11_small", "1")
    monkeypatch.setattr(clone, "signature", lambda: f"0123456789abcdef {paths.assets().parent}")
    with pytest.raises(FairnbError, match="its kernel did not start: the kernel runs other code"):
        notebooks.execute("11_small", {"tier": "smoke"})


def test_the_private_folder_fits_a_socket_s_path_and_is_nobody_else_s(tmp_path, monkeypatch):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with kernels._private_folder() as folder:
        assert len(str(folder / "kernel-ipc-5")) < 100
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not folder.exists()
