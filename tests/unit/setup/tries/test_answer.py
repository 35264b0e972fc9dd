"""Answers to tries."""

from __future__ import annotations

from relay365.setup.tries.answer import refused, unreachable


def test_a_refusal_is_explained() -> None:
    """By the catalogue: title and first cure; what it does not know is said to be unknown."""
    known = refused(
        "sign-in",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox",
        "smtp",
    )
    unknown = refused("sign-in", "599 9.9.9 gibberish", "smtp")

    assert (False, True) == (known.good, known.is_known)
    assert known.row
    assert known.do
    assert ("", "no row of the catalogue knows this text") == (unknown.row, unknown.why)


def test_nobody_there() -> None:
    """It is neither yes nor no."""
    found = unreachable("TLS", "host:587", OSError(" timed\n out "), "open the port")

    assert (False, False, "host:587: timed out") == (found.good, found.is_known, found.text)
