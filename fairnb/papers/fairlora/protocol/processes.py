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
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairnb import paths
from fairnb.errors import FairnbError
from fairnb.evidence.engine import WORKER_ENVIRONMENT
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage
from fairnb.papers.fairlora.protocol.wire import PartyLost

if TYPE_CHECKING:
    from distributed import Client, Future

    from fairnb.papers.fairlora.protocol.party import Agreement, Site
    from fairnb.papers.fairlora.protocol.wire import Call

ADDRESS = "FAIRNB_PARTIES"
REACH = 20  # seconds for a scheduler at another address to answer
WAIT = 60  # seconds for a party of another machine to appear
START = 300  # seconds for those of this machine: on a busy one their imports alone take a minute
STARTS = 3  # times that a party of this machine may end while it starts
SOON = 2  # seconds after which to look whether a party that says nothing is still there
AWAY = 20  # seconds after which a party that its scheduler does not know, and whose process we cannot see, is lost
_here: dict[str, Any] = {}


@contextmanager
def calls(agreement: Agreement, sites: Mapping[str, Site]) -> Iterator[dict[str, Call]]:
    """Both parties with their data, ready for a ``Wire``; they forget it afterwards, but for their private folders.

    Args:
        sites: per party where its own things are on its own machine.

    Raises:
        FairnbError: no scheduler, or a party is not there.
    """
    client, actors = connected(), dict[str, Any]()
    # A thread of its own: in a thread of a Dask worker (make reproduce) an actor would look for that worker's cluster.
    with ThreadPoolExecutor(1) as thread:

        def aside(work: Callable[..., Any], *arguments: Any) -> Any:
            return thread.submit(_with, client, work, *arguments).result()

        try:
            actors.update(aside(_actors, client, agreement, sites))
            yield {name: partial(aside, _asked, actors, name) for name in actors}
        finally:
            aside(actors.clear)


def _with(client: Client, work: Callable[..., Any], *arguments: Any) -> Any:
    with client.as_current():
        return work(*arguments)


def _actors(client: Client, agreement: Agreement, sites: Mapping[str, Site]) -> dict[str, Any]:
    """Both parties, which start at the same time."""
    from fairnb.papers.fairlora.protocol.auditor import Auditor
    from fairnb.papers.fairlora.protocol.developer import Developer

    made, rules = {"developer": Developer, "auditor": Auditor}, {"allow_other_workers": False, "pure": False}
    futures = {
        name: client.submit(made[name], agreement, site, actor=True, workers=[name], **rules)
        for name, site in sites.items()
    }
    return {name: _ready(client, name, future) for name, future in futures.items()}


def _ready(client: Client, name: str, future: Future) -> Any:
    """The party, however slow; a lost one is told from a slow one, for the scheduler would wait for it for ever."""
    seen = time.monotonic()
    while True:
        try:
            return future.result(timeout=SOON)
        except TimeoutError:
            if name in alive(client):
                seen = time.monotonic()
            elif (name in _here["processes"] and name in _ended()) or time.monotonic() - seen > AWAY:
                break
    raise PartyLost(f"the {name} was lost before its first step: start it again and repeat the command")


def _asked(
    actors: Mapping[str, Any],
    name: str,
    step: int,
    action: str,
    message: AdapterMessage | None,
    settings: Mapping[str, Any],
) -> AdapterMessage | None:
    """One step of the party ``name``; what goes wrong there comes back as one sentence."""
    try:
        return actors[name].do(step, action, message, dict(settings)).result()
    except FairnbError:
        raise
    except Exception:  # Dask's: whatever goes wrong in a party itself comes as a sentence (Party.do)
        [other] = set(PARTIES) - {name}
    try:
        said = actors[other].report_loss(name, step).result()
    except Exception:
        said = f"both parties were lost in step {step}: start them again and repeat the command; it goes on there"
    raise PartyLost(said)


def alive(client: Client) -> set[str]:
    """The parties that the scheduler knows now; none where it does not answer."""
    # Not client.scheduler_info(): every two seconds the client asks for itself, for a list without workers, and when
    # this thread is slow to wake (a busy machine) it finds that answer in place of its own.
    try:
        found = client.sync(client.scheduler.identity, n_workers=-1)["workers"].values()
    except OSError:
        return set()
    return {str(worker["name"]) for worker in found} & set(PARTIES)


def connected() -> Client:
    """A client of the scheduler at which both parties are; those of this machine are started where they are not.

    Raises:
        FairnbError: no scheduler, or a party is not there.
    """
    address = os.environ.get(ADDRESS, "")
    if "client" not in _here or _here["address"] != address or _here["client"].status != "running":
        found = _visited(address) if address else _own_scheduler()
        stop()  # what served another address until now
        _here.update(found, address=address, processes={})
    _wait_for_both(_here["client"], local=not address)
    return _here["client"]


def _visited(address: str) -> dict[str, Any]:
    from distributed import Client

    try:
        return {"client": Client(address, timeout=REACH, set_as_default=False)}
    except (OSError, TimeoutError, ValueError) as error:
        raise FairnbError(
            f"no Dask scheduler answers at {ADDRESS}={address!r} ({type(error).__name__}): start it, or leave "
            f"{ADDRESS} out to have both parties on this machine"
        ) from None


def _own_scheduler() -> dict[str, Any]:
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set({"distributed.admin.log-length": 0}):
        cluster = LocalCluster(n_workers=0, processes=True, dashboard_address=":0", silence_logs=50)
    atexit.register(stop)
    return {"cluster": cluster, "client": Client(cluster, set_as_default=False)}


def _own() -> Path:
    """Where the parties of this machine write their logs."""
    return paths.cache() / "parties" / "dask"


def _start(name: str, address: str) -> None:
    """The very command of two hosts, as a process that ends with this one."""
    own = _own()
    own.mkdir(parents=True, exist_ok=True)
    words = ["dask", "worker", address, "--name", name, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    words += ["--preload", "fairnb.papers.fairlora.protocol.orphan"]
    words += ["--memory-limit", "0", "--death-timeout", str(START), "--local-directory", str(own)]
    with open(own / f"{name}.log", "a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], stdout=log, stderr=log, env=os.environ | WORKER_ENVIRONMENT
        )
    _here["processes"][name] = process


def _wait_for_both(client: Client, local: bool) -> None:
    wait, address, starts = START if local else WAIT, client.scheduler.address, Counter[str]()
    end = time.monotonic() + wait
    while missing := set(PARTIES) - alive(client) | (_ended() if local else set()):
        for name in missing - alive(client) if local else ():
            if name in _ended():  # the scheduler has noticed, so its name is free again
                if starts[name] == STARTS:
                    log = _own() / f"{name}.log"
                    raise FairnbError(f"the {name} ended {STARTS} times while it started: its log {log} says why")
                _start(name, address)
                starts[name] += 1
        if time.monotonic() > end:
            name = min(missing)
            raise FairnbError(
                f"no {name} came to {address} within {wait} s: start it on its machine with "
                f"`dask worker {address} --name {name} --nthreads 1 --no-nanny`"
            )
        time.sleep(0.05)


def _ended() -> set[str]:
    """The parties of which no process, started here, lives."""
    processes = _here["processes"]
    return {name for name in PARTIES if name not in processes or processes[name].poll() is not None}


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
