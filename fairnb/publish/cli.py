"""The command line behind the Makefile: ``fairnb reproduce``, ``plan``, ``verify``, ``data``, ``check`` and more."""

from __future__ import annotations

import copy
import errno
import functools
import io
import os
import sys
from collections.abc import Callable

import click

from fairnb import __version__, paths, registry
from fairnb.data import settings
from fairnb.data.files import sentence_of
from fairnb.errors import FairnbError
from fairnb.evidence import clone
from fairnb.publish import (
    compare_command,
    course_command,
    evidence_commands,
    online,
    site_command,
    stopping,
    without_make,
)

tier_option = click.option("--tier", default=paths.DEFAULT_TIER, show_default=True, help="smoke, quick, open or paper")
only_option = click.option("--only", default="", help="notebooks to run, e.g. 10_aimfair or 10,90 (default: all)")


def _choose(context: click.Context, option: click.Parameter, value: str) -> None:
    """An option that every process which computes has to know, and so is a setting."""
    if value:
        os.environ[settings.ATTRIBUTES] = value


attributes_option = click.option(
    "--attributes",
    default="",
    expose_value=False,
    callback=_choose,
    help="which of FineFACE's thirteen, e.g. smiling,bangs (default: the tier's)",
)


HEADINGS = {
    "Reproduce": ("check", "data", "plan", "reproduce", "verify", "lab", "test", "clean"),
    "Your own data, method or paper": ("compare", "new-paper"),
    "Teaching": ("course", "course-check"),
    "Evidence": ("decide", "evidence", "audit-evidence"),
    "Pages": ("site", "site-check", "colab", "reference", "readme"),
}
OTHERS = "Of single papers"


class _Commands(click.Group):
    """The commands below, and those of rooms with the door ``commands`` (``COMMANDS``: name -> command)."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *_of_rooms()})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return super().get_command(context, name) or _of_rooms().get(name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Under headings, with whole sentences."""
        left = self.list_commands(context)
        headings = HEADINGS | {OTHERS: [name for name in left if name not in sum(HEADINGS.values(), ())]}
        for heading, names in headings.items():
            found = ((name, self.get_command(context, name)) for name in names if name in left)
            with formatter.section(heading):
                formatter.write_dl([(name, command.get_short_help_str(200)) for name, command in found if command])


def _of_rooms() -> dict[str, click.Command]:
    try:
        found = registry.collected("commands", "COMMANDS")
    except FairnbError as error:  # somebody else's room that cannot be opened
        raise click.UsageError(str(error)) from None
    return {name: _with_sentences(command) for name, command in found.items()}


def _with_sentences(command: click.Command) -> click.Command:
    """A room's command, guarded; a group has subcommands of its own, and guards them itself."""
    if isinstance(command, click.Group) or command.callback is None:
        return command
    guarded = copy.copy(command)
    guarded.callback = _guarded(command.callback)
    return guarded


