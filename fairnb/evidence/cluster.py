"""A Dask cluster for one run on this machine: on the loopback alone, and for its own processes alone.

Whoever can speak with a Dask scheduler or worker can run code there, and on a shared machine every user reaches the
loopback. So both ends of each connection show a certificate, made for this cluster and handed on in the environment.
"""

from __future__ import annotations

import atexit
import logging
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from fairnb import paths
from fairnb.data import files, machine

if TYPE_CHECKING:
    from distributed import Security
    from tornado.ioloop import IOLoop

TLS = "FAIRNB_TLS"  # certificate and key of the cluster of this run: the system shows an environment to nobody else
LOOPBACK = "127.0.0.1"
# Dask lets its workers give memory back at once. A training loop asks for the same memory again in the next step, and
# the page faults cost more than a third of the time (benchmarks/dask_worker.py): keep it instead.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TOP_PAD_": str(2**26),
    "DASK_LOGGING__DISTRIBUTED": "error",
    "PYTHONSAFEPATH": "1",  # a file in the working directory takes no module's place
}


@contextmanager
def private(jobs: int, devices: Sequence[str] = ()) -> Iterator[str]:
    """A cluster of ``jobs`` single-threaded worker processes that this process and its children alone can use.

    Args:
        devices: names of GPUs for ``CUDA_VISIBLE_DEVICES``, of which each worker sees one; without any it is left.

    Yields the scheduler's address, ``tls://127.0.0.1:PORT``.
    """
    from distributed import LocalCluster

    logging.getLogger("distributed").setLevel(logging.ERROR)
    before = os.environ.get(TLS)
    pem = new_certificate()
    with plain_settings(pem):
        os.environ[TLS] = pem
        try:
            with _main_runs_once(), _loop() as loop, ExitStack() as closing:
                cluster = LocalCluster(
                    n_workers=jobs,
                    threads_per_worker=1,
                    processes=True,
                    worker_class=partial(_nanny, devices=tuple(devices)),
                    host=LOOPBACK,
                    protocol="tls://",
                    dashboard_address=None,
                    # Dask serves HTTP even without a dashboard: nothing is behind it, the port is any that is free.
                    scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
                    memory_limit=0,
                    silence_logs=logging.ERROR,
                    loop=loop,
                )
                closing.callback(cluster.close)
                try:
                    yield cluster.scheduler_address
                except KeyboardInterrupt:
                    for nanny in cluster.workers.values():
                        nanny.auto_restart = False
                    _end_workers()
                    raise
        except KeyboardInterrupt:
            _end_workers()
            raise
        finally:
            os.environ.pop(TLS)
            os.environ.update({TLS: before} if before else {})


def _nanny(scheduler: Any, *, name: Any, devices: Sequence[str], **options: Any) -> Any:
    """What starts a worker, and starts it again when it dies, with a GPU by its number; its children see the same."""
    from distributed import Nanny

    own = {"CUDA_VISIBLE_DEVICES": devices[int(name) % len(devices)]} if devices else {}
    return Nanny(scheduler, name=name, env=own, **options)


def _end_workers() -> None:
    """End the workers without asking them: they are at work or still starting, and who pressed Ctrl-C is waiting."""
    from distributed.deploy.spec import close_clusters

    atexit.unregister(close_clusters)  # it would wait for a cluster that was still starting
    for process in multiprocessing.active_children():
        if process.name.startswith("Dask Worker"):
            process.kill()


@contextmanager
def _main_runs_once() -> Iterator[None]:
    """Workers that are started, or started again, inside do not run the user's script, which need not be guarded by
    ``if __name__ == "__main__"``: they need nothing of it, and it would compare everything once more."""
    main: dict[str, Any] = sys.modules["__main__"].__dict__  # type: ignore[assignment]
    hidden: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None  # multiprocessing asks for it
    try:
        yield
    finally:
        main.update(hidden)


@contextmanager
def _loop() -> Iterator[IOLoop]:
    """A loop in a thread without SIGINT, as are the workers that it starts: a Ctrl-C is for who started the cluster."""
    from distributed.utils import LoopRunner

    runner = LoopRunner()
    with machine.without_interrupts():
        runner.start()
    yield runner.loop
    runner.stop()


@contextmanager
def known_to(address: str) -> Iterator[Security | None]:
    """Speak with the scheduler at ``address`` in the block: with our certificate if it is ours, which is what it gives.

    Anybody else's is spoken with as Dask's own settings say.
    """
    from distributed import Security

    pem = os.environ.get(TLS) if address.startswith(f"tls://{LOOPBACK}:") else None
    with plain_settings(pem) if pem else nullcontext():
        yield Security() if pem else None


@contextmanager
def plain_settings(pem: str = "") -> Iterator[None]:
    """Dask's own defaults, whatever a site's files or variables say: theirs are meant for the site's clusters.

    How worker processes are started is left to them; what workers write goes to our cache.

    Args:
        pem: certificate and key that both ends show and ask for; without it nothing is said about encryption.
    """
    import dask
    import distributed  # noqa: F401  (has defaults of its own)

    scratch = paths.cache() / "dask"
    with files.plain_errors(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    way = "distributed.worker.multiprocessing-method"
    ours = {
        way: dask.config.get(way),
        "temporary-directory": str(scratch),
        "distributed.admin.log-length": 0,
        "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    plain: dict[str, Any] = {}
    dask.config.refresh(plain, paths=[], env={})
    with dask.config.set(plain), dask.config.set(ours), dask.config.set(_shown(pem) if pem else {}):
        yield


def new_certificate() -> str:
    """Certificate and key of a cluster for this run, as ``plain_settings`` takes them (PEM)."""
    from distributed import Security

    made = Security.temporary()
    return f"{made.tls_client_cert.strip()}\n{made.tls_client_key.strip()}\n"


def _shown(pem: str) -> dict[str, Any]:
    certificate, mark, key = pem.partition("-----BEGIN PRIVATE KEY-----")
    shown = {"ca-file": certificate}
    for role in ("client", "scheduler", "worker"):
        shown |= {f"{role}.cert": certificate, f"{role}.key": mark + key}
    tls = {f"distributed.comm.tls.{name}": text for name, text in shown.items()}
    return tls | {"distributed.comm.require-encryption": True}
