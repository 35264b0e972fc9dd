"""Replies and enhanced status codes."""

from __future__ import annotations

import pytest

from relay365.mail.status import EnhancedStatus, Reply


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.7.139 Authentication unsuccessful", EnhancedStatus(5, 7, 139)),
        ("2.0.0", EnhancedStatus(2, 0, 0)),
        ("4.7.500\tServer busy", EnhancedStatus(4, 7, 500)),
        ("3.7.0 no such class", None),
        ("5.7 too short", None),
        ("5.7.1000 too long", None),
        ("5.7.1.1 an address", None),
        ("text 5.7.1 inside", None),
        ("", None),
    ],
)
def test_a_status_stands_at_the_start(text: str, status: EnhancedStatus | None) -> None:
    """Only `class.subject.detail` of class 2, 4 or 5 at the beginning is one (RFC 3463 2)."""
    assert status == EnhancedStatus.parse(text)


def test_every_line_of_a_reply_has_code_and_status() -> None:
    """Hyphens join the lines, and the status stands on each (RFC 5321 4.2.1, RFC 2034 4)."""
    reply = Reply(250, EnhancedStatus(2, 1, 0), ("first", "second", "last"))

    assert b"250-2.1.0 first\r\n250-2.1.0 second\r\n250 2.1.0 last\r\n" == reply.encode()
    assert "250 2.1.0 first second last" == str(reply)


def test_a_mark_ends_the_last_line_only() -> None:
    """In text and on the wire; without it the reply is the one that others would say."""
    marked = Reply(550, EnhancedStatus(5, 7, 1), ("no", "not here"), "R3")

    assert b"550-5.7.1 no\r\n550 5.7.1 not here (R3)\r\n" == marked.encode()
    assert "550 5.7.1 no not here (R3)" == str(marked)
    assert b"550-5.7.1 no\r\n550 5.7.1 not here\r\n" == marked.unmarked.encode()


def test_a_reply_without_status_has_none() -> None:
    """354 and the greeting carry no enhanced status (RFC 2034 4)."""
    assert b"354 go on\r\n" == Reply.of(354, "", "go on").encode()


def test_the_first_digit_says_yes_or_not_now() -> None:
    """2yz and 3yz are positive, 4yz is temporary, 5yz is neither."""
    codes = (220, 354, 451, 550)

    assert [True, True, False, False] == [Reply.of(code, "", "x").is_positive for code in codes]
    assert [False, False, True, False] == [Reply.of(code, "", "x").is_temporary for code in codes]


def test_a_reply_that_was_said_is_still_the_same_value() -> None:
    """It keeps its octets; nothing else of it changes."""
    said, unsaid = Reply.of(250, "2.0.0", "OK"), Reply.of(250, "2.0.0", "OK")

    assert b"250 2.0.0 OK\r\n" == said.encode()
    assert said.encode() is said.encode()
    assert (said, hash(said), repr(said)) == (unsaid, hash(unsaid), repr(unsaid))
