"""The test message: small, or as large as is asked for; or one from a file. Pure: time and name come in.

(RFC 5322 2.1.1, 3.6; RFC 2045 6.8; RFC 3834 5 for Auto-Submitted, so that nobody's absence note answers it)
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from relay365.mail.headers import date_time

LINE_OCTETS = 76
LEAST_PADDING = 400

_LINE_END = re.compile(rb"\r\n|\r|\n")
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^<>\r\n]{1,250}>)")


@dataclass(frozen=True, slots=True)
class Letter:
    """One content, CRLF lines. message_id: its own, with angle brackets, "" where it has none."""

    content: bytes
    message_id: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What to write. n_octets: its size at least; attachment: name and content of a file, or None."""

    sender: str
    recipients: tuple[str, ...]
    name: str
    host: str
    at: float
    n_octets: int = 0
    attachment: tuple[str, bytes] | None = None


def write(wish: Wish) -> Letter:
    """A message for people: who sent it, when, and that nothing need be done."""
    message_id = f"<{wish.name}@{wish.host}>"
    head = [
        f"From: relay365 test <{wish.sender}>",
        f"To: {', '.join(f'<{one}>' for one in wish.recipients)}",
        f"Subject: relay365 send-test {wish.name}",
        f"Date: {date_time(wish.at)}",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ]
    text = [
        f"This message was sent by `relay365 send-test` on {wish.host}.",
        "It shows that the way is open. Nothing need be done with it.",
    ]
    parts = _parts(wish, sum(len(line) + 2 for line in (*head, *text)))
    if not parts:
        lines = [*head, "Content-Type: text/plain; charset=us-ascii", "", *text]
    else:
        mark = f"=_{wish.name}"
        lines = [
            *head, f'Content-Type: multipart/mixed; boundary="{mark}"', "", f"--{mark}",
            "Content-Type: text/plain; charset=us-ascii", "", *text,
        ]  # fmt: skip
        for name, octets in parts:
            lines += [f"--{mark}", *_attached(name, octets)]
        lines.append(f"--{mark}--")
    return Letter(("\r\n".join(lines) + "\r\n").encode("utf-8"), message_id)


def read(octets: bytes) -> Letter:
    """A message from a file, whatever its line ends are."""
    content = _LINE_END.sub(b"\r\n", octets)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    head = content.partition(b"\r\n\r\n")[0]
    found = _MESSAGE_ID.search(head)
    return Letter(content, found[1].decode("ascii", "replace") if found else "")


def _parts(wish: Wish, n_present: int) -> list[tuple[str, bytes]]:
    found = [wish.attachment] if wish.attachment is not None else []
    n_missing = wish.n_octets - n_present - sum(len(one) * 4 // 3 for _, one in found)
    if n_missing > LEAST_PADDING:
        n_lines = -(-n_missing // (LINE_OCTETS + 2))
        found.append(("padding.bin", bytes(n_lines * LINE_OCTETS * 3 // 4)))
    return found


def _attached(name: str, octets: bytes) -> list[str]:
    text = base64.b64encode(octets).decode("ascii")
    lines = [text[n : n + LINE_OCTETS] for n in range(0, len(text), LINE_OCTETS)]
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return [
        "Content-Type: application/octet-stream", "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{safe}"', "", *lines,
    ]  # fmt: skip
