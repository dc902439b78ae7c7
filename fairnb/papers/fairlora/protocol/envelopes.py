"""What stands beside an adapter's bytes between two machines: a line of JSON, in a header of the HTTP message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fairnb.papers.fairlora.protocol.messages import PARTIES, BadMessage

HEADER = "Fairnb"  # its name
LONGEST = 4096  # characters of the line
SIGNATURE = 160  # hexadecimal digits at most: ECDSA on P-256 has 144
STEPS = 1_000_000


@dataclass(frozen=True)
class Stamp:
    """Where an adapter comes from: ``sender`` (of ``PARTIES``), ``step`` that made it, ``signature`` of its maker."""

    sender: str
    step: int
    signature: str


@dataclass(frozen=True)
class Asked:
    """One step that is asked of a party.

    Attributes:
        exchange: what was agreed on, see ``terms.Terms``. step: its number, from 1. action, settings: see
            ``whitelist``. message: of the adapter in the body; None where that is empty.
    """

    exchange: str
    step: int
    action: str
    settings: Mapping[str, Any]
    message: Stamp | None


def line(content: Asked | Stamp) -> str:
    """As it stands in the header: one line of ASCII."""
    return json.dumps(asdict(content))


def asked(text: str) -> Asked:
    """What ``line`` made of a request. Raises BadMessage: it is anything else."""
    found = _found(text)
    _require(found, {"exchange": str, "step": int, "action": str, "settings": dict, "message": dict | None})
    if not 1 <= found["step"] <= STEPS:
        raise BadMessage(f"steps are numbered from 1 to {STEPS}: ask for one of them")
    return Asked(**(found | {"message": None if found["message"] is None else _stamp(found["message"])}))


def stamp(text: str) -> Stamp:
    """What ``line`` made of an answer's stamp. Raises BadMessage: it is anything else."""
    return _stamp(_found(text))


def health(body: bytes) -> dict[str, Any]:
    """What a party says of itself, see ``Service.health``. Raises BadMessage: it is anything else."""
    found = _found(body.decode("utf-8", "replace"))
    _require(found, {"role": str, "exchange": str, "base": str, "size": int, "doing": int | None})
    return found


def _stamp(found: Any) -> Stamp:
    _require(found, {"sender": str, "step": int, "signature": str})
    if found["sender"] not in PARTIES or not 1 <= found["step"] <= STEPS or len(found["signature"]) > SIGNATURE:
        raise BadMessage("an adapter is stamped by its sender with step and signature, which this is not: send it anew")
    return Stamp(**found)


def _found(text: str) -> Any:
    if len(text) > LONGEST:
        raise BadMessage(f"what comes with a step has {len(text)} characters, more than {LONGEST}: send plain settings")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage(f"the header {HEADER} is no line of JSON: send what a party is asked") from None


def _require(found: object, kinds: Mapping[str, Any]) -> None:
    """BadMessage for what is no dictionary, or has other names or kinds of values than ``kinds``."""
    if not isinstance(found, dict):
        raise BadMessage(f"the header {HEADER} holds no names with values: send what a party is asked")
    if found.keys() != kinds.keys() or not all(_is(found[name], kind) for name, kind in kinds.items()):
        raise BadMessage(f"the header {HEADER} has {', '.join(kinds)}, each of its kind, and nothing else: send these")


def _is(value: object, kind: Any) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
