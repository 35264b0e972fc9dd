"""The faults that a client must survive, at the service that is asked for, as a client on the wire meets them."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import pytest

CONTENT = "From: scan@contoso.com\r\nMessage-ID: <manners@wire.test>\r\nSubject: x\r\n\r\nhello\r\n."


def _begin(link: Any) -> Any:
    """A transaction in clear with the MX host, up to the content."""
    for line in ("EHLO wire.test", "MAIL FROM:<a@elsewhere.example>", "RCPT TO:<scan@contoso.com>", "DATA"):
        assert link.say(line)[0] in "23"
    return link


def _first(link: Any, line: str) -> str:
    """The first line of an answer; how the connection ended where there is none, or "nothing" after a second."""
    link.socket.settimeout(1.0)
    try:
        link.socket.sendall(line.encode() + b"\r\n")
        return link.line() or "closed"
    except TimeoutError:
        return "nothing"
    except ConnectionResetError:
        return "reset"


def test_a_black_hole(emulator: Any) -> None:
    """Connections are neither taken nor refused while it lasts."""
    emulator.mood("outage", how="blackhole", service="mx")

    with pytest.raises(TimeoutError):
        socket.create_connection(emulator.at("mx"), timeout=1.0)
    socket.create_connection(emulator.at("hve"), timeout=5.0).close()


def test_banners(emulator: Any, wire: Any) -> None:
    """A banner that is no reply, and one that is followed by the end, once each."""
    emulator.mood("banner", how="garbage", service="mx", count=1)
    garbage = wire("mx", greeted=False).line()
    emulator.mood("banner", how="close", service="mx", count=1)
    link = wire("mx")

    assert "%%%% what was the question %%%%" == garbage
    assert ("220", b"") == (link.greeting[:3], link.rest())
    assert "220" == wire("mx").greeting[:3]


@pytest.mark.parametrize(
    ("at", "line", "text"),
    [
        ("ehlo", "EHLO again", "500 5.5.1 Command unrecognized"),
        ("starttls", "STARTTLS", "454 4.7.0 TLS not available"),
        ("mail", "MAIL FROM:<a@elsewhere.example>", "421 4.3.2 Service not active"),
    ],
)
def test_replies_at_early_steps(emulator: Any, wire: Any, at: str, line: str, text: str) -> None:
    """EHLO, STARTTLS and MAIL can be refused as well, once, and a session goes on unless it was 421."""
    link = wire("mx")
    link.say("EHLO wire.test")
    emulator.mood("reply", at=at, text=text, service="mx", count=1)
    answer = link.say(line)

    assert answer.startswith(text)
    assert b"" == link.rest() if text.startswith("421") else link.say("EHLO wire.test").startswith("250")


def test_a_greeting_of_choice(emulator: Any, wire: Any) -> None:
    """The greeting can be any reply."""
    emulator.mood("reply", at="greeting", text="554 5.7.1 No", service="acs", count=1)

    assert "554 5.7.1 No" == wire("acs").greeting


def test_data_that_is_refused(emulator: Any, wire: Any) -> None:
    """DATA can be refused, and the transaction is still there."""
    emulator.mood("reply", at="data", text="451 4.3.2 Not now", service="mx", count=1)
    link = wire("mx")
    for line in ("EHLO wire.test", "MAIL FROM:<a@elsewhere.example>", "RCPT TO:<scan@contoso.com>"):
        link.say(line)

    assert ["451 4.3.2 Not now", "354"] == [link.say("DATA"), link.say("DATA")[:3]]


@pytest.mark.parametrize("at", ["ehlo", "mail", "rcpt", "data"])
def test_silence(emulator: Any, wire: Any, at: str) -> None:
    """`hang` says nothing at its step and keeps the connection."""
    emulator.mood("hang", at=at, service="mx", count=1)
    link = wire("mx")
    lines = {
        "ehlo": "EHLO wire.test", "mail": "MAIL FROM:<a@elsewhere.example>", "rcpt": "RCPT TO:<scan@contoso.com>",
        "data": "DATA",
    }  # fmt: skip
    for step, line in lines.items():
        if step == at:
            assert "nothing" == _first(link, line)
            return
        link.say(line)


@pytest.mark.parametrize(("how", "end"), [("close", "closed"), ("reset", "reset")])
@pytest.mark.parametrize("at", ["mail", "dot"])
def test_hanging_up(emulator: Any, wire: Any, how: str, end: str, at: str) -> None:
    """`hang-up` ends the connection in order or with RST; a message is not taken then."""
    emulator.mood("hang-up", at=at, how=how, service="mx", count=1)
    link = wire("mx")
    if at == "mail":
        link.say("EHLO wire.test")
        ended = _first(link, "MAIL FROM:<a@elsewhere.example>")
    else:
        ended = _first(_begin(link), CONTENT)

    assert (end, []) == (ended, emulator.messages())


@pytest.mark.parametrize(("how", "end"), [("reset", "reset"), ("half-close", "closed")])
def test_more_lies(emulator: Any, wire: Any, how: str, end: str) -> None:
    """The message is recorded as not answered; a half-closed connection still takes octets."""
    emulator.mood("lie", how=how, service="mx", count=1)
    link = _begin(wire("mx"))

    assert end == _first(link, CONTENT)
    assert [False] == [one["answered"] for one in emulator.messages()]
    if how == "half-close":
        link.socket.sendall(b"NOOP\r\n" * 10)


def test_a_reset_inside_the_content(emulator: Any, wire: Any) -> None:
    """`drop` can break with RST, too."""
    emulator.mood("drop", how="reset", after_octets=1_000, service="mx", count=1)
    link = _begin(wire("mx"))

    with pytest.raises(ConnectionError):
        link.pour(b"x" * 70 + b"\r\n", 100_000)
    assert [] == emulator.messages()


@pytest.mark.parametrize(
    ("how", "n_lines", "longest"), [("lines", 3, 1_000), ("long", 1, 100_100), ("octets", 1, 1_000)]
)
def test_odd_replies(emulator: Any, wire: Any, how: str, n_lines: int, longest: int) -> None:
    """The right answer at the dot in three lines, in one of 100 kB, and octet by octet."""
    emulator.mood("odd-reply", how=how, service="mx", count=1)
    lines = _begin(wire("mx")).say(CONTENT).splitlines()

    assert n_lines == len(lines)
    assert (True, True) == (lines[0].startswith("250"), longest >= len(lines[0]) > longest - 1_000)
    assert [True] == [one["answered"] for one in emulator.messages()]


def test_fewer_extensions(emulator: Any, wire: Any) -> None:
    """Keywords are hidden for one connection; AUTH is neither listed nor taken."""
    emulator.mood("no-extension", which="PIPELINING, 8BITMIME AUTH SIZE", service="submission", count=1)
    link = wire()
    link.say("EHLO wire.test")
    link.start_tls(emulator.tls())
    listed = link.say("EHLO wire.test")

    assert ["DSN", "ENHANCEDSTATUSCODES", "BINARYMIME", "CHUNKING", "SMTPUTF8"] == [
        line[4:] for line in listed.splitlines()[1:]
    ]
    assert link.say("AUTH LOGIN").startswith("502")
    assert "PIPELINING" in wire().say("EHLO wire.test")


def test_smaller_than_promised(emulator: Any, wire: Any) -> None:
    """SIZE promises what it always does, and the dot refuses."""
    emulator.mood("small", octets=10, service="mx", count=1)

    assert (
        _begin(wire("mx"))
        .say(CONTENT)
        .startswith("552 5.3.4 Message size exceeds fixed maximum message size")
    )


def test_recipients_of_both_kinds(emulator: Any, wire: Any) -> None:
    """`mixed` refuses every second recipient; those that were taken get the message."""
    emulator.mood("mixed", text="450 4.2.1 Mailbox busy", service="mx")
    link = wire("mx")
    link.say("EHLO wire.test")
    link.say("MAIL FROM:<a@elsewhere.example>")
    answers = [link.say(f"RCPT TO:<{one}@contoso.com>")[:9] for one in ("scan", "alerts", "erp")]
    link.say("DATA")
    link.say(CONTENT)

    assert ["250 2.1.5", "450 4.2.1", "250 2.1.5"] == answers
    assert [["scan@contoso.com", "erp@contoso.com"]] == [one["recipients"] for one in emulator.messages()]


@pytest.mark.parametrize("service", ["submission", "mx", "hve", "acs"])
def test_old_tls(emulator: Any, wire: Any, service: str) -> None:
    """With TLS 1.0 only a client of today ends the handshake, at each service; the next one is well."""
    emulator.mood("old-tls", service=service, count=1)
    first, second = wire(service), wire(service)
    first.say("EHLO wire.test")
    with pytest.raises(ssl.SSLError, match=r"(?i)version|protocol|EOF"):  # uvloop sends no alert: an end
        first.start_tls(emulator.tls())
    second.say("EHLO wire.test")
    second.start_tls(emulator.tls())

    assert second.say("EHLO wire.test").startswith("250")


def test_a_self_signed_certificate(emulator: Any, wire: Any) -> None:
    """A client that verifies refuses it."""
    emulator.mood("wrong-certificate", how="self-signed", service="mx", count=1)
    link = wire("mx")
    link.say("EHLO wire.test")

    with pytest.raises(ssl.SSLCertVerificationError, match=r"self.signed"):
        link.start_tls(emulator.tls())
