"""The other leg: attempts are kept in order, without secrets, and find the session of their message."""

from __future__ import annotations

import asyncio
import weakref
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from relay365.engine.blackbox import upstream as module
from relay365.engine.blackbox.archive import Archive
from relay365.engine.blackbox.box import BlackBox
from relay365.engine.blackbox.dialogue import OUT, lines_on
from relay365.engine.blackbox.recording import HUNG_UP, Attempt, Recording
from relay365.engine.blackbox.upstream import MOST_ATTEMPTS, MOST_EARLY, Upstream
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.rules.client import Client

FACTS = SubmitterFacts("lan", "192.0.2.7", 4711, "copier")
ONE, TWO = SpoolId("4TQ921"), SpoolId("4TQ922")


def spoken(attempt: Attempt, reply: bytes = b"250 2.0.0 taken\r\n") -> None:
    """A whole attempt."""
    attempt.said(b"MAIL FROM:<a@b.test>\r\nDATA\r\n")
    attempt.heard(b"250 ok\r\n354 go\r\n")
    attempt.content(700)
    attempt.content(30)
    attempt.heard(reply)
    attempt.ended()


def test_an_attempt_is_shown_in_its_order_and_without_its_secrets() -> None:
    """Who said what, and when; blocks of a content are one line; what belongs to a sign-in is its number of octets."""
    clock, kept = FakeClock(), []
    attempt = Attempt(ONE, clock, kept.append)
    attempt.note("connected to mx.test:25")
    attempt.said(b"AUTH XOAUTH2")
    clock.pass_s(1.5)
    attempt.secret(1200)
    attempt.heard(b"235 2.7.0 ok\r\n")
    attempt.said(b"eyJ0eXAi.token\r\n")
    spoken(attempt)
    lines = [line[:3] for line in lines_on(attempt.tape, attempt.began_mono, OUT)]

    assert [attempt] == kept
    assert [
        (0, "note", "connected to mx.test:25"),
        (1500, "out", "(secret, 1212 octets)"),
        (1500, "remote", "235 2.7.0 ok"),
        (1500, "out", "(a line of 14 octets that is no command)"),
        (1500, "out", "MAIL FROM:<a@b.test>"),
        (1500, "out", "DATA"),
        (1500, "remote", "250 ok"),
        (1500, "remote", "354 go"),
        (1500, "out", "(content, 730 octets)"),
        (1500, "remote", "250 2.0.0 taken"),
    ] == lines


def test_an_attempt_finds_its_session_even_if_it_was_quicker() -> None:
    """Before or behind the word that the message is ours; the last few stay, and all are counted."""
    clock, changed = FakeClock(), []
    upstream = Upstream(clock)
    upstream.changed = changed.append
    session = Recording(clock)
    spoken(upstream.ear(ONE))
    spoken(upstream.ear(TWO))
    early = list(changed)
    upstream.took(ONE, session)
    for _ in range(MOST_ATTEMPTS):
        spoken(upstream.ear(ONE))

    assert ([], [session] * (MOST_ATTEMPTS + 1)) == (early, changed)
    assert MOST_ATTEMPTS + 1 == session.tally.n_attempts
    assert [ONE] * MOST_ATTEMPTS == [one.spool_id for one in session.tally.attempts]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages whose session is known, and attempts whose session is not: the oldest go first."""
    monkeypatch.setattr(module, "MOST_MESSAGES", 2)
    clock, changed = FakeClock(), []
    upstream = Upstream(clock)
    upstream.changed = changed.append
    session = Recording(clock)
    for n in range(3):
        upstream.took(SpoolId(f"A{n}"), session)
    for n in range(3):
        spoken(upstream.ear(SpoolId(f"A{n}")))
    assert ["A1", "A2"] == [one.spool_id for one in session.tally.attempts]

    for n in range(MOST_EARLY + 1):
        spoken(upstream.ear(SpoolId(f"B{n}")))
    upstream.took(SpoolId("B0"), session)
    upstream.took(SpoolId("B1"), session)
    assert ["A1", "A2", "B1"] == [one.spool_id for one in session.tally.attempts]


def test_an_attempt_is_written_to_the_file_of_a_session_that_is_over(tmp_path: Path) -> None:
    """Also where the session had been written before; a client that was forgotten is not written again."""
    clock = FakeClock()
    box = BlackBox(Archive(tmp_path), clock, most_sessions=3)
    one = box.begin()
    box.known(one, Client("R1", "device copier", "copier"), FACTS)
    one.tally.n_accepted = 1
    one.ends(HUNG_UP)
    box.end(one)
    box.upstream.took(ONE, one)
    asyncio.run(box.look())
    before = Archive(tmp_path).read("device-copier")["sessions"][0]["attempts"]
    clock.pass_s(2.0)
    spoken(box.upstream.ear(ONE), b"550 5.1.1 no\r\n")
    stranger = box.begin()
    stranger.facts = FACTS
    box.upstream.took(TWO, stranger)
    spoken(box.upstream.ear(TWO))
    asyncio.run(box.close())
    (attempt,) = Archive(tmp_path).read("device-copier")["sessions"][0]["attempts"]

    assert [] == before
    assert (ONE, [2000, "remote", "550 5.1.1 no"]) == (attempt["id"], attempt["lines"][-1])
    assert ["device-copier"] == list(Archive(tmp_path).stamps())


def test_a_session_that_the_box_has_let_go_is_not_kept_here() -> None:
    """With it would be kept all that was said in it, for thousands of messages; its attempt is heard and forgotten."""
    upstream, told = Upstream(FakeClock()), []
    upstream.changed = told.append
    recording = Recording(FakeClock())
    kept = weakref.ref(recording)
    upstream.took(ONE, recording)
    del recording
    assert kept() is None
    spoken(upstream.ear(ONE))

    assert [] == told
