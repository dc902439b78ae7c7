"""``fairnb evidence``, ``decide`` and ``audit-evidence``, and the claims' table of ``plan``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import click

from fairnb import paths
from fairnb.data import machine
from fairnb.data.files import is_there
from fairnb.errors import FairnbError
from fairnb.publish import alone
from fairnb.tasks import tiers

tier_option = click.option("--tier", default=paths.DEFAULT_TIER, show_default=True, help="quick, open or paper")


@click.command()
@tier_option
def evidence(tier: str) -> None:
    """Give this machine's finished runs to the ledger, in new files under results/evidence/ to be committed."""
    from fairnb.evidence import contribute, following

    for sentence in [*contribute.contribute(tier), *following.follow(tier)]:
        click.echo(sentence)


@click.command()
@tier_option
@click.option("--budget", default="60", show_default=True, help="minutes of wall-clock")
@click.option("--only", default="", help="claims or papers, e.g. A7 or aimfair,S1 (default: all)")
@click.option("--jobs", default="", help="worker processes (default: one per core, or one per GPU)")
@click.option("--dry", is_flag=True, help="print the plan and run nothing")
def decide(tier: str, budget: str, only: str, jobs: str, dry: bool) -> None:
    """Run the seeds that decide most claims for the time, and give all of them to the ledger."""
    from fairnb.evidence import deciding, following

    minutes, workers = _number("BUDGET", budget, "minutes"), jobs_of(jobs)
    if dry:
        deciding.dry(tier, minutes, only=only, jobs=workers, say=click.echo)
        return
    with deciding_alone():
        machine.be_nice()
        deciding.decide(tier, minutes, only=only, jobs=workers, say=click.echo)
        for sentence in following.follow(tier):
            click.echo(sentence)


@click.command()
@click.argument("key", default="")
@tier_option
def audit_evidence(key: str, tier: str) -> None:
    """Run a line of the ledger once more (of experiment KEY, or a random one) and say whether it is credible."""
    from fairnb.evidence import auditing

    line, run = auditing.chosen(tier, key)
    click.echo(f"running {auditing.named(line)} once more, which took {line['seconds']:.0f} s on {line['processor']}")
    found = auditing.audit(line, run)
    click.echo(str(found))
    if not found.credible:
        sys.exit(1)


def claims_table(tier: str, only: str = "") -> list[str]:
    """Lines with each claim's outcome, its seeds so far, those that it needs, and the minutes that they take.

    Minutes are of one worker, and only of what is missing; where a claim shares rows with another, it counts them too.

    Args:
        only: notebooks, as ``reproduce`` takes them.
    """
    from fairnb.evidence import contribute, outlook, plans
    from fairnb.publish import books

    if tier == contribute.SMOKE:
        return []
    view, chosen = outlook.Outlook(tier), set(books.select(only))
    view.look([name for name in outlook.chosen("") if name in chosen])
    fresh = plans.new(tier, ()).seeds
    lines = [f"  {'claim':6s} {'outcome':20s} {'seeds':>5s} {'needed':>6s} {'minutes':>8s}"]
    for status in view.claims.values():
        seconds = view.seconds_for(status, fresh)
        needed = "" if status.needed is None else str(status.needed)
        minutes = "" if seconds is None else f"{seconds / 60:.1f}"
        lines.append(f"  {status.claim:6s} {status.outcome:20s} {status.seeds:5d} {needed:>6s} {minutes:>8s}")
    return [line.rstrip() for line in lines]


def jobs_of(text: str) -> int | None:
    """``JOBS`` as a number; None where nothing is said. Raises FairnbError."""
    if not text:
        return None
    if not text.isdigit():
        raise FairnbError(f"JOBS={text!r} is no number: give the number of worker processes, e.g. JOBS=2")
    return int(text)


def _number(name: str, text: str, unit: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FairnbError(f"{name}={text!r} is no number: give {unit}, e.g. {name}=60") from None


@contextmanager
def deciding_alone() -> Iterator[None]:
    """Be the only `make decide` of this results folder, and come after a `make reproduce` that is at work there.

    Raises:
        FairnbError: one of them is at work; the sentence says which and what to do.
    """
    for place in (paths.executed(tier) / ".reproduce" for tier in tiers.TIERS):
        if is_there(place.with_name(f"{place.name}.lock")):
            with alone.alone(place, "`make reproduce`"):
                pass
    with ExitStack() as held:
        held.enter_context(alone.alone(paths.results_root() / "plans" / ".decide", "`make decide`"))
        yield


COMMANDS = (evidence, decide, audit_evidence)
