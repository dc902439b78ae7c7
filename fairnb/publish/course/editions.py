"""``make course``: the editions of the lessons in ``build/course``, for a seed of the instructor's.

``nbgrader/`` is a course folder of nbgrader's: ``source`` with solutions, ``release`` made from it by nbgrader itself,
and its gradebook. ``student/`` and ``instructor/`` are the two of them with slides, the latter with lesson plans, too.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb.data import files
from fairnb.data.progress import HEADLESS
from fairnb.errors import BadData, FairnbError
from fairnb.evidence import clone
from fairnb.publish.course import lessons, pages

if TYPE_CHECKING:
    from nbgrader.apps.api import NbGraderAPI

COURSE_ID = "fairness"
ERROR = re.compile(r"\s*[\w.]*(Error|Exception): ")
WRITTEN = {
    "student": "to hand out: exercises without answers, slides",
    "instructor": "to keep: solutions, hidden tests, lesson plans, slides",
    "nbgrader": "a course folder of nbgrader's (source, release, gradebook)",
}
CONFIG = f'''"""Settings of nbgrader for this course folder; run nbgrader's commands in it."""
import os

os.environ[{HEADLESS!r}] = "1"  # dials and quizzes as they are where nobody can move them
c = get_config()
c.CourseDirectory.course_id = {COURSE_ID!r}
c.Execute.timeout = 300  # seconds a cell, on a slow machine
'''


def write(only: str = "", seed: int = 0, into: Path | None = None) -> list[str]:
    """Write all editions of the lessons in ``only``, with data drawn from ``seed``; returns what was written, in words.

    Args:
        into: the folder (default: ``build/course`` of the checkout). A gradebook in it stays.

    Raises:
        BadData: a lesson that is not whole, or nbgrader is missing. FairnbError: what nbgrader refuses, in its words.
    """
    if seed < 0:
        raise BadData(f"SEED={seed} cannot be drawn from: give a number of 0 or more")
    place = (into or lessons.folder().parent / "build" / "course").resolve()
    root = place / "nbgrader"
    files.write_atomic(root / "nbgrader_config.py", CONFIG)
    chosen = lessons.select(only)
    for lesson in chosen:
        _source(lesson, seed, root / "source" / lesson)
    with grader(root) as api:
        for lesson in chosen:
            require(api.generate_assignment(lesson, force=True), f"lesson {lesson} cannot be released")
    for lesson in chosen:
        _editions(lesson, place)
    return [f"{place / name}: {what}, {len(chosen)} lessons, seed {seed}" for name, what in WRITTEN.items()]


def _source(lesson: str, seed: int, folder: Path) -> None:
    import nbformat

    book = lessons.read(lesson, seed=seed)
    lessons.exercises(book)  # says what is not whole
    files.write_atomic(folder / lessons.BOOK, nbformat.writes(book))
    files.write_atomic(folder / lessons.QUIZ, lessons.text(lesson, lessons.QUIZ))


def _editions(lesson: str, place: Path) -> None:
    deck = pages.slides(lesson)
    for edition, made in (("student", "release"), ("instructor", "source")):
        for name in (lessons.BOOK, lessons.QUIZ):
            files.write_atomic(
                place / edition / lesson / name, (place / "nbgrader" / made / lesson / name).read_bytes()
            )
        files.write_atomic(place / edition / lesson / "slides.html", deck)
    files.write_atomic(place / "instructor" / lesson / "lesson.html", pages.plan(lesson))


@contextmanager
def grader(root: Path) -> Iterator[NbGraderAPI]:
    """nbgrader at work in the course folder ``root``: offline, without a user's settings or a home that may be missing.

    Its gradebook starts the script ``alembic``, which lies beside this Python.

    Raises:
        BadData: nbgrader is not installed.
    """
    home = tempfile.mkdtemp(prefix="fairnb-course-")
    own = dict.fromkeys(("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR"), home)
    own["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    own |= {HEADLESS: "1"} | clone.environment()  # kernels import this fairnb
    before = {name: os.environ.get(name) for name in own}
    os.environ |= own
    try:
        from nbgrader.apps.api import NbGraderAPI
        from traitlets.config import Config

        config = Config()
        config.CourseDirectory.root = str(root)
        config.CourseDirectory.course_id = COURSE_ID
        config.Execute.timeout = 300
        config.Execute.extra_arguments = ["--HistoryManager.hist_file=:memory:", "--log-level=ERROR"]
        yield NbGraderAPI(config=config, log_level="ERROR")
    except ModuleNotFoundError as error:
        raise BadData(
            f"the course needs {str(error.name).split('.')[0]}: pip install 'fairnb[course]' (make env has it)"
        ) from None
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
        shutil.rmtree(home, ignore_errors=True)


def require(result: dict[str, Any], what: str) -> None:
    """Raise FairnbError with the last words of nbgrader unless ``result``, of its API, says that it went well."""
    if not result["success"]:
        said = f"{result.get('error') or ''}\n{result.get('log') or ''}"
        reasons = [line.strip() for line in said.splitlines() if ERROR.match(line) and "traceback" not in line]
        raise FairnbError(f"{what}: nbgrader says {reasons[-1] if reasons else said.strip()[-200:] or 'nothing'}")
