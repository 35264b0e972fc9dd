"""Networks, their width, and which come first."""

from __future__ import annotations

import ipaddress

import pytest

from relay365.moving.draft import Draft
from relay365.moving.finding import Findings, State
from relay365.moving.network import Networks, is_public, network_of, too_wide


@pytest.mark.parametrize(
    ("text", "expected", "dropped"),
    [
        ("192.168.10.5", "192.168.10.5/32", False),
        ("192.168.10.5/24", "192.168.10.0/24", True),
        ("[::1]/128", "::1/128", False),
        ("[fd00::]/64", "fd00::/64", False),
        ("[::ffff:127.0.0.0]/104", "127.0.0.0/8", False),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8", False),
    ],
)
def test_a_network_is_read(text: str, expected: str, *, dropped: bool) -> None:
    """With brackets, masks and IPv4 in IPv6; bits behind the mask are dropped and that is said."""
    assert (expected, dropped) == (str(network_of(text)[0]), network_of(text)[1])


@pytest.mark.parametrize(
    ("network", "word"),
    [
        ("192.168.0.0/16", "65,536 hosts"),
        ("192.168.0.0/22", ""),
        ("192.168.0.0/21", "2,048 hosts"),
        ("127.0.0.0/8", ""),
        ("20.40.60.80/32", "1 public address:"),
        ("0.0.0.0/0", "public"),
        ("fd00::/64", ""),
        ("fd00::/48", "/48"),
        ("fe80::/64", ""),
        ("::/0", "public"),
        ("10.0.0.0/7", "public"),
    ],
)
def test_a_wide_network_is_looked_at(network: str, word: str) -> None:
    """More than four /24, any public address, more than one link of IPv6."""
    said = too_wide(ipaddress.ip_network(network))

    assert (word in said, bool(word)) == (True, bool(said))


def test_everything_is_public() -> None:
    """0.0.0.0/0 begins and ends with addresses that are nobody's, and is everybody's all the same."""
    assert [True, True, False, False] == [
        is_public(ipaddress.ip_network(one)) for one in ("0.0.0.0/0", "20.0.0.0/8", "10.0.0.0/8", "fc00::/7")
    ]


def test_each_network_stands_once() -> None:
    """Twins are told; what is no network is not understood; an exclusion stands first and asks for a login."""
    draft, findings = Draft("x"), Findings()
    networks = Networks(draft, findings, {"per_minute": 5})
    for text in ("10.1.0.0/24", "10.1.0.0/24", "x"):
        networks.allow(text, "f:1")
    networks.exclude("10.1.0.9", "f:2")
    networks.exclude("10.1.0.0/24", "f:3")
    networks.exclude("y", "f:4")

    assert [{"network": "10.1.0.0/24", "per_minute": 5}, {"network": "10.1.0.9/32", "login": "required"}] == [
        one.keys for one in draft.entries("allow")
    ]
    assert [False, True] == [one.is_first for one in draft.entries("allow")]
    assert [State.OK, State.OK, State.UNKNOWN, State.OK, State.OK, State.UNKNOWN] == [
        one.state for one in findings
    ]
