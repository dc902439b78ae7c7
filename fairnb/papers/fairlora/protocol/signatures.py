"""What crossed, signed by who sent it: one line a message, kept by the driver and by each party.

A signature says: I, this role, made these bytes in this step of this exchange. So nobody else can make a message, and
none can be used again in another step or exchange.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import Certificate

from fairnb.data.files import write_atomic
from fairnb.errors import BadData
from fairnb.papers.fairlora.protocol.certificates import Identity, role_of
from fairnb.papers.fairlora.protocol.messages import PARTIES, AdapterMessage, BadMessage

LOG = "signed.jsonl"
RULE = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True)
class Line:
    """A message that left its sender.

    Attributes:
        exchange: what was agreed on, see ``terms.Terms``. step: that made it. sender, receiver: of ``PARTIES``.
        size: bytes. sha256: of the bytes. signature: hexadecimal digits, see ``sign``.
    """

    exchange: str
    step: int
    sender: str
    receiver: str
    size: int
    sha256: str
    signature: str


def sign(own: Identity, exchange: str, message: AdapterMessage) -> str:
    """The signature of its maker under a message, hexadecimal digits."""
    return own.key.sign(_statement(exchange, message.sender, message.step, message.sha256), RULE).hex()


def require(certificate: Certificate, exchange: str, message: AdapterMessage, signature: str) -> None:
    """Raises BadMessage: ``signature`` is not of the owner of ``certificate`` under this very message."""
    sent = line(exchange, message, signature)
    if role_of(certificate) != message.sender or not _holds(certificate, sent):
        raise BadMessage(
            f"the message of step {message.step} is not signed by the {message.sender} for this exchange: "
            "let it come from the party itself, and pin the certificate that it uses"
        )


def line(exchange: str, message: AdapterMessage, signature: str) -> Line:
    """The line of the log for a message."""
    [receiver] = set(PARTIES) - {message.sender}
    size = len(message.tensors)
    return Line(exchange, message.step, message.sender, receiver, size, message.sha256, signature)


def note(folder: Path, exchange: str, message: AdapterMessage, signature: str) -> None:
    """Add a line to the log in ``folder``, unless the same message is there."""
    lines, new = read(folder), line(exchange, message, signature)
    if not any(_same(old, new) for old in lines):
        write_atomic(folder / LOG, "".join(json.dumps(asdict(one)) + "\n" for one in [*lines, new]))


def of(folder: Path, exchange: str, message: AdapterMessage) -> str:
    """The signature of a message that is in the log. Raises BadMessage: it is not."""
    wanted = line(exchange, message, "")
    found = [known.signature for known in read(folder) if _same(known, wanted)]
    if not found:
        said = f"the {message.sender}'s message of step {message.step}"
        raise BadMessage(f"{folder / LOG} has no signature of {said}: begin the exchange anew under another name")
    return found[0]


def read(folder: Path) -> list[Line]:
    """The log in ``folder``; empty where there is none yet. Raises BadData: it is damaged."""
    file = folder / LOG
    try:
        found = [json.loads(text) for text in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []
        lines = [Line(**entry) for entry in found]
    except (ValueError, TypeError, RecursionError):
        raise BadData(f"{file} is no log of an exchange: take a copy that was not edited") from None
    if wrong := [one for one in lines if not all(_typed(one, field.name) for field in fields(Line))]:
        raise BadData(f"{file} is no log of an exchange, see {asdict(wrong[0])}: take a copy that was not edited")
    return lines


def verified(folder: Path, exchange: str, certificates: Mapping[str, Certificate]) -> list[Line]:
    """The log in ``folder``, each line of it signed by its sender, and each kept message in it.

    Args:
        certificates: of both parties, by role.

    Raises:
        BadMessage: a line is of another exchange or not signed by its sender, or a message is in no line. BadData: the
        log is damaged.
    """
    lines = read(folder)
    for one in lines:
        if one.exchange != exchange or one.sender not in PARTIES or not _holds(certificates[one.sender], one):
            raise BadMessage(f"line {lines.index(one) + 1} of {folder / LOG} is not signed for this exchange: drop it")
    known = {one.sha256 for one in lines}
    for file in sorted(folder.glob("*.safetensors")):
        content = file.read_bytes()
        if content and AdapterMessage(PARTIES[0], 0, content).sha256 not in known:
            raise BadMessage(f"{file} is in no line of {LOG}: no party signed it")
    return lines


def _statement(exchange: str, sender: str, step: int, sha256: str) -> bytes:
    return b"fairnb adapter\0" + json.dumps([exchange, sender, step, sha256]).encode()


def _holds(certificate: Certificate, one: Line) -> bool:
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)  # as certificates.read found
    try:
        key.verify(bytes.fromhex(one.signature), _statement(one.exchange, one.sender, one.step, one.sha256), RULE)
    except (InvalidSignature, ValueError):
        return False
    return True


def _same(one: Line, other: Line) -> bool:
    """The same message; two signatures under one differ."""
    return asdict(one) | {"signature": ""} == asdict(other) | {"signature": ""}


def _typed(one: Line, name: str) -> bool:
    return type(getattr(one, name)) is (int if name in ("step", "size") else str)
