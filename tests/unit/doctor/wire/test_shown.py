"""A certificate in words: whom it fits, how long it holds, and whether it is weak."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from fakes.mailserver import Authority
from relay365.doctor.wire.shown import Certificate, is_address, read
from relay365.emulator.certificates import new_leaf, new_self_signed

DAY_S = 86_400.0


def der(pair) -> bytes:
    return pair.certificate.public_bytes(Encoding.DER)


def shown(authority: Authority, *names: str, days: int = 100) -> Certificate:
    found = read((der(new_leaf(authority.pair, list(names), authority.now, days=days)), der(authority.pair)))
    assert found is not None
    return found


def test_what_stands_in_it(authority: Authority) -> None:
    """Subject, issuer, names, dates, key and the number that came."""
    one = shown(authority, "mail.contoso.com", "192.168.10.5")

    assert ("CN=mail.contoso.com", "CN=an authority of the test") == (one.subject, one.issuer)
    assert ("mail.contoso.com", "192.168.10.5") == one.names
    assert ("RSA 2048", "sha256", 2) == (one.key, one.signed_with, one.n_sent)
    assert (False, False) == (one.is_self_signed, one.is_weak)


@pytest.mark.parametrize(
    ("name", "host", "fits"),
    [
        ("mail.contoso.com", "MAIL.contoso.com.", True),
        ("*.contoso.com", "mail.contoso.com", True),
        ("*.contoso.com", "contoso.com", False),
        ("*.contoso.com", "a.mail.contoso.com", False),
        ("mail.contoso.com", "contoso.com", False),
        ("192.168.10.5", "192.168.10.5", True),
        ("192.168.10.5", "192.168.10.6", False),
    ],
)
def test_whom_it_fits(name: str, host: str, fits: bool, authority: Authority) -> None:
    """One star stands for one label, and only the first."""
    day = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
    blank = Certificate("", "", (), day, day, "", "", 1, False, False)

    assert fits is replace(blank, names=(name,)).fits(host)


def test_its_days(authority: Authority) -> None:
    """Days are whole, and negative once it has ended."""
    one, ended = shown(authority, "a.test", days=100), shown(authority, "a.test", days=-1)

    assert 99 <= one.days_left(authority.now) <= 100
    assert (True, False) == (one.holds(authority.now), one.holds(authority.now + 101 * DAY_S))
    assert ended.days_left(authority.now) < 0 and not ended.holds(authority.now)


def test_who_vouches_for_itself(authority: Authority) -> None:
    """Subject and issuer are one."""
    found = read((der(new_self_signed("nas01", authority.now)),))

    assert found is not None
    assert found.is_self_signed


@pytest.mark.parametrize("sent", [(), (b"no certificate",)])
def test_what_cannot_be_read_is_none(sent: tuple[bytes, ...]) -> None:
    """Nothing is raised for what a server sends."""
    assert read(sent) is None


def test_an_address_is_no_name() -> None:
    """IPv4 and IPv6."""
    assert (True, True, False) == (is_address("10.0.0.1"), is_address("::1"), is_address("a.test"))
