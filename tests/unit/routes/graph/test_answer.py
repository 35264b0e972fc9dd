"""Answers of every shape are read: errors as Graph writes them, pages of proxies, JSON that was cut off."""

from __future__ import annotations

import pytest

from relay365.routes.graph.answer import GraphAnswer

NOW = 1_800_000_000.0


@pytest.mark.parametrize(("octets", "expected"), [
    (b'{"error":{"code":"ErrorX","message":"Access is\\r\\ndenied."}}', ("ErrorX", "Access is denied.")),
    (b'{"error":{"code":"ErrorAcc', ("", '{"error":{"code":"ErrorAcc')),
    (b"<html><head><style>b{}</style></head><body><h1>Bad Gateway</h1></body></html>", ("", "Bad Gateway")),
    (b'{"error":"invalid_grant"}', ("", '{"error":"invalid_grant"}')),
    (b'{"error":{"code":7,"message":null}}', ("7", "null")),
    (b"[" * 100_000, ("", "[" * 400)),
    (b"\xff\x00\r\nx", ("", "\ufffd x")),
    (b"", ("", "")),
])  # fmt: skip
def test_an_error_is_read_from_any_body(octets: bytes, expected: tuple[str, str]) -> None:
    """Code and message where they are, else the text that a person can read; never an exception."""
    assert expected == GraphAnswer(500, {}, octets).error()


@pytest.mark.parametrize(("headers", "expected"), [
    ({"retry-after": "17"}, 17.0),
    ({"retry-after": "86400"}, 86_400.0),
    ({"retry-after": "-5"}, 0.0),
    ({}, None),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, 60.0),
    ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
    ({"retry-after": "Fri, 15 Jan 2027 09:00:30 GMT", "date": "Fri, 15 Jan 2027 09:00:00 GMT"}, 30.0),
])  # fmt: skip
def test_retry_after_in_every_form(headers: dict[str, str], expected: float | None) -> None:
    """Seconds, a date by the server's own clock, a past one, a negative, none and nonsense (RFC 9110 10.2.3)."""
    assert expected == GraphAnswer(429, headers).retry_after_s(NOW)
