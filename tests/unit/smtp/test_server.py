"""How a host may use the server machine; what a peer may say is in the transcripts."""

from __future__ import annotations

import pytest

from relay365.errors import LocalProtocolError
from relay365.mail.status import Reply
from relay365.smtp.events import AuthGiven, MailGiven, SessionEnded, Signal
from relay365.smtp.server import Limits, Offers, ServerSession
from relay365.smtp.states import Phase

YES = Reply.of(250, "2.0.0", "OK")


def machine_of(octets: bytes = b"", **offers: object) -> ServerSession:
    session = ServerSession(Offers("relay.test", **offers), Limits(), peer="[192.0.2.1]")  # type: ignore[arg-type]
    session.receive(octets)
    return session


def test_misuse_is_a_bug_of_ours() -> None:
    """An answer to nothing and a handshake that nobody asked for raise LocalProtocolError."""
    session = machine_of()
    with pytest.raises(LocalProtocolError):
        session.answer(YES)
    with pytest.raises(LocalProtocolError):
        session.tls_started("TLS")


def test_the_next_command_waits_for_the_answer() -> None:
    """Under PIPELINING nothing is read behind an event that is not judged."""
    session = machine_of(b"HELO x\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\n")
    session.next_event()
    assert isinstance(session.next_event(), MailGiven)
    assert (Signal.NEED_REPLY, 6) == (session.next_event(), session.n_waiting_octets)
    session.answer(YES)

    assert (Signal.NEED_OCTETS, 0) == (session.next_event(), session.n_waiting_octets)


def test_421_ends_the_session() -> None:
    """A host's 421 is the last word, and a second refusal is not said."""
    session = machine_of(b"HELO x\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\n")
    session.next_event()
    session.next_event()
    session.octets_to_send()
    session.answer(Reply.of(421, "4.3.0", "Gone"))
    session.refuse(Reply.of(421, "4.3.0", "Again"))
    session.receive(b"NOOP\r\n")

    assert SessionEnded("421 4.3.0 Gone") == session.next_event()
    assert (Signal.NEED_OCTETS, b"421 4.3.0 Gone\r\n") == (session.next_event(), session.octets_to_send())


def test_octets_during_the_handshake_are_dropped() -> None:
    """Plain octets that arrive between the 220 and TLS never become commands (CVE-2011-0411)."""
    session = machine_of(b"EHLO x\r\nSTARTTLS\r\n", starttls=True)
    session.next_event()
    assert Signal.NEED_TLS is session.next_event()
    session.receive(b"NOOP\r\n")
    session.tls_started("TLSv1.3")
    session.octets_to_send()

    assert (Signal.NEED_OCTETS, b"") == (session.next_event(), session.octets_to_send())
    assert ("TLSv1.3", Phase.SECURED, "") == (session.tls, session.phase, session.helo)


def test_whole_lines_are_counted_for_the_deadline() -> None:
    """Half a line is none; content is not lines."""
    session = machine_of(b"NOOP\r\nNOO")
    session.next_event()
    assert 1 == session.counts.lines
    session.receive(b"P\r\n")
    session.next_event()
    assert 2 == session.counts.lines


def test_the_secret_reaches_the_host_and_no_repr() -> None:
    """AUTH gives name and password; the machine's repr has neither."""
    session = machine_of(
        b"EHLO x\r\nAUTH PLAIN AHNjYW4AaHVudGVyMg==\r\n", mechanisms=("PLAIN",), auth_without_tls=True
    )
    session.next_event()

    assert AuthGiven("PLAIN", "scan", "hunter2") == session.next_event()
    assert "<ServerSession [192.0.2.1] sasl helo='x' errors=0>" == repr(session)
