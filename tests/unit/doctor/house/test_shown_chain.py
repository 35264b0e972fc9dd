"""The certificate that a connector knows us by."""

from __future__ import annotations

import pytest

from fakes.mailserver import Authority
from relay365.doctor.finding import State
from relay365.doctor.house.shown_chain import judged
from relay365.emulator.certificates import new_leaf, new_self_signed

DOMAINS = ("contoso.com",)


def pem(
    authority: Authority, name: str = "relay.contoso.com", days: int = 300, *, whole: bool = True
) -> bytes:
    leaf = new_leaf(authority.pair, [name], authority.now, days=days).pem()[0]
    return leaf + authority.pair.pem()[0] if whole else leaf


@pytest.mark.parametrize(
    ("made", "state", "words"),
    [
        ({}, State.GOOD, "relay.contoso.com, with its issuer"),
        ({"name": "contoso.com"}, State.GOOD, "contoso.com"),
        ({"name": "*.contoso.com"}, State.GOOD, "*.contoso.com"),
        ({"name": "relay.notcontoso.com"}, State.WARN, "relay.notcontoso.com"),
        ({"days": 10}, State.WARN, "ends in"),
        ({"days": -1}, State.BAD, "ended"),
        ({"whole": False}, State.BAD, "alone"),
    ],
)
def test_a_chain(made: dict[str, object], state: State, words: str, authority: Authority) -> None:
    """Whole, within its dates, and in the name of a domain of ours: that itself, or below it."""
    finding = judged(pem(authority, **made), "relay.pem", DOMAINS, authority.now)

    assert state is finding.state
    assert words in finding.text


def test_who_vouches_for_itself_or_is_none(authority: Authority) -> None:
    """No connector knows it."""
    own = new_self_signed("relay.contoso.com", authority.now).pem()[0]

    assert State.BAD is judged(own, "relay.pem", DOMAINS, authority.now).state
    assert State.BAD is judged(b"nothing", "relay.pem", DOMAINS, authority.now).state


def test_without_a_domain_nothing_is_compared(authority: Authority) -> None:
    """We cannot know the tenant's accepted domains."""
    assert State.GOOD is judged(pem(authority, "a.example"), "relay.pem", (), authority.now).state
