"""The files of an exchange between machines: what is agreed on, and what each of the three has for itself.

``agreement.toml`` is the same for all three. Where a party's samples, network and private folder are stands in the
party's own file alone, on its own machine: whoever drives the exchange has no say in it.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cryptography.x509 import Certificate

from fairnb.errors import BadData, FairnbError, MissingData, UnknownName
from fairnb.papers.fairlora import lora
from fairnb.papers.fairlora.protocol import certificates, whitelist
from fairnb.papers.fairlora.protocol.certificates import DRIVER, Identity
from fairnb.papers.fairlora.protocol.messages import PARTIES
from fairnb.papers.fairlora.protocol.sites import Agreement, Site


@dataclass(frozen=True)
class Terms:
    """What all three agree on: the ``agreement`` and the ``name`` of the exchange, which is used just once."""

    name: str
    agreement: Agreement

    @property
    def exchange(self) -> str:
        """The same for the same terms, 64 hexadecimal digits: what each request and each signature is for."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class PartyFile:
    """What a party starts its service with.

    Attributes:
        terms, site: agreed on, and its own. own: its certificate and key. peer, driver: the others' certificates.
        host, port: where it listens. actions: what it lets the driver ask for, of ``whitelist.ACTIONS``.
    """

    terms: Terms
    site: Site
    own: Identity
    peer: Certificate
    driver: Certificate
    host: str
    port: int
    actions: tuple[str, ...]


@dataclass(frozen=True)
class DriverFile:
    """What the driver has: ``terms``, its ``own`` pair; ``addresses`` (host:port) and ``certificates`` by party."""

    terms: Terms
    own: Identity
    addresses: Mapping[str, str]
    certificates: Mapping[str, Certificate]


def agreed(file: Path) -> Terms:
    """The terms in ``agreement.toml``: ``name``, and the fields of ``Agreement`` with the form as a table.

    Raises:
        FairnbError: the file is not there or no TOML, or holds another name or a value that cannot be.
    """
    found = _toml(file)
    names = _names(Agreement)
    _require(found, {"name": str, "form": dict, "seed": int, "recipe": dict}, {name: object for name in names}, file)
    form = found["form"]
    _require(form, {}, {name: object for name in _names(lora.Adapter)}, file)
    try:
        made = Agreement(**{name: found[name] for name in names if name in found} | {"form": lora.Adapter(**form)})
    except TypeError as error:
        raise BadData(f"{file} has a value of another kind in [form] ({error}): see fairlora.lora.Adapter") from None
    return Terms(found["name"], made)


def party(file: Path) -> PartyFile:
    """A party's own file: ``role``, ``agreement``, ``data``, ``base``, ``folder``, ``own``, ``peer``, ``driver``, and
    ``host`` (this machine alone), ``port``, ``actions`` (all) where they are not as usual. Paths begin at its folder.

    Raises:
        FairnbError: see ``agreed``; or a certificate is not there, another's or out of date, or others may read a key.
    """
    found = _toml(file)
    paths = dict.fromkeys(("role", "agreement", "data", "base", "folder", "own", "peer", "driver"), str)
    _require(found, paths, {"host": str, "port": int, "actions": list}, file)
    role, at = found["role"], {name: file.parent / Path(found[name]).expanduser() for name in paths if name != "role"}
    if role not in PARTIES:
        raise UnknownName(f"role in {file}", role, PARTIES)
    known = whitelist.ACTIONS[role]
    actions = tuple(found.get("actions", known))
    if unknown := [name for name in actions if name not in known]:
        raise UnknownName(f"action in {file}", unknown[0], known)
    [other] = set(PARTIES) - {role}
    return PartyFile(
        agreed(at["agreement"]),
        Site(str(at["folder"]), str(at["data"]), str(at["base"])),
        _own(at["own"], role),
        certificates.read(at["peer"], other),
        certificates.read(at["driver"], DRIVER),
        found.get("host", "127.0.0.1"),
        found.get("port", 0),
        actions,
    )


def driver(file: Path) -> DriverFile:
    """The driver's own file: ``agreement``, ``own``, and for each party a table with ``address`` and ``certificate``.

    Raises:
        FairnbError: see ``party``.
    """
    found = _toml(file)
    _require(found, {"agreement": str, "own": str} | dict.fromkeys(PARTIES, dict), {}, file)
    for name in PARTIES:
        _require(found[name], {"address": str, "certificate": str}, {}, file)
    return DriverFile(
        agreed(file.parent / Path(found["agreement"]).expanduser()),
        _own(file.parent / Path(found["own"]).expanduser(), DRIVER),
        {name: _address(found[name]["address"], file) for name in PARTIES},
        {
            name: certificates.read(file.parent / Path(found[name]["certificate"]).expanduser(), name)
            for name in PARTIES
        },
    )


def _own(folder: Path, role: str) -> Identity:
    found = Identity.read(folder)
    if found.role != role:
        raise BadData(f"{folder} holds the {found.role}'s certificate, not the {role}'s: name the other folder")
    return found


def _address(text: str, file: Path) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or "/" in text or "@" in text:
        raise BadData(f"{file} has the address {text!r}: write it as host:port, e.g. 127.0.0.1:8443")
    return text


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise MissingData(f"there is no {file}: write it, see docs/two_parties.md") from None
    except OSError as error:
        raise FairnbError(f"{file} cannot be read ({error.strerror}): give its owner the right to") from None
    except ValueError as error:  # of TOML or of UTF-8
        raise BadData(f"{file} is no TOML ({error}): mend that line") from None


def _require(found: Mapping[str, Any], needed: Mapping[str, Any], more: Mapping[str, Any], file: Path) -> None:
    """All of ``needed`` (name -> kind) and nothing that is in neither."""
    if unknown := sorted(set(found) - {*needed, *more}):
        raise UnknownName(f"entry of {file}", unknown[0], {*needed, *more})
    if lacking := [name for name in needed if name not in found]:
        raise BadData(f"{file} lacks {lacking[0]}: add it, see docs/two_parties.md")
    for name, kind in {**more, **needed}.items():
        if name in found and (not isinstance(found[name], kind) or (kind is int and isinstance(found[name], bool))):
            raise BadData(f"{file} has {name} as {found[name]!r}, which is no {kind.__name__}: see docs/two_parties.md")


def _names(kind: Any) -> list[str]:
    """Fields of a dataclass that a file may set."""
    return [one.name for one in fields(kind) if one.init or one.default is not MISSING]
