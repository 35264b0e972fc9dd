"""Reading the few header fields that decide, and writing the trace that we owe (RFC 5321 4.4, RFC 5322 3.6).

What came in goes out octet for octet behind our trace lines, but for what mail.repair puts right and records.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from relay365.mail.envelope import Envelope, SpoolId, SubmitterFacts

MAX_HEAD_OCTETS = 64 * 1024  # more header than this is not read for its fields
MAX_RECEIVED = 50  # a loop (RFC 5321 6.3); Postfix hopcount_limit 50, Exchange 5.4.14

# No pattern here can match in two ways: a hostile header must not cost more than its length.
_FIELD = re.compile(
    rb"^(received|from|message-id)[ \t]*+:((?:[^\r\n]|\r\n[ \t])*+)", re.IGNORECASE | re.MULTILINE
)
_EASY_AUTHOR = (
    re.compile(  # nearly every author: a bare address, or one in angle brackets behind a plain name
        rb"[ \t]*+:?+[ \t]*+(?:[\w \"'.\-]*+<)?+([\w.+\-]++@[\w.\-]++)>?+[ \t]*+(?:\r\n)?+"
    )
)
_ANGLE = re.compile(r"<([^<>\s]*+)>")
_BETWEEN = re.compile(r"[\s<>,;:\"()]+")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,250}>")
_OWN_RECEIVED = re.compile(rb"Received: (?:from|by) [^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+\r\n")
_FOR = re.compile(rb"\r\n\tfor <[^<>\r\n]*+>(?=;)")
_WORD = re.compile(r"[^\x21-\x27\x2a-\x5b\x5d-\x7e]+")


class HeadFacts(NamedTuple):
    """What a content's header section says. header_from is the first author address, "" if there is none."""

    message_id: str = ""
    header_from: str = ""
    n_received: int = 0


def read_head(octets: bytes) -> HeadFacts:
    """Read a content's beginning; never raises, whatever the octets are. Linear in their number."""
    end = octets.find(b"\r\n\r\n", 0, MAX_HEAD_OCTETS)
    head = octets[: end if end >= 0 else MAX_HEAD_OCTETS]
    message_id = header_from = ""
    n_received = 0
    for name, value in _FIELD.findall(head):
        match name.lower():
            case b"received":
                n_received += 1
            case b"from" if not header_from:
                header_from = author_in(value)
            case b"message-id" if not message_id:
                message_id = message_id_in(value)
    return HeadFacts(message_id, header_from, n_received)


def message_id_in(value: bytes) -> str:
    """The message identifier in a field's value, with its angle brackets, or ""."""
    found = _MESSAGE_ID.search(value.decode("utf-8", "replace"))
    return found[0] if found else ""


def author_in(value: bytes) -> str:
    """The first address in angle brackets, else the first bare one, else ""."""
    easy = _EASY_AUTHOR.fullmatch(value)
    if easy is not None:
        return easy[1].decode("ascii")
    text = value.decode("utf-8", "replace").strip()
    words = [*_ANGLE.findall(text), *_BETWEEN.split(text)]
    return next((word for word in words if "@" in word[1:-1]), "")


def date_time(at: float) -> str:
    """An instant as RFC 5322 3.3 writes it, in UTC."""
    return _date_time(int(at))


@lru_cache(maxsize=8)
def _date_time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def received(
    hostname: str, spool_id: SpoolId, envelope: Envelope, submitter: SubmitterFacts, at: float
) -> bytes:
    """Our Received field, folded, with its line end; the recipient is named only when there is one (RFC 5321 7.6)."""
    lines = [
        _from_clause(submitter.helo, submitter.peer_address),
        f"by {hostname} (relay365) with {submitter.protocol} id {spool_id}",
    ]
    if submitter.tls:
        lines.append(f"({submitter.tls})")
    if len(envelope.forward_paths) == 1 and envelope.forward_paths[0].address.isascii():
        lines.append(f"for <{envelope.forward_paths[0].address}>")
    return ("\r\n\t".join(lines) + f";\r\n\t{date_time(at)}\r\n").encode("utf-8")


@lru_cache(maxsize=512)
def _from_clause(helo: str, peer: str) -> str:
    name = _WORD.sub("?", helo)[:120] or "unknown"
    literal = f"IPv6:{peer}" if ":" in peer else peer  # RFC 5321 4.1.3
    return f"Received: from {name} ([{literal}])"


def received_short(
    hostname: str, spool_id: SpoolId, envelope: Envelope, submitter: SubmitterFacts, at: float
) -> bytes:
    """As received(), without what it tells about the inside: who gave us the message, and by which address."""
    protocol = submitter.protocol
    line = f"Received: by {hostname} (relay365) with {protocol} id {spool_id};\r\n\t{date_time(at)}\r\n"
    return line.encode("utf-8")


def no_trace(
    hostname: str, spool_id: SpoolId, envelope: Envelope, submitter: SubmitterFacts, at: float
) -> bytes:
    """No Received field: a loop through us cannot be seen any more."""
    return b""


TRACES = {"full": received, "short": received_short, "none": no_trace}
"""The words of [repair] received."""


def new_message_id(hostname: str, spool_id: SpoolId, at: float) -> str:
    """A Message-ID for a message that came without one; the spool id makes it unique on this host."""
    return f"<{int(at)}.{spool_id}@{hostname}>"


def split_trace(trace: bytes) -> tuple[bytes, bytes]:
    """Our Received field, b"" where none was written, and what else a trace adds."""
    found = _OWN_RECEIVED.match(trace)
    return (found[0], trace[found.end() :]) if found else (b"", trace)


def for_nobody(trace: bytes) -> bytes:
    """A trace whose Received field does not name a recipient: the content goes to others, too (RFC 5321 7.6)."""
    own, rest = split_trace(trace)
    return _FOR.sub(b"", own, count=1) + rest
