"""What differs between Linux, macOS and Windows, all in one place: the rest of the package asks here.

What a system lacks is found by its absence, so that a test can take it away.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import psutil

POSIX = hasattr(os, "O_DIRECTORY")  # Linux and macOS: folders can be opened, files have an owner and a mode
# What asks a process to end, by name: Ctrl-C, a batch system, a closed terminal, and on Windows Ctrl-Break.
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))
YOU = "you"
NICEST = 19  # of POSIX: whoever works at this machine comes first


def cores() -> int:
    """Processor cores that this process may use; macOS and Windows tell all that there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far, in MB (Linux counts in kB, macOS in bytes)."""
    try:
        import resource
    except ImportError:  # Windows
        return round(psutil.Process().memory_info().peak_wset / 2**20, 1)
    scale = 1024 if sys.platform != "darwin" else 1024 * 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale, 1)


@cache
def processor() -> str:
    """The processor's name as its maker gives it; where the system does not tell, what Python knows of it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = _brand()
    found = re.search(r"^(?:model name|Model)\s*:\s*(\S.*)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.processor() or platform.machine()


def _brand() -> str:
    """What macOS calls the processor, in the words of Linux; empty elsewhere."""
    if not (asked := shutil.which("sysctl")):
        return ""
    words = [asked, "-n", "machdep.cpu.brand_string"]
    return f"Model: {subprocess.run(words, capture_output=True, encoding='utf-8', timeout=20).stdout.strip()}"


def may_have_nvidia() -> bool:
    """Whether asking torch for NVIDIA's GPUs, which takes seconds, can find some."""
    return os.path.exists("/proc/driver/nvidia") or sys.platform == "win32"


def sync(path: Path) -> None:
    """Put what a file holds, or which names a folder has, on the disk for good. Windows has no such call for folders.

    Raises:
        OSError: the disk refuses.
    """
    if not POSIX and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if POSIX else os.O_RDWR)  # Windows syncs only what may be written
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_name(text: str) -> str:
    """``text`` as a part of a file's name: what some system does not take there is a dash."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "-", text)


def owner(path: Path) -> str:
    """Who owns ``path``: ``YOU``, a name, or "its owner" where there is no knowing."""
    try:
        return YOU if path.stat().st_uid == os.geteuid() else path.owner()
    except (AttributeError, OSError, KeyError, NotImplementedError, ImportError):
        return "its owner"


def open_to_others(path: Path) -> bool:
    """Whether other users have any right to a file or folder.

    False on Windows, whose rights are no bits of a mode: there a folder is as private as the one that it lies in.
    """
    return POSIX and bool(path.stat().st_mode & 0o077)


def close_file(descriptor: int) -> None:
    """Let nobody but its owner read or write an open file (mode 0600); nothing on Windows, see ``open_to_others``."""
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, 0o600)


def be_nice() -> None:
    """Let every other program of this machine go first."""
    os.nice(NICEST) if hasattr(os, "nice") else psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS)


def own_session() -> dict[str, Any]:
    """Words for ``subprocess.Popen`` so that a Ctrl-C in the terminal does not reach the process."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def is_parent(process: int) -> bool:
    """Whether the process that started this one is still ``process``: after its end Windows goes on to name it."""
    return os.getppid() == process and (POSIX or psutil.pid_exists(process))


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Threads and processes that are started in the block get no Ctrl-C; on Windows they do."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # started later, by a process's start, it would lift the mask
    masked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, masked)


def end() -> None:
    """Tell this process to end by SIGTERM, so that its handler is called; Windows would kill it instead."""
    os.kill(os.getpid(), signal.SIGTERM) if POSIX else signal.raise_signal(signal.SIGTERM)


def kernel_transport() -> str:
    """How a kernel is spoken with: by sockets that are files of a private folder; Windows has ports alone."""
    return "ipc" if POSIX else "tcp"


def socket_folder(longest: int) -> str:
    """The folder for temporary files; where sockets are files, one whose path has at most ``longest`` characters."""
    place = tempfile.gettempdir()
    return place if len(place) <= longest or not POSIX else "/tmp"
