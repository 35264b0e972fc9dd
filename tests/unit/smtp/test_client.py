"""How a route may use the client machine; dialogues are in the transcripts, cuts in the pair law."""

from __future__ import annotations

import pytest

from relay365.errors import LocalProtocolError, RemoteProtocolError
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.status import EnhancedStatus, Reply
from relay365.smtp.client import DEADLINE_S, ClientSession, ReplyReceived, Step
from relay365.smtp.events import Signal

ENVELOPE = Envelope("a@b.test", (ForwardPath("c@d.test", "NEVER", "x"),), "8BITMIME", ret="FULL", envid="Q")

WITH_PARAMETERS = (
    b"MAIL FROM:<a@b.test> SIZE=5 BODY=8BITMIME RET=FULL ENVID=Q\r\n"
    b"RCPT TO:<c@d.test> NOTIFY=NEVER ORCPT=x\r\n"
)  # fmt: skip


def machine_of(*lines: str) -> ClientSession:
    """A machine that has heard a greeting and an EHLO reply with these keywords."""
    session = ClientSession()
    session.ehlo("me.test")
    session.octets_to_send()
    session.receive(
        b"220 x\r\n" + b"".join(f"250-{line}\r\n".encode() for line in ("x", *lines)) + b"250 END\r\n"
    )
    session.next_event()
    session.next_event()
    return session


def at_the_content() -> ClientSession:
    session = machine_of("PIPELINING")
    session.mail(ENVELOPE, 5)
    session.rcpt(ENVELOPE.forward_paths[0])
    session.data()
    session.octets_to_send()
    session.receive(b"250 a\r\n250 b\r\n354 c\r\n")
    for _ in range(3):
        session.next_event()
    return session


def test_features_are_learned_from_ehlo() -> None:
    """Keywords in capitals with their parameters; AUTH= of old servers is AUTH."""
    session = machine_of("size 1000", "AUTH=LOGIN PLAIN", "dsn")

    assert {"SIZE": "1000", "AUTH": "LOGIN PLAIN", "DSN": "", "END": ""} == session.features
    assert (True, False, True) == (
        session.offers("DSN"),
        session.offers_auth("XOAUTH2"),
        session.offers_auth("PLAIN"),
    )


def test_nothing_is_learned_from_helo() -> None:
    """Whatever its lines are: what the refused EHLO did not say is not offered (RFC 5321 3.2)."""
    session = ClientSession()
    session.ehlo("me.test")
    session.receive(b"220 x\r\n500 what\r\n")
    session.next_event()
    session.next_event()
    session.octets_to_send()
    session.helo("me.test")

    assert b"HELO me.test\r\n" == session.octets_to_send()
    session.receive(b"250-x\r\n250 SIZE 1000\r\n")
    event = session.next_event()
    assert isinstance(event, ReplyReceived)
    assert (Step.HELO, 250, {}) == (event.step, event.reply.code, session.features)


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ((), b"MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"),
        (
            ("SIZE", "8BITMIME", "DSN"),
            WITH_PARAMETERS,
        ),
    ],
)
def test_parameters_are_said_where_they_are_offered(keywords: tuple[str, ...], said: bytes) -> None:
    """Never a parameter that the remote did not offer (RFC 5321 4.1.1.11)."""
    session = machine_of(*keywords)
    session.mail(ENVELOPE, 5)
    session.rcpt(ENVELOPE.forward_paths[0])

    assert said == session.octets_to_send()


@pytest.mark.parametrize("address", ["a\r\nRSET", "a\0b", "a\x7f", "a\x85"])
def test_no_control_character_reaches_the_wire(address: str) -> None:
    """An address cannot become a second command, whoever let it pass."""
    session = machine_of()
    with pytest.raises(LocalProtocolError):
        session.rcpt(ForwardPath(address))

    assert b"" == session.octets_to_send()


def test_content_needs_its_354() -> None:
    """Content before 354, and a dot without content, are bugs of ours."""
    session = machine_of()
    with pytest.raises(LocalProtocolError):
        session.content(b"x")
    with pytest.raises(LocalProtocolError):
        session.end_content()


