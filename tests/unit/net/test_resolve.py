"""MX records from a name server on loopback: what there is, that there is none, and that nobody can say."""

from __future__ import annotations

import asyncio

import dns.rcode
import pytest

from fakes.names import Names, names
from relay365.errors import TransportError
from relay365.net import resolve
from relay365.net.resolve import MxHosts, NameServer, mx_of


def ask(domain: str, **facts: object) -> MxHosts:
    """The answer of a server with these facts."""

    async def run() -> MxHosts:
        async with names() as server:
            _set(server, facts)
            return await mx_of(domain, NameServer("127.0.0.1", server.port))

    return asyncio.run(run())


def _set(server: Names, facts: dict[str, object]) -> None:
    for name, value in facts.items():
        setattr(server, name, value)


def test_the_preferred_host_is_first() -> None:
    """By preference, without the last dot, with the life of the answer."""
    records = {
        "contoso.com": ["20 b.mail.protection.outlook.com.", "0 contoso-com.mail.protection.outlook.com."]
    }

    hosts = ("contoso-com.mail.protection.outlook.com", "b.mail.protection.outlook.com")
    assert MxHosts(hosts, 300.0) == ask("contoso.com", records=records)


@pytest.mark.parametrize("records", [{}, {"contoso.com": []}, {"contoso.com": ["0 ."]}])
def test_no_record_is_an_answer(records: dict[str, list[str]]) -> None:
    """No such domain, a domain without MX, and one that takes no mail (RFC 7505)."""
    assert () == ask("contoso.com", records=records).hosts


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED])
def test_a_server_that_cannot_say_is_no_answer(rcode: dns.rcode.Rcode) -> None:
    """The mail waits; it is not taken for a domain without MX."""
    with pytest.raises(TransportError, match=r"resolve: MX of contoso\.com") as error:
        ask("contoso.com", rcode=rcode)

    assert "resolve" == error.value.phase


def test_silence_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever for a name."""
    monkeypatch.setattr(resolve, "ANSWER_S", 0.2)
    with pytest.raises(TransportError) as error:
        ask("contoso.com", is_silent=True)

    assert "resolve" == error.value.phase


def test_what_is_no_name_is_no_answer() -> None:
    """A label that is too long for DNS."""
    with pytest.raises(TransportError):
        ask("x" * 64 + ".com")
