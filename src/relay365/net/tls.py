"""TLS contexts, and the certificate that a relay makes for itself at first start.

Never less than TLS 1.2. As a client we always verify name and chain; there is no way to switch that off, only a
ca_file to trust other roots.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
LEAF_DAYS = 397
RENEW_DAYS = 30


def client_context(ca_file: str = "") -> ssl.SSLContext:
    """Verify the remote against the system's roots, or against those of ca_file only."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Offer a certificate chain; raises ssl.SSLError or OSError when it cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.num_tickets = 0  # TLS 1.3 tickets make old clients hang that do not expect them (libESMTP 1.0.6)
    return context


def own_certificate(folder: Path, names: list[str], now: float) -> tuple[Path, Path]:
    """The relay's own chain and key; made at first use, the leaf renewed 30 days before it ends or when names change.

    folder gets ca.pem (to import at devices), ca.key, relay.pem and relay.key, readable by this user only.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    ca_file, leaf_file, key_file = folder / "ca.pem", folder / "relay.pem", folder / "relay.key"
    if not ca_file.exists():
        _make_ca(folder, at)
    if not leaf_file.exists() or _is_due(leaf_file, names, at):
        _make_leaf(folder, names, at)
    return leaf_file, key_file


def _is_due(leaf_file: Path, names: list[str], at: dt.datetime) -> bool:
    leaf = x509.load_pem_x509_certificate(leaf_file.read_bytes())
    known = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    present = {str(name.value) for name in known}
    return leaf.not_valid_after_utc - at < dt.timedelta(days=RENEW_DAYS) or not set(names) <= present


def _make_ca(folder: Path, at: dt.datetime) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay365 own certificate authority")])
    builder = _certificate(name, name, key.public_key(), at, CA_DAYS)
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    )
    _write(folder / "ca.key", _pem(key))
    _write(folder / "ca.pem", builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def _make_leaf(folder: Path, names: list[str], at: dt.datetime) -> None:
    ca = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(ca_key, rsa.RSAPrivateKey):
        raise TypeError("ca.key is not an RSA key")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    builder = _certificate(subject, ca.subject, key.public_key(), at, LEAF_DAYS)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([_san(name) for name in names]), critical=False
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = builder.add_extension(authority, critical=False)
    chain = builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    _write(folder / "relay.key", _pem(key))
    _write(folder / "relay.pem", chain + ca.public_bytes(serialization.Encoding.PEM))


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey, at: dt.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - dt.timedelta(days=1))  # devices' clocks are often behind
        .not_valid_after(at + dt.timedelta(days=days))
    )


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, octets: bytes) -> None:
    fresh = file.with_name(file.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(octets)
    fresh.replace(file)
