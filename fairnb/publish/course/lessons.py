"""The lessons: folders ``course/<n>_<topic>`` of a checkout, and the exercises in their notebooks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fairnb import paths
from fairnb.data import files
from fairnb.errors import BadData, UnknownName

if TYPE_CHECKING:
    from nbformat import NotebookNode

NAME = re.compile(r"\d_\w+")
BOOK, QUIZ, SLIDES, PLAN, WRONG = "exercises.ipynb", "quiz.json", "slides.md", "lesson.md", "wrong.yaml"
REGION = re.compile(r"^([ \t]*)### BEGIN SOLUTION\n.*?### END SOLUTION", re.DOTALL | re.MULTILINE)
HIDDEN, SMALL = "### BEGIN HIDDEN TESTS", "smoke"
N_WRONG = 3  # wrong answers that an exercise is tried with


@dataclass(frozen=True)
class Exercise:
    """One graded exercise: the positions of its ``answer`` cell and of its ``tests`` (none: graded by hand)."""

    name: str
    points: float
    answer: int
    tests: tuple[int, ...]


@dataclass(frozen=True)
class Wrong:
    """A plausible wrong answer: ``code`` stands in the solution's place, ``says`` must be in the test's message."""

    code: str
    says: str


def folder() -> Path:
    """Where the lessons are. Raises BadData where there is no checkout (an installed wheel has no course)."""
    place = paths.project() / "course"
    if not place.is_dir():
        raise BadData(f"there is no folder {place}: the course is a part of fairnb's checkout, so clone that")
    return place


def names() -> list[str]:
    """Names of the lessons that have exercises, in order."""
    return sorted(file.parent.name for file in folder().glob(f"*/{BOOK}") if NAME.fullmatch(file.parent.name))


def select(only: str = "") -> list[str]:
    """The lessons named in ``only`` (names or numbers, with commas), or all. Raises UnknownName."""
    known, chosen = names(), []
    for part in filter(None, (part.strip() for part in only.split(","))):
        fitting = [name for name in known if part in (name, name.split("_")[0])]
        if not fitting:
            raise UnknownName("lesson", part, known)
        chosen += fitting
    return sorted(set(chosen)) or known


def text(lesson: str, name: str) -> str:
    """A file of a lesson. Raises BadData with the name of one that is missing."""
    file = folder() / lesson / name
    if not file.is_file():
        raise BadData(f"lesson {lesson} has no {name}: write {file}, as 1_measuring has it")
    with files.plain_errors(file):
        return file.read_text(encoding="utf-8")


def read(lesson: str, **settings: object) -> NotebookNode:
    """The exercises of a lesson, with ``settings`` (seed, tier) written into the cell that is tagged ``parameters``.

    Raises:
        BadData: no notebook, or one that lacks that cell or the line of a setting.
    """
    import nbformat

    try:
        book = nbformat.reads(text(lesson, BOOK), as_version=4)
    except (ValueError, KeyError, AttributeError) as error:
        raise BadData(
            f"{lesson}/{BOOK} is no notebook ({str(error).splitlines()[0][:80]}): get it back from git"
        ) from None
    cells = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise BadData(f"{lesson}/{BOOK} has {len(cells)} cells tagged 'parameters': tag the one of seed and tier")
    for name, value in settings.items():
        line = re.compile(rf"^{name} = [^#\n]*?(?=  #|$)", re.MULTILINE)
        if not line.search(cells[0].source):
            raise BadData(f"{lesson}/{BOOK}: the parameters cell sets no {name}: give it a line '{name} = ...'")
        cells[0].source = line.sub(f"{name} = {value!r}", cells[0].source)
    return book


def exercises(book: NotebookNode) -> list[Exercise]:
    """The graded exercises in order: an answer cell ``NAME`` with its tests ``NAME_test...``, or graded by hand.

    Raises:
        BadData: an answer without a solution region or test, a test without hidden part, or a name that is there twice.
    """
    marks = {at: cell.metadata["nbgrader"] for at, cell in enumerate(book.cells) if "nbgrader" in cell.metadata}
    ids = [mark["grade_id"] for mark in marks.values()]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise BadData(f"grade_id {twice[0]!r} is there twice: give each cell its own")
    return [_exercise(book, at, marks) for at, mark in marks.items() if mark["solution"]]


def _exercise(book: NotebookNode, at: int, marks: dict[int, dict]) -> Exercise:
    name = marks[at]["grade_id"]
    if not REGION.search(book.cells[at].source):
        raise BadData(f"exercise {name} has no solution between '### BEGIN SOLUTION' and '### END SOLUTION': mark it")
    if marks[at]["grade"]:
        return Exercise(name, marks[at]["points"], at, ())
    tests = tuple(i for i, mark in marks.items() if mark["grade"] and mark["grade_id"].startswith(f"{name}_test"))
    if not tests or min(tests) < at:
        raise BadData(f"exercise {name} has no test behind it: give it a graded cell with grade_id {name}_test")
    if not any(HIDDEN in book.cells[i].source for i in tests):
        raise BadData(f"exercise {name} has no hidden test: put one between '{HIDDEN}' and '### END HIDDEN TESTS'")
    return Exercise(name, sum(marks[i]["points"] for i in tests), at, tests)


def with_answer(source: str, code: str) -> str:
    """An answer cell with ``code`` in the place of its solution, indented as that is."""
    return REGION.sub(lambda found: textwrap.indent(textwrap.dedent(code).strip("\n"), found[1]), source)


def wrong(lesson: str, wanted: Iterable[str]) -> dict[str, list[Wrong]]:
    """The wrong answers of ``wrong.yaml`` for each exercise of ``wanted``. Raises BadData unless each has three."""
    import yaml

    try:
        given = yaml.safe_load(text(lesson, WRONG)) or {}
        found = {name: [Wrong(one["code"], one["says"]) for one in items] for name, items in given.items()}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise BadData(f"{lesson}/{WRONG} cannot be read ({reason}): exercise -> a list of {{code, says}}") from None
    for name in sorted({*wanted, *found}):
        if name not in set(wanted):
            raise UnknownName(f"exercise in {lesson}/{WRONG}", name, wanted)
        if len(found.get(name, ())) != N_WRONG:
            many = len(found.get(name, ()))
            raise BadData(f"{lesson}/{WRONG} has {many} wrong answers to {name}: write {N_WRONG}, plausible ones")
    return found
