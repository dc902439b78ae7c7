"""`make decide`: buy the seeds that decide most claims for the time, and give every one of them to the ledger.

A plan says what will run before it runs; it is resumed if it was stopped. After each block of runs these are
contributed and the claims that need them judged again. Who stops early keeps all: the rule allows any stopping.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from fairnb.errors import FairnbError
from fairnb.evidence import contribute, engine, greedy, outlook, plans, provenance
from fairnb.evidence.outlook import Outlook
from fairnb.evidence.spending import Say, Session, clock


def decide(tier: str, minutes: float, *, only: str = "", jobs: int | None = None, say: Say = print) -> None:
    """Spend ``minutes`` of wall-clock on seeds, most expected decisions per CPU second first.

    Args:
        tier: not smoke. only: claims or papers, comma-separated; empty for all. jobs: worker processes (default: one
            per core or GPU). say: takes the sentences.

    Raises:
        FairnbError: unknown names, uncommitted changes, no time; trouble on the way, when what is finished has been
            contributed.
        KeyboardInterrupt: after what is finished has been contributed.
    """
    contribute.require(tier)
    _require_clean()
    session = _session(tier, minutes, only, engine.workers(jobs), say)
    for sentence in contribute.contribute(tier):
        say(sentence)
    session.plan = plans.unfinished(tier)
    session.view.list_rows()
    try:
        with _scheduler(session.jobs):
            session.spend()
    finally:
        session.settle()
    still = len(session.view.open)
    say(
        f"{still} of {len(session.view.claims)} claims are open after {(time.monotonic() - session.begun) / 60:.1f} min"
    )


def dry(tier: str, minutes: float, *, only: str = "", jobs: int | None = None, say: Say = print) -> None:
    """Say what ``decide`` would run if nothing were decided on the way; runs and writes nothing."""
    contribute.require(tier)
    session = _session(tier, minutes, only, engine.workers(jobs), say)
    left = plans.unfinished(tier)
    if left is not None:
        say(f"first {len(left.left)} runs that were begun and are not finished ({left.file.name})")
    session.view.look(session.wanted, [claim for own in session.wanted.values() for claim in own])
    spent = gained = 0.0
    fresh = left.seeds if left else plans.new(tier, ()).seeds
    for number, block in enumerate(greedy.plan(session.view.open, session.view.rows, fresh, session.budget), 1):
        spent, gained = spent + block.seconds / session.jobs, gained + block.gain
        what = ", ".join(f"{claim} to {rung} seeds" for claim, rung in block.counts.items()) or f"part of {block.claim}"
        said = f"{len(block.runs)} runs, {clock(block.seconds / session.jobs)} (in all {clock(spent)})"
        say(f"  {number}. {what}: {said}; {gained:.1f} decisions expected so far")
    say(f"{len(session.view.open)} claims are open; {minutes:g} min of {session.jobs} at a time; nothing was run")


def _session(tier: str, minutes: float, only: str, jobs: int, say: Say) -> Session:
    if not 0 < minutes < 60 * 24 * 365:
        raise FairnbError(f"BUDGET={minutes:g} is no time: give the minutes that may be spent, e.g. BUDGET=60")
    return Session(Outlook(tier), outlook.chosen(only), time.monotonic() + 60 * minutes, jobs, say)


def _require_clean() -> None:
    commit = provenance.commit()
    if commit == "unknown" or commit.endswith("-dirty"):
        raise FairnbError(
            "the checkout has uncommitted changes (or is none of git's), so nobody could make these runs again and the "
            "ledger would not take them: commit them first; DRY=1 works as it is"
        )


@contextmanager
def _scheduler(jobs: int) -> Iterator[None]:
    """Where ``engine.outcomes`` computes: at the scheduler that is named, else on ``jobs`` workers of this machine."""
    before = os.environ.get(engine.SCHEDULER, "")
    with nullcontext(before) if before or jobs == 1 else engine.local_cluster(jobs) as address:
        os.environ[engine.SCHEDULER] = address
        try:
            yield
        finally:
            os.environ[engine.SCHEDULER] = before
