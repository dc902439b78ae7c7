"""`make reproduce`: one cluster, one process per notebook, the scorecard last; what is up to date is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import click

from fairnb import paths
from fairnb.errors import FairnbError
from fairnb.evidence import engine, layout, provenance
from fairnb.publish import notebooks
from fairnb.tasks import tiers

if TYPE_CHECKING:
    from fairnb.evidence.runs import Run

POLL_SECONDS = 2.0
OPENING_SECONDS = 10.0  # of a notebook whose runs are all there


def reproduce(tier: str, only: str = "", jobs: int | None = None, scheduler: str = "", force: bool = False) -> None:
    """Execute the notebooks that are not up to date and print what happened.

    Args:
        tier: a tier name. only: notebook names or prefixes, comma-separated; empty for all.
        jobs: worker processes and notebooks at a time (default: one per core, or per GPU).
        scheduler: address of a Dask scheduler; empty for a local cluster.
        force: execute also what is up to date (runs are still not computed again).

    Raises:
        FairnbError: unknown names at once; failed notebooks after all others have run.
    """
    tiers.get(tier)
    jobs = engine.workers(jobs)
    chosen = notebooks.select(only)
    for name in chosen:
        if not layout.belongs(name, tier):
            click.echo(f"  {name}: nothing of it runs at tier {tier}")
    chosen = [name for name in chosen if layout.belongs(name, tier)]
    body, synthesis = [n for n in chosen if n < "90"], [n for n in chosen if n >= "90"]
    stale = [name for name in body if force or notebooks.why(name, tier)]
    for name in body:
        if name not in stale:
            click.echo(f"  {name}: up to date")
    started = time.perf_counter()
    needs_runs = any(item.find() is None for name in stale for item in layout.grid_of(name, tier))
    cluster = engine.local_cluster(jobs) if needs_runs and not scheduler else nullcontext(scheduler)
    with cluster as address:
        failures = _execute_all(stale, tier, jobs, address)
    # The synthesis reads the others' outputs, so it is new whenever one of them is.
    last = [name for name in synthesis if stale or force or notebooks.why(name, tier)]
    failures += _execute_all(last, tier, 1, scheduler)
    seconds = time.perf_counter() - started
    click.echo(
        f"{len(stale) + len(last) - len(failures)} notebooks executed in {seconds:.0f} s; see {paths.results(tier)}"
    )
    if failures:
        raise FairnbError("; ".join(failures))


def _execute_all(names: list[str], tier: str, jobs: int, address: str) -> list[str]:
    """Run the notebooks, ``jobs`` at a time; returns the sentences of those that failed."""
    if not names:
        return []
    failures = []
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        # Notebooks that train go first: they take longest, the others fill the gaps.
        order = sorted(names, key=lambda name: (name not in layout.grids(), name))
        futures = {pool.submit(_execute, name, tier, address): name for name in order}
        for future in as_completed(futures):
            error = future.result()
            if error:
                failures.append(error)
    return failures


def _execute(name: str, tier: str, address: str) -> str:
    """One notebook in its own process; returns a sentence if it failed, else the empty string."""
    started = time.perf_counter()
    click.echo(f"  {name}: running ({notebooks.why(name, tier) or 'asked for'})")
    command = [sys.executable, "-m", "fairnb.publish.notebooks", name, tier]
    environment = os.environ | ({engine.SCHEDULER: address} if address else {})
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            errors = _follow(process, name, tier, started)
        except BaseException:
            process.terminate()
            raise
    if process.returncode == 0:
        click.echo(f"  {name}: done in {time.perf_counter() - started:.0f} s")
        return ""
    lines = [line for line in errors.splitlines() if line.strip()]
    sentence = (
        lines[-1]
        if process.returncode == 1 and lines
        else f"notebook {name} was killed (exit code {process.returncode})"
    )
    click.echo(f"  {name}: FAILED: {sentence}", err=True)
    return sentence


def _follow(process: subprocess.Popen, name: str, tier: str, started: float) -> str:
    """Wait for a notebook; say how many of its runs are finished whenever that changes."""
    grid, shown = layout.grid_of(name, tier), -1
    while True:
        try:
            return process.communicate(timeout=POLL_SECONDS)[1]
        except subprocess.TimeoutExpired:
            done = sum(item.exists() for item in grid)
            if done != shown and grid:
                click.echo(f"  {name}: {done} of {len(grid)} runs finished after {time.perf_counter() - started:.0f} s")
                shown = done


def plan(tier: str, only: str = "") -> None:
    """Print what ``reproduce`` would do: each notebook, why, its missing runs, how long by the measured past."""
    total = 0.0
    click.echo(f"tier {tier}: {tiers.get(tier).purpose}; seeds {', '.join(map(str, tiers.get(tier).seeds))}")
    for name in filter(partial(layout.belongs, tier=tier), notebooks.select(only)):
        reason = notebooks.why(name, tier)
        grid = layout.grid_of(name, tier)
        missing = [item for item in grid if item.find() is None]
        seconds, known = _estimate(name, tier, missing) if reason or missing else (0.0, True)
        total += seconds
        runs = f"{len(missing)} of {len(grid)} runs missing" if grid else "trains nothing"
        cost = f"about {_clock(seconds)}" if known else "no measured time yet"
        click.echo(f"  {name:28s} {reason or 'up to date':32s} {runs:24s} {cost if reason or missing else ''}")
        for item, count in _stale_code(grid):
            click.echo(f"      {count} records of {item} were made by other code (same version tag: kept)")
    click.echo(f"in all about {_clock(total)} with {engine.workers()} workers (measured on earlier runs)")


def _estimate(name: str, tier: str, missing: list[Run]) -> tuple[float, bool]:
    """Seconds by the committed reference timings of runs and notebooks; False when one of them is not known."""
    past = notebooks.past_seconds(tier)
    if name not in layout.grids():
        return past.get(name, 0.0), name in past
    runs = [past.get(item.method, 0.0) for item in missing]
    return OPENING_SECONDS + sum(runs) / engine.workers(), 0.0 not in runs


def _stale_code(grid: list[Run]) -> list[tuple[str, int]]:
    """Methods whose finished records come from other code than today's, with how many."""
    found = ((item.method, item.find()) for item in grid)
    other = Counter(
        method for method, record in found if record and record.provenance["code"] != provenance.code_hash()
    )
    return sorted(other.items())


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
