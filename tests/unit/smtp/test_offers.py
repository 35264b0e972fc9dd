"""What a server offers, by the state of the connection."""

from __future__ import annotations

import pytest

from relay365.smtp.offers import Offers

ALL = Offers("relay.test", 1000, starttls=True, mechanisms=("PLAIN", "LOGIN"))


@pytest.mark.parametrize(
    ("secured", "present", "absent"),
    [(False, "STARTTLS", "AUTH PLAIN LOGIN"), (True, "AUTH PLAIN LOGIN", "STARTTLS")],
)
def test_tls_changes_the_offers(secured: bool, present: str, absent: str) -> None:
    """STARTTLS stands where it can be used, AUTH where a password is safe (RFC 3207 4.2, RFC 4954 4)."""
    keywords = ALL.keywords(secured=secured)

    assert (True, False) == (present in keywords, absent in keywords)
    assert "SIZE 1000" in keywords


def test_order_and_unknown_words_are_kept() -> None:
    """The emulator says Exchange's list in Exchange's order."""
    offers = Offers("x", 5, extensions=("CHUNKING", "SIZE", "AUTH"))

    assert ["CHUNKING", "SIZE 5"] == offers.keywords(secured=True)


def test_phrases_are_filled_in() -> None:
    """Host and peer."""
    assert "relay.test greets [192.0.2.1]" == ALL.phrase(ALL.phrases.hello, "[192.0.2.1]")
