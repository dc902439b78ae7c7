"""``fairnb course`` and ``fairnb course-check``: the editions of the lessons, and their check."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

only_option = click.option("--only", default="", help="lessons, e.g. 1_measuring or 1,2 (default: all)")
seed_option = click.option("--seed", default=0, show_default=True, help="what the graded data are drawn from")


@click.command()
@only_option
@seed_option
@click.option("--into", default="", help="folder to write to (default: build/course)")
def course(only: str, seed: int, into: str) -> None:
    """Write the course for a class: student edition, instructor edition, and a course folder of nbgrader's."""
    from fairnb.publish.course import editions

    for sentence in editions.write(only, seed, Path(into).expanduser() if into else None):
        click.echo(sentence)


@click.command()
@only_option
@seed_option
@click.option("--jobs", default=None, type=int, help="lessons at a time (default: one per core)")
@click.option("--kernel", is_flag=True, help="also run each lesson in a real kernel, and let nbgrader grade it")
def course_check(only: str, seed: int, jobs: int | None, kernel: bool) -> None:
    """Check every exercise: its solution passes, its blank fails, wrong answers fail with a message that helps."""
    from fairnb.publish.course import checking, lessons

    faults = 0
    for found in checking.check_all(only, seed, jobs or os.cpu_count() or 1):
        click.echo(str(found))
        faults += len(found.faults)
    for lesson in lessons.select(only) if kernel else ():
        faults += _with_kernel(lesson, seed)
    if faults:
        click.echo(f"{faults} faults")
        sys.exit(1)


def _with_kernel(lesson: str, seed: int) -> int:
    """Say how a lesson did in a kernel and at nbgrader's; returns the number of faults."""
    from fairnb.publish.course import graded

    wrong = graded.in_kernel(lesson, seed)
    scores = {} if wrong else graded.scores(lesson, seed)
    said = ", ".join(f"the {who} gets {share:.0%}" for who, share in scores.items())
    click.echo(f"{lesson} in a kernel: {wrong or f'runs; nbgrader: {said}'}")
    return scores != {"solution": 1.0, "blank": 0.0}


COMMANDS = (course, course_check)
