"""Who is who between machines: a self-signed certificate for each of the three, pinned by those who deal with it.

There is no authority that others could ask for a certificate: a party knows the driver's and the other party's, the
driver knows both parties', and all other ones are strangers. The files are exchanged beforehand, by hand.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fairnb.data import machine
from fairnb.errors import BadData, FairnbError, MissingData, UnknownName
from fairnb.papers.fairlora.protocol.messages import PARTIES

DRIVER = "driver"
ROLES = (*PARTIES, DRIVER)
KEY, CERTIFICATE = "key.pem", "certificate.pem"
DAYS = 365  # that a certificate is good for
CURVE = ec.SECP256R1()


@dataclass(frozen=True)
class Identity:
    """Somebody's own certificate and private key.

    Attributes:
        certificate: with the role as its common name. key: ECDSA P-256. folder: that holds both files.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    folder: Path

    @property
    def role(self) -> str:
        """One of ``ROLES``."""
        return role_of(self.certificate)

    @classmethod
    def read(cls, folder: Path) -> Identity:
        """What ``create`` wrote.

        Raises:
            FairnbError: a file is not there, others may read the key, or key and certificate are not of one pair.
        """
        certificate, file = read(folder / CERTIFICATE), folder / KEY
        content = _bytes(file)
        if machine.open_to_others(file):
            raise FairnbError(f"others may read the private key {file}: make a new pair, and give out nothing else")
        try:
            key = serialization.load_pem_private_key(content, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadData(f"{file} is no private key without a password: make a new pair") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise BadData(f"{file} is not the key of {folder / CERTIFICATE}: make a new pair")
        return cls(certificate, key, folder)

    def serving(self, callers: x509.Certificate) -> ssl.SSLContext:
        """TLS 1.3 for a server that lets in who has the certificate ``callers``, and nobody else."""
        return self._context(ssl.PROTOCOL_TLS_SERVER, callers)

    def calling(self, server: x509.Certificate) -> ssl.SSLContext:
        """TLS 1.3 for a client that talks to who has the certificate ``server``, at whatever address."""
        return self._context(ssl.PROTOCOL_TLS_CLIENT, server)

    def _context(self, side: ssl._SSLMethod, other: x509.Certificate) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # it is the certificate that is known, not the address
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=other.public_bytes(serialization.Encoding.DER))
        context.load_cert_chain(self.folder / CERTIFICATE, self.folder / KEY)
        return context


def create(role: str, folder: Path, days: int = DAYS) -> Path:
    """A new pair in ``folder``, which only its owner may enter; the certificate's file, to be given to the others.

    Raises:
        UnknownName: no such role. FairnbError: the folder has a key already, others may enter it, or it cannot be
        written.
    """
    if role not in ROLES:
        raise UnknownName("role", role, ROLES)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if machine.open_to_others(folder):
            raise FairnbError(f"others may enter {folder}: name a new folder for the private key")
        with open(os.open(folder / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            key = ec.generate_private_key(CURVE)
            form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            file.write(key.private_bytes(*form))
        (folder / CERTIFICATE).write_bytes(_signed(role, key, days).public_bytes(serialization.Encoding.PEM))
    except FileExistsError:
        raise FairnbError(f"{folder} has a private key already: name a new folder, or remove the old pair") from None
    except OSError as error:
        raise FairnbError(f"{folder} cannot be written ({error.strerror}): name another folder") from None
    return folder / CERTIFICATE


def _signed(role: str, key: ec.EllipticCurvePrivateKey, days: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the other's clock may be behind
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)  # nobody issues others with it
    )
    return made.sign(key, hashes.SHA256())


def read(file: Path, role: str | None = None) -> x509.Certificate:
    """The certificate in ``file``.

    Args:
        role: whose it must be, one of ``ROLES``; None: anybody's.

    Raises:
        FairnbError: it is not there, no certificate of ``create``, another's, or out of date.
    """
    try:
        found = x509.load_pem_x509_certificate(_bytes(file))
        key = found.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadData(f"{file} is no certificate: make one with `fairnb party certificate`") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != CURVE.name or role_of(found) not in ROLES:
        raise BadData(f"{file} is another kind of certificate: make one with `fairnb party certificate`")
    if role and role_of(found) != role:
        raise BadData(f"{file} is the certificate of the {role_of(found)}, not of the {role}: name the other file")
    if not found.not_valid_before_utc <= datetime.now(UTC) <= found.not_valid_after_utc:
        good = f"from {found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}"
        raise BadData(f"{file} is good {good}, which is not today: make a new pair and give it out")
    return found


def role_of(certificate: x509.Certificate) -> str:
    """The role in its name, e.g. ``auditor``; empty where there is none."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise MissingData(f"there is no {file}: make the pair with `fairnb party certificate`") from None
    except OSError as error:
        raise FairnbError(f"{file} cannot be read ({error.strerror}): give its owner the right to") from None
