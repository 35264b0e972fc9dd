"""Deviations of a test message, by the names of [tolerate]."""

from __future__ import annotations

import pytest

from relay365.doctor.trying.quirks import QUIRKS, bend_of, named, spoiled
from relay365.mail.tolerance import BY_NAME

MAIL = b"MAIL FROM:<scan@contoso.com> SIZE=10\r\n"
CONTENT = b"Subject: x\r\n\r\nbody\r\n"


@pytest.mark.parametrize(
    ("name", "line", "said"),
    [
        ("no_brackets", MAIL, b"MAIL FROM:scan@contoso.com SIZE=10\r\n"),
        ("space_after_colon", b"RCPT TO:<a@b>\r\n", b"RCPT TO: <a@b>\r\n"),
        ("bare_lf_commands", MAIL, MAIL.replace(b"\r\n", b"\n")),
        ("unknown_parameter", b"RCPT TO:<a@b>\r\n", b"RCPT TO:<a@b> XDEVICE=1\r\n"),
        ("empty_helo", b"EHLO relay.test\r\n", b"EHLO\r\n"),
        ("odd_helo", b"EHLO relay.test\r\n", b"EHLO my_scanner on floor 2\r\n"),
        ("no_brackets", b"RSET\r\n", b"RSET\r\n"),
    ],
)
def test_commands(name: str, line: bytes, said: bytes) -> None:
    """Only what is meant is changed."""
    assert said == bend_of([QUIRKS[name]])(line)


@pytest.mark.parametrize(
    ("name", "found"),
    [("bare_line_ends", b"body\n"), ("nul_octets", b"\0"), ("long_lines", b"x" * 1500 + b"\r\n")],
)
def test_contents(name: str, found: bytes) -> None:
    """Commands stay as they are."""
    assert found in spoiled(CONTENT, [QUIRKS[name]])
    assert MAIL == bend_of([QUIRKS[name]])(MAIL)


def test_several_at_once() -> None:
    """Line ends come last, so that they spoil what the others put in."""
    both = [QUIRKS["bare_line_ends"], QUIRKS["long_lines"]]

    assert b"\r" not in spoiled(CONTENT, both)
    assert b"x" * 1500 in spoiled(CONTENT, both)
    assert b"\0" in spoiled(b"no head", [QUIRKS["nul_octets"]])


def test_names() -> None:
    """A hyphen is as good as a low line; what is none is told; all are words of [tolerate]."""
    quirks, wrong = named("no-brackets, BARE_LF_COMMANDS,zork,")

    assert (["no_brackets", "bare_lf_commands"], ["zork"]) == ([one.name for one in quirks], wrong)
    assert set(QUIRKS) <= set(BY_NAME)
    assert all(one.meaning for one in QUIRKS.values())
