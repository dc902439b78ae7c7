"""Where work is done: on a Dask cluster when one is named, else one after the other in this process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from fairnb import paths
from fairnb.data import progress
from fairnb.errors import FairnbError
from fairnb.tasks import tiers

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


class Item(Protocol):
    """What can be computed: anything with a key."""

    @property
    def key(self) -> str:
        """The same for what is the same."""


Work = Callable[[list[Any]], object]  # groups of items are computed as one
Outcome = tuple[list[Any], Exception | None]


def outcomes(groups: Sequence[Sequence[Item]], work: Work) -> Iterator[Outcome]:
    """Each of ``groups`` after ``work`` on it, with what went wrong, as they finish.

    With ``FAIRNB_SCHEDULER`` set to a Dask address the groups go there (a worker that dies is retried); otherwise they
    are computed here, with a progress bar. All groups are tried.
    ``work`` is a function of a module: it is sent by its name.

    Raises:
        FairnbError: no scheduler answers.
    """
    address = os.environ.get(SCHEDULER)
    lists = [list(group) for group in groups]
    if not lists:
        return iter(())
    return _on_cluster(lists, work, address) if address else _here(lists, work)


def _here(groups: list[list[Any]], work: Work) -> Iterator[Outcome]:
    use_one_thread()
    for group in progress.bar(groups, desc="runs", unit="run"):
        try:
            work(group)
            yield group, None
        except FairnbError as error:
            yield group, error


def _on_cluster(groups: list[list[Any]], work: Work, address: str) -> Iterator[Outcome]:
    from distributed import Client, as_completed

    with _client(address) as client:
        assert isinstance(client, Client)
        settings = {name: os.environ[name] for name in _FOLDERS if name in os.environ}
        settings |= {name: os.environ.get(name, "") for name in _CHOICES}
        # One key per group: the scheduler itself sees when two notebooks ask for the same one.
        futures = {
            client.submit(_there, work, group, settings, key=f"fairnb-{group[0].key}-{len(group)}", pure=True): group
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


def _there(work: Work, group: list[Any], settings: dict[str, str]) -> None:
    """``work`` on a worker; what it makes goes to the shared disk, nothing comes back."""
    os.environ.update(settings | {progress.HEADLESS: "1"})  # whoever asked shows the progress
    use_one_thread()
    work(group)


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
