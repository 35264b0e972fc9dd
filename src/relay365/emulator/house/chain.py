"""Client certificates: hears all that a client sends, and judges afterwards what they stand for.

Exchange asks for a certificate on port 25 and takes every client, whatever it shows: one that is not trusted merely
matches no connector. OpenSSL ends the handshake instead. So the leaf is made trusted for this one handshake while it
arrives (in OpenSSL's own form of a trusted certificate, which settles its purpose, too), and the chain that was sent is
judged by the rules that count here: signed step by step up to a known root with what the client sent, since Exchange
fetches no intermediates. (RFC 5280 6.1, RFC 8446 4.4.2, RFC 5246 7.4.2; Microsoft: "Fix NDR error 5.7.64",
"Fix NDR error 450 4.4.317 UntrustedRoot")
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import NameOID

_HANDSHAKE, _CERTIFICATE = 22, 11
_TLS_1_3 = 0x0304
_FOR_CLIENTS = bytes.fromhex("300c300a06082b06010505070302")  # X509_CERT_AUX: trusted for clientAuth
_MOST = 10


def ask_for_certificates(context: ssl.SSLContext) -> list[bytes]:
    """Make a server context, good for one handshake, ask for a certificate and take every one.

    The list is filled in the handshake: what the client sent in DER, leaf first; it stays empty where it sent none.
    """
    heard: list[bytes] = []

    def hear(_: Any, direction: str, version: Any, kind: Any, message: Any, octets: bytes) -> None:
        if direction == "read" and (int(kind), int(message)) == (_HANDSHAKE, _CERTIFICATE):
            heard.extend(certificates_in(octets, is_tls_1_3=int(version) == _TLS_1_3))
            if heard:
                _trust(context, heard[0])

    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(0x200000)  # no check of dates
    context._msg_callback = hear  # type: ignore[attr-defined]  # ssl has no public way to hear it
    return heard


def certificates_in(message: bytes, *, is_tls_1_3: bool) -> list[bytes]:
    """The certificates of a Certificate message with its four octets of header; what is cut off is left away."""
    rest = message[4:]
    if is_tls_1_3:
        rest = rest[1 + rest[0] :] if rest else rest  # the request context
    rest = rest[3:]
    found: list[bytes] = []
    while len(rest) > 3 and len(found) < _MOST:
        size = int.from_bytes(rest[:3], "big")
        found.append(rest[3 : 3 + size])
        rest = rest[3 + size :]
        if is_tls_1_3:
            rest = rest[2 + int.from_bytes(rest[:2], "big") :]
    return found


def names_of(sent: list[bytes], roots: list[x509.Certificate], at: float) -> tuple[str, ...]:
    """The host names that a chain stands for, in small letters: () where it does not lead to a root, or is out of date.

    at is now in Unix seconds. The common name counts where there is no alternative name (DNS).
    """
    try:
        chain = [x509.load_der_x509_certificate(one) for one in sent]
    except ValueError:
        return ()
    if not chain or not _leads_to(chain[0], chain[1:], roots, datetime.fromtimestamp(at, UTC)):
        return ()
    return tuple(one.lower() for one in _hosts(chain[0]))


def _leads_to(
    leaf: x509.Certificate, others: list[x509.Certificate], roots: list[x509.Certificate], at: datetime
) -> bool:
    current = leaf
    for _ in range(_MOST):
        if not current.not_valid_before_utc <= at <= current.not_valid_after_utc:
            return False
        if any(_is_signed_by(current, root) for root in roots):
            return current not in roots
        signers = [one for one in others if one != current and _is_signed_by(current, one)]
        if not signers:
            return False
        current = signers[0]
    return False


def _is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _hosts(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return list(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        return [str(one.value) for one in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _trust(context: ssl.SSLContext, leaf: bytes) -> None:
    body = base64.encodebytes(leaf + _FOR_CLIENTS).decode("ascii")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "trusted.pem"
        file.write_text(f"-----BEGIN TRUSTED CERTIFICATE-----\n{body}-----END TRUSTED CERTIFICATE-----\n")
        context.load_verify_locations(file)
