"""Kernels of this interpreter and of this clone, whatever kernelspecs, profiles and variables a user has.

They speak by sockets in a folder that nobody else can enter: a kernel's usual ports let every user of the machine read
what a notebook shows.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from fairnb.data import machine
from fairnb.evidence import clone

NAME = "python3"
START_SECONDS = 300  # for a kernel to answer: on a busy machine imports alone take a minute
LONGEST = 60  # characters of a temporary folder's path: that of a socket may have about a hundred
# A user's own start-up file and backend are not part of a notebook.
LEFT_OUT = ("PYTHONSTARTUP", "PYTHONINSPECT", "MPLBACKEND")
# PYTHONSAFEPATH: a file in the working directory takes no module's place. PYTHONUTF8: the same bytes in any locale.
ALWAYS = {"PYTHONSAFEPATH": "1", "PYTHONUTF8": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def run(source: Path, target: Path, parameters: dict[str, Any]) -> str:
    """Execute a notebook in a kernel of its own, from the folder that it lies in.

    Args:
        target: where the executed copy goes; on failure it is there, too, with its red cell. parameters: of papermill.

    Returns:
        What went wrong, in words; empty if nothing did.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    with _private_folder() as private:
        try:
            papermill.execute_notebook(
                str(source),
                str(target),
                parameters=parameters,
                kernel_name=NAME,
                language="python",
                kernel_manager_class=_manager(private),
                start_timeout=START_SECONDS,
                progress_bar=False,
                cwd=str(source.parent),
            )
        except papermill.PapermillExecutionError as error:
            return f"cell {error.exec_count} raised {error.ename}: {' '.join(str(error.evalue).split())}"
        except DeadKernelError:
            return (
                "its kernel was killed (most likely out of memory): close other programs, or use fewer workers "
                "(JOBS=1); finished runs are kept"
            )
        except RuntimeError as error:  # what a kernel that does not even start ends in
            reason = _last_words(private) or " ".join(str(error).split())
            return f"its kernel did not start: {reason}; finished runs are kept"
        except CellTimeoutError as error:
            return f"a cell ran too long: {str(error).splitlines()[0]}"
        finally:
            _forget_places(target)
    return ""


def _forget_places(executed: Path) -> None:
    """Take out of an executed notebook where it and its source lie, which papermill notes there."""
    import nbformat

    with suppress(FileNotFoundError, ValueError):  # half a file, on a full disk: the error that left it so goes on
        book = nbformat.read(executed, as_version=nbformat.NO_CONVERT)
        for note in ("input_path", "output_path"):
            book.metadata.get("papermill", {}).pop(note, None)
        nbformat.write(book, executed)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """A new folder that nobody else can enter; removed afterwards."""
    place = machine.socket_folder(LONGEST)
    with tempfile.TemporaryDirectory(prefix="fairnb-", dir=place, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _manager(folder: Path) -> type[AsyncKernelManager]:
    """The class of the manager of one kernel, whose sockets, key, profile and log lie in ``folder``."""

    class Manager(AsyncKernelManager):
        """Starts ``fairnb.publish.kernel`` by this Python; its sockets are files in ``folder``."""

        @property
        def kernel_spec(self) -> KernelSpec:
            """Ours, without a look at what is installed."""
            return KernelSpec(
                argv=[sys.executable, "-m", "fairnb.publish.kernel", "-f", "{connection_file}"],
                name=NAME,
                display_name="Python 3",
                language="python",
                metadata={"kernel_provisioner": {"provisioner_name": "local-provisioner"}},
            )

        @default("transport")
        def _own_transport(self) -> str:
            return machine.kernel_transport()

        @default("connection_file")
        def _own_connection_file(self) -> str:
            return str(folder / "kernel.json")

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # as its parent has it
            """Start it; what it says before it can speak with us goes to a log, see ``_last_words``."""
            with open(_log(folder), "ab") as log:
                await super().start_kernel(**options | {"env": _environment(folder), "stdout": log, "stderr": log})

    return Manager


def _last_words(folder: Path) -> str:
    """The last line that the kernel of ``folder`` wrote to its stderr; empty if there is none."""
    try:
        lines = _log(folder).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((" ".join(line.split()) for line in reversed(lines) if line.strip()), "")


def _log(folder: Path) -> Path:
    return folder / "kernel.log"


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    own = {"IPYTHONDIR": str(folder / "ipython"), clone.RUNNER: clone.signature()}
    return kept | ALWAYS | clone.environment() | own
