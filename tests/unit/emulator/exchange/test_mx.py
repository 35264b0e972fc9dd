"""Whose mail the MX host takes for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fakes.clock import FakeClock
from relay365.emulator.directory import Directory
from relay365.emulator.exchange.judge import Envelope, Guest, Letter
from relay365.emulator.exchange.mx import MxHost
from relay365.emulator.moods import Moods

OURS, FOREIGN, OUTSIDE, INSIDE = (
    "erp@contoso.com",
    "x@elsewhere.example",
    "lena@fabrikam.example",
    "scan@contoso.com",
)
NAMED, OTHER = ("relay.contoso.com",), ("relay.elsewhere.example",)
BY_NAME = {"certificate": "relay.contoso.com"}
BY_IP = {"sender_ips": ("192.0.2.0/24",)}
IP = "192.0.2.7"


@pytest.fixture
def said(directory_of: Callable[..., Directory], clock: FakeClock) -> Callable[..., str]:
    """What the host says to a recipient, by connectors, guest, sender and tenant."""

    def say(
        connectors: list[dict[str, Any]], guest: Guest, sender: str, recipient: str, **tenant: Any
    ) -> str:
        directory = directory_of(tenant=tenant)
        directory.change_connectors(connectors)
        return MxHost(directory, Moods(clock), clock).rcpt(guest, Envelope(sender), recipient).text

    return say


@pytest.mark.parametrize(
    ("connector", "guest", "sender", "text"),
    [
        (BY_NAME, Guest(names=NAMED), OURS, "recipient-ok"),
        (BY_NAME, Guest(names=NAMED), FOREIGN, "recipient-ok"),  # the certificate's domain is accepted
        (BY_NAME, Guest(names=NAMED), "", "recipient-ok"),
        (BY_NAME, Guest(names=()), OURS, "relay-denied"),
        (BY_NAME, Guest(names=OTHER), OURS, "relay-denied"),
        ({"certificate": "*.contoso.com"}, Guest(names=NAMED), OURS, "recipient-ok"),
        ({"certificate": "*.contoso.com"}, Guest(names=("a.b.contoso.com",)), OURS, "relay-denied"),
        ({"certificate": "*.contoso.com"}, Guest(names=("*.contoso.com",)), OURS, "recipient-ok"),
        ({"certificate": "relay.elsewhere.example"}, Guest(names=OTHER), OURS, "recipient-ok"),
        ({"certificate": "relay.elsewhere.example"}, Guest(names=OTHER), FOREIGN, "relay-denied"),
        ({"certificate": "relay.elsewhere.example"}, Guest(names=OTHER), "", "relay-denied"),
        (BY_IP, Guest(ip=IP), OURS, "recipient-ok"),
        (BY_IP, Guest(ip=IP), FOREIGN, "relay-denied"),
        (BY_IP, Guest(ip=IP), "", "relay-denied"),
        (BY_IP, Guest(ip="198.51.100.1"), OURS, "relay-denied"),
        (BY_IP, Guest(ip="2001:db8::1"), OURS, "relay-denied"),
        (BY_NAME | {"enabled": False}, Guest(names=NAMED), OURS, "relay-denied"),
        (BY_NAME | {"type": "Partner"}, Guest(names=NAMED), OURS, "relay-denied"),
    ],
)
def test_the_way_out(
    said: Callable[..., str], connector: dict[str, Any], guest: Guest, sender: str, text: str
) -> None:
    """Out goes what is the tenant's by certificate or sender, from a client that an OnPremises connector knows."""
    assert text == said([connector], guest, sender, OUTSIDE)


@pytest.mark.parametrize(
    ("connectors", "guest", "sender", "recipient", "tenant", "text"),
    [
        ([], Guest(), FOREIGN, INSIDE, {}, "recipient-ok"),
        ([], Guest(), OURS, INSIDE, {}, "recipient-ok"),
        ([], Guest(), FOREIGN, "scanner@contoso.com", {}, "recipient-ok"),
        ([], Guest(), FOREIGN, "gone@contoso.com", {}, "edge-block"),
        ([], Guest(), FOREIGN, "gone@contoso.com", {"recipients": ("@contoso.com",)}, "recipient-ok"),
        ([], Guest(), FOREIGN, INSIDE, {"licences": 0}, "no-subscription"),
        ([], Guest(), OURS, INSIDE, {"reject_direct_send": True}, "direct-send"),
        ([], Guest(), FOREIGN, INSIDE, {"reject_direct_send": True}, "recipient-ok"),
        ([], Guest(), OURS, "gone@contoso.com", {"reject_direct_send": True}, "direct-send"),
        ([BY_IP], Guest(ip=IP), OURS, INSIDE, {"reject_direct_send": True}, "recipient-ok"),
        ([BY_IP | {"type": "Partner"}], Guest(ip=IP), OURS, INSIDE, {"reject_direct_send": True}, "recipient-ok"),
        ([BY_IP | {"type": "Partner", "restrict": "ip"}], Guest(), FOREIGN, INSIDE, {}, "partner-only"),
        ([BY_IP | {"type": "Partner", "restrict": "ip"}], Guest(ip=IP), FOREIGN, INSIDE, {}, "recipient-ok"),
        (
            [BY_NAME | {"type": "Partner", "restrict": "certificate"}], Guest(names=NAMED), FOREIGN, INSIDE, {},
            "recipient-ok",
        ),
        (
            [BY_NAME | {"type": "Partner", "restrict": "certificate"}], Guest(), FOREIGN, INSIDE, {}, "partner-only",
        ),
        (
            [BY_NAME | {"type": "Partner", "restrict": "ip", "sender_domains": ("*.example",)}], Guest(), OURS, INSIDE,
            {}, "recipient-ok",
        ),
        (
            [BY_NAME | {"type": "Partner", "restrict": "certificate"}, BY_IP], Guest(ip=IP), OURS, INSIDE, {},
            "recipient-ok",
        ),
    ],
)  # fmt: skip
def test_the_way_in(
    said: Callable[..., str],
    connectors: list[dict[str, Any]],
    guest: Guest,
    sender: str,
    recipient: str,
    tenant: dict[str, Any],
    text: str,
) -> None:
    """Inside anybody may send, but for what is shut; whose mail it is comes before whether the recipient exists."""
    assert text == said(connectors, guest, sender, recipient, **tenant)


def test_moods_and_sizes(directory_of: Callable[..., Directory], clock: FakeClock) -> None:
    """A mood of the MX host speaks with the client's address; too large is refused at MAIL and at the dot."""
    moods = Moods(clock)
    host = MxHost(directory_of(), moods, clock)
    moods.add({"name": "reply", "at": "rcpt", "text": "server-busy", "service": "mx", "count": 1})
    busy = host.rcpt(Guest(ip=IP), Envelope(OURS), INSIDE)

    assert ("server-busy", IP) == (busy.text, busy.facts["ip"])
    assert ["too-big", "sender-ok"] == [
        host.mail(Guest(), OURS, size).text for size in (157_286_401, 157_286_400)
    ]
    assert ["too-big", "accepted"] == [
        host.dot(Guest(), Letter(OURS, (INSIDE,), "", size)).text for size in (157_286_401, 157_286_400)
    ]
    assert "auth-mechanism" == host.login("LOGIN", OURS, "right")[0].text
