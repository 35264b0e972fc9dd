"""Raw 8-bit octets in header fields, encoded as what they were meant to be (RFC 2047, RFC 2231).

The structure of a field is kept: in addresses only names are encoded, in parameters only values.
"""

from __future__ import annotations

import re
from base64 import b64encode
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import quote

LINE_OCTETS = 76  # RFC 2047 2: no line with an encoded word is longer
_READABLE = 2000  # characters; more than that nobody reads
_WORD_OCTETS = 45  # of UTF-8 in one encoded word: 75 octets at most
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"[^ \t]+")
_PARAMETER = re.compile(r";(\s*+)([\w!#$&+.^`{|}~-]++)\s*+=\s*+(\"(?:[^\"\\]|\\.)*+(?:\"|\\?\Z)|[^;\s]++)")


def text_of(octets: bytes, charset: str) -> str:
    """Header octets as text: UTF-8 where they are that, else the client's charset, else Latin-1, which fits always."""
    for name in ("utf-8", charset):
        try:
            return octets.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
    return octets.decode("latin-1")


def readable(text: str) -> str:
    """A field's text with its encoded words read, for people."""
    text = text[:_READABLE]
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, ValueError, LookupError):
        return text


def encoded_words(text: str) -> list[str]:
    """Encoded words that say a text; no character is cut in two (RFC 2047 5)."""
    pieces, piece = [], b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _WORD_OCTETS:
            pieces.append(piece)
            piece = b""
        piece += octets
    return [f"=?utf-8?B?{b64encode(one).decode('ascii')}?=" for one in (*pieces, piece)]


def fold(label: str, words: list[str]) -> bytes:
    """A field of words, broken in front of a word wherever a line would get too long."""
    lines, line = [], f"{label}:"
    for n, word in enumerate(words):
        if n and len(line) + 1 + len(word) > LINE_OCTETS:
            lines.append(line)
            line = ""
        line += f" {word}"
    return ("\r\n".join((*lines, line)) + "\r\n").encode("ascii", "replace")


def unstructured(label: str, text: str) -> bytes:
    """A field of free text: encoded from its first to its last word that is not ASCII."""
    foreign = [found for found in _WORD.finditer(text) if _NON_ASCII.search(found[0])]
    start, end = foreign[0].start(), foreign[-1].end()
    words = [*text[:start].split(), *encoded_words(text[start:end]), *text[end:].split()]
    return fold(label, words)


def parameters(label: str, text: str) -> bytes:
    """Content-Type or Content-Disposition: `name="Büro.pdf"` becomes `name*=UTF-8''B%C3%BCro.pdf` (RFC 2231 4)."""

    def encode(found: re.Match[str]) -> str:
        if not _NON_ASCII.search(found[3]):
            return found[0]
        value = re.sub(r"\\(.)", r"\1", found[3][1:-1]) if found[3].startswith('"') else found[3]
        return f";\r\n {found[2]}*=UTF-8''{quote(value, safe='')}"

    return f"{label}: {_PARAMETER.sub(encode, text)}\r\n".encode("ascii", "replace")
