"""The two parties as Dask actors, each in a process of its own on this machine: *one owner, two roles*.

Both are started once per process and serve one exchange after the other. Dask runs and unpickles what it is sent, so
whoever may speak with it may do anything that its owner may; what is kept apart is one role's data from the other's
code. Nobody else may: it listens on the loopback, and both ends show a certificate that is made for this process. Two
owners, each with a machine of their own, use ``serving`` and ``remote`` in its place (docs/two_parties.md).
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
from fairnb.evidence import cluster
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage
from fairnb.papers.fairlora.protocol.wire import PartyLost

if TYPE_CHECKING:
    from distributed import Client, Future

    from fairnb.papers.fairlora.protocol.party import Agreement, Site
    from fairnb.papers.fairlora.protocol.wire import Call

ADDRESS = "FAIRNB_PARTIES"  # until version 0.1: a Dask scheduler to which both parties had come
START = 300  # seconds for the parties to appear: on a busy machine their imports alone take a minute
STARTS = 3  # times that a party may end while it starts
SOON = 2  # seconds after which to look whether a party that says nothing is still there
_here: dict[str, Any] = {}


@contextmanager
def calls(agreement: Agreement, sites: Mapping[str, Site]) -> Iterator[dict[str, Call]]:
    """Both parties with their data, ready for a ``Wire``; they forget it afterwards, but for their private folders.

    Args:
        sites: per party where its own things are.

    Raises:
        FairnbError: a party cannot be started, or ``FAIRNB_PARTIES`` is set.
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
    return {name: _ready(name, future) for name, future in futures.items()}


def _ready(name: str, future: Future) -> Any:
    """The party, however slow; a lost one is told from a slow one, for the scheduler would wait for it for ever."""
    while True:
        try:
            return future.result(timeout=SOON)
        except TimeoutError:
            if name in _ended():
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
    """A client of the scheduler at which both parties are; they are started where they are not.

    Raises:
        FairnbError: a party cannot be started, or ``FAIRNB_PARTIES`` is set.
    """
    if os.environ.get(ADDRESS):
        raise FairnbError(
            f"{ADDRESS} is no longer used, since who reaches a Dask scheduler reads every label: unset it, and let two "
            "owners talk as docs/two_parties.md says"
        )
    if "client" not in _here or _here["client"].status != "running":
        stop()
        _here.update(_own_scheduler(), processes={})
    _wait_for_both(_here["client"])
    return _here["client"]


def _own_scheduler() -> dict[str, Any]:
    from distributed import Client, LocalCluster

    pem = cluster.new_certificate()
    with cluster.plain_settings(pem):
        found = LocalCluster(
            n_workers=0,
            processes=True,
            host=cluster.LOOPBACK,
            protocol="tls://",
            dashboard_address=None,
            scheduler_kwargs={"dashboard": False, "dashboard_address": f"{cluster.LOOPBACK}:0"},  # HTTP, without a page
            silence_logs=50,
        )
        client = Client(found, set_as_default=False)
    atexit.register(stop)
    return {"cluster": found, "client": client, "tls": pem}


def _own() -> Path:
    """Where the parties of this machine write their logs."""
    return paths.cache() / "parties" / "dask"


def _start(name: str, address: str) -> None:
    """A process with the party's name at the scheduler, which ends with this one."""
    own = _own()
    own.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "fairnb.papers.fairlora.protocol.orphan", address, name, str(own)]
    environment = os.environ | cluster.WORKER_ENVIRONMENT | {cluster.TLS: _here["tls"]}
    with open(own / f"{name}.log", "a", encoding="utf-8", newline="\n") as log:
        _here["processes"][name] = subprocess.Popen(words, stdout=log, stderr=log, env=environment)


def _wait_for_both(client: Client) -> None:
    address, starts, end = client.scheduler.address, Counter[str](), time.monotonic() + START
    while missing := set(PARTIES) - alive(client) | _ended():
        for name in missing - alive(client):
            if name in _ended():  # the scheduler has noticed, so its name is free again
                if starts[name] == STARTS:
                    log = _own() / f"{name}.log"
                    raise FairnbError(f"the {name} ended {STARTS} times while it started: its log {log} says why")
                _start(name, address)
                starts[name] += 1
        if time.monotonic() > end:
            name = min(missing)
            raise FairnbError(f"no {name} came within {START} s: its log {_own() / name}.log says why")
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
