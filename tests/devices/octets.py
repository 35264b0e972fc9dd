"""What the next hop heard, with the repairs that docs/repair.md promises undone, so that octets can be compared.

Made from that page and not from the code: whatever else were changed in a content would show as a difference.
"""

from __future__ import annotations

import email
import re
import time
from email.utils import parsedate_to_datetime

from relay365.trial.zoo.script import End, Script

DATE_OFF_S = 172_800.0  # [repair] date_off
CLOCK_S = 60.0  # how old a Date of ours may be when the test looks
_CONTENT = re.compile(rb"(?:^|\r\n)DATA *\r\n((?:.*?\r\n)?)\.\r\n", re.DOTALL | re.IGNORECASE)
_RECEIVED = re.compile(rb"Received: from [^\r]*(?:\r\n[ \t][^\r]*)*\r\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*")


def sent_by(script: Script) -> list[bytes]:
    """The contents that a device sends in a session, without their dots (RFC 5321 4.5.2)."""
    said = b"".join(block.octets for block in script.blocks)
    return [re.sub(rb"(?m)^\.", b"", content) for content in _CONTENT.findall(said)]


def undone(arrived: bytes, sent: bytes, reverse_path: str) -> bytes:
    """What arrived without our Received, without the fields that were missing, and with the Date that the device said.

    Each field that is taken away must be there, and be what the page says.
    """
    trace = _RECEIVED.match(arrived)
    assert trace is not None, arrived[:200]
    head, rest = _parted(arrived[trace.end() :])
    names = {field.partition(b":")[0].strip().lower() for field in _fields(_parted(sent)[0])}
    fields = _fields(head)
    if b"date" in names and _is_off(_value(_parted(sent)[0], b"date")):
        fields = [_renamed(field) for field in fields if not _is_ours(field)]
    elif b"date" not in names:
        fields = _without(fields, b"date", _is_ours)
    if b"message-id" not in names:
        fields = _without(fields, b"message-id", lambda one: re.search(rb": <[^<>@]+@[^<>@]+>\r\n$", one))
    if b"from" not in names:
        fields = _without(fields, b"from", lambda one: one == f"From: <{reverse_path}>\r\n".encode())
    if not names & {b"to", b"cc"}:
        fields = _without(fields, b"to", lambda one: one == b"To: undisclosed-recipients:;\r\n")
    return b"".join(fields) + rest


def check_decoded(arrived: bytes, sent: bytes, reverse_path: str, end: End) -> None:
    """A part that could not travel: its body is the written one, its header the device's, but for how it travels."""
    assert end.decoded == email.message_from_bytes(arrived).get_payload(decode=True)
    head, _ = _parted(undone(arrived, sent, reverse_path))
    told = tuple(line.encode() for line in end.holds)
    kept = [field for field in _fields(head) if not field.startswith(told)]
    assert kept == [field for field in _fields(_parted(sent)[0]) if not field.startswith(told)]


def _parted(content: bytes) -> tuple[bytes, bytes]:
    """The header section, and the rest with the empty line in front of it."""
    if content.startswith(b"\r\n"):
        return b"", content
    head, _, _ = content.partition(b"\r\n\r\n")
    return head + b"\r\n", content[len(head) + 2 :]


def _fields(head: bytes) -> list[bytes]:
    found = [match[0] for match in _FIELD.finditer(head)]
    assert b"".join(found) == head, head
    return found


def _value(head: bytes, name: bytes) -> str:
    field = next(one for one in _fields(head) if one.lower().startswith(name + b":"))
    return field.partition(b":")[2].strip().decode("ascii")


def _is_off(value: str) -> bool:
    return abs(parsedate_to_datetime(value).timestamp() - time.time()) > DATE_OFF_S


def _is_ours(field: bytes) -> bool:
    """Whether it is a Date of our clock."""
    name, _, value = field.partition(b": ")
    said_at = parsedate_to_datetime(value.decode()).timestamp() if name == b"Date" else 0.0
    return abs(said_at - time.time()) < CLOCK_S


def _renamed(field: bytes) -> bytes:
    return field.removeprefix(b"X-Original-") if field.startswith(b"X-Original-Date: ") else field


def _without(fields: list[bytes], name: bytes, is_right: object) -> list[bytes]:
    """The fields without the one that was added, which must be there once and be right."""
    assert callable(is_right)
    of_name = [one for one in fields if one.lower().startswith(name + b":")]
    assert 1 == len(of_name), (name, fields)
    assert is_right(of_name[0]), of_name
    return [one for one in fields if one is not of_name[0]]
