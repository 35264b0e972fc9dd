"""Build a digest: many messages to one person as one, each of them whole inside (RFC 2046 5.1.5, 5.2.1).

Pure: date and Message-ID are parameters. No octet of an original is changed, so that its signatures stay valid; where
one has 8-bit octets, the digest has them, too (RFC 6152).
"""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from dataclasses import dataclass

from relay365.mail.headers import MAX_HEAD_OCTETS, date_time
from relay365.mail.repair.fields import Field, end_of_head, split
from relay365.mail.repair.words import encoded_words, fold, readable, text_of

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST = 300  # characters of a subject that are shown


@dataclass(frozen=True, slots=True)
class Original:
    """One message as it would have gone alone. octets: trace and content, CRLF lines; at: accepted, epoch seconds."""

    octets: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Digest:
    """What is built. originals: at least one, oldest first. author, to: addresses, for a newest one without From or To.

    least: as many must wait before a rule makes them one. hostname: which relay did it. at: now, epoch seconds.
    """

    originals: tuple[Original, ...]
    author: str
    to: str
    least: int
    hostname: str
    at: float
    message_id: str


def build(digest: Digest) -> bytes:
    """The whole message, CRLF lines, without trace: a summary to read, then the originals in a multipart/digest."""
    newest = _fields(digest.originals[-1].octets)
    boundaries = _boundaries(digest)
    mixed, inner = (
        f'multipart/{kind}; boundary="{one}"' for kind, one in zip(_KINDS, boundaries, strict=True)
    )
    is_8bit = not all(one.octets.isascii() for one in digest.originals)
    head = (
        _copied(newest, "from", digest.author),
        _copied(newest, "sender"),
        _copied(newest, "reply-to"),
        _copied(newest, "to", digest.to),
        _title(digest, newest),
        f"Date: {date_time(digest.at)}\r\nMessage-ID: {digest.message_id}\r\n".encode(),
        b"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        _part_head(mixed, is_8bit=is_8bit),
    )
    outer_line, inner_line = (f"\r\n--{one}".encode("ascii") for one in boundaries)
    pieces = [*head, outer_line[2:], b"\r\n", _summary(digest), outer_line, b"\r\n"]
    pieces.append(_part_head(inner, is_8bit=is_8bit).removesuffix(b"\r\n"))
    for one in digest.originals:
        pieces += [
            inner_line,
            b"\r\n",
            _part_head("message/rfc822", is_8bit=not one.octets.isascii()),
            one.octets,
        ]
    pieces += [inner_line, b"--\r\n", outer_line, b"--\r\n"]
    return b"".join(pieces)


def subject_of(octets: bytes) -> str:
    """The subject of a message for people, on one line; "" where it has none."""
    return _subject(_fields(octets))


_KINDS = ("mixed", "digest")


def _part_head(kind: str, *, is_8bit: bool) -> bytes:
    """The header of a part, with the empty line that ends it."""
    encoding = "8bit" if is_8bit else "7bit"
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode("ascii")


def _boundaries(digest: Digest) -> tuple[str, str]:
    """Two words that stand behind "--" in no original."""
    mark, n = hashlib.sha256(digest.message_id.encode()).hexdigest()[:24], 0
    while any(f"--={mark}.{n}".encode("ascii") in one.octets for one in digest.originals):
        n += 1
    return f"={mark}.{n}.mixed", f"={mark}.{n}.digest"


def _copied(newest: list[Field], name: str, instead: str = "") -> bytes:
    """The first field of a name as it is; without one, another address in its place, if there is any."""
    found = next((field.octets for field in newest if field.name == name), b"")
    return found or (f"{name.title()}: <{instead}>\r\n".encode() if instead else b"")


def _title(digest: Digest, newest: list[Field]) -> bytes:
    title = f"[{len(digest.originals)} messages] {_subject(newest)}".strip()
    return fold("Subject", title.split() if title.isascii() else encoded_words(title))


def _summary(digest: Digest) -> bytes:
    """The first part: what came when, and why it comes like this."""
    n = len(digest.originals)
    lines = [
        f"{n} messages to you, sent as one by the mail relay {digest.hostname}.",
        "",
        "They waited there together. A rule of the relay says that messages from one sender to one",
        f"recipient are sent as one where {digest.least} or more of them wait, so that a storm of them does not use",
        "up what Microsoft lets the sender send in a minute and a day. Each message is attached",
        "whole and unchanged. The administrator of the relay can change the rule.",
        "",
        *(f"{date_time(one.at)}  {subject_of(one.octets) or '(no subject)'}" for one in digest.originals),
        "",
    ]
    text = "\r\n".join(lines)
    if text.isascii():
        return _part_head("text/plain; charset=us-ascii", is_8bit=False) + text.encode("ascii")
    head = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return head + encodebytes(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def _fields(octets: bytes) -> list[Field]:
    end = end_of_head(octets, is_whole=True)
    return split(octets[: end if end >= 0 else MAX_HEAD_OCTETS])


def _subject(fields: list[Field]) -> str:
    found = next((field for field in fields if field.name == "subject"), None)
    if found is None:
        return ""
    return _UNPRINTABLE.sub(" ", readable(text_of(found.value, "utf-8"))).strip()[:_LONGEST]
