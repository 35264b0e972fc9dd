"""Whether somebody has signed or encrypted a message: then what stands in it is left alone.

(RFC 6376 3.5, RFC 8551 3.5, RFC 3156 4 and 5, RFC 9580 7)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SIGNED_LIST = re.compile(rb"(?:^|;)\s*+h\s*+=([^;]*+)", re.IGNORECASE)
_INLINE = (b"-----BEGIN PGP SIGNED MESSAGE-----", b"-----BEGIN PGP MESSAGE-----")
_INLINE_OCTETS = 4096  # where inline PGP begins, if it does
_KINDS = {
    b"multipart/signed": "signed",
    b"multipart/encrypted": "encrypted",
    b"application/pkcs7-mime": "S/MIME",
    b"application/x-pkcs7-mime": "S/MIME",
}


def kind_of(content_type: bytes) -> str:
    """What a Content-Type says of signature or encryption; "" where nothing."""
    return _KINDS.get(content_type.partition(b";")[0].strip().lower(), "")


def is_inline_pgp(body: bytes) -> bool:
    """Whether a text carries its own signature or is encrypted."""
    return any(mark in body[:_INLINE_OCTETS] for mark in _INLINE)


def why_signed(signatures: Sequence[bytes], content_types: Iterable[bytes], body: bytes) -> str:
    """Why a message must be left alone, or ""."""
    if signatures:
        return "DKIM-Signature"
    for content_type in content_types:
        if kind_of(content_type):
            return kind_of(content_type)
    return "PGP" if is_inline_pgp(body) else ""


def is_sealed(signatures: Iterable[bytes], name: str) -> bool:
    """Whether a DKIM signature covers a field of this name, be it the absence of one (RFC 6376 5.4)."""
    for signature in signatures:
        found = _SIGNED_LIST.search(signature)
        names = found[1].decode("ascii", "replace").lower().split(":") if found else ()
        if name in (one.strip() for one in names):
            return True
    return False
