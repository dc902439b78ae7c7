"""A party's process on this machine: a Dask worker that ends with the process that started it, even a killed one."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

from fairnb.data import machine
from fairnb.evidence import cluster

EVERY = 1.0  # seconds
DEATH = "300 s"  # without a scheduler


async def _serve(address: str, name: str, folder: str) -> None:
    from distributed import Worker

    with cluster.known_to(address) as security:
        async with Worker(
            address,
            name=name,
            nthreads=1,
            host=cluster.LOOPBACK,
            security=security,
            dashboard=False,
            dashboard_address=f"{cluster.LOOPBACK}:0",  # else Dask serves HTTP on all interfaces, dashboard or not
            memory_limit=0,
            death_timeout=DEATH,
            local_directory=folder,
        ) as worker:
            await worker.finished()


def _watch(parent: int) -> None:
    while machine.is_parent(parent):
        time.sleep(EVERY)
    os._exit(1)  # what it has kept is complete; there is nobody to tell


if __name__ == "__main__":
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    asyncio.run(_serve(*sys.argv[1:]))
