"""One at a time: who comes second is told who was first, and a killed one blocks nobody."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import Timeout

from fairnb.data import files
from fairnb.errors import FairnbError


@contextmanager
def alone(place: Path, what: str) -> Iterator[None]:
    """Be the only process that does ``what`` in the block.

    Args:
        place: ``place.lock`` is the lock and ``place.txt`` says whose it is.

    Raises:
        FairnbError: another process is at it. DiskTrouble: the folder refuses.
    """
    told = place.with_name(f"{place.name}.txt")
    with ExitStack() as held:
        try:
            held.enter_context(files.lock(place.with_name(f"{place.name}.lock"), timeout=0))
        except Timeout:
            raise FairnbError(
                f"{what} is being executed in {place.parent} by {_first(told)}: wait until that has ended, or give "
                "this one a folder of its own with FAIRNB_RESULTS"
            ) from None
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        files.write_atomic(told, f"process {os.getpid()} on {platform.node()} since {now}\n")
        held.callback(told.unlink, missing_ok=True)
        yield


def _first(told: Path) -> str:
    try:
        return told.read_text("utf-8").strip() or "another process"
    except OSError:
        return "another process"
