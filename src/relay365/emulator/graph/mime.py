"""Messages as octets and as Graph's JSON, both ways. Pure.

Exchange has no envelope from Graph: recipients come from To, Cc and Bcc, and Bcc is taken out before delivery. A MIME
message passes through as it is, but for Bcc and a Message-ID where it has none; a message made of JSON and parts is
written anew.
(RFC 5322, RFC 2045; Microsoft: "message resource type", "Things to know about sending mail from Outlook")
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser, HeaderParser
from email.utils import format_datetime
from typing import Any, BinaryIO

from relay365.emulator.graph.answers import GraphError

RECIPIENT_FIELDS = (("To", "toRecipients"), ("Cc", "ccRecipients"), ("Bcc", "bccRecipients"))
_PARSER_FAULTS = (AttributeError, HeaderParseError, IndexError, LookupError, TypeError, ValueError)
"""What the standard library's parser raises for header fields that break its assumptions."""

_MOST_PREVIEW = 255
_LINE_OCTETS = 57  # of raw content in a base64 line of 76 characters (RFC 2045 6.8)
_BLOCK_OCTETS = _LINE_OCTETS * 1024
_FIELD = re.compile(rb"([^\s:]+)[ \t]*:(?:[^\n]|\n[ \t])*\n?")
_ADDRESS = re.compile(r"[^\s@<>,;:\\()\[\]\"]+@[^\s@<>,;:\\()\[\]\"]+")


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment: its JSON resource without contentBytes, and its octets."""

    fields: Mapping[str, Any]
    content: BinaryIO


def decoded(body: bytes) -> bytes:
    """The MIME of a request body in base64, line ends allowed; raises GraphError."""
    try:
        found = base64.b64decode(bytes(body).translate(None, b"\r\n"), validate=True)
    except ValueError as error:
        raise GraphError("bad-base64") from error
    if not found:
        raise GraphError("bad-base64")
    return found


def recipients_of(octets: bytes) -> tuple[str, ...]:
    """The addresses of To, Cc and Bcc in their order, each once."""
    head = HeaderParser(policy=policy.default).parsestr(_head(octets).decode("utf-8", "replace"))
    found = [address for name, _ in RECIPIENT_FIELDS for _, address in _addresses(head, name)]
    return tuple({address.lower(): address for address in found if _ADDRESS.fullmatch(address)}.values())


def as_delivered(octets: bytes, message_id: str, sender: str) -> bytes:
    """The message without Bcc, with a From and a Message-ID where it has none; all else stays octet for octet."""
    head, rest = _head(octets), octets[len(_head(octets)) :]
    kept = b"".join(one[0] for one in _FIELD.finditer(head) if one[1].lower() != b"bcc")
    present = {one[1].lower() for one in _FIELD.finditer(head)}
    added = b""
    if b"from" not in present:
        added += f"From: <{sender}>\r\n".encode()
    if b"message-id" not in present:
        added += f"Message-ID: {message_id}\r\n".encode()
    return added + kept + rest


def resource_of(octets: bytes) -> dict[str, Any]:
    """A MIME message as the properties of a message resource, without attachments' contents."""
    message = BytesParser(policy=policy.default).parsebytes(octets)
    body = message.get_body(("html", "plain"))
    text = _text(body)
    sent_at = getattr(_field(message, "date"), "datetime", None)
    found: dict[str, Any] = {
        "subject": str(_field(message, "subject")),
        "internetMessageId": str(_field(message, "message-id")).strip(),
        "bodyPreview": text[:_MOST_PREVIEW],
        "body": {
            "contentType": "html" if body is not None and body.get_content_subtype() == "html" else "text",
            "content": text,
        },
        "hasAttachments": next(iter(message.iter_attachments()), None) is not None
        if message.is_multipart()
        else False,
        "sentDateTime": None if sent_at is None else sent_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for field, name in (("From", "from"), ("Sender", "sender")):
        found[name] = next(iter(_people(message, field)), None)
    for field, name in RECIPIENT_FIELDS:
        found[name] = _people(message, field)
    return found


def headers_of(octets: bytes) -> list[dict[str, str]]:
    """internetMessageHeaders: every field of the head, in its order."""
    head = BytesHeaderParser(policy=policy.compat32).parsebytes(_head(octets))
    return [{"name": name, "value": str(value)} for name, value in head.items()]


def written(fields: Mapping[str, Any], parts: Iterable[Part], at: float, message_id: str) -> Iterator[bytes]:
    """A message resource and its attachments as MIME, block by block. Raises GraphError for what cannot be said."""
    message = EmailMessage(policy=policy.SMTP)
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    message["Message-ID"] = fields.get("internetMessageId") or message_id
    message["Subject"] = " ".join(str(fields.get("subject") or "").split())
    for field, name in (("From", "from"), ("Sender", "sender")):
        people = [fields[name]] if fields.get(name) else []
        _put(message, field, people)
    for field, name in (*RECIPIENT_FIELDS, ("Reply-To", "replyTo")):
        _put(message, field, fields.get(name) or [])
    for header in fields.get("internetMessageHeaders") or []:
        message[_own_header(header)] = " ".join(str(header.get("value", "")).split())
    body = fields.get("body") or {}
    subtype = "html" if str(body.get("contentType", "text")).lower() == "html" else "plain"
    message.set_content(str(body.get("content") or ""), subtype=subtype)
    yield from with_parts(message.as_bytes(), parts)


def with_parts(octets: bytes, parts: Iterable[Part]) -> Iterator[bytes]:
    """A message with further attachments, block by block: what it was becomes the first part of a mixed one. The first
    block has the whole header section.
    """
    parts = list(parts)
    if not parts:
        yield octets
        return
    head = _head(octets)
    fields = list(_FIELD.finditer(head))
    inner = [one for one in fields if one[1].lower().startswith(b"content-")]
    outer = [one for one in fields if one not in inner and one[1].lower() != b"mime-version"]
    mark = f"_000_{hashlib.sha256(octets).hexdigest()[:24]}_"
    kind = f'MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary="{mark}"\r\n\r\n'
    yield b"".join(one[0] for one in outer) + kind.encode()
    yield f"--{mark}\r\n".encode() + b"".join(one[0] for one in inner) + octets[len(head) :]
    for part in parts:
        yield f"\r\n--{mark}\r\n".encode() + _part_head(part.fields)
        part.content.seek(0)
        while block := part.content.read(_BLOCK_OCTETS):
            yield base64.encodebytes(block).replace(b"\n", b"\r\n")
    yield f"\r\n--{mark}--\r\n".encode()


def address_of(person: Any) -> str:
    """The address of a recipient resource, or ""; raises GraphError where it is none."""
    if not isinstance(person, Mapping) or not isinstance(person.get("emailAddress"), Mapping):
        raise GraphError("bad-json", "A recipient needs an emailAddress.")
    return str(person["emailAddress"].get("address") or "")


def _head(octets: bytes) -> bytes:
    """The header section with the line end of its last field."""
    if octets.startswith((b"\r\n", b"\n")):
        return b""
    ends = [octets.find(mark) + step for mark, step in ((b"\r\n\r\n", 2), (b"\n\n", 1)) if mark in octets]
    return octets[: min(ends)] if ends else octets


def _text(body: Any) -> str:
    if body is None:
        return ""
    try:
        return str(body.get_content())
    except _PARSER_FAULTS:  # also a charset that nobody has
        return str(body.get_payload())


def _field(message: Any, name: str) -> Any:
    """A field's value as the parser reads it, else as it stands, "" where there is none."""
    try:
        return message.get(name, "")
    except _PARSER_FAULTS:
        return next((value for field, value in message.raw_items() if field.lower() == name), "")


def _people(message: Any, field: str) -> list[dict[str, Any]]:
    return [
        {"emailAddress": {"name": name or address, "address": address}}
        for name, address in _addresses(message, field)
    ]


def _addresses(message: Any, field: str) -> list[tuple[str, str]]:
    """(name, address) of every mailbox in the fields of a name; what the parser cannot read is searched for them."""
    try:
        values = message.get_all(field, [])
        return [
            (one.display_name, one.addr_spec) for value in values for one in value.addresses if one.domain
        ]
    except _PARSER_FAULTS:
        raw = [str(value) for name, value in message.raw_items() if name.lower() == field.lower()]
        return [("", found) for value in raw for found in _ADDRESS.findall(value)]


def _put(message: EmailMessage, field: str, people: Iterable[Any]) -> None:
    found = []
    for person in people:
        address = address_of(person)
        local, _, domain = address.rpartition("@")
        name = " ".join(str(person["emailAddress"].get("name") or "").split())
        try:
            found.append(Address(name if name != address else "", local, domain))
        except ValueError as error:
            raise GraphError("no-recipients") from error
    if found:
        message[field] = found


def _own_header(header: Any) -> str:
    name = str(header.get("name", "")) if isinstance(header, Mapping) else ""
    if not re.fullmatch(r"[xX]-[!-9;-~]+", name):
        raise GraphError("bad-header", name)
    return name


def _part_head(fields: Mapping[str, Any]) -> bytes:
    kind = str(fields.get("contentType") or "application/octet-stream")
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind):
        kind = "application/octet-stream"
    part = EmailMessage(policy=policy.SMTP)
    part["Content-Type"] = kind
    how = "inline" if fields.get("isInline") else "attachment"
    part.add_header("Content-Disposition", how, filename=str(fields.get("name") or "attachment"))
    if fields.get("contentId"):
        part["Content-ID"] = f"<{fields['contentId']}>"
    part["Content-Transfer-Encoding"] = "base64"
    return part.as_bytes()
