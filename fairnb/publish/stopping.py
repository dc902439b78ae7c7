"""Ctrl-C, SIGTERM and a closed terminal stop a command once, as an exception, each with its own exit code."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fairnb.data import machine

SIGNALS = machine.STOPPING
SENTENCE = "{}; finished runs are kept, the same command goes on from here"
WORDS = {
    "SIGINT": "interrupted",
    "SIGTERM": "told to end (SIGTERM)",
    "SIGHUP": "its terminal was closed",
    "SIGBREAK": "interrupted",  # of Windows
}


class Stopped(KeyboardInterrupt):
    """A signal that asks to end. ``number``: which; whatever catches a Ctrl-C catches it."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        """Remember the signal, and say what is kept and how to go on."""
        super().__init__(SENTENCE.format(WORDS[signal.Signals(number).name]))
        self.number = number

    @property
    def exit_code(self) -> int:
        """As a shell tells it: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP."""
        return 128 + self.number


def of(error: KeyboardInterrupt) -> Stopped:
    """The same with number and sentence: a Ctrl-C may come before ``by_exception`` or from elsewhere."""
    return error if isinstance(error, Stopped) else Stopped()


@contextmanager
def by_exception() -> Iterator[None]:
    """Raise Stopped in the block at the first of ``SIGNALS``, once: who is ending is not disturbed by a second one.

    One that is ignored stays ignored (``nohup``). Outside the main thread, which alone gets signals, nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    heard = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard = True
        logging.disable()  # what libraries say of work that breaks off is noise: who stops it knows
        for each in SIGNALS:  # ignored by the system itself: Python puts its own handlers away before it has ended
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        if not heard:  # else the process is ending, and its last steps are not to be disturbed either
            for number, handler in before.items():
                signal.signal(number, handler)
