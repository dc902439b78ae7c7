"""The two parties as Dask actors: each in a process of its own, on this machine or on two.

Without further words both are started here, once per process, and serve one exchange after the other. For two hosts:
``dask scheduler`` on one, ``dask worker ADDRESS --name developer --nthreads 1 --no-nanny`` (and ``--name auditor`` on
the other), and ``FAIRNB_PARTIES=ADDRESS``.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fairnb import paths
from fairnb.engine import WORKER_ENVIRONMENT
from fairnb.errors import FairnbError
from fairnb.protocol.messages import PARTIES, AdapterMessage

if TYPE_CHECKING:
    from distributed import Client

    from fairnb.protocol.party import Agreement, Site
    from fairnb.protocol.wire import Call

ADDRESS = "FAIRNB_PARTIES"
WAIT = 60  # seconds for a party to appear
_here: dict[str, Any] = {}


@contextmanager
def calls(agreement: Agreement, sites: Mapping[str, Site]) -> Iterator[dict[str, Call]]:
    """Both parties with their data, ready for a ``Wire``; they forget it afterwards, but for their private folders.

    Args:
        sites: per party where its own things are on its own machine.

    Raises:
        FairnbError: no scheduler, or a party is not there.
    """
    client, actors = _connected(), dict[str, Any]()
    # A thread of its own: in a thread of a Dask worker (make reproduce) an actor would look for that worker's cluster.
    with ThreadPoolExecutor(1) as thread:

        def aside(work: Callable[..., Any], *arguments: Any) -> Any:
            return thread.submit(_with, client, work, *arguments).result()

        try:
            for name, site in sites.items():
                actors[name] = aside(_actor, client, name, agreement, site)
            yield {name: partial(aside, _asked, client, actors, name) for name in actors}
        finally:
            aside(actors.clear)


def _with(client: Client, work: Callable[..., Any], *arguments: Any) -> Any:
    with client.as_current():
        return work(*arguments)


def _actor(client: Client, name: str, agreement: Agreement, site: Site) -> Any:
    from fairnb.protocol.auditor import Auditor
    from fairnb.protocol.developer import Developer

    made = {"developer": Developer, "auditor": Auditor}[name]
    where = {"workers": [name], "allow_other_workers": False}
    return client.submit(made, agreement, site, actor=True, pure=False, **where).result()


def _asked(
    client: Client,
    actors: Mapping[str, Any],
    name: str,
    step: int,
    action: str,
    message: AdapterMessage | None,
    settings: Mapping[str, Any],
) -> AdapterMessage | None:
    """One step of the party ``name``; what goes wrong there comes back as one sentence."""
    from fairnb.protocol.wire import PartyLost

    try:
        return actors[name].do(step, action, message, dict(settings)).result()
    except FairnbError:
        raise
    except Exception as error:
        if name in alive(client):
            said = f"the {name} failed in step {step} ({action}, {type(error).__name__}): its own log says why"
            raise FairnbError(said) from error
        [other] = set(PARTIES) - {name}
        raise PartyLost(actors[other].report_loss(name, step).result()) from None


def alive(client: Client) -> set[str]:
    """The parties whose processes answer."""
    found = client.scheduler_info(n_workers=-1)["workers"].values()
    return {str(worker["name"]) for worker in found} & set(PARTIES)


def _connected() -> Client:
    """A client of the scheduler at which both parties are; those of this machine are started where they are not."""
    from distributed import Client

    address = os.environ.get(ADDRESS, "")
    if address and address != _here.get("address"):
        try:
            client = Client(address, timeout="20s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise FairnbError(
                f"no Dask scheduler answers at {ADDRESS}={address!r} ({type(error).__name__}): start it, or leave "
                f"{ADDRESS} out to have both parties on this machine"
            ) from None
        _here.update(address=address, client=client)
    elif not address and "cluster" not in _here:
        _start_scheduler()
    client = _here["client"]
    if not address:
        for name in set(PARTIES) - alive(client):
            _start(name, client.scheduler.address)
    _wait_for_both(client)
    return client


def _start_scheduler() -> None:
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set({"distributed.admin.log-length": 0}):
        cluster = LocalCluster(n_workers=0, processes=True, dashboard_address=None, silence_logs=50)
    client = Client(cluster, set_as_default=False)
    _here.update(cluster=cluster, client=client, address="", processes={})
    atexit.register(stop)


def _start(name: str, address: str) -> None:
    """The very command of two hosts, as a process that ends with this one."""
    own = paths.cache() / "parties" / "dask"
    own.mkdir(parents=True, exist_ok=True)
    words = ["dask", "worker", address, "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    words += ["--preload", "fairnb.protocol.orphan"]
    words += ["--memory-limit", "0", "--death-timeout", str(WAIT), "--local-directory", str(own)]
    with open(own / f"{name}.log", "a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdout=log, stderr=log, env=os.environ | WORKER_ENVIRONMENT
        )
    _here["processes"][name] = process


def _wait_for_both(client: Client) -> None:
    end = time.monotonic() + WAIT
    while missing := set(PARTIES) - alive(client):
        if time.monotonic() > end:
            name, address = min(missing), client.scheduler.address
            raise FairnbError(
                f"no {name} came to {address} within {WAIT} s: start it on its machine with "
                f"`dask worker {address} --name {name} --nthreads 1 --no-nanny`"
            )
        time.sleep(0.05)


def process_of(name: str) -> subprocess.Popen:
    """The process of a party that was started here (its ``pid``, say, for a test that ends it)."""
    return _here["processes"][name]


def stop() -> None:
    """End the parties that were started here; the next exchange starts new ones. What they have kept stays."""
    for process in _here.pop("processes", {}).values():
        process.kill()  # every state is a file that is complete or not there
        process.wait(timeout=20)
    for name in ("client", "cluster"):
        if name in _here:
            _here.pop(name).close()
    _here.clear()
