"""The mail of a demonstration: of every kind, the same each time, and comparable behind our trace."""

from __future__ import annotations

import hashlib
from email import message_from_bytes

import pytest

from relay365.trial.mail import sha256_without_trace, variety, without_trace


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


TRACE = (
    b"Received: from device;x ([192.0.2.1])\r\n\tby relay (relay365) with SMTP id 2BC\r\n\tfor <a@b.test>;\r\n"
    b"\tWed, 25 Nov 2026 10:00:00 +0000\r\n"
)


@pytest.mark.parametrize(
    "trace",
    [TRACE, b"Received: by relay (relay365) with SMTP id 2BC;\r\n\tWed, 25 Nov 2026 10:00:00 +0000\r\n"],
)
def test_the_trace_is_taken_off_and_nothing_else(trace: bytes) -> None:
    """Only the folded Received field in front, full or short; a second one belongs to the message."""
    content = b"Received: from a\r\n\tby b\r\nSubject: x\r\n\r\nbody\r\n"

    assert hashlib.sha256(content).hexdigest() == sha256_without_trace(trace + content)


def test_added_fields_are_taken_off_and_a_devices_own_are_not() -> None:
    """What the relay adds shows by its value: the instant and id of its Received, a bare author, nobody."""
    added = (
        b"From: <scan@contoso.com>\r\nDate: Wed, 25 Nov 2026 10:00:00 +0000\r\nTo: undisclosed-recipients:;\r\n"
        b"Message-ID: <1795600000.2BC@relay>\r\n"
    )
    own = b"Date: Wed, 25 Nov 2026 11:00:01 +0000\r\nMessage-ID: <1.2BD@relay>\r\nFrom: scan@contoso.com\r\n\r\n"

    assert (own, own, b"no trace") == (
        without_trace(TRACE + added + own), without_trace(TRACE + own), without_trace(b"no trace"),
    )  # fmt: skip
