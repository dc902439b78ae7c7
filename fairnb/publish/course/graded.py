"""``make course-check KERNEL=1``: a lesson in a real kernel from top to bottom, and one hand-in graded by nbgrader."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path

import nbformat

from fairnb.data import files
from fairnb.data.progress import HEADLESS
from fairnb.publish import kernels
from fairnb.publish.course import editions, lessons

STUDENT = "first"


def in_kernel(lesson: str, seed: int = 0) -> str:
    """Execute a lesson with its solutions, at tier smoke; returns what went wrong, or nothing."""
    with tempfile.TemporaryDirectory(prefix="fairnb-course-") as place:
        source = Path(place) / lessons.BOOK
        nbformat.write(lessons.read(lesson, seed=seed), source)
        files.write_atomic(Path(place) / lessons.QUIZ, lessons.text(lesson, lessons.QUIZ))
        os.environ[HEADLESS] = "1"
        return kernels.run(source, Path(place) / "executed.ipynb", {"tier": lessons.SMALL})


def scores(lesson: str, seed: int = 0) -> dict[str, float]:
    """What nbgrader gives for the solution handed in, and for the untouched release, as shares of the machine's points.

    Raises:
        FairnbError: what nbgrader refuses, in its words.
    """
    with tempfile.TemporaryDirectory(prefix="fairnb-course-") as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nbgrader's database
        root = Path(place)
        editions.write(lesson, seed, root)
        course, got = root / "nbgrader", {}
        for student, made in (("solution", "source"), ("blank", "release")):
            shutil.copytree(course / made / lesson, course / "submitted" / student / lesson)
        with editions.grader(course) as api:
            for student in ("solution", "blank"):
                editions.require(api.autograde(lesson, student), f"the {student} of {lesson} cannot be graded")
                with api.gradebook as book:
                    handed_in = book.find_submission(lesson, student)
                    grades = [grade for notebook in handed_in.notebooks for grade in notebook.grades]
                    coded = [grade for grade in grades if grade.auto_score is not None]
                    got[student] = sum(grade.auto_score for grade in coded) / sum(grade.max_score for grade in coded)
        return got
