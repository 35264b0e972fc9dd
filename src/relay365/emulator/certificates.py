"""The emulator's own certificate authority, its certificates, and those that must not be trusted.

Files are made once and kept, so that a client that was told to trust the authority goes on doing so. RSA, because the
application's certificate must sign with PS256 and because old devices know nothing else.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay365.replace import put_in_place

CA_DAYS = 3650
LEAF_DAYS = 397
RENEW_DAYS = 30

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    def pem(self) -> tuple[bytes, bytes]:
        """Both as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM), pem_of(self.key)


def pem_of(key: Key) -> bytes:
    """A private key as PKCS8 PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def keep(certificate_file: Path, key_file: Path, make: Pair | None = None) -> Pair | None:
    """Read a pair, or write the one that is given; None where there is no pair yet, or it ends within 30 days."""
    if make is not None:
        certificate, key = make.pem()
        write_private(certificate_file, certificate)
        write_private(key_file, key)
        return make
    if not (certificate_file.exists() and key_file.exists()):
        return None
    found = serialization.load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise TypeError(f"{key_file} has no RSA or EC key")
    return Pair(x509.load_pem_x509_certificate(certificate_file.read_bytes()), found)


def common_name(pair: Pair) -> str:
    """What a certificate calls its holder."""
    return str(pair.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def is_due(pair: Pair, at: float) -> bool:
    """Whether a certificate should be made anew."""
    rest = pair.certificate.not_valid_after_utc - datetime.fromtimestamp(at, UTC)
    return rest < timedelta(days=RENEW_DAYS)


def new_authority(name: str, at: float, *, issuer: Pair | None = None, depth: int = 0) -> Pair:
    """A certificate authority of our own, with an issuer one below another; depth: how many may be below it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = _name(name)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    signer = issuer.certificate.subject if issuer is not None else subject
    builder = (
        _builder(subject, signer, key, at, (-10, CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Pair(builder.sign(issuer.key if issuer is not None else key, hashes.SHA256()), key)


def new_leaf(authority: Pair, names: list[str], at: float, *, days: int = LEAF_DAYS) -> Pair:
    """A server certificate for names and addresses; days < 0 makes one that has ended."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer = authority.certificate.subject
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.certificate.public_key())  # type: ignore[arg-type] # ours is RSA
    builder = (
        _builder(_name(names[0]), issuer, key, at, (min(-1, 2 * days), days))
        .add_extension(x509.SubjectAlternativeName([_san(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(aki, critical=False)
    )
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def new_self_signed(name: str, at: float) -> Pair:
    """An application's certificate, as administrators make it and upload it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = _name(name)
    return Pair(_builder(subject, subject, key, at, (-1, LEAF_DAYS)).sign(key, hashes.SHA256()), key)


def context_of(pair: Pair, authority: Pair, folder: Path) -> ssl.SSLContext:
    """A server context. OpenSSL reads chains from files only, so one is written and taken away again."""
    chain, key = folder / "chain.tmp", folder / "key.tmp"
    write_private(chain, pair.pem()[0] + authority.pem()[0])
    write_private(key, pair.pem()[1])
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, key)
    finally:
        chain.unlink()
        key.unlink()
    return context


def make_old(context: ssl.SSLContext) -> None:
    """Let a server context speak TLS 1.0 and nothing else (security level 0: its signatures are SHA-1)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")


def write_private(file: Path, octets: bytes) -> None:
    """Write a whole file that only this user can read."""
    fresh = file.with_name(file.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(octets)
    put_in_place(fresh, file)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, at: float, days: tuple[int, int]
) -> x509.CertificateBuilder:
    """days: first and last day of its life, counted from now."""
    now = datetime.fromtimestamp(at, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=-days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
