"""Bodies that cannot travel as they are, in a form that can: base64 wrapped, text as quoted-printable (RFC 2045 6).

All of them take octets cut anywhere, and hold back at most one line; what they give has lines of at most 76 octets,
except lines that could stay as they were.
"""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Callable
from typing import Protocol

LONGEST_LINE_OCTETS = 998  # RFC 5322 2.1.1, without the line end
_WRAPPED_OCTETS = 76
_ENCODED_OCTETS = 57  # of which 76 become
_QP_CHUNK_OCTETS = 64 * 1024
_BLANKS = bytes.maketrans(b"", b"")
_QP_UNIT = re.compile(rb"(?:=[0-9A-Fa-f]{2}|[^=]|=){1,72}", re.DOTALL)


class Encoder(Protocol):
    """One body on its way. Octets are CRLF lines; the line end in front of a delimiter is not of the body."""

    def feed(self, octets: bytes) -> bytes:
        """Take some, give some."""
        ...

    def end(self) -> bytes:
        """What is left."""
        ...


class Wrapped:
    """base64 whose lines are too long: the same letters in lines of 76."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        """See Encoder."""
        letters = self._rest + octets.translate(_BLANKS, b"\r\n\t ")
        whole = _before_last(len(letters), _WRAPPED_OCTETS)
        self._rest = letters[whole:]
        return _lines(letters[:whole])

    def end(self) -> bytes:
        """See Encoder."""
        return self._rest


def _before_last(n_octets: int, width: int) -> int:
    """How many stand in lines behind which another one comes: the last line has no line end of its own."""
    return max(n_octets - 1, 0) // width * width


def _lines(letters: bytes) -> bytes:
    starts = range(0, len(letters), _WRAPPED_OCTETS)
    return b"".join([letters[at : at + _WRAPPED_OCTETS] + b"\r\n" for at in starts])


class Base64:
    """Anything, as base64 (RFC 2045 6.8)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        """See Encoder."""
        octets = self._rest + octets
        whole = _before_last(len(octets), _ENCODED_OCTETS)
        self._rest = octets[whole:]
        return _lines(b64encode(octets[:whole]))

    def end(self) -> bytes:
        """See Encoder."""
        return b64encode(self._rest)


class QuotedPrintable:
    """Text, as quoted-printable (RFC 2045 6.7); line ends stay line ends."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        """See Encoder."""
        octets = self._rest + octets
        cut = octets.rfind(b"\n") + 1
        pieces = []
        if not cut and len(octets) > _QP_CHUNK_OCTETS:  # one endless line: a soft break joins the pieces
            cut = len(octets) - octets.endswith(b"\r")
            pieces = [_quoted(octets[:cut]), b"=\r\n"]
        elif cut:
            pieces = [_quoted(octets[:cut])]
        self._rest = octets[cut:]
        return b"".join(pieces)

    def end(self) -> bytes:
        """See Encoder."""
        return _quoted(self._rest)


def _quoted(octets: bytes) -> bytes:
    """The library gives soft breaks as LF where it has seen no CRLF."""
    return b2a_qp(octets, istext=True).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class SoftlyBroken:
    """Quoted-printable whose lines are too long: soft breaks in between, and never inside of an escape."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, octets: bytes) -> bytes:
        """See Encoder."""
        octets = self._rest + octets
        cut = octets.rfind(b"\n") + 1
        if not cut and len(octets) > _QP_CHUNK_OCTETS:
            cut = _QP_CHUNK_OCTETS - 2
            cut = octets.rfind(b"=", cut - 2, cut) if b"=" in octets[cut - 2 : cut] else cut
            self._rest = octets[cut:]
            return _softly(octets[:cut]) + b"=\r\n"
        self._rest = octets[cut:]
        return _softly(octets[:cut])

    def end(self) -> bytes:
        """See Encoder."""
        return _softly(self._rest)


def _softly(octets: bytes) -> bytes:
    lines = octets.split(b"\r\n")
    return b"\r\n".join([_broken(line) if len(line) > LONGEST_LINE_OCTETS else line for line in lines])


def _broken(line: bytes) -> bytes:
    return b"=\r\n".join(_QP_UNIT.findall(line))


MAKERS: dict[str, Callable[[], Encoder]] = {
    "rewrapped": Wrapped,
    "base64": Base64,
    "quoted-printable": QuotedPrintable,
    "soft breaks": SoftlyBroken,
}


def long_line(octets: bytes, start: int = 0) -> tuple[bool, int]:
    """Whether a line from `start` on is longer than 998 octets, and where the line begins that is not looked at yet.

    One look for each 1,000 octets, not for each line.
    """
    while len(octets) - start > LONGEST_LINE_OCTETS + 1:
        found = octets.rfind(b"\n", start, start + LONGEST_LINE_OCTETS + 2)
        if found < 0:
            return True, start
        start = found + 1
    return False, start
