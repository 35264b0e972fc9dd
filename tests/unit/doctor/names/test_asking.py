"""Names, asked of a real name server: an answer, "there is none", and silence are three things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from fakes.dnsserver import DnsServer, txt
from relay365.config import split_host_port
from relay365.doctor.names import asking
from relay365.doctor.names.asking import Names, reversed_of
from relay365.errors import TransportError
from relay365.net.resolve import NameServer

LONG = "v=spf1 " + " ".join(f"ip4:192.0.2.{n}" for n in range(80)) + " -all"
RECORDS = {
    ("contoso.com", "TXT"): txt("short", LONG),
    ("contoso.com", "MX"): ["10 b.contoso.com.", "5 a.contoso.com."],
    ("alias.contoso.com", "CNAME"): ["target.contoso.com."],
    ("a.contoso.com", "A"): ["192.0.2.5"],
    ("a.contoso.com", "AAAA"): ["2001:db8::5"],
    ("5.2.0.192.in-addr.arpa", "PTR"): ["a.contoso.com."],
}


@pytest.fixture
def server() -> DnsServer:
    return DnsServer(dict(RECORDS), codes={"broken.test": "SERVFAIL", "closed.test": "REFUSED"})


@pytest.fixture
def names(server: DnsServer) -> Iterator[Names]:
    with server.running() as where:
        yield Names(NameServer(*split_host_port(where)))


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("contoso.com", "MX", ("10 b.contoso.com", "5 a.contoso.com")),
        ("alias.contoso.com", "CNAME", ("target.contoso.com",)),
        ("a.contoso.com", "A", ("192.0.2.5",)),
        ("contoso.com", "CNAME", ()),
        ("nobody.test", "TXT", ()),
    ],
)
def test_answers_are_texts(name: str, kind: str, answer: tuple[str, ...], names: Names) -> None:
    """Hosts without their last dot; no record of the kind and no such name are both an empty answer."""
    assert answer == asyncio.run(names.ask(name, kind))


def test_a_long_text_is_one(names: Names) -> None:
    """It comes in pieces, and by TCP because it is too long for UDP."""
    assert ("short", LONG) == asyncio.run(names.ask("contoso.com", "TXT"))


def test_an_address_has_names_and_a_name_addresses(names: Names) -> None:
    """PTR, and IPv4 before IPv6."""
    assert ("a.contoso.com",) == asyncio.run(names.hosts_of("192.0.2.5"))
    assert ("192.0.2.5", "2001:db8::5") == asyncio.run(names.addresses_of("a.contoso.com"))


@pytest.mark.parametrize("name", ["broken.test", "closed.test"])
def test_a_broken_answer_is_no_answer(name: str, names: Names) -> None:
    """SERVFAIL and REFUSED do not say that there is no record."""
    with pytest.raises(TransportError, match="TXT of"):
        asyncio.run(names.ask(name, "TXT"))


def test_silence_is_no_answer(server: DnsServer, names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a name server that says nothing."""
    monkeypatch.setattr(asking, "ANSWER_S", 0.3)
    server.silent.add("*")
    with pytest.raises(TransportError) as error:
        asyncio.run(names.ask("contoso.com", "TXT"))

    assert "resolve" == error.value.phase


def test_an_address_backwards() -> None:
    """As block lists want it, both families."""
    assert "7.113.0.203" == reversed_of("203.0.113.7")
    assert reversed_of("2001:db8::1").startswith("1.0.0.0.") and reversed_of("2001:db8::1").endswith(
        "8.b.d.0.1.0.0.2"
    )
