"""Outcomes by recipient, whatever of a transaction went well."""

from __future__ import annotations

import asyncio

import pytest

from relay365.errors import SpoolCorrupt, SpoolUnavailable, TransportError
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.mail.status import Reply
from relay365.routes.classify import outcome_of
from relay365.routes.wire.talk import Talk, broken, too_large

OK = Reply.of(250, "2.1.5", "ok")
TOO_MANY = Reply.of(452, "4.5.3", "Too many recipients (AS780090)")


def told(*replies: Reply, end: Reply | None) -> list[tuple[str, str, bool]]:
    """(kind, row, offered) of recipients with these replies to RCPT, and this one to the content."""
    talk = Talk(len(replies), outcome_of)
    talk.sender(Reply.of(250, "2.1.0", "ok"))
    for n, reply in enumerate(replies):
        talk.recipient(n, reply)
    if end is not None:
        talk.content(end)
    return [(one.kind.value, one.row, one.offered) for one in talk.result()]


def test_who_is_one_too_many_goes_with_the_next_transaction() -> None:
    """Where others got through it was no attempt: the rest is due at once, and counts nothing."""
    assert [
        ("delivered", "", True),
        ("deferred", "too-many-recipients", False),
        ("failed", "no-such-recipient", True),
    ] == told(OK, TOO_MANY, Reply.of(550, "5.1.10", "RESOLVER.ADR.RecipientNotFound"), end=OK)


@pytest.mark.parametrize("end", [None, Reply.of(451, "4.7.0", "Temporary server error. PRX2")])
def test_too_many_where_nobody_got_through_is_a_throttle_like_any(end: Reply | None) -> None:
    """A new address hears 452 4.5.3 for its first recipient: to come back at once would be a storm."""
    replies = (TOO_MANY, TOO_MANY) if end is None else (OK, TOO_MANY)
    assert all(is_offered for _, _, is_offered in told(*replies, end=end))


def test_a_refused_sender_is_everybodys() -> None:
    """And what is answered to RCPT behind it changes nothing."""
    talk = Talk(2, outcome_of)
    talk.sender(Reply.of(421, "4.3.2", "Service not available"))
    talk.recipient(0, Reply.of(503, "5.5.1", "Bad sequence of commands"))

    assert talk.is_settled
    assert ["service-not-available"] * 2 == [one.row for one in talk.result()]


@pytest.mark.parametrize(
    ("error", "past_the_dot", "kind", "row"),
    [
        (TransportError("await", "gone"), False, Kind.DEFERRED, "connection-broken"),
        (TransportError("await", "gone"), True, Kind.UNCERTAIN, "no-answer-after-dot"),
        (asyncio.CancelledError(), False, Kind.DEFERRED, "stopped"),
        (asyncio.CancelledError(), True, Kind.UNCERTAIN, "no-answer-after-dot"),
        (SpoolCorrupt("crc"), False, Kind.DEFERRED, "stored-damaged"),
        (SpoolUnavailable("disk"), False, Kind.DEFERRED, "stored-unreadable"),
    ],
)
def test_what_broke_decides(error: BaseException, past_the_dot: bool, kind: Kind, row: str) -> None:
    """Before the final dot it waits; behind it nobody knows."""
    outcome = broken(error, past_the_dot=past_the_dot)

    assert (kind, row, Class.TRANSIENT) == (outcome.kind, outcome.row, outcome.klass)


def test_our_own_no_is_not_offered() -> None:
    """It says nothing about the remote, and names both sizes."""
    outcome = too_large(150, 100)

    assert (Kind.FAILED, Class.MESSAGE, False) == (outcome.kind, outcome.klass, outcome.offered)
    assert isinstance(outcome, Outcome)
    assert outcome.reply_text.startswith("552 5.3.4 150 octets are more than the next server takes (100)")


@pytest.mark.parametrize(
    ("end", "dsn", "taken"),
    [(OK, True, True), (OK, False, False), (Reply.of(451, "4.3.2", "later"), True, False)],
)
def test_the_duty_to_report_goes_with_the_mail(end: Reply, dsn: bool, taken: bool) -> None:
    """Only a remote that offers DSN takes it over, and only for what it has taken (RFC 3461 5.2.1, 5.2.2)."""
    talk = Talk(1, outcome_of)
    talk.content(end, dsn=dsn)

    assert [taken] == [one.dsn_taken for one in talk.result()]
