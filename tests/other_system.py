"""A process of tests/test_laptops.py: fairnb where the system lacks what Linux and macOS alone have."""

import builtins
import importlib
import os
import pkgutil
import signal
import sys
from pathlib import Path

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "pty", "syslog")
OTHERS = "torch torchvision transformers peft diffusers distributed psutil papermill matplotlib.pyplot".split()
LACKING = {
    os: "sched_getaffinity sched_setaffinity fork register_at_fork getuid geteuid getgid killpg setsid fchmod nice "
    "O_DIRECTORY mkfifo statvfs getpgid chown",
    signal: "SIGKILL SIGHUP SIGUSR1 SIGUSR2 SIGQUIT pthread_sigmask sigwait setitimer alarm",
}


def take_away():
    """Once other packages are there, which have their own ways: what Windows lacks, for whoever asks in fairnb."""
    for owner, names in LACKING.items():
        for name in names.split():
            delattr(owner, name)
    real_import, real_open = builtins.__import__, os.open

    def without(name, globals=None, *rest, **words):
        if (globals or {}).get("__name__", "").startswith("fairnb") and name in MODULES:
            raise ImportError(f"no module named {name} on this system")
        return real_import(name, globals, *rest, **words)

    def no_folders(path, *rest, **words):
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *rest, **words)

    def no_proc(event, found):
        if event == "open" and str(found[0]).startswith(("/proc/", "/sys/")) and not of_psutil():
            raise FileNotFoundError(2, "No such file or directory", found[0])

    builtins.__import__, os.open = without, no_folders
    sys.addaudithook(no_proc)


def of_psutil():
    """Whether psutil asks, which knows its way on every system."""
    frame = sys._getframe()
    while frame := frame.f_back:
        if frame.f_globals.get("__name__", "").startswith("psutil"):
            return True
    return False


def use(folder):
    """What the rest of the package asks of ``machine``, and the files and signals that stand on it."""
    from fairnb.data import files, machine
    from fairnb.papers.fairlora.protocol import certificates, secret
    from fairnb.publish import stopping

    class Memory:
        peak_wset = 2**20

    machine.psutil.Process.memory_info = lambda self: Memory  # Windows alone has that number
    assert machine.cores() >= 1 and machine.peak_memory_mb() == 1 and machine.processor()
    assert not machine.POSIX and machine.owner(folder) == "its owner" and machine.kernel_transport() == "tcp"
    assert [one.name for one in machine.STOPPING] == ["SIGINT", "SIGTERM"] == [one.name for one in stopping.SIGNALS]
    assert machine.is_parent(os.getppid()) and not machine.is_parent(os.getpid())
    files.write_atomic(folder / "deep" / "file", "text")
    with files.atomic_folder(folder / "folder") as made, machine.without_interrupts():
        (made / "file").write_text("text", encoding="utf-8")
    with files.lock(folder / "lock"):
        assert {one.name for one in folder.iterdir()} >= {"deep", "folder", "lock"}
    assert "ask its owner" in str(files.sentence_of(PermissionError(13, "no", str(folder))))
    assert len(secret.private(folder)) == secret.SIZE, "a folder is not called open where modes say nothing"
    certificates.create("driver", folder / "own")
    assert certificates.Identity.read(folder / "own").role == "driver"
    stops(machine, stopping)


def stops(machine, stopping):
    """A notebook's process that is to end gets there by its handler."""
    try:
        with stopping.by_exception():
            machine.end()
        raise AssertionError("nobody heard it")
    except stopping.Stopped as stop:
        assert stop.exit_code == 143


def main(folder):
    """Import every module there, then use what stands between fairnb and the system."""
    for name in OTHERS:
        importlib.import_module(name)
    take_away()
    import fairnb

    names = [found.name for found in pkgutil.walk_packages(fairnb.__path__, "fairnb.")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    use(folder)
    print(len(names))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
