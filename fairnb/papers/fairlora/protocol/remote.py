"""The driver's side of an exchange between machines: each party's service as a call for a ``Wire``.

A party's answer is bytes of a known length, a signature that must be the party's, or one sentence; nothing of it is
unpickled or run, and no more of it is read than an adapter has bytes.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from fairnb.errors import BadData, FairnbError
from fairnb.papers.fairlora.protocol import envelopes, signatures
from fairnb.papers.fairlora.protocol.envelopes import Stamp
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage, BadMessage
from fairnb.papers.fairlora.protocol.terms import DriverFile
from fairnb.papers.fairlora.protocol.wire import Call, PartyLost

CONNECT = 10.0  # seconds
LARGEST = 2**28  # bytes of an adapter that a driver takes at all
LONGEST = 2000  # bytes of a sentence
AGAIN = 1.0  # seconds until a party that is at a step is asked once more
# A machine that is gone is told from one that works for hours: its kernel does not answer for a minute.
_ALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPALIVE": 15, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 3}
KEEP_ALIVE = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)] + [
    (socket.IPPROTO_TCP, getattr(socket, name), value) for name, value in _ALIVE.items() if hasattr(socket, name)
]


@contextmanager
def calls(own: DriverFile, folder: Path, patience: float = 86_400.0) -> Iterator[dict[str, Call]]:
    """Both parties, each at its address, ready for a ``Wire`` in the same ``folder``, which gets the signed log.

    Args:
        patience: seconds that a step may take.

    Raises:
        FairnbError: a party does not answer, has another certificate or agreement, or they have different networks.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # adapters tell of labels
    with ExitStack() as stack:
        clients = {name: stack.enter_context(_client(own, name, patience)) for name in PARTIES}
        found = {name: _health(own, name, client) for name, client in clients.items()}
        one, other = (found[name] for name in PARTIES)
        if (one["base"], one["size"]) != (other["base"], other["size"]):
            raise BadData("the parties have different public networks: give both the same folder of save_pretrained")
        yield {name: _Asked(own, folder, client, name, one["size"]) for name, client in clients.items()}


def _client(own: DriverFile, name: str, patience: float) -> httpx.Client:
    context = own.own.calling(own.certificates[name])
    one = httpx.Limits(
        max_keepalive_connections=0
    )  # else a connection that the party ended meanwhile looks like a loss
    transport = httpx.HTTPTransport(verify=context, trust_env=False, socket_options=KEEP_ALIVE, limits=one)
    timeout = httpx.Timeout(patience, connect=CONNECT)
    base = f"https://{own.addresses[name]}"
    # No proxy and no netrc of the environment; no compressed answers, which could be bombs.
    return httpx.Client(
        transport=transport, base_url=base, timeout=timeout, trust_env=False, headers={"Accept-Encoding": "identity"}
    )


def _health(own: DriverFile, name: str, client: httpx.Client) -> dict[str, Any]:
    where = f"at {own.addresses[name]}"
    try:
        status, _, body = _sent(client, "GET", "/health", {}, b"", LONGEST, CONNECT)
        found = envelopes.health(body) if status == 200 else {}
    except (httpx.HTTPError, ssl.SSLError) as error:
        if "CERTIFICATE" in str(error):
            raise FairnbError(f"who answers {where} has not the {name}'s certificate: ask the {name} for it") from None
        raise FairnbError(
            f"no {name} answers {where} ({type(error).__name__}): let it start `fairnb party serve`, and pin the "
            "certificate that you use"
        ) from None
    if status != 200:
        raise FairnbError(_sentence(name, body))
    if found["role"] != name or found["exchange"] != own.terms.exchange:
        raise BadData(f"the {name} {where} serves another exchange: give all three the same agreement.toml")
    if found["size"] > LARGEST:
        raise BadData(f"the {name}'s adapters have {found['size']} bytes, more than {LARGEST}: agree on smaller ones")
    return found


@dataclass(frozen=True)
class _Asked:
    """A ``Call`` of the party ``name``, whose adapters have ``size`` bytes; the signed log is in ``folder``."""

    own: DriverFile
    folder: Path
    client: httpx.Client
    name: str
    size: int

    def __call__(
        self, step: int, action: str, message: AdapterMessage | None, settings: Mapping[str, Any]
    ) -> AdapterMessage | None:
        """One step; what goes wrong there comes back as one sentence."""
        exchange, stamp = self.own.terms.exchange, None
        if message is not None:
            stamp = Stamp(message.sender, message.step, signatures.of(self.folder, exchange, message))
        header = envelopes.line(envelopes.Asked(exchange, step, action, settings, stamp))
        status, back, body = self._answered(step, header, b"" if message is None else message.tensors)
        if status == 204:
            return None
        if status != 200:
            raise FairnbError(_sentence(self.name, body))
        found, answer = envelopes.stamp(back), AdapterMessage(self.name, step, body)
        if (found.sender, found.step) != (self.name, step):
            raise BadMessage(f"the {self.name} answered step {step} with another message: let it send its own adapter")
        signatures.require(self.own.certificates[self.name], exchange, answer, found.signature)
        signatures.note(self.folder, exchange, answer, found.signature)
        return answer

    def _answered(self, step: int, header: str, body: bytes) -> tuple[int, str, bytes]:
        longest = max(self.size, LONGEST)
        while True:
            try:
                found = _sent(self.client, "POST", "/step", {envelopes.HEADER: header}, body, longest)
            except (httpx.HTTPError, ssl.SSLError):
                raise PartyLost(
                    f"the {self.name} was lost in step {step}: start it again and repeat the command; it goes on at "
                    "this step"
                ) from None
            if found[0] != 409:
                return found
            time.sleep(AGAIN)  # a driver that was killed left it at a step


def _sent(
    client: httpx.Client,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    longest: int,
    timeout: Any = None,
) -> tuple[int, str, bytes]:
    """Status, our header and body of an answer, of which no more than ``longest`` bytes are read, as they come."""
    patience = client.timeout if timeout is None else timeout
    with client.stream(method, path, headers=headers, content=body, timeout=patience) as response:
        found = bytearray()
        for chunk in response.iter_raw():
            found += chunk
            if len(found) > longest:
                raise BadMessage(
                    f"the answer of {client.base_url.host} has more than {longest} bytes: it is no adapter"
                )
        return response.status_code, response.headers.get(envelopes.HEADER, ""), bytes(found)


def _sentence(name: str, body: bytes) -> str:
    """What a party says why it refused, if that is a sentence."""
    text = body.decode("utf-8", "replace")
    return text if text.isprintable() and 0 < len(text) <= 600 else f"the {name} refused, and does not say why"
