"""What another user of this machine tries with the parties of one owner; run in a process that was forked for it."""

from __future__ import annotations

import asyncio
import os
import pickle
import socket
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from distributed import Client, Security
from distributed.core import connect

NOBODY = 65534
PAGES = ("/", "/info/main/workers.html", "/json/counts.json", "/metrics", "/health", "/status")
SOON = 5  # seconds


def attack(addresses: list[str], ports: list[int], pids: list[int], back: Any) -> None:
    """Be nobody, try it all, and send back who that was and what came of it."""
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    back.send((os.getuid(), attempts(addresses, ports, pids)))


def attempts(addresses: list[str], ports: list[int], pids: list[int]) -> dict[str, str]:
    """What was tried with success -> what it gave."""
    got: dict[str, str] = {}
    mine = Security.temporary()
    for address in addresses:
        note(got, f"code {address}", partial(run, address.replace("tls:", "tcp:"), None))
        note(got, f"code, own certificate {address}", partial(run, address.replace("tcp:", "tls:"), mine))
    note(got, "client", partial(client, addresses[0].replace("tls:", "tcp:"), None))
    note(got, "client, own certificate", partial(client, addresses[0].replace("tcp:", "tls:"), mine))
    for port in ports:
        note(got, f"pickle {port}", partial(raw, port))
        for path in PAGES:
            note(got, f"page {path} {port}", partial(page, f"http://127.0.0.1:{port}{path}"))
    for pid in pids:
        note(got, f"environment {pid}", Path(f"/proc/{pid}/environ").read_bytes)
    return got


def note(got: dict[str, str], what: str, work: Callable[[], object]) -> None:
    """Keep what ``work`` gives, if it gives anything."""
    try:
        got[what] = repr(work())[:200]
    except Exception:  # as it should be
        pass


def run(address: str, security: Security | None) -> object:
    """Code on a worker, by Dask's own word for it."""
    return asyncio.run(asked(address, security))


async def asked(address: str, security: Security | None) -> object:
    """What a worker answers."""
    options = security.get_connection_args("client") if security else {}
    comm = await asyncio.wait_for(connect(address, timeout=SOON, **options), SOON)
    await comm.write({"op": "run", "function": pickle.dumps(os.getuid), "args": pickle.dumps(()), "reply": True})
    return await asyncio.wait_for(comm.read(), SOON)


def client(address: str, security: Security | None) -> object:
    """Code on a worker."""
    with Client(address, timeout=SOON, security=security) as found:
        return found.submit(os.getuid).result(timeout=SOON)


def raw(port: int) -> bytes:
    """A pickle in plain words; the refusal of TLS is short, an answer is not."""
    with socket.create_connection(("127.0.0.1", port), timeout=SOON) as plain:
        plain.sendall(pickle.dumps({"op": "identity"}) + b"\r\n\r\n")
        found = plain.recv(1000)
    if len(found) < 20 or found.startswith(b"HTTP/1.1 400"):
        raise ValueError("nothing")
    return found


def page(address: str) -> bytes:
    """A page of Dask's dashboard."""
    return urllib.request.urlopen(address, timeout=SOON).read()
