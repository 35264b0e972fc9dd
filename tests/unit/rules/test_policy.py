"""Who may send: deny by default, the first rule that fits decides."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.mail.envelope import ForwardPath, SubmitterFacts
from relay365.rules.policy import LOGIN_NEEDED, TLS_NEEDED, AllowRule, Policy


@dataclass(frozen=True)
class Mail:
    """A MAIL as the session hands it over."""

    reverse_path: str = "scan@contoso.com"


def _policy(*rules: tuple[str, str], tls: bool = False, auth: bool = False) -> Policy:
    made = tuple(AllowRule(n, ipaddress.ip_network(net), login) for n, (net, login) in enumerate(rules, 1))
    return Policy(made, require_tls=tls, require_auth=auth)


def _facts(address: str = "192.168.10.31", *, tls: str = "", login: str = "") -> SubmitterFacts:
    return SubmitterFacts("lan", address, tls=tls, login=login)


@settings(deadline=None)
@given(st.ip_addresses())
def test_without_a_rule_nobody_may_send(address: ipaddress.IPv4Address) -> None:
    """Deny by default, from every address there is, the machine's own too."""
    reply = _policy().mail(_facts(str(address)), Mail())

    assert reply is not None
    assert "550 5.7.1" == str(reply)[:9]


@pytest.mark.parametrize("address", ["", "printer", "unix", "999.1.1.1", "192.168.10.31 "])
def test_an_address_that_is_none_matches_nothing(address: str) -> None:
    """What cannot be read is refused, not allowed."""
    assert _policy(("0.0.0.0/0", "optional"), ("::/0", "optional")).mail(_facts(address), Mail()) is not None


def test_the_first_rule_that_fits_decides() -> None:
    """A narrow rule in front of a wide one is an exception to it, behind it it is nothing."""
    narrow, wide = ("192.168.10.31/32", "required"), ("192.168.10.0/24", "optional")

    assert LOGIN_NEEDED == _policy(narrow, wide).mail(_facts(), Mail())
    assert _policy(wide, narrow).mail(_facts(), Mail()) is None
    assert "allow 1: network 192.168.10.31/32" == _policy(narrow, wide).judge(_facts()).rule


def test_a_mapped_address_is_the_address_it_maps() -> None:
    """A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d; a zone does not matter."""
    policy = _policy(("192.168.10.0/24", "optional"), ("fe80::/10", "optional"))

    assert policy.mail(_facts("::ffff:192.168.10.31"), Mail()) is None
    assert policy.mail(_facts("fe80::1%eth0"), Mail()) is None
    assert policy.mail(_facts("::ffff:10.0.0.1"), Mail()) is not None


def test_a_login_is_welcome_from_everywhere() -> None:
    """Whoever has logged in needs no network."""
    verdict = _policy(auth=True).judge(_facts("203.0.113.9", login="canon"))

    assert (None, "login canon") == (verdict.reply, verdict.rule)


def test_a_listener_can_ask_for_a_login_of_everybody() -> None:
    """require_auth stands above every network."""
    assert LOGIN_NEEDED == _policy(("192.168.10.0/24", "optional"), auth=True).mail(_facts(), Mail())


def test_a_listener_can_ask_for_tls_of_everybody() -> None:
    """Before STARTTLS nothing is taken, not even with a login (RFC 3207 4)."""
    policy = _policy(("192.168.10.0/24", "optional"), tls=True)

    assert TLS_NEEDED == policy.mail(_facts(login="canon"), Mail())
    assert policy.mail(_facts(tls="TLSv1.3"), Mail()) is None


def test_memory_is_bounded() -> None:
    """A scan over a million addresses does not grow the memory of decisions for ever."""
    policy = _policy(("10.0.0.0/8", "optional"))
    for n in range(10_500):
        policy.judge(_facts(str(ipaddress.IPv4Address(0x0A000000 + n))))

    assert len(policy._verdict_by_address) <= 10_001


def test_greeting_and_recipients_are_open() -> None:
    """Nobody is refused at the greeting, because a login may follow; whoever may send may send to anybody."""
    policy = _policy()

    assert policy.connect("203.0.113.9") is None
    assert policy.rcpt(_facts(), ForwardPath("lena@fabrikam.com")) is None
