"""What a server showed of itself in a handshake: its certificates, and what a person should know of the first one.

Apart from net.tls, which believes or refuses: here somebody wants to know what was refused, and why.
(RFC 5280; RFC 6125 6.4; CA/Browser Forum, Baseline Requirements 6.1.5 and 7.1.3 for what is too weak)
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

LEAST_RSA_BITS = 2048
SOON_DAYS = 21

_WEAK_HASHES = ("md5", "sha1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """The first certificate that was shown. names: hosts and addresses; n_sent: how many came in all."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: dt.datetime
    ends: dt.datetime
    key: str
    signed_with: str
    n_sent: int
    is_self_signed: bool
    is_weak: bool

    def fits(self, host: str) -> bool:
        """Whether it is a certificate of this host; one star in the place of the first label (RFC 6125 6.4.3)."""
        wanted = host.lower().rstrip(".")
        tail = wanted.partition(".")[2]
        return any(one.lower() in (wanted, f"*.{tail}" if tail else wanted) for one in self.names)

    def days_left(self, now: float) -> int:
        """Whole days until it ends; below 0 where it has."""
        return (self.ends - dt.datetime.fromtimestamp(now, dt.UTC)).days

    def holds(self, now: float) -> bool:
        """Whether it is within its dates."""
        return self.begins <= dt.datetime.fromtimestamp(now, dt.UTC) <= self.ends


def certificates_of(secured: ssl.SSLObject) -> tuple[bytes, ...]:
    """All certificates that the peer sent, in DER, its own first; at least that one where there is any."""
    private: Any = getattr(secured, "_sslobj", None)
    chain = getattr(secured, "get_unverified_chain", None) or getattr(private, "get_unverified_chain", None)
    found = [one if isinstance(one, bytes) else _der(one) for one in (chain() or ())] if chain else []
    own = secured.getpeercert(binary_form=True)
    return tuple(found) if found else (own,) if own else ()


def _der(one: Any) -> bytes:
    """From the certificate object of Python 3.11 and 3.12, whose public form came with 3.13."""
    return ssl.PEM_cert_to_DER_cert(one.public_bytes())


def read(sent: tuple[bytes, ...]) -> Certificate | None:
    """The first of the certificates in words; None where there is none that can be read."""
    try:
        leaf = x509.load_der_x509_certificate(sent[0])
    except (IndexError, ValueError):
        return None
    return described(leaf, len(sent))


def described(leaf: x509.Certificate, n_sent: int = 1) -> Certificate:
    """A certificate in words."""
    key, is_weak_key = _key(leaf)
    algorithm = leaf.signature_hash_algorithm
    signed_with = algorithm.name if algorithm is not None else "its own hash"
    return Certificate(
        leaf.subject.rfc4514_string() or "no subject",
        leaf.issuer.rfc4514_string(),
        names_of(leaf),
        leaf.not_valid_before_utc,
        leaf.not_valid_after_utc,
        key,
        signed_with,
        n_sent,
        leaf.subject == leaf.issuer,
        is_weak_key or signed_with in _WEAK_HASHES,
    )


def names_of(leaf: x509.Certificate) -> tuple[str, ...]:
    """Its hosts and addresses; the common name where there is no alternative name."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return tuple(str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME))
    hosts = names.get_values_for_type(x509.DNSName)
    return (*hosts, *(str(one) for one in names.get_values_for_type(x509.IPAddress)))


def is_address(host: str) -> bool:
    """Whether a host is given by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _key(leaf: x509.Certificate) -> tuple[str, bool]:
    try:
        key = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "a key of an unknown kind", False
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size < LEAST_RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC {key.curve.name}", False
    kind = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"another key of {len(kind)} octets", False
