"""Content-Transfer-Encoding and charset undone: octets of a part as they were, and as text.

Apart from parts, which finds the parts: this knows what is in them. Never raises for what it reads, and holds no more
than a line of 64 KiB. (RFC 2045 6.7, 6.8)
"""

from __future__ import annotations

import codecs
import quopri
import re
from base64 import b64decode

from relay365.mail.repair.words import text_of

_HELD_OCTETS = 64 * 1024  # of a quoted-printable line, which should have 76
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_CONTROLS = {n: None for n in range(32) if chr(n) not in "\t\r\n"}
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"))


class Decoder:
    """Octets of one part as they were before their transfer encoding."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        self._rest = b""

    def decode(self, octets: bytes) -> bytes:
        """As much as can be told by now."""
        if self._encoding == "base64":
            plain = self._rest + _NOT_BASE64.sub(b"", octets)
            whole = len(plain) // 4 * 4
            self._rest = plain[whole:]
            return b64decode(plain[:whole])
        if self._encoding == "quoted-printable":
            lines = self._rest + octets
            whole = lines.rfind(b"\n") + 1
            if len(lines) - whole > _HELD_OCTETS:
                whole = len(lines) - _n_open(lines)
            self._rest = lines[whole:]
            return quopri.decodestring(lines[:whole])
        return octets

    def end(self) -> bytes:
        """What is left."""
        rest, self._rest = self._rest, b""
        if self._encoding == "base64":
            return b64decode(rest + b"=" * (-len(rest) % 4)) if len(rest) > 1 else b""
        return quopri.decodestring(rest) if self._encoding == "quoted-printable" else rest


def text_in(octets: bytes, charset: str) -> str:
    """A body as text: in its charset where it is that, else as best it can be read; without control characters."""
    return _read(octets, charset).translate(_CONTROLS)


def _read(octets: bytes, charset: str) -> str:
    try:
        if codecs.lookup(charset).name.replace("-", "_") not in _NO_CHARSETS:
            return octets.decode(charset)
    except (LookupError, ValueError):
        pass
    return text_of(octets, "latin-1")


def _n_open(lines: bytes) -> int:
    """How many of the last octets an escape may have begun in that goes on (RFC 2045 6.7: "=" and two octets)."""
    at = lines.rfind(b"=", len(lines) - 2)
    return len(lines) - at if at >= 0 else 0
