"""The wire between the parties: it numbers the steps, lets adapters through and nothing else, logs and keeps them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fairnb.data import progress
from fairnb.data.files import lock, write_atomic
from fairnb.errors import BadData, FairnbError, UnknownName
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage, BadMessage, unseal

Call = Callable[[int, str, AdapterMessage | None, Mapping[str, Any]], AdapterMessage | None]
DEVELOPER, AUDITOR = PARTIES
PLAIN = (bool, int, float, str)


@dataclass(frozen=True)
class Crossing:
    """A line of the log: one message that one party made and the other got.

    Attributes:
        step: in which it was handed over. sender, receiver: of ``PARTIES``. size: bytes. sha256: of the bytes.
        tensors: name -> shape.
    """

    step: int
    sender: str
    receiver: str
    size: int
    sha256: str
    tensors: dict[str, list[int]]


class Wire:
    """One exchange between two parties.

    Every answer is kept in ``folder`` before it goes on, so that the same exchange, started again, repeats nothing.

    Args:
        folder: of this exchange; each has its own. call: party -> a function that does one step there (see
            ``Party.do``), from ``processes.calls`` or ``remote.calls``. shared: folder of answers that other exchanges
            may use too; None: there are none.
        name: for the progress bar.
    """

    def __init__(self, folder: Path, call: Mapping[str, Call], shared: Path | None = None, name: str = "") -> None:
        self.folder, self.log = folder, list[Crossing]()
        self._call, self._shared, self._step = call, shared, 0
        self._shapes: dict[str, tuple[int, ...]] | None = None
        self._bar = progress.bar(desc=name or folder.name, unit="step", leave=False)

    def ask(
        self, party: str, action: str, message: AdapterMessage | None = None, *, share: bool = False, **settings: Any
    ) -> AdapterMessage | None:
        """Let ``party`` do ``action``, with the other's ``message`` where it needs one, and give its answer.

        Args:
            share: the answer depends on nothing but ``settings`` and what all exchanges of ``shared`` have in common,
                so that one which is there already will do. settings: plain numbers and words that both may know.

        Raises:
            UnknownName: no such party. BadMessage: something else than an adapter wants to cross. FairnbError: the
            party refused, failed or was lost.
        """
        if party not in PARTIES:
            raise UnknownName("party", party, PARTIES)
        secret = [name for name, value in settings.items() if not isinstance(value, PLAIN)]
        if secret:
            raise BadMessage(f"{secret[0]} is no number or word: only adapters cross, and plain settings")
        self._step += 1
        if message is not None:
            self._log(message, party)
        file = self._file(party, action, settings, share)
        with lock(file.with_suffix(".lock")):
            if not file.is_file():
                answer = self._call[party](self._step, action, message, settings)
                if answer is not None:
                    self._check(answer, party)
                write_atomic(file, b"" if answer is None else answer.tensors)
        self._bar.update()
        kept = file.read_bytes()
        return self._check(AdapterMessage(party, self._step, kept), party) if kept else None

    def close(self) -> None:
        """End the progress bar."""
        self._bar.close()

    def _check(self, answer: AdapterMessage, party: str) -> AdapterMessage:
        """No party may send anything but its adapter, which has one form throughout an exchange."""
        shapes = {name: tuple(tensor.shape) for name, tensor in unseal(answer).items()}
        if (answer.sender, answer.step) != (party, self._step):
            said = f"{answer.sender}'s of step {answer.step}"
            raise BadMessage(f"the {party} answered step {self._step} with the {said}: let it send its own adapter")
        self._shapes = self._shapes or shapes
        if shapes != self._shapes:
            other = sorted(set(shapes.items()) ^ set(self._shapes.items()))[0][0]
            raise BadMessage(f"the {party}'s answer differs from the first adapter in {other}: use one adapter form")
        return answer

    def _file(self, party: str, action: str, settings: Mapping[str, Any], share: bool) -> Path:
        if share and (party != AUDITOR or self._step != 1):
            raise BadData("only the auditor's first answer depends on nothing else, so that exchanges can share it")
        if not share or self._shared is None:
            return self.folder / f"{self._step:04d}-{party}-{action}.safetensors"
        key = hashlib.sha256(json.dumps([action, dict(settings)], sort_keys=True).encode()).hexdigest()[:16]
        return self._shared / f"{party}-{action}-{key}.safetensors"

    def _log(self, message: AdapterMessage, receiver: str) -> None:
        """A crossing is logged before it happens."""
        tensors = {name: list(tensor.shape) for name, tensor in sorted(unseal(message).items())}
        if message.sender == receiver:
            raise BadMessage(f"the {receiver} gets back its own message: give it the other party's")
        found = (self._step, message.sender, receiver, len(message.tensors), message.sha256, tensors)
        self.log.append(Crossing(*found))

    def summary(self) -> list[dict[str, Any]]:
        """The log as plain data, for a record."""
        return [asdict(crossing) for crossing in self.log]


class PartyLost(FairnbError):
    """A party's process is gone; the message is the other one's report."""
