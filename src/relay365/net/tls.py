"""TLS contexts, and the certificate that a relay makes for itself at first start.

As a client we take nothing below TLS 1.2 and always verify name and chain; there is no way to switch that off, only a
ca_file to trust other roots. As a server we offer what the listener's suites say, because printers of 2010 do not know
what browsers have agreed on since.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import os
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from relay365.replace import put_in_place

_LOG = logging.getLogger("relay365.listener")

CA_DAYS = 3650
LEAF_DAYS = 397  # devices take at most 825; browsers, which read the web pages, at most 398
RENEW_DAYS = 30

# What is offered up to TLS 1.2, best first; TLS 1.3 has its own suites. Python's own list has no RSA key exchange, and
# so locks out the printers of whole decades.
SUITES = {
    "modern": "ECDHE+AESGCM:ECDHE+CHACHA20",
    "office": "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AESGCM:kRSA+AES:!AESCCM:!aNULL:!PSK",
    "legacy": "ALL:!aNULL:!eNULL:!PSK:@SECLEVEL=0",  # the minimum version alone does nothing: SHA-1 needs level 0
}


def client_context(ca_file: str = "", own: tuple[Path, Path] | None = None) -> ssl.SSLContext:
    """Verify the remote against the system's roots, or against those of ca_file only.

    own: our chain and key, shown where the remote asks for them; all certificates of the file are sent, in its order.
    Raises OSError (ssl.SSLError is one) where a file cannot be used.
    """
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if own is not None:
        context.load_cert_chain(*own, password=_no_password)
    return context


def server_context(certificate: Path, key: Path, suites: str = "office") -> ssl.SSLContext:
    """Offer a certificate chain; raises ssl.SSLError or OSError when it cannot be used.

    suites: modern, office (RSA key exchange, too) or legacy (TLS 1.0 and 1.1, too).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    is_legacy = suites == "legacy"
    # The least that the library has: SSL 3.0 stays switched off by the context's own options.
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED if is_legacy else ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES[suites])
    context.load_cert_chain(certificate, key, password=_no_password)
    context.num_tickets = 0  # TLS 1.3 tickets make old clients hang that do not expect them (libESMTP 1.0.6)
    return context


def _no_password() -> str:
    """An encrypted key is an error; OpenSSL would ask at the terminal and wait."""
    return ""


def own_certificate(folder: Path, names: list[str], now: float) -> tuple[Path, Path]:
    """The relay's own chain and key; made at first use, the leaf renewed 30 days before it ends or when names change.

    folder gets ca.pem (to import at devices), ca.key, relay.pem and relay.key, readable by this user only. An
    authority that would end before a new leaf is replaced, too; devices then need the new ca.pem.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    ca_file, leaf_file, key_file = folder / "ca.pem", folder / "relay.pem", folder / "relay.key"
    if not ca_file.exists():
        _make_ca(folder, at)
    if not leaf_file.exists() or not key_file.exists() or _is_due(leaf_file, names, at):
        if not _is_good(_read(ca_file), at, LEAF_DAYS):
            _LOG.warning("certificate.authority-renewed file=%s", ca_file)
            _make_ca(folder, at)
        _make_leaf(folder, names, at)
    return leaf_file, key_file


def own_names(hostname: str, hosts: list[str]) -> list[str]:
    """What devices may call us: the host's name, each address of a listener; for "all addresses" those that we find."""
    found = [hostname]
    for host in hosts:
        found += local_addresses() if host in _EVERYWHERE else [host]
    return list(dict.fromkeys([*found, "localhost"]))


def local_addresses() -> list[str]:
    """This machine's addresses towards the internet and towards each private network. Nothing is sent."""
    found = []
    for family, target in _DIRECTIONS:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
            except OSError:  # no way there
                continue
            found.append(probe.getsockname()[0].partition("%")[0])
    return list(dict.fromkeys(found))


_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_DIRECTIONS = (
    (socket.AF_INET, "192.0.2.1"),
    (socket.AF_INET, "10.0.0.1"),
    (socket.AF_INET, "172.16.0.1"),
    (socket.AF_INET, "192.168.0.1"),
    (socket.AF_INET6, "2001:db8::1"),
)


def _read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _is_good(one: x509.Certificate, at: dt.datetime, days: int) -> bool:
    """Whether it holds now and for so many days; one that a clock made that was ahead does not hold yet."""
    return one.not_valid_before_utc <= at <= one.not_valid_after_utc - dt.timedelta(days=days)


def _is_due(leaf_file: Path, names: list[str], at: dt.datetime) -> bool:
    leaf = _read(leaf_file)
    known = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    present = {str(name.value) for name in known}
    return not _is_good(leaf, at, RENEW_DAYS) or not set(names) <= present


def _make_ca(folder: Path, at: dt.datetime) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay365 own certificate authority")])
    builder = _certificate(name, name, key.public_key(), at, CA_DAYS)
    usage = _usage(key_cert_sign=True, crl_sign=True)
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
    usage = _usage(digital_signature=True, key_encipherment=True)  # the second is what RSA key exchange does
    builder = builder.add_extension(usage, critical=True)
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


def _usage(**used: bool) -> x509.KeyUsage:
    unused = dict.fromkeys(_USES, False)
    return x509.KeyUsage(**{**unused, **used})


_USES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


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
    put_in_place(fresh, file)
