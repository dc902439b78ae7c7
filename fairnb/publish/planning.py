"""`make plan`: what `make reproduce` would run, why, and how long it takes; without the data, too, by estimates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from fairnb.errors import MissingData
from fairnb.evidence import engine, layout, provenance
from fairnb.publish import driver, evidence_commands, notebooks
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.evidence.records import Record
    from fairnb.evidence.runs import Run

OPENING_SECONDS = 10.0  # of a notebook whose runs are all there


def plan(tier: str, only: str = "") -> None:
    """Print what ``reproduce`` would do: each notebook, why, its missing runs, how long by the measured past.

    Where data are not here all runs on them are missing; a room with the door ``prices`` estimates what they cost.
    """
    chosen, workers = driver.meant(tier, only), engine.workers()
    click.echo(f"tier {tier}: {tiers.get(tier).purpose}; seeds {', '.join(map(str, tiers.get(tier).seeds))}")
    chosen = [name for name in chosen if layout.belongs(name, tier)]
    costs = seconds_of(tier, chosen)
    for name, (opened, trained, known) in costs.items():
        reason, grid = notebooks.why(name, tier), layout.grid_of(name, tier)
        missing = sum(_found(item) is None for item in grid)
        runs = f"{missing} of {len(grid)} runs missing" if grid else "trains nothing"
        cost = f"about {_clock(opened + trained / workers)}" if known else "no measured time yet"
        click.echo(f"  {name:28s} {reason or 'up to date':32s} {runs:24s} {cost if reason or missing else ''}")
        for item, count in _stale_code(grid):
            click.echo(f"      {count} records of {item} were made by other code (same version tag: kept)")
    total = sum(opened + trained for opened, trained, _ in costs.values()) / workers
    rest = "" if all(known for *_, known in costs.values()) else "; what has no measured time is left out"
    click.echo(f"in all about {_clock(total)} with {workers} workers (measured on earlier runs{rest})")
    driver.say_prices(tier, chosen)


def say_claims(tier: str, only: str) -> None:
    """Print what each claim needs, which nobody knows without the data."""
    try:
        for line in evidence_commands.claims_table(tier, only):
            click.echo(line)
    except MissingData as error:
        click.echo(f"what each claim needs is not known without the data: {error}")


def seconds_of(tier: str, names: Sequence[str]) -> dict[str, tuple[float, float, bool]]:
    """What each notebook still needs, in seconds of one core by the committed reference timings.

    Returns:
        by notebook: seconds that it is open itself, seconds of its missing runs, and False where one of these has no
        reference. A run that several notebooks ask for counts for the first.
    """
    past, counted, found = notebooks.past_seconds(tier), set[str](), dict[str, tuple[float, float, bool]]()
    for name in names:
        keys = {_key(run): run for run in layout.grid_of(name, tier)}
        missing = {key: run for key, run in keys.items() if key not in counted and _found(run) is None}
        opened = 0.0
        if missing or notebooks.why(name, tier):
            opened = OPENING_SECONDS if name in layout.grids() else past.get(name, 0.0)
        runs = [past.get(run.method, 0.0) for run in missing.values()]
        found[name] = (opened, sum(runs), 0.0 not in runs and (name in layout.grids() or name in past))
        counted |= missing.keys()
    return found


def _found(run: Run) -> Record | None:
    """The finished record of a run; None where there is none, or where its data are not here."""
    with suppress(MissingData):
        return run.find()
    return None


def _key(run: Run) -> str:
    """The key of a run; what it is in words where that is not known because its data are not here."""
    try:
        return run.key
    except MissingData:
        return f"{run.task} {run.method} {run.seed} {sorted(run.hparams.items())}"


def _stale_code(grid: list[Run]) -> list[tuple[str, int]]:
    """Methods whose finished records come from other code than today's, with how many."""
    found = ((item.method, _found(item)) for item in grid)
    other = Counter(
        method for method, record in found if record and record.provenance["code"] != provenance.code_hash()
    )
    return sorted(other.items())


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
