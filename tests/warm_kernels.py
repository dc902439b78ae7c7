"""Kernels forked from one process that has imported torch and its friends: a new process each, but no new imports.

Run as a script, this file is that process: it takes one order a line (fork a kernel, or tell whether one has ended).
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile

MODULES = (
    "ipykernel.kernelapp", "matplotlib.pyplot", "pandas.io.formats.style", "scipy.optimize", "scipy.stats",
    "sklearn.linear_model", "sklearn.neighbors", "tabulate", "torch", "torchvision",
)  # fmt: skip


class WarmKernels:
    """Stands in for jupyter_client's ``launch_kernel``; close it to end the process that forks."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.noise: str = json.loads(self.process.stdout.readline())  # what the imports wrote to stderr

    def launch(self, command: list[str], *, env: dict[str, str], cwd: str | None = None, **ignored: object) -> "Kernel":
        """Start a kernel with its own environment and folder."""
        arguments = command[command.index("ipykernel_launcher") :]
        return Kernel(self, self.ask({"arguments": arguments, "environment": env, "folder": cwd or os.getcwd()}))

    def ask(self, order: dict) -> int | None:
        """Send an order and wait for the answer."""
        print(json.dumps(order), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End the process; kernels that still run see it and end, too."""
        self.process.stdin.close()
        self.process.wait(timeout=30)


class Kernel:
    """The part of ``subprocess.Popen`` that jupyter_client uses."""

    stdin = stdout = stderr = None

    def __init__(self, source: WarmKernels, pid: int) -> None:
        self.source, self.pid, self.returncode = source, pid, None

    def poll(self) -> int | None:
        """The exit code, or None while the kernel runs."""
        if self.returncode is None:
            self.returncode = self.source.ask({"ended": self.pid})
        return self.returncode

    wait = poll  # jupyter_client waits for what has ended

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel alone."""
        os.kill(self.pid, number)


def main() -> None:
    """Import, then serve orders until the input ends."""
    sys.path.pop(0)  # this folder: notebooks must not find test modules
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    answer: object = import_all()
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        order = json.loads(line)
        if "ended" in order:
            pid, status = os.waitpid(order["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif answer := os.fork():
            os.setpgid(answer, answer)  # signals go to the kernel's group, which must not be ours
        else:
            answers.close()
            become_kernel(**order)


def import_all() -> str:
    """Import ``MODULES``; returns what they wrote to stderr."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        for name in MODULES:
            importlib.import_module(name)
        sys.stderr.flush()
        os.dup2(kept, 2)
        log.seek(0)
        return log.read().decode()


def become_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Be a kernel as if started afresh: own environment, folder, random numbers and drawing backend."""
    import matplotlib
    import numpy as np
    from ipykernel import kernelapp

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # with it ipykernel would lose what C code writes to stderr
    os.chdir(folder)
    np.random.seed()
    matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"
    sys.argv = [*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]  # it ends when that process does
    kernelapp.launch_new_instance()
    sys.exit()


if __name__ == "__main__":
    main()
