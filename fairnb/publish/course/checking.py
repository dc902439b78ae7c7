"""``make course-check``: each solution passes, the blank fails, and three wrong answers fail with a message that helps.

The cells of a lesson run by ``exec`` in one process, at tier smoke; torch is imported once, by the parent of all. An
answer is tried in a copy of the names that were there before its cell, so one lesson is computed once.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from fairnb.data.progress import HEADLESS
from fairnb.errors import FairnbError
from fairnb.publish.course import lessons

if TYPE_CHECKING:
    from nbformat import NotebookNode

SECONDS = 3.0  # CPU time that a solution and its tests may take at tier smoke
BLANK = "raise NotImplementedError()"  # what nbgrader leaves of a solution


@dataclass
class Checked:
    """What the check of a lesson found: ``faults`` in sentences, exercises, and wall-clock ``seconds`` of all."""

    lesson: str
    faults: list[str] = field(default_factory=list)
    exercises: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        """One line a fault, or one that says that there is none."""
        said = self.faults or [f"{self.exercises} exercises, {self.seconds:.0f} s, all as it should be"]
        return "\n".join(f"{self.lesson}: {one}" for one in said)


def check_all(only: str = "", seed: int = 0, jobs: int = 2) -> Iterator[Checked]:
    """``check`` each lesson of ``only`` in a process of its own, ``jobs`` at a time, in their order."""
    chosen = lessons.select(only)
    multiprocessing.set_forkserver_preload([__name__, "torch", "matplotlib.pyplot", "pandas", "sklearn.linear_model"])
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(_apart, chosen, [seed] * len(chosen))


def _apart(lesson: str, seed: int) -> Checked:
    """``check`` in a new process; one that is killed is a fault of the lesson."""
    apart = multiprocessing.get_context("forkserver")
    ours, theirs = apart.Pipe(duplex=False)
    process = apart.Process(target=_send, args=(theirs, lesson, seed), daemon=True)
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return Checked(lesson, ["its process was killed (most likely out of memory): check it alone, or with JOBS=1"])
    finally:
        process.join()


def _send(there: Connection, lesson: str, seed: int) -> None:
    os.environ |= {HEADLESS: "1", "MPLBACKEND": "agg"}
    there.send(check(lesson, seed))


def check(lesson: str, seed: int = 0) -> Checked:
    """Run a lesson's solutions, blanks and wrong answers at tier smoke, on the data of ``seed``."""
    found, begin = Checked(lesson), time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = lessons.read(lesson, seed=seed, tier=lessons.SMALL)
            found.exercises = len(lessons.exercises(book))
            with contextlib.chdir(lessons.folder() / lesson):  # as a kernel would
                found.faults += _faults(lesson, book)
        except FairnbError as error:
            found.faults.append(str(error))
    found.seconds = time.monotonic() - begin
    return found


def _faults(lesson: str, book: NotebookNode) -> Iterator[str]:
    coded = {exercise.answer: exercise for exercise in lessons.exercises(book) if exercise.tests}
    wrong = lessons.wrong(lesson, [exercise.name for exercise in coded.values()])
    space: dict[str, object] = {"__name__": "__main__", "display": lambda *shown: None}
    for at, cell in enumerate(book.cells):
        if cell.cell_type != "code":
            continue
        if exercise := coded.get(at):
            yield from _tried(book, exercise, wrong[exercise.name], dict(space))
        if error := _raised([cell.source], space):
            yield f"cell {at + 1} raised {_said(error)}, so nothing behind it was checked"
            return


def _tried(
    book: NotebookNode, exercise: lessons.Exercise, wrong: Iterable[lessons.Wrong], space: dict[str, object]
) -> Iterator[str]:
    """What is wrong with an exercise; ``space`` has the names that are there before its answer."""
    name, answer = exercise.name, book.cells[exercise.answer].source
    tests = [book.cells[at].source for at in exercise.tests]
    begin = time.process_time()
    if error := _raised([answer, *tests], dict(space)):
        yield f"the solution of {name} fails: {_said(error)}"
    taken = time.process_time() - begin
    if taken > SECONDS:
        yield f"{name} takes {taken:.1f} s of CPU time at tier smoke, more than {SECONDS:g}: make it smaller there"
    if not _raised([lessons.with_answer(answer, BLANK), *tests], dict(space)):
        yield f"the blank of {name} passes: its test asks nothing of the answer"
    for number, one in enumerate(wrong, start=1):
        error = _raised([lessons.with_answer(answer, one.code), *tests], dict(space))
        if error is None:
            yield f"wrong answer {number} to {name} passes: give {name} a test that it fails"
        elif not (isinstance(error, AssertionError) and one.says in str(error)):
            yield f"wrong answer {number} to {name} should hear {one.says!r}, and hears {_said(error)}"


def _raised(sources: Iterable[str], space: dict[str, object]) -> Exception | None:
    """What running the cells in ``space`` raises."""
    try:
        for source in sources:
            exec(
                compile(source, "<cell>", "exec", dont_inherit=True), space
            )  # our own notebooks, as a kernel would run them
    except Exception as error:
        return error
    return None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split()) or 'without a word'}"
