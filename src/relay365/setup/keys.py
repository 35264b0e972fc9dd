"""The relay's own key and certificate for its application, made here; the private key never leaves this machine.

Both stand in one PEM file, so that a renewal replaces both at one instant: certificate and key of a route may name the
same file. RSA, because Entra takes PS256 of RSA keys only. Self-signed, which Entra accepts for an application.
(Microsoft: "Microsoft identity platform application authentication certificate credentials", read 2026-11; a
certificate may live longer than the 24 months that a client secret lives in the portal, ours does not)
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from relay365.owner import give_to_owner, open_for_owner
from relay365.replace import put_in_place

LIFE_DAYS = 730
RENEW_DAYS = 60  # one renewal that fails leaves two months for the next


@dataclass(frozen=True, slots=True)
class AppKey:
    """A certificate with its key, in one file. der: the public certificate, as Entra is given it."""

    file: Path
    name: str
    der: bytes
    ends_at: float

    def is_due(self, now: float) -> bool:
        """Whether it should be renewed."""
        return self.ends_at - now < RENEW_DAYS * 86_400


def make_key(file: Path, host: str, now: float) -> AppKey:
    """A new pair, written whole or not at all, readable by this user only; replaces what was there. Raises OSError."""
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"relay365 {host}"[:55] + f" {at:%Y-%m}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - dt.timedelta(hours=1))  # clocks differ
        .not_valid_after(at + dt.timedelta(days=LIFE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(file, private + certificate.public_bytes(pem))
    return read_key(file)


def read_key(file: Path) -> AppKey:
    """What stands in a file; raises OSError, and ValueError where it is no certificate with its own key."""
    octets = file.read_bytes()
    certificate = x509.load_pem_x509_certificate(octets)
    key = serialization.load_pem_private_key(octets, None)
    if key.public_key() != certificate.public_key():
        raise ValueError("the key is not that of the certificate")
    der = certificate.public_bytes(serialization.Encoding.DER)
    subject = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    name = str(subject[0].value) if subject else certificate.subject.rfc4514_string()
    return AppKey(file, name, der, certificate.not_valid_after_utc.timestamp())


def write_private(file: Path, octets: bytes) -> None:
    """Write a whole file for the owner of its folder alone; the old one stays until the new one is on the disk."""
    if not file.parent.is_dir():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        give_to_owner(file.parent, file.parent.parent)
    fresh = file.with_name(file.name + ".new")
    handle = open_for_owner(fresh, file.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(octets)
        out.flush()
        os.fsync(out.fileno())
    put_in_place(fresh, file)
