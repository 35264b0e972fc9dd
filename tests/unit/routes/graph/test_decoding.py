"""Parts are decoded in pieces as Python's own libraries decode the whole, and a text is read in its charset."""

from __future__ import annotations

import quopri
from base64 import b64encode

import pytest

from relay365.routes.graph.decoding import Decoder, text_in


def decoded(encoding: str, octets: bytes, block: int) -> bytes:
    decoder, found = Decoder(encoding), b""
    for at in range(0, len(octets), block):
        found += decoder.decode(octets[at : at + block])
    return found + decoder.end()


@pytest.mark.parametrize("block", [1, 2, 3, 1000])
@pytest.mark.parametrize("octets", [b"", b"a", b"ab", b"abc", bytes(range(256)) * 3])
def test_base64_in_pieces(octets: bytes, block: int) -> None:
    """However it is cut, with line ends anywhere and without its padding."""
    assert octets == decoded(" BASE64 ", b64encode(octets).replace(b"B", b"B\r\n").rstrip(b"="), block)


@pytest.mark.parametrize("block", [1, 3, 65_537])
def test_quoted_printable_in_pieces(block: int) -> None:
    """As the library decodes the whole, and a line of 200,000 octets never in the middle of an escape."""
    octets = quopri.encodestring(bytes(range(256)) * 3) + b"=3D" * 70_000 + b"=3"
    assert quopri.decodestring(octets) == decoded("quoted-printable", octets, block)


@pytest.mark.parametrize(("octets", "charset", "expected"), [
    ("B\u00fcro".encode("latin-1"), "iso-8859-1", "B\u00fcro"),
    ("\u65e5\u672c".encode("iso2022_jp"), "iso-2022-jp", "\u65e5\u672c"),
    ("\u65e5\u672c".encode("shift_jis"), "Shift_JIS", "\u65e5\u672c"),
    ("\u041f\u0440".encode("koi8_r"), "koi8-r", "\u041f\u0440"),
    ("\u00fc".encode("utf-16"), "utf-16", "\u00fc"),
    ("B\u00fcro".encode(), "", "B\u00fcro"),
    ("B\u00fcro".encode("latin-1"), "us-ascii", "B\u00fcro"),
    ("B\u00fcro".encode(), "no-such", "B\u00fcro"),
    (b"\\x41", "unicode_escape", "\\x41"),
    (b"zip", "zlib", "zip"),
    (b"a\x00b\x1bc\td\r\n", "utf-8", "abc\td\r\n"),
])  # fmt: skip
def test_a_text_is_read_in_its_charset(octets: bytes, charset: str, expected: str) -> None:
    """Seven-bit ones, too; one that is wrong, unknown or no charset of mail is read as best it can be."""
    assert expected == text_in(octets, charset)
