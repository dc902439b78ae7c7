"""Start a party's service from its own file, until it is stopped."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import Timeout

from fairnb.data import files
from fairnb.errors import FairnbError, MissingData
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol.messages import seal
from fairnb.papers.fairlora.protocol.service import Patience, Rules, Service
from fairnb.papers.fairlora.protocol.terms import PartyFile

if TYPE_CHECKING:
    from fairnb.papers.fairlora.protocol.party import Party


def serve(own: PartyFile, ready: Callable[[str], object], patience: Patience | None = None) -> None:
    """Answer the driver until this process is ended.

    What it writes is for its owner alone. One process at a time serves a private folder.

    Args:
        ready: called with the address once it answers.

    Raises:
        FairnbError: the party cannot start, its folder is served already, or the address cannot be had.
    """
    before = os.umask(0o077)
    try:
        with _alone(Path(own.site.folder)):
            asyncio.run(_answer(service(own), own, ready, patience))
    finally:
        os.umask(before)


def service(own: PartyFile) -> Service:
    """The service of a party's file, which does not listen yet. Raises FairnbError: the party cannot start."""
    agreement, base = own.terms.agreement, own.site.base
    rules = Rules(own.terms.exchange, own.own, own.peer, own.driver, own.actions, base_hash(base), adapter_size(own))
    return Service(rules, partial(_party(own.own.role), agreement, own.site), Path(own.site.folder))


def adapter_size(own: PartyFile) -> int:
    """Bytes of every message of the exchange: safetensors of one form has one length."""
    from fairnb.nets.vit import vit_classifier

    agreement = own.terms.agreement
    model = vit_classifier(2, own.site.base, 0, mean=agreement.mean, std=agreement.std)
    return len(seal(lora.state(lora.attach(model, agreement.form)), own.own.role, 0).tensors)


def base_hash(base: str) -> str:
    """Of the public network's weights, 64 hexadecimal digits. Raises MissingData: they are not there."""
    try:
        with open(Path(base) / "model.safetensors", "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MissingData(
            f"the public network cannot be read in {base} ({error.strerror}): write it there with save_pretrained"
        ) from None


def _party(role: str) -> type[Party]:
    from fairnb.papers.fairlora.protocol.auditor import Auditor
    from fairnb.papers.fairlora.protocol.developer import Developer

    return {made.role: made for made in (Auditor, Developer)}[role]


async def _answer(made: Service, own: PartyFile, ready: Callable[[str], object], patience: Patience | None) -> None:
    server = made.listen(own.host, own.port, patience)
    [socket, *_] = server._sockets.values()
    ready(f"{own.host}:{socket.getsockname()[1]}")
    await asyncio.Event().wait()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    try:
        with files.plain_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with files.lock(folder / "service.lock", timeout=0):
            yield
    except Timeout:
        raise FairnbError(f"another process serves {folder}: end it first, or name another folder") from None