@click.group(cls=_Commands)
@click.version_option(__version__)
def commands() -> None:
    """Rerun five papers on fairness-aware fine-tuning, check their claims, and try their methods on your own data."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal lacks must not stop a command
            stream.reconfigure(errors="backslashreplace")
    paths.settle()
    try:
        settings.check()
        clone.require_clone()
    except FairnbError as error:
        raise click.UsageError(str(error)) from None


def _guarded(function: Callable) -> Callable:
    """``function``, printing what a user can mend as one sentence (exit code 2) instead of a traceback."""

    @functools.wraps(function)
    def guarded(*args: object, **kwargs: object) -> None:
        try:
            with stopping.by_exception():
                function(*args, **kwargs)
        except (FairnbError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has gone, and click knows what to do
            click.echo(f"fairnb: {sentence_of(error) if isinstance(error, OSError) else error}", err=True)
            sys.exit(2)
        except KeyboardInterrupt as stop:
            click.echo(f"fairnb: {stopping.of(stop)}", err=True)
            sys.exit(stopping.of(stop).exit_code)

    return guarded


def _command(function: Callable) -> Callable:
    """A guarded function as a command."""
    return commands.command()(_guarded(function))


@_command
@tier_option
@only_option
@attributes_option
@click.option("--jobs", default="", help="worker processes (default: one per core, or one per GPU)")
@click.option("--scheduler", default="", help="address of a Dask scheduler, e.g. tcp://host:8786")
@click.option("--force", is_flag=True, help="execute notebooks that are up to date, too")
def reproduce(tier: str, only: str, jobs: str, scheduler: str, force: bool) -> None:
    """Execute the notebooks and write every table, figure and verdict to results/."""
    from fairnb.publish import driver

    driver.reproduce(tier, only, evidence_commands.jobs_of(jobs), scheduler, force)


@_command
@tier_option
@only_option
@attributes_option
def plan(tier: str, only: str) -> None:
    """Say what reproduce would run, why, and how long it takes by the measured past; and what each claim needs."""
    from fairnb.publish import planning

    planning.plan(tier, only)
    planning.say_claims(tier, only)


@_command
@tier_option
def verify(tier: str) -> None:
    """Ask whether fresh results can be those of the reference and the ledger; exit code 1 when something cannot."""
    from fairnb.evidence import verify as checks

    checked = checks.check(tier)
    for sentence in (*checked.said, *checked.differences):
        click.echo(str(sentence))
    click.echo(f"tier {tier}: " + (f"{checked.wrong} findings" if checked.wrong else "nothing differs beyond chance"))
    if checked.wrong:
        sys.exit(1)


@_command
@tier_option
def reference(tier: str) -> None:
    """Make the fresh results of a tier its new reference."""
    from fairnb.evidence import verify as checks
    from fairnb.publish import notebooks, readme

    copied = checks.accept(tier, notebooks.timings(tier))
    copied -= readme.drop_unshown(tier)
    click.echo(f"{copied} files copied to {paths.reference(tier)}; of the figures those that a page shows")


@_command
@click.argument("download", nargs=-1)
def data(download: tuple[str, ...]) -> None:
    """Print which real data sets are here; download those that may be (`fairnb data adult bank`)."""
    from fairnb.data import registry

    for name in download:
        click.echo(f"{name}: {registry.download(name, paths.data())}")
    click.echo(registry.main_table())


@_command
def check() -> None:
    """Check Python, packages, disk, GPU and data of this machine."""
    from fairnb.publish import environment

    results = environment.checks()
    for result in results:
        click.echo(str(result))
    if not all(result.ok for result in results):
        sys.exit(1)


@_command
@click.option("--cache", is_flag=True, help="also remove decoded images, toy faces and biased models")
def clean(cache: bool) -> None:
    """Remove results and run records, by name; what git keeps and what fairnb did not write stays."""
    from fairnb.publish import cleaning

    for sentence in cleaning.clean(cache):
        click.echo(sentence)


@_command
def readme() -> None:
    """Rewrite results/README.md and notebooks/README.md from the committed reference results."""
    from fairnb.publish import readme as pages

    for page, changed in pages.update().items():
        click.echo(f"{page} " + ("rewritten" if changed else "is up to date"))


@_command
@click.argument("slug")
@click.option("--title", default="", help="how tables call the paper (default: the slug)")
@click.option("--into", default="", help="folder for a distribution of its own (default: this checkout)")
def new_paper(slug: str, title: str, into: str) -> None:
    """Write the room of a sixth paper, with a notebook and a test that pass."""
    from pathlib import Path

    from fairnb.publish import new_paper as writer

    for file in writer.write(slug, title, Path(into) if into else None):
        click.echo(str(file))


for _module in (evidence_commands, compare_command, course_command, site_command, without_make, online):
    for _own in _module.COMMANDS:
        commands.add_command(_with_sentences(_own))


def main() -> None:
    """Entry point of the ``fairnb`` command."""
    commands()
