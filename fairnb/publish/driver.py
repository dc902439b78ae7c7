"""`make reproduce`: one cluster, one process per notebook, the scorecard last; what is up to date is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import nullcontext, suppress

import click
import psutil

from fairnb import paths, registry
from fairnb.data import machine, settings
from fairnb.errors import FairnbError
from fairnb.evidence import clone, engine, layout
from fairnb.publish import alone, books, notebooks
from fairnb.tasks import tiers

POLL_SECONDS = 2.0
END_SECONDS = 3.0  # for notebooks to end when they are told to
SYNTHESIS = "90"  # what looks at the others' outputs is numbered from here
# A file in the working directory takes no module's place, and what a notebook says is UTF-8 in any locale.
ALWAYS = {"PYTHONSAFEPATH": "1", "PYTHONUTF8": "1"}


def reproduce(tier: str, only: str = "", jobs: int | None = None, scheduler: str = "", force: bool = False) -> None:
    """Execute the notebooks that are not up to date and print what happened.

    Args:
        tier: a tier name. only: notebook names or prefixes, comma-separated; empty for all.
        jobs: worker processes and notebooks at a time (default: one per core, or per GPU).
        scheduler: address of a Dask scheduler; empty for ``FAIRNB_SCHEDULER``, else a local cluster.
        force: execute also what is up to date (runs are still not computed again).

    Raises:
        FairnbError: unknown names at once, or another process that does the same; failed notebooks after all others
            have run.
        KeyboardInterrupt: (``stopping.Stopped`` with its signal) after all processes have been ended.
    """
    chosen, jobs = meant(tier, only), engine.workers(jobs)
    for name in chosen:
        if not layout.belongs(name, tier):
            click.echo(f"  {name}: nothing of it runs at tier {tier}")
    chosen = [name for name in chosen if layout.belongs(name, tier)]
    wanted = [name for name in chosen if force or notebooks.why(name, tier)]
    for name in chosen:
        if name not in wanted and name < SYNTHESIS:
            click.echo(f"  {name}: up to date")
    started, failures, ran = time.perf_counter(), list[str](), 0
    if wanted:
        say_prices(tier, [name for name in wanted if name in layout.grids()])
        with alone.alone(paths.executed(tier) / ".reproduce", "`make reproduce`"):
            failures, ran = _execute_stale(
                chosen, wanted, tier, jobs, scheduler or os.environ.get(engine.SCHEDULER, "")
            )
    seconds = time.perf_counter() - started
    click.echo(f"{ran - len(failures)} notebooks executed in {seconds:.0f} s; see {paths.results(tier)}")
    if failures:
        raise FairnbError("; ".join(failures))


def meant(tier: str, only: str) -> list[str]:
    """The notebooks that are meant, once the surroundings are as they should be; says which files are left out."""
    settings.check()
    clone.require_clone()
    tiers.get(tier)
    chosen = books.select(only)
    for name, reason in books.left_out().items():
        if name not in chosen:
            click.echo(f"  left out: {name}.ipynb ({reason})")
    return chosen


def say_prices(tier: str, names: list[str]) -> None:
    """Print what the rooms' ``prices`` say of notebooks that nobody has timed: of all their runs, finished or not."""
    for price in registry.collected("prices", "PRICES").values() if names else ():
        for line in price(tier, names):
            click.echo(line)


def _execute_stale(chosen: list[str], wanted: list[str], tier: str, jobs: int, scheduler: str) -> tuple[list[str], int]:
    """Run what is wanted, the synthesis last; returns the sentences of those that failed, and how many were run."""
    stale = [name for name in wanted if name < SYNTHESIS]
    needs_runs = any(item.find() is None for name in stale for item in layout.grid_of(name, tier))
    cluster = engine.local_cluster(jobs) if needs_runs and not scheduler else nullcontext(scheduler)
    with cluster as address:
        failures = _execute_all(stale, tier, jobs, address)
    # The synthesis reads the others' outputs, so it is new whenever one of them is.
    last = [name for name in chosen if name >= SYNTHESIS and (stale or name in wanted)]
    return failures + _execute_all(last, tier, 1, scheduler), len(stale) + len(last)


def _execute_all(names: list[str], tier: str, jobs: int, address: str) -> list[str]:
    """Run the notebooks, ``jobs`` at a time; returns the sentences of those that failed."""
    if not names:
        return []
    failures, family = [], _Family()
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            # Notebooks that train go first: they take longest, the others fill the gaps.
            order = sorted(names, key=lambda name: (name not in layout.grids(), name))
            futures = [pool.submit(_execute, name, tier, address, family) for name in order]
            for future in as_completed(futures):
                if error := future.result():
                    failures.append(error)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            family.end()
            raise
    return failures


class _Family:
    """The processes of notebooks, started by several threads and ended together; ``over``: none is started any more."""

    def __init__(self) -> None:
        self._lock, self._processes, self.over = threading.Lock(), list[subprocess.Popen](), False

    def start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen | None:
        """A process in a session of its own: a Ctrl-C in the terminal reaches the driver alone, which ends them all."""
        with self._lock:
            if self.over:
                return None
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                **machine.own_session(),
            )
            self._processes.append(process)
            return process

    def end(self) -> None:
        """Ask all to end, with the kernels and what these have started; kill what is left after ``END_SECONDS``."""
        with self._lock:
            self.over = True
        below = [member for process in self._processes for member in _below(process)]
        for one in (*self._processes, *below):  # a runner before its kernel: it must not take that end for a failure
            with suppress(psutil.NoSuchProcess):
                one.terminate()
        until = time.monotonic() + END_SECONDS
        for process in self._processes:  # psutil must not wait for them: who does first gets the exit code
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
        for one in (*self._processes, *psutil.wait_procs(below, max(0.0, until - time.monotonic()))[1]):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def _below(process: subprocess.Popen) -> list[psutil.Process]:
    """What runs below a process; nothing if it has ended."""
    try:
        return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    except psutil.NoSuchProcess:
        return []


def _execute(name: str, tier: str, address: str, family: _Family) -> str:
    """One notebook in its own process; returns a sentence if it failed, else the empty string."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "fairnb.publish.notebooks", name, tier]
    own = clone.environment() | ({engine.SCHEDULER: address} if address else {})
    process = family.start(command, os.environ | ALWAYS | own)
    if process is None:
        return ""
    click.echo(f"  {name}: running ({notebooks.why(name, tier) or 'asked for'})")
    errors = _follow(process, name, tier, started)
    if process.returncode == 0 or family.over:  # what was told to end has not failed
        if process.returncode == 0:
            click.echo(f"  {name}: done in {time.perf_counter() - started:.0f} s")
        return ""
    sentence = _sentence(name, process.returncode, errors)
    click.echo(f"  {name}: FAILED: {sentence}", err=True)
    return sentence


def _sentence(name: str, code: int, errors: str) -> str:
    lines = [line for line in errors.splitlines() if line.strip()]
    if code != 1 or not lines:
        return f"notebook {name} was killed (exit code {code}): finished runs are kept, the same command goes on"
    return lines[-1] if name in lines[-1] else f"notebook {name} failed: {lines[-1]}"


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
