"""Octets become lines for people, and no secret is among them."""

from __future__ import annotations

import base64

import pytest

from fakes.clock import FakeClock
from relay365.engine.blackbox.dialogue import (
    MOST_CHARACTERS,
    SSL2_HELLO,
    TLS_HELLO,
    WEB_REQUEST,
    Line,
    hello_of,
    lines_of,
    printable,
    show,
)
from relay365.engine.blackbox.recording import MOST_ENTRIES, Recording

PASSWORD = "m7kq2tfa"  # what must not be found
CODED = base64.b64encode(PASSWORD.encode()).decode()


def texts(one: Recording) -> list[str]:
    return [line.text for line in lines_of(one)]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"MAIL FROM:<a@b.test> SIZE=1\r", "MAIL FROM:<a@b.test> SIZE=1"),
        (b"mail from: a@b.test\r", "mail from: a@b.test"),
        (b"HELO \r", "HELO "),
        (b"QUIT", "QUIT  (ends in LF alone)"),
        (b"\r", "(an empty line)"),
        (b"noop\r", "NOOP"),
        (f"HELP {PASSWORD} \r".encode(), "HELP (8 octets)"),
        (f"VRFY {PASSWORD}\r".encode(), "VRFY (8 octets)"),
        (b"AUTH LOGIN\r", "AUTH LOGIN"),
        (f"AUTH PLAIN {CODED}\r".encode(), "AUTH PLAIN (secret, 12 octets)"),
        (f"auth login {CODED}\r".encode(), "AUTH LOGIN (secret, 12 octets)"),
        (f"AUTH {CODED}\r".encode(), "AUTH (secret, 12 octets)"),
        (f"AUTH {PASSWORD}\r".encode(), "AUTH (secret, 8 octets)"),
        (f"{CODED}\r".encode(), "(a line of 12 octets that is no command)"),
        (f"{PASSWORD} x\r".encode(), "(a line of 10 octets that is no command)"),
        (b"GET /?token=abc HTTP/1.1\r", WEB_REQUEST),
        (b"EHLO \x1b[31m\r", "EHLO ?[31m"),
    ],
)
def test_a_command_is_shown_as_far_as_it_is_no_secret(line: bytes, shown: str) -> None:
    """Names and addresses; of AUTH the mechanism; of anything else its number of octets."""
    assert shown == show(line)[0]


def test_a_web_request_is_shown_only_where_it_is_ours_and_never_its_query() -> None:
    """A device that speaks HTTP may say anything; what we ask of Graph has a path that can be read."""
    line = b"PATCH /v1.0/users/scan@contoso.com/messages/AAMk?key=secret\r"

    assert ("(a web request)", "(a web request)") == show(line)
    assert ("PATCH /v1.0/users/scan@contoso.com/messages/AAMk", "PATCH") == show(line, is_ours=True)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_password_is_not_shown_however_it_is_cut(cut: int) -> None:
    """A network may deliver a login in any two pieces; neither shows the password, nor its beginning."""
    one = Recording(FakeClock())
    octets = f"EHLO x\r\nAUTH PLAIN {CODED}\r\nQUIT\r\n".encode()
    one.heard(octets[:cut], is_secret=False)
    one.heard(octets[cut:], is_secret=False)
    said = "\n".join(texts(one))

    assert CODED[:4] not in said
    assert "AUTH PLAIN (secret, 12 octets)" in said


def test_an_answer_to_a_prompt_that_came_in_two_pieces_is_one_secret() -> None:
    """Its first piece may have come with AUTH, before anybody knew what it was."""
    one = Recording(FakeClock())
    one.heard(f"AUTH LOGIN\r\n{CODED[:4]}".encode(), is_secret=False)
    one.heard(f"{CODED[4:]}\r\n".encode(), is_secret=True)

    assert ["AUTH LOGIN", "(secret, 14 octets)"] == texts(one)


