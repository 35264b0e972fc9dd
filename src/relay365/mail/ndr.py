"""Read a non-delivery report: which message, which recipients, and the remote's words for each.

Apart from mail.dsn, which writes reports: this reads those of others, and trusts nothing in them. What is known of the
recipients stands in message/delivery-status (RFC 3464 2.3), the name of the message in its returned header section
(RFC 6522 4). A report that Exchange keeps as a page only is read by its section "Diagnostic information for
administrators" (Microsoft: "Email non-delivery reports and SMTP errors in Exchange Online").
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from relay365.mail.headers import message_id_in, read_head

MOST_OCTETS = 1024 * 1024
MOST_RECIPIENTS = 1000
_PAGE = 128 * 1024  # characters of a page that are read
_DIAGNOSTIC = 2000

_TEXTS = ("text/html", "text/plain")
_HEADING = "diagnostic information for administrators"
_TAG = re.compile(r"<[^<>]{0,4096}>")
_RETURNED = re.compile(
    r"([^\s<>@\"']{1,64}@[^\s<>@\"']{1,255})\s{1,20}"
    r"(?:remote [^\n']{0,255}?returned '(.{1,2000}?)'[ \t]*(?=\r?\n|$)|#\s?<?\s?(#?[45][^#\n]{1,2000}))",
    re.IGNORECASE | re.DOTALL,
)
_ORIGINAL_NAME = re.compile(r"^[ \t]*message-id:[^\n<]{0,80}(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reported:
    """One recipient. addresses: those that the report names it by, in lower case.

    action: failed, delayed, delivered, relayed or expanded (RFC 3464 2.3.3); status: its enhanced status or "";
    words: the remote's, on one line, "" where none stand there.
    """

    addresses: tuple[str, ...]
    action: str
    status: str
    words: str


@dataclass(frozen=True, slots=True)
class Ndr:
    """A report. message_id: of the message that it is about, with its angle brackets, or ""."""

    message_id: str
    recipients: tuple[Reported, ...]


def read_ndr(octets: bytes) -> Ndr | None:
    """Read a report from its message, CRLF or LF lines; None where it reports on nobody. Never raises."""
    try:
        message = message_from_bytes(octets[:MOST_OCTETS])
        parts = list(message.walk())
    except RecursionError:  # parts within parts without end
        return None
    recipients = tuple(_reported(parts))[:MOST_RECIPIENTS]
    page = "" if recipients else _page_of(parts)
    recipients = recipients or tuple(_reported_on(page))[:MOST_RECIPIENTS]
    if not recipients:
        return None
    return Ndr(_original_name(message, parts) or _name_on(page or _page_of(parts)), recipients)


def _reported(parts: list[Message]) -> Iterator[Reported]:
    """The groups of fields of message/delivery-status; the first is about the message and names nobody."""
    for part in parts:
        if part.get_content_type() != "message/delivery-status":
            continue
        for group in _within(part):
            named = [_after_type(_field(group, name)) for name in ("Final-Recipient", "Original-Recipient")]
            known = tuple(dict.fromkeys(address.strip("<>").lower() for address in named if "@" in address))
            if known:
                action, status = _field(group, "Action").lower(), _field(group, "Status")
                words = _after_type(_field(group, "Diagnostic-Code"))[:_DIAGNOSTIC]
                yield Reported(known, action, status.partition(" ")[0], words)


def _reported_on(page: str) -> Iterator[Reported]:
    _, heading, diagnostics = page.partition(_HEADING)
    for address, returned, numbered in _RETURNED.findall(diagnostics if heading else ""):
        words = " ".join((returned or numbered).strip("#<> ").split())
        found = re.search(r"[45]\.\d{1,3}\.\d{1,3}", words)
        yield Reported((address.lower(),), "failed", found[0] if found else "", words)


def _original_name(message: Message, parts: list[Message]) -> str:
    """By what was returned; else by what the report says that it answers."""
    for part in parts:
        if part.get_content_type() == "text/rfc822-headers":
            octets = part.get_payload(decode=True)
            found = read_head(octets).message_id if isinstance(octets, bytes) else ""
        elif part.get_content_type() == "message/rfc822":
            found = next((_name_in(returned, "Message-ID") for returned in _within(part)), "")
        else:
            found = _name_in(part, "Original-Message-ID")
        if found:
            return found
    return _name_in(message, "In-Reply-To")


def _name_on(page: str) -> str:
    found = _ORIGINAL_NAME.search(page)
    return found[1] if found else ""


def _page_of(parts: list[Message]) -> str:
    """The text of the parts for people, without tags; headings in lower case stay findable."""
    texts = sorted(
        (part for part in parts if part.get_content_type() in _TEXTS), key=Message.get_content_type
    )
    for part in texts:
        octets = part.get_payload(decode=True)
        text = octets.decode("utf-8", "replace")[: 2 * _PAGE] if isinstance(octets, bytes) else ""
        plain = html.unescape(_TAG.sub("\n", text)) if part.get_content_type() == "text/html" else text
        start = plain.lower().find(_HEADING)
        if start >= 0:
            return _HEADING + plain[start + len(_HEADING) :][:_PAGE]
    return ""


def _within(part: Message) -> list[Message]:
    """The messages that a part holds: groups of fields, or a message that was returned."""
    held = part.get_payload()
    return [one for one in held if isinstance(one, Message)] if isinstance(held, list) else []


def _name_in(message: Message, field: str) -> str:
    return message_id_in(_field(message, field).encode("utf-8", "replace"))


def _field(message: Message, name: str) -> str:
    """A field's value on one line of printable text; raw 8-bit octets become question marks."""
    words = str(message.get(name, ""))
    return " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in words).split())


def _after_type(value: str) -> str:
    """What stands behind `rfc822;` or `smtp;`."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and kind.strip().replace("-", "").isalnum() else value
