"""A party as a small HTTPS service on its own machine: nothing that it is sent is ever run, unpickled or believed.

``GET /health`` says who it is and what it does now; ``POST /step`` is ``Party.do``: JSON in a header (``envelopes``),
the adapter's plain safetensors as the body. Only the driver's certificate gets in, only what ``whitelist`` has is done,
only an adapter that the other party signed is taken, and of what is refused only a sentence of ours comes back.

It is tornado's server and not starlette's with uvicorn, because uvicorn shows an application neither the certificate of
who calls nor a limit of time for a body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler, stream_request_body

from fairnb.errors import FairnbError
from fairnb.papers.fairlora.protocol import envelopes, signatures, whitelist
from fairnb.papers.fairlora.protocol.certificates import Identity
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage

if TYPE_CHECKING:
    from fairnb.papers.fairlora.protocol.party import Party

HEADERS = 8192  # bytes of all of them
ADAPTER = "application/octet-stream"


class Refused(FairnbError):
    """What the service does not do; ``status`` is HTTP's word for why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Patience:
    """Seconds that a caller has: ``headers`` from the connection (or the last answer) on, ``body`` after them."""

    headers: float = 30.0
    body: float = 120.0


@dataclass(frozen=True)
class Rules:
    """What a service goes by.

    Attributes:
        exchange: see ``terms.Terms``. own: the party's pair. peer, driver: the others' certificates.
        actions: that may be asked for. base: hash of the public network. size: bytes of the one adapter form.
    """

    exchange: str
    own: Identity
    peer: Certificate
    driver: Certificate
    actions: tuple[str, ...]
    base: str
    size: int


class Service:
    """One party that answers one driver in one exchange, a step at a time.

    Args:
        make: makes the party, in the thread in which it will work. log: folder for the signed log of what crossed.

    Raises:
        FairnbError: the party cannot start.
    """

    def __init__(self, rules: Rules, make: Callable[[], Party], log: Path) -> None:
        self.rules, self.role, self._log = rules, rules.own.role, log
        self.doing: int | None = None
        self._pool = ThreadPoolExecutor(1)
        self._party = self._pool.submit(make).result()

    def health(self) -> dict[str, Any]:
        """Who this is: role, exchange, hash of the public network, bytes of an adapter, and the step at work."""
        rules = self.rules
        known = {"role": self.role, "exchange": rules.exchange, "base": rules.base, "size": rules.size}
        return known | {"doing": self.doing}

    async def step(self, header: str, body: bytes) -> tuple[envelopes.Stamp, bytes] | None:
        """Do what is asked; the party's signed answer, or None. Raises Refused."""
        asked, message = self._checked(header, body)
        if self.doing is not None:
            raise Refused(409, f"the {self.role} is at step {self.doing}: ask again when it is done")
        self.doing = asked.step
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._answer, asked, message)
        except FairnbError as error:
            raise Refused(422, self._said(error)) from None
        finally:
            self.doing = None

    def _checked(self, header: str, body: bytes) -> tuple[envelopes.Asked, AdapterMessage | None]:
        try:
            asked = envelopes.asked(header)
            if asked.exchange != self.rules.exchange:
                raise FairnbError("it is for another exchange: give all three the same agreement.toml")
            whitelist.require(self.role, asked.action, asked.settings, bool(body))
            if asked.action not in self.rules.actions:
                raise FairnbError(f"{asked.action} is not among the actions that this party agreed to")
            return asked, self._signed(asked, body)
        except FairnbError as error:
            raise Refused(400, f"the {self.role} refused a request: {self._said(error)}") from None

    def _said(self, error: FairnbError) -> str:
        """A sentence as others may hear it: where the party's things are is its own affair."""
        return str(error).replace(str(self._log), "its own folder")

    def _signed(self, asked: envelopes.Asked, body: bytes) -> AdapterMessage | None:
        """The other party's message of the step before, as it signed it: never an older or the own one."""
        stamp, [peer] = asked.message, set(PARTIES) - {self.role}
        if stamp is None and not body:
            return None
        if stamp is None or (stamp.sender, stamp.step) != (peer, asked.step - 1):
            raise FairnbError(f"step {asked.step} takes the {peer}'s adapter of the step before: send that one")
        message = AdapterMessage(stamp.sender, stamp.step, body)
        signatures.require(self.rules.peer, asked.exchange, message, stamp.signature)
        made = [one.sha256 for one in signatures.read(self._log) if (one.sender, one.step) == (peer, message.step)]
        if made and message.sha256 not in made:
            raise FairnbError(f"the {peer}'s message of step {message.step} was another one before: send that one")
        return message

    def _answer(self, asked: envelopes.Asked, message: AdapterMessage | None) -> tuple[envelopes.Stamp, bytes] | None:
        answer = self._party.do(asked.step, asked.action, message, asked.settings)
        if message is not None and asked.message is not None:
            signatures.note(self._log, asked.exchange, message, asked.message.signature)
        if answer is None:
            return None
        signature = signatures.sign(self.rules.own, asked.exchange, answer)
        signatures.note(self._log, asked.exchange, answer, signature)
        return envelopes.Stamp(answer.sender, answer.step, signature), answer.tensors

    def listen(self, host: str, port: int, patience: Patience | None = None) -> HTTPServer:
        """Start to answer at ``host`` and ``port`` (0: a free one), in the loop of this thread.

        Raises:
            FairnbError: the address cannot be had.
        """
        patience, with_service = patience or Patience(), {"service": self}
        routes = [(r"/health", _Health, with_service), (r"/step", _Step, with_service)]
        server = HTTPServer(
            Application(routes, default_handler_class=_Guarded, default_handler_args=with_service),
            ssl_options=self.rules.own.serving(self.rules.driver),
            max_header_size=HEADERS,
            max_body_size=self.rules.size,
            idle_connection_timeout=patience.headers,
            body_timeout=patience.body,
        )
        try:
            server.listen(port, host)
        except (OSError, OverflowError) as error:
            raise FairnbError(f"the {self.role} cannot listen at {host}:{port} ({error}): name another port") from None
        return server


