"""Refusals of what a device says: one mark for what has one cure, another where the cure is another."""

from __future__ import annotations

from relay365.mail.refusals import speaking
from relay365.mail.tolerance import BY_NAME


def test_a_deviation_that_is_not_forgiven_names_its_tolerance() -> None:
    """Whoever reads the mark finds the word to switch on, and it is one that there is."""
    named = {
        word
        for one in speaking.REFUSALS
        for word in one.cure().replace(",", " ").split()
        if "switch" in one.do and word in BY_NAME
    }

    assert {
        "bare_lf_commands", "empty_helo", "odd_helo", "space_after_colon", "no_brackets", "unknown_parameter",
        "dot_before_at", "auth_after_helo", "no_ehlo_after_tls",
    } == named  # fmt: skip


def test_sender_and_recipient_have_their_own_status() -> None:
    """RFC 3463 X.1.7 and X.1.3, for the same fault."""
    assert ("5.1.7", "5.1.3") == (speaking.SENDER_DOTS.status, speaking.RECIPIENT_DOTS.status)
    assert speaking.SENDER_DOTS.words == speaking.RECIPIENT_DOTS.words
