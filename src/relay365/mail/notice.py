"""Build the short notice that goes in the place of a message that is too large for its way out (RFC 5322, RFC 3834 5).

Pure: date and Message-ID are parameters. Every value that comes from outside is made harmless text.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from dataclasses import dataclass

from relay365.mail.headers import date_time
from relay365.mail.repair.words import encoded_words, fold

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LONGEST = 300  # of what is quoted from the message
_STEP = 1024
_HASTE = "If you need it: ask for a smaller resolution, black and white, or several parts."


@dataclass(frozen=True, slots=True)
class TooLarge:
    """What is told. author: the From; to: the one recipient, "" for several; device: who sent it, for people."""

    author: str
    to: str
    subject: str
    device: str
    size_octets: int
    limit_octets: int
    hostname: str
    at: float
    message_id: str


def build(notice: TooLarge) -> bytes:
    """The whole message, CRLF lines, without trace; text in UTF-8, encoded so that it is ASCII on the way."""
    subject, device = _clean(notice.subject), _clean(notice.device)
    title = f"Too large to deliver: {subject}" if subject else "A message was too large to deliver"
    text = "\r\n".join((
        f"{device} sent you a message that is too large to be delivered.",
        "",
        f"Subject:  {subject or '(none)'}",
        f"Size:     {size_words(notice.size_octets)}",
        f"At most:  {size_words(notice.limit_octets)}",
        f"Sent at:  {date_time(notice.at)}",
        "",
        "The message itself was not kept. " + _HASTE,
        f"The administrator of the mail relay {notice.hostname} can raise the limit.",
        "",
    ))  # fmt: skip
    head = (
        fold("From", [f"<{notice.author}>"]),
        fold("To", [f"<{notice.to}>" if notice.to else "undisclosed-recipients:;"]),
        fold("Subject", title.split() if title.isascii() else encoded_words(title)),
        f"Date: {date_time(notice.at)}\r\nMessage-ID: {notice.message_id}\r\n".encode("ascii"),
        b"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    )
    return b"".join(head) + encodebytes(text.encode("utf-8", "replace")).replace(b"\n", b"\r\n")


def size_words(n_octets: int) -> str:
    """A size for people: `34.2 MB` of 1,024 times 1,024 octets, as the configuration counts them."""
    if n_octets < _STEP * _STEP:
        return f"{n_octets / _STEP:.1f} KB"
    return f"{n_octets / _STEP / _STEP:.1f} MB"


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST]
