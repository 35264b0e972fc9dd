"""The open relay that is refused, and the offices that are not."""

from __future__ import annotations

import pytest

from relay365.cli.setup.config import SMARTHOST
from relay365.config import open_relay_risk, parse


def _risk(address: str, network: str, listener: str = "", allow: str = "") -> str:
    text = f'[server]\ndata = "d"\n[[listener]]\naddress = "{address}"\n{listener}\n'
    return open_relay_risk(parse(f'{text}[[allow]]\nnetwork = "{network}"\n{allow}\n{SMARTHOST}', "f"))


@pytest.mark.parametrize(
    "address", ["0.0.0.0:25", "[::]:25", "8.8.4.4:25", "relay.contoso.com:25", "[2001:4860::1]:25"]
)
@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "0.0.0.0/1", "8.0.0.0/8", "::/0", "2000::/3", "2001:4860::/31"]
)
def test_strangers_at_a_public_listener_are_refused(address: str, network: str) -> None:
    """A public address, a network that no organisation owns, no login: that is an open relay."""
    assert network in _risk(address, network)


@pytest.mark.parametrize(
    ("address", "network", "listener", "allow"),
    [
        ("192.168.10.5:25", "0.0.0.0/0", "", ""),
        ("127.0.0.1:25", "0.0.0.0/0", "", ""),
        ("localhost:25", "0.0.0.0/0", "", ""),
        ("0.0.0.0:25", "192.168.0.0/16", "", ""),
        ("0.0.0.0:25", "10.0.0.0/8", "", ""),
        ("0.0.0.0:25", "8.8.4.0/24", "", ""),
        ("[::]:25", "fd00::/8", "", ""),
        ("0.0.0.0:25", "0.0.0.0/0", "require_auth = true", ""),
        ("0.0.0.0:25", "0.0.0.0/0", "", 'login = "required"'),
    ],
)
def test_an_office_is_no_open_relay(address: str, network: str, listener: str, allow: str) -> None:
    """Private listeners, own networks and logins are all well."""
    assert "" == _risk(address, network, listener, allow)


@pytest.mark.parametrize(
    ("match", "more", "expected"),
    [
        ('address = ["10.0.0.1", "0.0.0.0/0"]', "", True),
        ('address = "0.0.0.0/0"', 'login = "never"', True),
        ('address = "0.0.0.0/0", helo = "canon"', "", True),
        ('address = "0.0.0.0/0"', 'login = "required"', False),
        ('address = "0.0.0.0/0", login = "canon"', "", False),
        ('address = "8.8.4.0/24"', "", False),
        ('helo = "canon"', "", False),
        ('login = "canon"', "", False),
    ],
)
def test_a_device_that_is_everybody_is_an_open_relay(match: str, more: str, expected: bool) -> None:
    """A device by a world of addresses is one, whatever it calls itself; by its login, or asked for one, it is none."""
    device = f'[[device]]\nname = "canon"\nmatch = {{ {match} }}\n{more}\n'
    text = f'[server]\ndata = "d"\n[[listener]]\naddress = "0.0.0.0:25"\n{device}{SMARTHOST}'

    assert expected == ("[[device]] canon: address 0.0.0.0/0" in open_relay_risk(parse(text, "f")))
