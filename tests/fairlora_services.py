"""Two parties as services on this machine, each with a folder of its own, and the files of the three."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

from fairnb.papers.fairlora.protocol import certificates, serving, terms
from fairnb.papers.fairlora.protocol.messages import PARTIES
from fairnb.papers.fairlora.protocol.service import Patience, Service
from fairnb.papers.fairlora.session import Session

OTHER = dict(zip(PARTIES, PARTIES[::-1], strict=True))


def toml(found: dict) -> str:
    """A dictionary of plain values and tables as TOML."""
    plain = [f"{name} = {json.dumps(value)}" for name, value in found.items() if not isinstance(value, dict)]
    tables = [f"\n[{name}]\n{toml(value)}" for name, value in found.items() if isinstance(value, dict)]
    return "\n".join([*plain, *tables])


def write_files(folder: Path, session: Session) -> None:
    """The three's own files, each in a folder of its own, with the data and the network of a session."""
    agreement = toml({"name": "test", **asdict(session.agreement)})
    for role in certificates.ROLES:
        certificates.create(role, folder / role / "own")
    for role in certificates.ROLES:
        (folder / role / "agreement.toml").write_text(agreement, encoding="utf-8")
        for other in certificates.ROLES:
            given = folder / other / "own" / certificates.CERTIFICATE
            (folder / role / f"{other}.pem").write_bytes(given.read_bytes())
    for role in PARTIES:
        (folder / role / "party.toml").write_text(toml(party_entries(session, role)), encoding="utf-8")


def party_entries(session: Session, role: str) -> dict:
    """What stands in a party's own file."""
    own = {"role": role, "agreement": "agreement.toml", "own": "own", "driver": "driver.pem"}
    site = session.sites[role]
    return own | {"data": site.data, "base": site.base, "folder": "private", "peer": f"{OTHER[role]}.pem"}


def service(folder: Path, role: str, private: str = "private") -> Service:
    """The service of a party's file, with a secret that follows from the run's seed: a test compares bytes.

    Args:
        private: name of the private folder.
    """
    own = terms.party(folder / role / "party.toml")
    return serving.service(replace(own, site=replace(own.site, folder=str(folder / role / private), secret="derived")))


@contextmanager
def running(service: Service, patience: Patience | None = None):
    """The service at work in a thread of this process; yields its port."""
    ready, found = threading.Event(), SimpleNamespace()

    async def answer() -> None:
        found.loop, found.end = asyncio.get_running_loop(), asyncio.Event()
        server = service.listen("127.0.0.1", 0, patience)
        [socket] = server._sockets.values()
        found.port = socket.getsockname()[1]
        ready.set()
        await found.end.wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=lambda: asyncio.run(answer()), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield found.port
    finally:
        found.loop.call_soon_threadsafe(found.end.set)
        thread.join(60)


def driver(folder: Path, ports: dict[str, int]) -> terms.DriverFile:
    """What the driver has for parties at these ports."""
    parties = {role: {"address": f"127.0.0.1:{ports[role]}", "certificate": f"{role}.pem"} for role in PARTIES}
    file = folder / "driver" / "driver.toml"
    file.write_text(toml({"agreement": "agreement.toml", "own": "own", **parties}), encoding="utf-8")
    return terms.driver(file)
