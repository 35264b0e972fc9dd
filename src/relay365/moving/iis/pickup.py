"""A message as it lies in a pickup folder of IIS or Exchange: its envelope stands in front as header fields. Pure.

(Microsoft: "Pickup directory and Replay directory": X-Sender and X-Receiver before all other fields)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(rb"(x-sender|x-receiver)\s*:\s*<?([^\s<>;]*)>?[^\r\n]*", re.IGNORECASE)


class PickupError(Exception):
    """A file that is no such message; its text says why."""


@dataclass(frozen=True, slots=True)
class Letter:
    """Envelope and content; content: octets with CRLF lines, without the envelope's fields."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


def letter_of(octets: bytes) -> Letter:
    """Read one file; raises PickupError. The envelope is never guessed from To, which may name other people."""
    content = re.sub(rb"\r\n|\r|\n", b"\r\n", octets.removeprefix(b"\xef\xbb\xbf"))
    senders: list[str] = []
    recipients: list[str] = []
    while found := _FIELD.match(content):
        address = found[2].decode("utf-8", "replace")
        (senders if found[1].lower() == b"x-sender" else recipients).append(address)
        content = content[found.end() :].removeprefix(b"\r\n")
    if not senders or not recipients:
        missing = "x-sender" if not senders else "x-receiver"
        raise PickupError(f"no {missing} in front: its envelope is not known")
    if len(senders) > 1 or not all("@" in one for one in recipients):
        raise PickupError("more than one x-sender, or an x-receiver that is no address")
    if not content.strip():
        raise PickupError("nothing behind the envelope")
    return Letter(senders[0], tuple(dict.fromkeys(recipients)), content)