def test_a_line_that_never_ended_shows_its_size() -> None:
    """What was half said may be half a password."""
    one = Recording(FakeClock())
    one.heard(f"AUTH PLAIN {CODED}".encode(), is_secret=False)

    assert ["(a line of 23 octets without an end)"] == texts(one)


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", TLS_HELLO),
        (b"\x80\x2e\x01\x03\x01\x00\x15", SSL2_HELLO),
        (b"EHLO x\r\n", ""),
        (b"", ""),
    ],
)
def test_the_beginning_of_tls_is_known(octets: bytes, words: str) -> None:
    """By its first octets; a line feed among the rest makes no lines of it."""
    assert words == hello_of(octets)


def test_a_hello_is_one_line() -> None:
    """Random octets in it, line feeds too, are not taken for commands."""
    one = Recording(FakeClock())
    one.heard(b"\x16\x03\x01\x00\x10\nMAIL\nx", is_secret=False)

    assert [TLS_HELLO] == texts(one)


def test_lines_have_the_time_since_connect_and_who_said_them() -> None:
    """In milliseconds, in order."""
    clock = FakeClock()
    one = Recording(clock)
    one.said(b"220 relay.test\r\n")
    clock.pass_s(0.25)
    one.heard(b"NOOP\r\n", is_secret=False)
    one.note("x")

    assert [
        Line(0, "relay", "220 relay.test"),
        Line(250, "client", "NOOP", "NOOP"),
        Line(250, "note", "x"),
    ] == lines_of(one)


def test_the_head_and_the_size_of_a_content_are_lines() -> None:
    """The head line by line, where it is kept."""
    one = Recording(FakeClock(), head_octets=100)
    one.content_begins(0)
    one.heard(b"Subject: x\r\n\r\n.\r\n", is_secret=False)
    one.content_ends(0)

    assert ["| Subject: x", "| ", "| .", "(content, 17 octets)"] == texts(one)


def test_a_slow_content_is_shown_with_its_rate() -> None:
    """A scanner that sends while it scans: how long it took, and octets a second; of a quick one nothing."""
    clock = FakeClock()
    one = Recording(clock)
    for pause_s in (20.0, 1.0):
        one.said(b"354 go\r\n")
        one.content_begins(0)
        one.heard(b"x" * 5000, is_secret=False)
        clock.pass_s(pause_s)
        one.heard(b"x" * 5000, is_secret=False)
        one.content_ends(0)

    assert ["(content, 10000 octets in 20 s, 500 a second)", "(content, 10000 octets)"] == texts(one)[1::2]


def test_the_rate_is_that_of_the_whole_content() -> None:
    """Whatever was said of it meanwhile, and where its head is kept, too."""
    clock = FakeClock()
    one = Recording(clock, head_octets=10)
    one.said(b"354 go\r\n")
    one.content_begins(0)
    for _ in range(2):
        one.heard(b"Subject: x" + b"x" * 4990, is_secret=False)
        clock.pass_s(62.0)
        one.tell_progress()
    one.content_ends(0)

    assert [
        "(the content goes on: 5000 octets in 62 s, 81 a second)",
        "(the content goes on: 10000 octets in 124 s, 81 a second)",
        "| Subject: x",
        "(content, 10000 octets in 124 s, 80 a second)",
    ] == texts(one)[1:]


def test_it_is_said_what_is_left_out() -> None:
    """Of a long session its middle, of a long segment its end."""
    one = Recording(FakeClock())
    for _ in range(MOST_ENTRIES + 100):
        one.heard(b"NOOP\r\n", is_secret=False)
    one.heard(b"NOOP " + b"x" * 5000 + b"\r\n", is_secret=False)

    assert "(51 pieces are left out here)" == texts(one)[MOST_ENTRIES]
    assert "(2959 octets more are left out)" == texts(one)[-1]


def test_what_is_printed_is_fit_for_a_terminal() -> None:
    """No control characters, no endless lines, whatever the octets are."""
    assert "a?b\ufffd" == printable(b"a\x07b\xff")
    assert MOST_CHARACTERS + 3 == len(printable(b"x" * 10_000))