def test_past_the_dot_rises_with_its_last_octet() -> None:
    """Not with the content, not one octet early; and it falls with the reply."""
    session = at_the_content()
    session.content(b".x\r\n")
    session.end_content()
    seen = []
    for octet in (b".", b".", b"x", b"\r", b"\n", b".", b"\r", b"\n"):
        assert octet == session.octets_to_send(1)
        seen.append(session.past_the_dot)
    assert [False] * 7 + [True] == seen
    session.receive(b"250 ok\r\n")

    assert ReplyReceived(Step.DOT, Reply.of(250, "", "ok")) == session.next_event()
    assert not session.past_the_dot


@pytest.mark.parametrize("code", ["354", "334"])
def test_a_yes_that_fits_no_step_is_none(code: str) -> None:
    """3yz to the final dot is no delivery; past_the_dot stays up, so that it is uncertain."""
    session = at_the_content()
    session.end_content()
    session.octets_to_send()
    session.receive(f"{code} go on\r\n".encode())
    with pytest.raises(RemoteProtocolError):
        session.next_event()

    assert session.past_the_dot


def test_an_early_no_is_a_no() -> None:
    """A remote may refuse a content before its end."""
    session = at_the_content()
    session.content(b"x\r\n")
    session.octets_to_send()
    session.receive(b"552 5.3.4 too big\r\n")
    session.end_content()
    session.octets_to_send()
    event = session.next_event()

    assert ReplyReceived(Step.DOT, Reply(552, EnhancedStatus(5, 3, 4), ("too big",))) == event


def test_tls_forgets_what_was_offered_in_clear() -> None:
    """Features and octets from before the handshake are gone (RFC 3207 4.2)."""
    session = machine_of("STARTTLS", "AUTH LOGIN")
    session.starttls()
    session.octets_to_send()
    session.receive(b"220 go\r\n250 glued\r\n")
    assert isinstance(session.next_event(), ReplyReceived)
    session.receive(b"250 later\r\n")
    assert Signal.NEED_OCTETS is session.next_event()
    session.tls_started()

    assert (Signal.NEED_OCTETS, {}) == (session.next_event(), session.features)


def test_a_421_that_nobody_asked_for_is_told() -> None:
    """Anything else that nobody asked for is a fault of the remote."""
    session = machine_of()
    session.receive(b"421 4.4.2 idle\r\n250 what\r\n")
    event = session.next_event()

    assert isinstance(event, ReplyReceived)
    assert Step.IDLE is event.step
    with pytest.raises(RemoteProtocolError):
        session.next_event()


def test_reply_text_is_made_printable() -> None:
    """Control characters of a remote reach neither logs nor reports; the status is taken off every line."""
    session = machine_of()
    session.quit()
    session.receive(b"221-2.0.0 a\x1b[31m\r\n221 2.0.0 b\xff\r\n")
    event = session.next_event()

    assert isinstance(event, ReplyReceived)
    assert ("a?[31m", "b\N{REPLACEMENT CHARACTER}") == event.reply.lines
    assert "2.0.0 a?[31m b\N{REPLACEMENT CHARACTER}" == event.reply.text


def test_every_step_has_a_deadline() -> None:
    """The RFC's minimums are kept (5321 4.5.3.2); no step waits for ever."""
    assert set(Step) == set(DEADLINE_S)
    assert (300, 300, 300, 120, 600) == tuple(
        DEADLINE_S[step] for step in (Step.GREETING, Step.MAIL, Step.RCPT, Step.DATA, Step.DOT)
    )


def test_the_repr_says_what_is_awaited() -> None:
    """Fit for an operator at three in the morning."""
    session = at_the_content()
    session.end_content()
    session.octets_to_send()

    assert "<ClientSession awaits dot past the dot>" == repr(session)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "XOAUTH2"])
