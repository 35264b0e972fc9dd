"""The ear of one attempt."""

from __future__ import annotations

from relay365.doctor.trying.listening import Listening
from relay365.mail.envelope import SpoolId


def test_every_line_has_its_time_and_side() -> None:
    """Octets become lines; blocks of a content are summed up where an answer comes, or the end."""
    times = iter([10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7, 10.8])
    ear = Listening(lambda: next(times))
    same = ear(SpoolId("4TQ921"))
    ear.note("connected")
    ear.said(b"EHLO a\r\n")
    ear.heard(b"250-b\r\n250 SIZE\r\n")
    ear.secret(1700)
    ear.content(1000)
    ear.content(24)
    ear.heard(b"250 ok\r\n")
    ear.content(7)
    ear.ended()

    assert same is ear
    assert [
        ("note", "connected"), ("client", "EHLO a"), ("server", "250-b"), ("server", "250 SIZE"),
        ("client", "(1700 octets of the sign-in, hidden)"), ("note", "content of 1024 octets"), ("server", "250 ok"),
        ("note", "content of 7 octets"),
    ] == [(one.side, one.text) for one in ear.entries]  # fmt: skip
    assert 0.1 == round(ear.entries[0].at_s, 3)


def test_an_end_without_content_says_nothing() -> None:
    """There is nothing to sum up."""
    ear = Listening(lambda: 0.0)
    ear.ended()

    assert [] == ear.entries
