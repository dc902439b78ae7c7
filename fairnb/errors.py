"""Errors that a user can act on: one sentence with what is wrong, which value, and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 40  # names in a message; beyond that a list is no help


class FairnbError(Exception):
    """Base of all errors whose message is meant for the user; the command line prints it without a traceback."""


class UnknownName(FairnbError):
    """A name (tier, task, method, hyper-parameter, ...) that does not exist."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        """Say which ``kind`` of thing ``name`` should be, the nearest known name, and all known names."""
        known = sorted(known)
        near = get_close_matches(str(name), known, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}known are {', '.join(known[:SHOWN]) or 'none'}{more}")


class BadData(FairnbError):
    """Input data that cannot be used as it is (missing, malformed, empty, one class only, ...)."""


class MissingData(BadData):
    """A data set that is not on this machine; the message says how to get it."""


class DiskTrouble(FairnbError):
    """A file or folder that cannot be read or written just now (rights, room, locks, a network disk).

    Nothing is said about its content: what is there is neither broken nor missing.
    """


class TrainingFailed(FairnbError):
    """Training that diverged (NaN or infinite loss) or did not change what it should have changed."""


class BrokenRecord(FairnbError):
    """A run record that cannot be read back (truncated, altered, or from an unknown format)."""