def test_a_secret_that_the_remote_repeats_is_not_passed_on(mechanism: str) -> None:
    """A refusal that has our response, or the secret alone, plain or in base64, keeps its words but not these."""
    session = machine_of("AUTH PLAIN LOGIN XOAUTH2")
    login = {
        "PLAIN": session.auth_plain, "LOGIN": session.auth_login, "XOAUTH2": session.auth_xoauth2,
    }[mechanism]  # fmt: skip
    login("scan", "hunter-22")
    session.receive(b"334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n" * (mechanism == "LOGIN"))
    session.next_event()
    said = session.octets_to_send().decode("ascii").split("\r\n")[-2].rpartition(" ")[2]
    session.receive(f"535-5.7.8 You said {said}\r\n535 5.7.8 hunter-22 (aHVudGVyLTIy) is wrong\r\n".encode())
    event = session.next_event()

    assert isinstance(event, ReplyReceived)
    assert ("You said [secret]", "[secret] ([secret]) is wrong") == event.reply.lines


def test_a_short_secret_is_not_cut_out_of_words() -> None:
    """A password such as `no` stands in too many replies; the response that carried it is still kept back."""
    session = machine_of("AUTH PLAIN")
    session.auth_plain("scan", "no")
    session.receive(b"535 5.7.8 not now, AHNjYW4Abm8=\r\n")
    event = session.next_event()

    assert isinstance(event, ReplyReceived)
    assert ("not now, [secret]",) == event.reply.lines


def in_chunks() -> ClientSession:
    """A machine with a first chunk on its way."""
    session = machine_of("PIPELINING", "CHUNKING")
    session.chunk(b"first")
    assert b"BDAT 5\r\nfirst" == session.octets_to_send()
    return session


def test_past_the_dot_rises_with_the_last_octet_of_the_last_chunk() -> None:
    """Neither with an earlier chunk nor one octet early; the replies of the chunks before it change nothing."""
    session = in_chunks()
    session.chunk(b".x", is_last=True)
    assert b"BDAT 2 LAST\r\n." == session.octets_to_send(14)
    assert not session.past_the_dot
    session.octets_to_send()
    assert session.past_the_dot
    session.receive(b"250 one\r\n")

    assert ReplyReceived(Step.CHUNK, Reply.of(250, "", "one")) == session.next_event()
    assert session.past_the_dot
    session.receive(b"250 both\r\n")
    assert ReplyReceived(Step.DOT, Reply.of(250, "", "both")) == session.next_event()
    assert not session.past_the_dot


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (b"", b"250 one\r\n250 both\r\n"),
        (b"25", b"0 one\r\n250 both\r\n"),
        (b"250-one\r\n", b"250 one\r\n250 both\r\n"),
        (b"250-one\r\n250 one\r\n", b"250 both\r\n"),
        (b"250 one\r\n", b"250 both\r\n"),
    ],
)
def test_replies_to_earlier_chunks_may_come_while_the_last_goes_out(early: bytes, late: bytes) -> None:
    """Whole or in part, of one line or several: they are no answer to the last one, and it is believed."""
    session = in_chunks()
    session.receive(early)
    session.chunk(b"last", is_last=True)
    session.octets_to_send()
    session.receive(late)

    steps = [event.step for _ in range(2) if isinstance(event := session.next_event(), ReplyReceived)]
    assert [Step.CHUNK, Step.DOT] == steps


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (b"250 one\r\n250 both\r\n", b""),
        (b"250 one\r\n2", b"50 both\r\n"),
        (b"250-one\r\n250 one\r\n250-", b"both\r\n250 both\r\n"),
    ],
)
def test_a_yes_to_the_last_chunk_before_it_was_out_is_none(early: bytes, late: bytes) -> None:
    """Not one octet of it may have come before; whether the remote has the message is uncertain then."""
    session = in_chunks()
    session.receive(early)
    session.chunk(b"last", is_last=True)
    session.octets_to_send()
    session.receive(late)

    assert isinstance(session.next_event(), ReplyReceived)
    with pytest.raises(RemoteProtocolError, match="before the end"):
        session.next_event()
    assert session.past_the_dot
