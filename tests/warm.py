"""Processes that are forked from one that has imported torch and its friends: each its own, but with no new imports.

The forking is multiprocessing's fork server. ``Process`` stands in for ``subprocess.Popen`` of a ``python -m`` command.
"""

import atexit
import multiprocessing
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from types import SimpleNamespace

import pytest

HERE = str(Path(__file__).parent)
SMALLER = "FAIRNB_TESTS_SMALLER"  # set for processes in which tier smoke is to be ``smaller``
CONTEXT = multiprocessing.get_context("forkserver")


def start() -> None:
    """Start the server, which imports ``warm_imports``; it ends with this process."""
    CONTEXT.set_forkserver_preload(["warm_imports", "warm"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
        patch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # as ``notebooks.execute`` has it for its kernels
        forkserver.ensure_running()


def instead_of_subprocess() -> SimpleNamespace:
    """For a module that starts processes: what it uses of ``subprocess``, with ours."""
    same = {name: getattr(subprocess, name) for name in ("PIPE", "DEVNULL", "TimeoutExpired")}
    return SimpleNamespace(Popen=Process, **same)


def stop() -> None:
    """End the server and wait for it, so that its processor time counts as this process's."""
    for process in multiprocessing.active_children():
        process.kill()  # the server waits for all that it has started
    forkserver._forkserver._stop()


def noise() -> str:
    """What the server's imports wrote to stderr."""
    here, there = CONTEXT.Pipe(duplex=False)
    CONTEXT.Process(target=_send_noise, args=(there,), daemon=True).start()
    return here.recv()


def _send_noise(there) -> None:
    import warm_imports

    there.send(warm_imports.NOISE)


class Process:
    """The part of ``subprocess.Popen`` that jupyter_client, the driver and the tests use.

    Args:
        command: ``[python, "-m", module, ...]``.
        stdout, stderr: a file with a name gets both; or the latter is ``subprocess.PIPE``, see ``communicate``.
    """

    stdin = stdout = stderr = None

    def __init__(self, command, *, env=None, cwd=None, stdout=None, stderr=None, **ignored) -> None:
        assert command[1] == "-m", f"a warm process runs a module, not {command}"
        multiprocessing.current_process()._config["daemon"] = False  # else a warm process could not start others
        ready, there = CONTEXT.Pipe(duplex=False)
        words = list(map(str, command[2:]))
        self.said = tempfile.NamedTemporaryFile("r", encoding="utf-8") if stderr == subprocess.PIPE else None
        log = self.said.name if self.said else getattr(stdout, "name", None)
        arguments = (words, dict(os.environ if env is None else env), str(cwd or Path.cwd()), log, there)
        self._process = CONTEXT.Process(target=_run, args=arguments, daemon=True)
        self._process.start()
        there.close()
        ready.recv()  # it has a process group of its own now: signals to that group must not reach the server
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("warm process", timeout)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[None, str]:
        """Wait until it has ended; what it said."""
        self.wait(timeout)
        return None, self.said.read()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: int) -> None:
        """Send a signal to this process alone."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _run(words, environment, folder, log, ready) -> None:
    """Be ``python -m`` as if started afresh: own group, environment, folder, path, random numbers and backend."""
    import matplotlib
    import numpy as np
    from jupyter_client.provisioning import local_provisioner

    os.setsid()
    multiprocessing.current_process()._config["daemon"] = False  # as what it plays, it may start processes
    ready.send(None)
    ready.close()
    end = multiprocessing.parent_process().sentinel  # who asked; the server lives on as long as anybody does
    threading.Thread(target=lambda: (wait([end]), os._exit(1)), daemon=True).start()
    if log:
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
    os.environ.clear()
    os.environ.update(environment)
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # with it ipykernel would lose what C code writes to stderr
    if SMALLER in environment:
        import smaller

        smaller.apply()
    os.chdir(folder)
    places = dict.fromkeys([folder, *environment.get("PYTHONPATH", "").split(os.pathsep), *sys.path])
    sys.path[:] = [place for place in places if place != HERE]  # notebooks must not find test modules
    np.random.seed()
    random.seed()
    matplotlib.rcParams["backend"] = environment.get("MPLBACKEND") or matplotlib.rcParamsOrig["backend"]
    sys.argv = words
    forkserver._forkserver.ensure_running = lambda: None  # the same server serves those whom this one starts
    local_provisioner.launch_kernel = Process
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()
