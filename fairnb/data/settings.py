"""Every environment variable that fairnb knows, in one place, and a sentence for one that it does not know."""

from __future__ import annotations

import os

from fairnb import paths
from fairnb.errors import UnknownName

PREFIX = "FAIRNB_"
SEEDS, PRESET, ATTRIBUTES = "FAIRNB_SEEDS", "FAIRNB_PRESET", "FAIRNB_ATTRIBUTES"
CHOICES = (SEEDS, PRESET, ATTRIBUTES)  # what a run computes; absent and empty are the same
# Who does the work, and how much of it is shown; models that draw or write (`fairnb generate`).
OTHERS = ("FAIRNB_SCHEDULER", "FAIRNB_HEADLESS", "FAIRNB_T2I", "FAIRNB_LM_URL", "FAIRNB_LM_KEY")
INTERNAL = ("FAIRNB_MANIFEST", "FAIRNB_RUNNER", "FAIRNB_TLS")  # set by fairnb for the processes that it starts
TESTS = ("FAIRNB_SHARED", "FAIRNB_SHARED_PAPERS", "FAIRNB_TESTS_SMALLER")  # read by the tests alone
GONE = ("FAIRNB_PARTIES",)  # refused, with the reason, where it was read
KNOWN = (*paths.FOLDERS, *CHOICES, *OTHERS, *INTERNAL, *TESTS, *GONE)


def check() -> None:
    """Refuse a setting that nobody reads: it would change nothing, without a word.

    Raises:
        UnknownName: a variable ``FAIRNB_...`` that is set and not known, with the nearest one that is.
    """
    public = (*paths.FOLDERS, *CHOICES, *OTHERS)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and os.environ[name] and name not in KNOWN:
            raise UnknownName("environment variable", name, public)


def for_workers() -> dict[str, str]:
    """What a worker elsewhere has to know to do the same: folders as absolute paths, choices even where none is made.

    A folder that is not set here is not named: the worker uses its own.
    """
    folders = {name: str(paths.named(name, paths.project())) for name in filter(os.environ.get, paths.FOLDERS)}
    return folders | {name: os.environ.get(name, "").strip() for name in CHOICES}


def take(sent: dict[str, str], own: dict[str, str]) -> None:
    """Work as who asked does, ``sent`` being their ``for_workers``: what they do not name is as it was at the start.

    Args:
        own: the environment of this process before anybody asked. Else the folder of the last who asked would stay.
    """
    for name in (*paths.FOLDERS, *CHOICES):
        value = sent.get(name, own.get(name))
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