class _Guarded(RequestHandler):
    """What all answers have in common: the driver alone gets one, and a refusal is one sentence of ours."""

    def initialize(self, service: Service) -> None:
        self.service = service

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Type", "text/plain; charset=utf-8")

    def prepare(self) -> None:
        with self._refusing():
            if self.request.get_ssl_certificate(True) != self.service.rules.driver.public_bytes(Encoding.DER):
                raise Refused(403, f"only the driver may ask the {self.service.role}")
            self._look_at_headers()

    def _look_at_headers(self) -> None:
        raise Refused(404, f"the {self.service.role} answers at /health and /step alone")

    def write_error(self, status_code: int, **ignored: Any) -> None:
        said = (
            "failed: its own log says why"
            if status_code == 500
            else "is not asked in this way: see docs/two_parties.md"
        )
        self.finish(f"the {self.service.role} {said}")

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except Refused as error:
            self.set_status(error.status)
            self.finish(str(error))


class _Health(_Guarded):
    def _look_at_headers(self) -> None:
        pass

    def get(self) -> None:
        self.finish(self.service.health())


@stream_request_body
class _Step(_Guarded):
    def _look_at_headers(self) -> None:
        """An adapter has one size; another one is refused before it is read."""
        self.body = bytearray()
        size, sizes = self.request.headers.get("Content-Length", ""), ("0", str(self.service.rules.size))
        if self.request.method == "POST" and size not in sizes:
            raise Refused(
                413, f"a body has {' or '.join(sizes)} bytes, and says so: send one adapter of the form agreed on"
            )

    def data_received(self, chunk: bytes) -> None:
        self.body += chunk

    async def post(self) -> None:
        with self._refusing():
            answer = await self.service.step(self.request.headers.get(envelopes.HEADER, ""), bytes(self.body))
            if answer is None:
                self.set_status(204)
                self.clear_header("Content-Type")
                return
            self.set_header("Content-Type", ADAPTER)
            self.set_header(envelopes.HEADER, envelopes.line(answer[0]))
            self.finish(answer[1])
