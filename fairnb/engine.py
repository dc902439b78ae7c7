"""Where runs are computed: on a Dask cluster when one is named, else one after the other in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fairnb import paths, progress, tiers
from fairnb.errors import FairnbError

if TYPE_CHECKING:
    from fairnb.runs import Run

SCHEDULER = "FAIRNB_SCHEDULER"
# Dask lets its workers give memory back at once. A training loop asks for the same memory again in the next step, and
# the page faults cost more than a third of the time (benchmarks/dask_worker.py): keep it instead.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TOP_PAD_": str(2**26),
}
_FOLDERS = ("FAIRNB_RESULTS", "FAIRNB_CACHE", "FAIRNB_DATA", "FAIRNB_IMAGENET")
_CHOICES = ("FAIRNB_SEEDS", tiers.PRESET)  # sent even when unset: a worker may have served another choice before


def compute_missing(grid: list[Run]) -> None:
    """Make sure that every run of ``grid`` has its record.

    With ``FAIRNB_SCHEDULER`` set to a Dask address the runs go there (a worker that dies is retried); otherwise they
    are computed here, with a progress bar. All runs are tried before the first failure is raised.

    Raises:
        FairnbError: the first run that failed, named, and how many others did; finished records are kept.
    """
    from fairnb.runs import together

    missing = list({item.key: item for item in grid if item.find() is None}.values())
    if not missing:
        return
    address = os.environ.get(SCHEDULER)
    groups = together(missing)
    outcomes = _on_cluster(groups, address) if address else _here(groups)
    failed = [(group[0], error) for group, error in outcomes if error is not None]
    if failed:
        item, error = failed[0]
        more = f" ({len(failed)} of {len(groups)} failed; the others are kept)" if len(failed) > 1 else ""
        raise FairnbError(f"run {item.method} on {item.task}, seed {item.seed}: {error}{more}") from error


def _here(groups: list[list[Run]]) -> Iterator[tuple[list[Run], Exception | None]]:
    from fairnb.runs import ensure_together

    use_one_thread()
    for group in progress.bar(groups, desc="runs", unit="run"):
        try:
            ensure_together(group)
            yield group, None
        except FairnbError as error:
            yield group, error


def _on_cluster(groups: list[list[Run]], address: str) -> Iterator[tuple[list[Run], Exception | None]]:
    from distributed import Client, as_completed

    with _client(address) as client:
        assert isinstance(client, Client)
        settings = {name: os.environ[name] for name in _FOLDERS if name in os.environ}
        settings |= {name: os.environ.get(name, "") for name in _CHOICES}
        # One key per group: the scheduler itself sees when two notebooks ask for the same one.
        futures = {
            client.submit(_ensure_there, group, settings, key=f"fairnb-{group[0].key}-{len(group)}", pure=True): group
            for group in groups
        }
        finished = as_completed(futures, loop=client.loop)
        for future in progress.bar(finished, total=len(futures), desc="runs", unit="run"):
            yield futures[future], future.exception()


@contextmanager
def _client(address: str) -> Iterator[object]:
    from distributed import Client

    try:
        client = Client(address, timeout="20s", set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise FairnbError(
            f"no Dask scheduler answers at SCHEDULER={address!r} ({type(error).__name__}): start one, "
            "correct the address, or leave SCHEDULER out to run on this machine"
        ) from None
    try:
        yield client
    finally:
        client.close()


def _ensure_there(group: list[Run], settings: dict[str, str]) -> list[str]:
    """Compute runs on a worker; their records go to the shared disk, only the keys come back."""
    from fairnb.runs import ensure_together

    os.environ.update(settings | {progress.HEADLESS: "1"})  # whoever asked shows the progress
    use_one_thread()
    return [record.key for record in ensure_together(group)]


def use_one_thread() -> None:
    """One torch thread for this process: several small processes beat one process with several threads."""
    import torch

    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)


def workers(jobs: int | None = None) -> int:
    """How many worker processes: ``jobs``, else one per GPU, else one per usable core."""
    if jobs is not None:
        if jobs < 1:
            raise FairnbError(f"JOBS={jobs} is no number of workers: give at least JOBS=1")
        return jobs
    from importlib.util import find_spec

    if find_spec("torch") and os.path.exists("/proc/driver/nvidia"):
        import torch

        if torch.cuda.is_available():
            return torch.cuda.device_count()
    return len(os.sched_getaffinity(0))


@contextmanager
def local_cluster(jobs: int) -> Iterator[str]:
    """A Dask cluster on this machine, ``jobs`` single-threaded worker processes; yields the scheduler's address."""
    import logging

    import dask
    from distributed import LocalCluster

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    scratch = paths.cache() / "dask"
    scratch.mkdir(parents=True, exist_ok=True)
    logging.getLogger("distributed").setLevel(logging.ERROR)
    settings = {
        "temporary-directory": str(scratch),
        "distributed.admin.log-length": 0,
        "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
    }
    with dask.config.set(settings):
        with LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            memory_limit=0,
            silence_logs=logging.ERROR,
        ) as cluster:
            yield cluster.scheduler_address
