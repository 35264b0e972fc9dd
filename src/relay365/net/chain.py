"""The certificate that a route shows to the remote, with its whole chain; checked before it is shown, and watched.

Exchange fetches no intermediates and knows no private authority: a connector that goes by certificate refuses a leaf
alone, and one that vouches for itself, with 550 5.7.64 at RCPT, which names neither as the reason. So both end here.
(Microsoft: "Fix NDR error 5.7.64 TenantAttribution", "Updated requirements for SMTP relay through Exchange Online")
"""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from relay365.net.identity import Identity
from relay365.net.tls import client_context


class ClientIdentity(Identity):
    """One route's chain and key, and the roots that it trusts. Raises OSError or ValueError where they are no use."""

    wants_rsa = False

    def __init__(self, certificate: Path, key: Path, ca_file: str = "") -> None:
        self._ca_file = ca_file
        super().__init__(certificate, key, "modern")

    def _make(self) -> ssl.SSLContext:
        """See Identity."""
        certificate, key = self._files
        check_chain(certificate.read_bytes())
        return client_context(self._ca_file, (certificate, key))


def check_chain(octets: bytes) -> None:
    """Whether certificates (PEM) are what a connector knows: raises ValueError with the reason where they are not.

    The first is ours, and each that follows has issued the one before it; the root need not be there.
    """
    chain = x509.load_pem_x509_certificates(octets)
    ours, *issuers = chain
    if _has_issued(ours, ours):
        raise ValueError(f"{_name(ours)} is signed by itself and by no authority")
    if not issuers:
        raise ValueError(f"the certificate {_name(ours)} alone, without that of its issuer {_issuer(ours)}")
    for issued, issuer in zip(chain, issuers, strict=False):
        if not _has_issued(issuer, issued):
            raise ValueError(
                f"behind {_name(issued)} comes {_name(issuer)}, and not its issuer {_issuer(issued)}"
            )


def _has_issued(issuer: x509.Certificate, issued: x509.Certificate) -> bool:
    try:
        issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _name(one: x509.Certificate) -> str:
    return one.subject.rfc4514_string()


def _issuer(one: x509.Certificate) -> str:
    return one.issuer.rfc4514_string()
