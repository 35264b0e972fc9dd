"""The mail of a demonstration: of every kind, the same each time, and comparable behind our trace."""

from __future__ import annotations

import hashlib
from email import message_from_bytes

from relay365.trial.mail import sha256_without_trace, variety


def test_the_variety_is_one() -> None:
    """Plain, HTML, 8-bit, several recipients, and attachments up to ten megabytes; every id once."""
    samples = variety(24, "scan@contoso.com")
    types = {message_from_bytes(one.content).get_content_type() for one in samples}

    assert {"text/plain", "text/html", "multipart/mixed"} == types
    assert {"7BIT", "8BITMIME"} == {one.body for one in samples}
    assert 6 == max(len(one.forward_paths) for one in samples)
    assert 9_900_000 < max(len(one.content) for one in samples) < 10_000_000
    assert 24 == len({one.message_id for one in samples})


def test_contents_are_lines_with_crlf() -> None:
    """No lone CR or LF, no line over 998 octets: what arrives can be compared octet for octet."""
    for one in variety(12, "scan@contoso.com"):
        lines = one.content.split(b"\r\n")

        assert not any(b"\r" in line or b"\n" in line for line in lines)
        assert max(map(len, lines)) <= 998
        assert one.content.endswith(b"\r\n")


def test_the_trace_is_taken_off_and_nothing_else() -> None:
    """Only the folded Received field in front; a second one belongs to the message."""
    content = b"Received: from a\r\n\tby b\r\nSubject: x\r\n\r\nbody\r\n"
    trace = b"Received: from device ([192.0.2.1])\r\n\tby relay (relay365) with SMTP id 2;\r\n\tdate\r\n"

    assert hashlib.sha256(content).hexdigest() == sha256_without_trace(trace + content)
