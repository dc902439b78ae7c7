"""Another user of this machine, for tests of rights: root has them all, so a test of rights must not run as root."""

import multiprocessing
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def open_folder():
    """A folder that every user may look into (pytest's own are its user's alone), for a test that ``asks``."""
    _require_root()
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def _require_root():
    if os.geteuid() != 0:
        pytest.skip("needs root, who alone may become another user")


def asks(work, *arguments):
    """What ``work`` gives another user, in a process of its own; an error as ``Type: text``."""
    _require_root()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_as_nobody, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    try:
        assert ours.poll(60), "the other user's process does not answer"
        return ours.recv()
    finally:
        process.kill()
        process.join()


def _as_nobody(answer, work, arguments):
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    try:
        answer.send(work(*arguments))
    except Exception as error:
        answer.send(f"{type(error).__name__}: {error}")
