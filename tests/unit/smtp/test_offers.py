"""What a server offers, by the state of the connection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from relay365.mail.tolerance import DEFAULT
from relay365.smtp.events import MailGiven
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


def test_the_old_form_of_auth_is_said_where_it_is_asked_for() -> None:
    """One line more, behind the one that everybody knows, and only where a login may be given."""
    old = Offers("relay.test", mechanisms=("PLAIN", "LOGIN"), tolerances=DEFAULT | {"auth_equals"})
    keywords = old.keywords(secured=True)

    assert "AUTH=PLAIN LOGIN" == keywords[keywords.index("AUTH PLAIN LOGIN") + 1]
    assert [] == [word for word in old.keywords(secured=False) if word.startswith("AUTH")]
    assert "AUTH=PLAIN LOGIN" not in ALL.keywords(secured=True)


def test_xclient_is_offered_to_proxies_only() -> None:
    """With the attributes that are read."""
    assert "XCLIENT NAME ADDR PORT PROTO HELO LOGIN" == Offers("x", xclient=True).keywords(secured=False)[-1]
    assert [] == [word for word in ALL.keywords(secured=False) if word.startswith("XCLIENT")]


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Offers("x").auth_refusal("PLAIN", secured=True), "502 5.5.1 AUTH is not offered (A57)"),
        (ALL.auth_refusal("PLAIN", secured=False), "538 5.7.11 Encryption required for authentication (A58)"),
        (ALL.auth_refusal("CRAM-MD5", secured=True), "504 5.7.4 Unrecognized authentication type (A59)"),
        (ALL.auth_refusal("LOGIN", secured=True), "None"),
        (Offers("x").starttls_refusal("", secured=False), "502 5.5.1 STARTTLS is not offered (A54)"),
        (ALL.starttls_refusal("", secured=True), "503 5.5.1 TLS is already active (A55)"),
        (ALL.starttls_refusal("x", secured=False), "501 5.5.4 STARTTLS takes no argument (A24)"),
        (ALL.starttls_refusal("", secured=False), "None"),
        (
            ALL.mail_refusal(MailGiven("a@b.test", 1001)),
            "552 5.3.4 message too big, limit 1000 octets (A70)",
        ),
        (ALL.mail_refusal(MailGiven("\u00fc@b.test")), "553 5.6.7 Address is not ASCII; use SMTPUTF8 (A31)"),
        (ALL.mail_refusal(MailGiven("\u00fc@b.test", 1000, smtputf8=True)), "None"),
    ],
)
def test_what_is_not_offered_is_refused_with_the_reason(refusal: object, said: str) -> None:
    """Logins, TLS and mail; None lets it."""
    assert said == str(refusal)


def test_the_rule_that_set_the_size_stands_in_the_refusal() -> None:
    """Where none did, the refusal's own mark."""
    offers = Offers("x", 36_700_160, size_mark="R21")

    assert "552 5.3.4 message too big, limit 35 MB (R21)" == str(offers.too_large())
    assert "552 5.3.4 message too big, limit 35 MB (A70)" == str(replace(offers, size_mark="").too_large())
