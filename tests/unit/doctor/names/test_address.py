"""What Microsoft sees of a connector's relay, as findings."""

from __future__ import annotations

import asyncio

import pytest

from relay365.doctor.finding import State
from relay365.doctor.names import address
from relay365.errors import TransportError

OURS, ZONE = "192.88.99.7", "zen.spamhaus.org"
LISTED, PROBE = f"7.99.88.192.{ZONE}", f"2.0.0.127.{ZONE}"


class Table:
    """Names from a table."""

    def __init__(self, *, silent: bool = False, **records: tuple[str, ...]) -> None:
        self.silent, self.records = silent, dict(records)

    async def ask(self, name: str, kind: str) -> tuple[str, ...]:
        if self.silent:
            raise TransportError("resolve", "timed out")
        return self.records.get(f"{kind} {name}", ())

    async def hosts_of(self, one: str) -> tuple[str, ...]:
        return await self.ask(one, "PTR")

    async def addresses_of(self, host: str) -> tuple[str, ...]:
        return await self.ask(host, "A")


def table(records: dict[str, tuple[str, ...]]) -> Table:
    return Table(**records)


@pytest.mark.parametrize(
    ("seen", "own", "state", "words"),
    [
        (OURS, OURS, State.GOOD, "sees us as 192.88.99.7"),
        (OURS, "192.168.10.5", State.GOOD, "(here 192.168.10.5)"),
        (OURS, "", State.GOOD, "sees us as"),
        ("", "192.168.10.5", State.UNKNOWN, "not known"),
        ("10.1.2.3", "10.1.2.3", State.UNKNOWN, "not public"),
        ("2606:4700::1111", "", State.BAD, "IPv6"),
        (OURS, "100.64.7.7", State.BAD, "100.64.7.7"),
    ],
)
def test_the_address_that_is_seen(seen: str, own: str, state: State, words: str) -> None:
    """Public and IPv4, and not behind carrier-grade NAT."""
    finding = asyncio.run(address.public(seen, own))

    assert state is finding.state
    assert words in finding.text


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ({f"PTR {OURS}": ("relay.contoso.com",), "A relay.contoso.com": (OURS,)}, State.GOOD),
        ({}, State.WARN),
        ({f"PTR {OURS}": ("relay.contoso.com",), "A relay.contoso.com": ("192.0.2.9",)}, State.WARN),
        ({f"PTR {OURS}": ("p7.dsl.isp.example",), "A p7.dsl.isp.example": (OURS,)}, State.WARN),
        ({f"PTR {OURS}": ("static-adslab.isp.example",), "A static-adslab.isp.example": (OURS,)}, State.GOOD),
    ],
)
def test_its_name(records: dict[str, tuple[str, ...]], state: State) -> None:
    """PTR and back; a dial-up word is one only where it stands alone."""
    assert state is asyncio.run(address.named(OURS, table(records))).state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "state"),
    [
        ({f"A {PROBE}": ("127.0.0.2",)}, State.GOOD),
        (
            {f"A {PROBE}": ("127.0.0.2",), f"A {LISTED}": ("127.0.0.4",), f"TXT {LISTED}": ("see there",)},
            State.BAD,
        ),
        ({}, State.UNKNOWN),
        ({f"A {PROBE}": ("127.255.255.254",)}, State.UNKNOWN),
        ({f"A {PROBE}": ("127.0.0.2",), f"A {LISTED}": ("127.255.255.255",)}, State.UNKNOWN),
    ],
)
def test_a_block_list(records: dict[str, tuple[str, ...]], state: State) -> None:
    """Its own test entry comes first; a refusal is neither listed nor not listed."""
    finding = asyncio.run(address.listed(OURS, ZONE, table(records)))  # type: ignore[arg-type]

    assert state is finding.state
    if state is State.UNKNOWN:
        assert "--resolver" in finding.do


def test_silence_is_unknown() -> None:
    """Of both questions."""
    names = Table(silent=True)

    assert State.UNKNOWN is asyncio.run(address.named(OURS, names)).state  # type: ignore[arg-type]
    assert State.UNKNOWN is asyncio.run(address.listed(OURS, ZONE, names)).state  # type: ignore[arg-type]
