"""How a host may use the server machine; what a peer may say is in the transcripts."""

from __future__ import annotations

import pytest

from relay365.errors import LocalProtocolError
from relay365.mail.status import Reply
from relay365.mail.tolerance import DEFAULT
from relay365.smtp.events import (
    AuthGiven,
    ContentEnded,
    DataAsked,
    MailGiven,
    RcptGiven,
    SessionEnded,
    Signal,
    TransactionReset,
    XclientGiven,
)
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


def heard(session: ServerSession, *, refuse: str = "") -> tuple[list[object], bytes]:
    """All events, each answered YES but the recipient to refuse, and the last line that was said."""
    events = []
    while not isinstance(event := session.next_event(), Signal):
        events.append(event)
        is_bad = isinstance(event, RcptGiven) and event.path.address == refuse
        if isinstance(event, MailGiven | RcptGiven | XclientGiven):
            session.answer(Reply.of(550, "5.1.1", "No") if is_bad else YES)
        elif isinstance(event, DataAsked):
            session.answer(Reply.of(354, "", "Go"))
    return events, session.octets_to_send().split(b"\r\n")[-2]


@pytest.mark.parametrize(
    ("octets", "name", "reply"),
    [
        (b"HELO \r\n", "empty_helo", b"501 5.5.4 HELO and EHLO need a name (A15)"),
        (b"EHLO a_b\r\n", "odd_helo", b"501 5.5.4 HELO name is no domain (A16)"),
        (b"EHLO x\n", "bare_lf_commands", b"500 5.5.2 Lines must end in CRLF (A5)"),
        (b"HELO x\r\nAUTH PLAIN\r\n", "auth_after_helo", b"503 5.5.1 Send EHLO first (A9)"),
        (
            b"EHLO x\r\nMAIL FROM:a@b.test\r\n",
            "no_brackets",
            b"501 5.5.4 Address must stand in angle brackets (A19)",
        ),
    ],
)
def test_each_deviation_is_counted_or_refused(octets: bytes, name: str, reply: bytes) -> None:
    """Where it is forgiven it is counted once, alone; where not, it is refused and not counted."""
    lenient = machine_of(octets, mechanisms=("PLAIN",), auth_without_tls=True)
    strict = machine_of(octets, mechanisms=("PLAIN",), auth_without_tls=True, tolerances=DEFAULT - {name})

    assert heard(lenient)[1][:1] in b"23"
    assert {name: 1} == lenient.counts.tolerated
    assert reply == heard(strict)[1]
    assert {} == strict.counts.tolerated


def test_a_bare_lf_in_mid_login_ends_the_login() -> None:
    """Where it is not forgiven; the session goes on."""
    session = machine_of(
        b"EHLO x\r\nAUTH LOGIN\r\nc2Nhbg==\nNOOP\r\n", mechanisms=("LOGIN",), auth_without_tls=True,
        tolerances=DEFAULT - {"bare_lf_commands"},
    )  # fmt: skip

    assert b"250 2.0.0 OK" == heard(session)[1]
    assert Phase.READY is session.phase


def test_no_second_ehlo_behind_tls_is_counted_or_refused() -> None:
    """MAIL at once behind the handshake."""
    for tolerances, reply in ((DEFAULT, b"250 2.0.0 OK"), (frozenset(), b"503 5.5.1 Send EHLO first (A9)")):
        session = machine_of(b"EHLO x\r\nSTARTTLS\r\n", starttls=True, tolerances=tolerances)
        heard(session)
        session.tls_started("TLSv1.3")
        session.receive(b"MAIL FROM:<a@b.test>\r\n")

        assert reply == heard(session)[1]
        assert ("no_ehlo_after_tls" in tolerances) == session.counts.tolerated["no_ehlo_after_tls"]


def test_who_speaks_before_the_greeting_is_served() -> None:
    """The banner comes first all the same, and then the answer."""
    session = machine_of(b"HELO x\r\n")
    session.greet()
    while session.next_event() is not Signal.NEED_OCTETS:
        pass

    assert b"220 relay.test ESMTP relay365\r\n250 relay.test greets " == session.octets_to_send()[:53]


RCPTS = b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<one@d.test>\r\nRCPT TO:<two@d.test,three@d.test>\r\n"


def test_a_list_of_recipients_has_one_answer() -> None:
    """Each of it is judged; 250 is said once."""
    session = machine_of(RCPTS)
    events, _ = heard(session)

    assert ["one@d.test", "two@d.test", "three@d.test"] == [
        one.path.address for one in events if isinstance(one, RcptGiven)
    ]
    assert {"list_in_rcpt": 1} == session.counts.tolerated
    session.receive(b"NOOP\r\n")
    assert Phase.RCPT is session.phase


@pytest.mark.parametrize("bad", ["two@d.test", "three@d.test"])
def test_a_list_with_a_bad_one_ends_the_transaction(bad: str) -> None:
    """The refusal is the one answer, the host forgets all, and the next command needs a new MAIL."""
    session = machine_of(RCPTS + b"DATA\r\n")
    events, said = heard(session, refuse=bad)

    assert TransactionReset() == events[-1]
    assert b"503 5.5.1 Need MAIL before DATA (A11)" == said


def test_too_many_in_a_list_are_too_many() -> None:
    """The limit counts each of the list before anybody is asked."""
    session = ServerSession(Offers("relay.test"), Limits(recipients=2), peer="[192.0.2.1]")
    session.receive(RCPTS)
    events, said = heard(session)

    assert b"452 4.5.3 Too many recipients (A32)" == said
    assert 1 == sum(isinstance(one, RcptGiven) for one in events)


def test_a_content_that_looks_ended_is_a_fact_while_it_lasts() -> None:
    """True behind LF.LF, until more comes; never outside of a content."""
    session = machine_of(RCPTS + b"DATA\r\n")
    heard(session)
    assert not session.looks_ended
    session.receive(b"x\n.\n")
    heard_events = session.next_event(), session.next_event()
    assert Signal.NEED_OCTETS is heard_events[-1]
    assert session.looks_ended
    session.receive(b"more")
    session.next_event()

    assert not session.looks_ended
    session.receive(b"\r\n.\r\n")
    assert any(isinstance(session.next_event(), ContentEnded) for _ in range(2))
    assert not session.looks_ended  # it has ended, and waits for us


def test_xclient_makes_the_peer_another_one() -> None:
    """The banner is the answer; name, login and address are the proxy's word; a refusal changes nothing."""
    line = b"XCLIENT ADDR=192.0.2.9 HELO=scan PROTO=ESMTP LOGIN=scan\r\n"
    session = machine_of(b"EHLO proxy\r\n" + line, xclient=True)
    events, said = heard(session)

    assert XclientGiven(address="192.0.2.9", helo="scan", proto="ESMTP", login="scan") == events[-1]
    assert b"220 relay.test ESMTP relay365" == said
    assert ("scan", "scan", True, Phase.FRESH) == (
        session.helo,
        session.identity,
        session.extended,
        session.phase,
    )
    other = machine_of(b"EHLO proxy\r\n" + line)
    assert b"502 5.5.1 Command not implemented (A6)" == heard(other)[1]
    assert "proxy" == other.helo
