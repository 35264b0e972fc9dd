"""Our own listeners, asked as devices ask: in front of fake ones that are as good or bad as they should be."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fakes.mailserver import Authority, MailServer, old_only, rsa_only
from relay365.config import Listener
from relay365.doctor.finding import Finding, State
from relay365.doctor.lan import listeners
from relay365.doctor.lan.listeners import Gate

TODAY = dt.date(2026, 11, 30)
LEGACY: dict[str, Any] = {"ciphers": "legacy", "hosts": ["127.0.0.0/8"], "review_by": "2027-06-30"}


def gate(address: str, **keys: Any) -> Gate:
    return Gate(Listener.model_validate({"address": address, **keys}), Path("relay365.toml"))


def asked(server: MailServer, ask: Callable[[Gate], Awaitable[Finding]], **keys: Any) -> Finding:
    with server.running() as where:
        return asyncio.run(ask(gate(where, **keys)))  # type: ignore[arg-type]


def test_where_it_is_reached() -> None:
    """All addresses are reached by this machine's own; a v6 address loses its brackets."""
    assert ("127.0.0.1", 25) == gate("0.0.0.0:25").place
    assert ("::1", 25) == gate("[::]:25").place
    assert ("192.168.10.5", 587) == gate("192.168.10.5:587").place


def test_whom_a_listener_takes_for_a_proxy_or_keeps_out() -> None:
    """By the address that we come from, which is its own."""
    assert gate("127.0.0.1:25", proxy_from=["127.0.0.0/8"]).is_behind_proxy
    assert not gate("127.0.0.1:25", proxy_from=["10.0.0.0/8"]).is_behind_proxy
    assert gate("127.0.0.1:25", hosts=["10.0.0.0/8"]).keeps_us_out
    assert not gate("127.0.0.1:25").keeps_us_out


def test_the_service_runs_or_not(tmp_path: Path) -> None:
    """By the lock of its data directory."""
    from relay365.spool.lock import DirectoryLock

    stopped = asyncio.run(listeners.service(tmp_path, Path("relay365.toml")))
    lock = DirectoryLock(tmp_path)
    lock.take()
    running = asyncio.run(listeners.service(tmp_path, Path("relay365.toml")))
    lock.release()

    assert (State.BAD, State.GOOD) == (stopped.state, running.state)
    assert "relay365 run --config relay365.toml" in stopped.do
    assert State.BAD is asyncio.run(listeners.service(tmp_path / "gone", Path("f"))).state


def test_it_answers(authority: Authority) -> None:
    """And says how a printer's network would ask."""
    finding = asked(MailServer(authority.context()), listeners.answers)

    assert State.GOOD is finding.state
    assert "relay365 probe 127.0.0.1:" in finding.text


@pytest.mark.parametrize(
    ("server", "keys", "state", "words"),
    [
        (MailServer(), {}, State.BAD, "offers no STARTTLS"),
        (MailServer(), {"tls": "none"}, State.GOOD, "answers here"),
        (MailServer(greeting="421 4.3.2 too many sessions"), {}, State.BAD, "greets with a refusal"),
        (MailServer(greeting="HTTP/1.1 400"), {}, State.BAD, "does not answer"),
        (MailServer(greeting="HTTP/1.1 400"), {"hosts": ["10.0.0.0/8"]}, State.UNKNOWN, "turns us away"),
    ],
)
def test_what_may_be_wrong(server: MailServer, keys: dict[str, Any], state: State, words: str) -> None:
    """No STARTTLS, a refusal, another service; and who is kept out cannot judge."""
    finding = asked(server, listeners.answers, **keys)

    assert state is finding.state
    assert words in finding.text


def test_a_port_of_its_own() -> None:
    """Port 0 is no port that a device can be given."""
    assert State.WARN is asyncio.run(listeners.answers(gate("127.0.0.1:0"))).state
    assert State.BAD is asyncio.run(listeners.answers(gate("127.0.0.1:9"))).state


def test_a_proxy_header_is_said_where_it_is_waited_for(authority: Authority) -> None:
    """Before anything else."""
    server = MailServer(authority.context())
    asked(server, listeners.answers, proxy_from=["127.0.0.0/8"])

    assert ["PROXY UNKNOWN", "EHLO doctor.relay365.example"] == server.heard[:2]


def test_a_certificate(authority: Authority) -> None:
    """Good; ended; about to; and for another name."""
    states = [
        asked(
            MailServer(authority.context(**made)), lambda one: listeners.certificate(one, authority.now)
        ).state
        for made in ({}, {"days": -1}, {"days": 9}, {"names": ["other.test"]})
    ]

    assert [State.GOOD, State.BAD, State.WARN, State.WARN] == states


def test_a_listener_with_tls_at_once(authority: Authority) -> None:
    """The handshake comes before the greeting."""
    server = MailServer(authority.context(), at_once=True)

    assert State.GOOD is asked(server, listeners.answers, tls="implicit").state
    server = MailServer(authority.context(), at_once=True)
    assert (
        State.GOOD
        is asked(server, lambda one: listeners.certificate(one, authority.now), tls="implicit").state
    )


def test_printers(authority: Authority) -> None:
    """RSA key exchange is there, or the finding names the key of the file."""
    narrow = authority.context()
    narrow.set_ciphers("ECDHE+AESGCM")

    assert State.GOOD is asked(MailServer(rsa_only(authority.context())), listeners.printers).state
    finding = asked(MailServer(narrow), listeners.printers)
    assert State.WARN is finding.state
    assert 'ciphers = "office"' in finding.do


def test_old_machines(authority: Authority) -> None:
    """TLS 1.0 is taken; a review that is due is said, and one that is not is not."""

    def ask(day: dt.date) -> Finding:
        server = MailServer(old_only(authority.context()))
        return asked(server, lambda one: listeners.old_machines(one, day), **LEGACY)

    assert State.GOOD is ask(TODAY).state
    assert "reviewed by 2027-06-30" in ask(dt.date(2027, 7, 1)).text


def test_a_relay_that_is_only_starting_gets_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its data directory before it listens; one that never listens is told after that moment."""
    monkeypatch.setattr(listeners, "STARTING_S", 5.0)
    with MailServer().running() as where:
        pass
    port = int(where.rpartition(":")[2])

    async def scene() -> Finding:
        asking = asyncio.ensure_future(listeners.answers(gate(where, tls="none")))
        await asyncio.sleep(0.5)

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 x\r\n")
            await reader.readline()
            writer.write(b"250 x\r\n")
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", port)
        try:
            return await asking
        finally:
            server.close()

    late = asyncio.run(scene())
    monkeypatch.setattr(listeners, "STARTING_S", 0.3)
    never = asyncio.run(listeners.answers(gate(where, tls="none")))

    assert (State.GOOD, State.BAD) == (late.state, never.state)
