"""The names in a certificate, as a connector compares them with TlsSenderCertificateName.

(RFC 6125 6.4: the subject alternative names, and the common name where there are none)
"""

from __future__ import annotations

from cryptography import x509
from cryptography.x509.oid import NameOID


def names_of(octets: bytes) -> tuple[str, ...]:
    """The host names in the first certificate of a PEM file, in small letters; raises ValueError where it has none."""
    certificate = x509.load_pem_x509_certificate(octets)
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = found.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [str(one.value) for one in common]
    return tuple(dict.fromkeys(name.lower() for name in names))
