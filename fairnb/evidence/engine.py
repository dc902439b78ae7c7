"""Where work is done: on a Dask cluster when one is named, else one after the other in this process."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Any, Protocol

from fairnb.data import machine, progress, settings
from fairnb.errors import FairnbError
from fairnb.evidence import clone, cluster, provenance

SCHEDULER = "FAIRNB_SCHEDULER"
WORKER_ENVIRONMENT = cluster.WORKER_ENVIRONMENT


class Item(Protocol):
    """What can be computed: anything with a key."""

    @property
    def key(self) -> str:
        """The same for what is the same."""


Work = Callable[[list[Any]], object]  # groups of items are computed as one
Outcome = tuple[list[Any], Exception | None]


def outcomes(
    groups: Sequence[Sequence[Item]], work: Work, here: Callable[[list[Any]], bool] = lambda group: False
) -> Iterator[Outcome]:
    """Each of ``groups`` after ``work`` on it, with what went wrong, as they finish.

    With ``FAIRNB_SCHEDULER`` set to a Dask address the groups go there (a worker that dies is retried); otherwise they
    are computed here, with a progress bar. All groups are tried.
    ``work`` is a function of a module: it is sent by its name. Groups that are to be done ``here``, as with a method
    that a notebook's cell defines, never leave this process.

    Raises:
        FairnbError: no scheduler answers.
    """
    address = os.environ.get(SCHEDULER)
    lists = [list(group) for group in groups]
    if not lists:
        return iter(())
    if not address:
        return _here(lists, work)
    own = [group for group in lists if here(group)]
    return chain(_on_cluster([group for group in lists if group not in own], work, address), _here(own, work))


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
        asked = (settings.for_workers(), provenance.code_hash())
        # One key per work and group: the scheduler itself sees when two notebooks ask for the same one.
        keys = [f"fairnb-{work.__name__}-{group[0].key}-{len(group)}" for group in groups]
        futures = {
            client.submit(_there, work, group, *asked, key=key, pure=True): group
            for key, group in zip(keys, groups, strict=True)
        }
        finished = as_completed(futures, loop=client.loop)
        for future in progress.bar(finished, total=len(futures), desc="runs", unit="run"):
            yield futures[future], future.exception()


@contextmanager
def _client(address: str) -> Iterator[object]:
    from distributed import Client

    with cluster.known_to(address):
        try:
            client = Client(address, timeout="20s", set_as_default=False)
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:  # the last two: TLS half set up
            reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
            raise FairnbError(
                f"no Dask scheduler answers at SCHEDULER={address!r} ({reason}): start one, "
                "correct the address, or leave SCHEDULER out to run on this machine"
            ) from None
        try:
            yield client
        finally:
            client.close()


def _there(work: Work, group: list[Any], asked: dict[str, str], code: str) -> None:
    """``work`` on a worker, as who asked would do it; what it makes goes to the shared disk, nothing comes back."""
    settings.take(asked, _own())
    os.environ[progress.HEADLESS] = "1"  # whoever asked shows the progress
    clone.require_code(code, f"the worker in process {os.getpid()} on {platform.node()}")
    use_one_thread()
    work(group)


@cache
def _own() -> dict[str, str]:
    """The environment of this worker before anybody asked it for anything."""
    return dict(os.environ)


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
    return len(devices()) or machine.cores()


def devices() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; none where torch can use none."""
    from importlib.util import find_spec

    if not (find_spec("torch") and machine.may_have_nvidia()):
        return []
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return [name.strip() for name in named.split(",")][:count] if named else [str(i) for i in range(count)]


@contextmanager
def local_cluster(jobs: int) -> Iterator[str]:
    """A Dask cluster on this machine, ``jobs`` single-threaded worker processes; yields the scheduler's address.

    Each worker sees one GPU, where there are some, and they take turns: with as many workers each has its own.
    Only this process and those that it starts can speak with it, see ``cluster.private``.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with cluster.private(jobs, devices()) as address:
        yield address
