"""Connections: how many there may be, and how they end together. Real sockets on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import ipaddress
import logging
import shutil
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay365.clock import SystemClock
from relay365.engine import listener as module
from relay365.engine.listener import TOO_MANY, Access, Listener, SessionCount, drain, look_after
from relay365.engine.reception import Reception
from relay365.engine.session import SHUTTING_DOWN, Session
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.tolerance import DEFAULT
from relay365.net import door
from relay365.net.identity import Identity
from relay365.net.tls import own_certificate, server_context
from relay365.rules.client import NOBODY, Client
from relay365.smtp.offers import Offers
from relay365.spool.memory import MemorySpool
from transcript.standin import LoopClock, OpenGate, reception

HERE = (ipaddress.ip_network("127.0.0.0/8"),)
ELSEWHERE = (ipaddress.ip_network("192.0.2.0/24"),)


class GateOf(OpenGate):
    """Everybody is this client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def client(self, facts: SubmitterFacts) -> Client:
        return self._client


def receiving(
    tls: ssl.SSLContext | None = None, *, is_implicit: bool = False, client: Client = NOBODY
) -> Reception:
    """A reception on the system's clock."""
    offers = Offers("relay.test", starttls=tls is not None)
    here = reception(MemorySpool(SystemClock()), offers=offers, gate=GateOf(client))
    return dataclasses.replace(here, tls=tls, implicit_tls=is_implicit, clock=SystemClock())


@asynccontextmanager
async def listening(count: SessionCount, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A listener on a free port; everything is cut in the end."""
    async with opened(Listener(receiving(tls), count), count) as port:
        yield port


@asynccontextmanager
async def opened(listener: Listener, count: SessionCount) -> AsyncIterator[int]:
    address = await listener.open("127.0.0.1", 0)
    try:
        yield int(address.rpartition(":")[2])
    finally:
        listener.stop()
        await drain(count, 0.0)
        await until_empty(count)


async def until(claim: Callable[[], bool]) -> None:
    """Let the loop run until something is so; the peer is on this loop too."""
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0)


async def until_empty(count: SessionCount) -> None:
    """Every session has been counted out."""
    await until(lambda: not count.sessions)


async def greeting(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return reader, writer, await asyncio.wait_for(reader.readline(), 10)


@pytest.mark.parametrize(
    ("most", "most_per_address", "refusal"),
    [
        (2, 9, b"421 4.3.2 Too many sessions, try later (A50)\r\n"),
        (9, 2, b"421 4.7.0 Too many sessions from your address (A51)\r\n"),
    ],
)
def test_one_too_many_is_told_so(most: int, most_per_address: int, refusal: bytes) -> None:
    """421 instead of a greeting (RFC 5321 3.1), then it closes; the others go on, and a free place is used."""

    async def live() -> None:
        count = SessionCount(most, most_per_address)
        async with listening(count) as port:
            first, second, third = [await greeting(port) for _ in range(3)]
            assert (b"220", b"220", refusal) == (first[2][:3], second[2][:3], third[2])
            assert b"" == await asyncio.wait_for(third[0].read(), 10)
            for _, writer, _ in (second, third):
                writer.close()
            await until(lambda: len(count.sessions) == 1)
            again = await greeting(port)
            assert b"220" == again[2][:3]
            for _, writer, _ in (first, again):
                writer.close()

    asyncio.run(live())


def test_counting_out_twice_is_harmless() -> None:
    """A session that never entered takes no place away."""
    count = SessionCount(1, 1)
    count.leave(object())  # type: ignore[arg-type]

    assert set() == count.sessions


def test_draining_tells_the_idle_and_cuts_the_busy() -> None:
    """A session between messages hears 421; one inside a message is cut when the deadline is over; nobody stays."""

    async def live() -> None:
        count = SessionCount(9, 9)
        async with listening(count) as port:
            idle, busy = await greeting(port), await greeting(port)
            busy[1].write(b"EHLO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nx")
            await asyncio.wait_for(busy[0].readuntil(b"354 "), 10)
            await drain(count, 0.0)
            assert b"421 4.3.2 Service shutting down, try again later (A81)\r\n" == await idle[0].read()
            assert b"Start mail input; end with <CRLF>.<CRLF>\r\n" == await busy[0].read()
            await until_empty(count)
            for _, writer, _ in (idle, busy):
                writer.close()

    asyncio.run(live())


def test_a_peer_that_vanishes_in_the_handshake_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a ClientHello, then gone: one line in the log, and the session is counted out."""
    tls = server_context(*own_certificate(tmp_path, ["localhost"], SystemClock().now()))

    async def live() -> None:
        count = SessionCount(9, 9)
        async with listening(count, tls) as port:
            reader, writer, _ = await greeting(port)
            writer.write(b"EHLO x\r\nSTARTTLS\r\n")
            await asyncio.wait_for(reader.readuntil(b"220 2.0.0 Ready to start TLS\r\n"), 10)
            writer.write(b"\x16\x03\x01\x02\x00\x01")
            await writer.drain()
            writer.transport.abort()
            await until_empty(count)

    with caplog.at_level(logging.INFO, "relay365"):
        asyncio.run(live())
    assert ["tls.failed"] == [record.getMessage().split()[0] for record in caplog.records]


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The names of the events so far, each with the reason or reply at its end."""
    return [record.getMessage() for record in caplog.records if record.name == "relay365.listener"]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return own_certificate(tmp_path_factory.mktemp("own"), ["localhost", "127.0.0.1"], SystemClock().now())


def test_a_limit_of_ones_own_comes_before_that_of_all() -> None:
    """A client whose rule says one session gets the second refused, whatever others may have."""

    async def live() -> None:
        count = SessionCount(9, 9)
        modest = receiving(client=Client(sessions=1, login="optional"))
        async with opened(Listener(modest, count), count) as port:
            first, second = await greeting(port), await greeting(port)
            assert (b"220", b"421 4.7.0") == (first[2][:3], second[2][:9])
            for _, writer, _ in (first, second):
                writer.close()

    asyncio.run(live())


@pytest.mark.parametrize("is_implicit", [False, True])
def test_who_is_not_among_the_hosts_is_sent_away(
    is_implicit: bool, own: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """554 where it can be read, nothing before a handshake; it takes nobody's place."""

    async def live() -> None:
        count, heard = SessionCount(9, 9), b""
        here = receiving(server_context(*own), is_implicit=is_implicit)
        async with opened(Listener(here, count, Access(hosts=ELSEWHERE)), count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            heard = await asyncio.wait_for(reader.read(), 10)
            assert set() == count.sessions
            writer.close()
        assert (b"" if is_implicit else b"554 5.7.1 Address not allowed on this listener (A53)\r\n") == heard

    asyncio.run(live())
    assert 1 == len(events(caplog))
    assert events(caplog)[0].startswith("session.refused peer=127.0.0.1 reply='554 5.7.1")


def test_hosts_are_judged_by_what_a_proxy_says() -> None:
    """Behind a proxy the address that counts is that of its client, for hosts and in the greeting of EHLO."""

    async def live() -> None:
        count, heard = SessionCount(9, 9), []
        access = Access(hosts=ELSEWHERE, proxies=HERE)
        async with opened(Listener(receiving(), count, access), count) as port:
            for source in (b"192.0.2.7", b"198.51.100.7"):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"PROXY TCP4 %s 192.0.2.1 4711 25\r\nEHLO x\r\nQUIT\r\n" % source)
                heard.append(await asyncio.wait_for(reader.read(), 10))
                writer.close()
        assert b"250-relay.test greets [192.0.2.7]\r\n" in heard[0]
        assert b"554 5.7.1" == heard[1][:9]

    asyncio.run(live())


@pytest.mark.parametrize(
    ("is_implicit", "octets", "event"),
    [
        (False, b"\x16\x03\x01\x00\x01", "tls.failed peer=127.0.0.1 reason=it began TLS at once, and this"),
        (False, b"PROXY UNKNOWN\r\n", "proxy.refused peer=127.0.0.1 reason=a PROXY header from an address"),
        (
            True,
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\0",
            "proxy.refused peer=127.0.0.1 reason=a PROXY header from an",
        ),
        (True, b"HELO printer\r\n", "tls.plain-client peer=127.0.0.1 reason=plain client on the TLS port"),
        (True, b"\x80\x2e\x01\x00\x02\x00\x15", "tls.failed peer=127.0.0.1 reason=SSLv2 hello"),
    ],
)
def test_what_cannot_be_let_in_is_in_the_journal(
    is_implicit: bool, octets: bytes, event: str, own: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """One line in words, the connection ends, and the session is counted out."""

    async def live() -> None:
        count = SessionCount(9, 9)
        here = receiving(server_context(*own) if is_implicit else None, is_implicit=is_implicit)
        async with opened(Listener(here, count), count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(octets)
            await asyncio.wait_for(reader.read(), 10)
            await until_empty(count)
            writer.close()

    asyncio.run(live())
    assert [event] == [line[: len(event)] for line in events(caplog)]


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", b"\x16\x03\x01\x00\x01"], ids=["plain", "tls"])
def test_a_proxy_without_its_header_is_in_the_journal(
    octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It takes nobody's place, hears nothing, and the line names its own address."""

    async def live() -> None:
        count = SessionCount(9, 9)
        async with opened(Listener(receiving(), count, Access(proxies=HERE)), count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(octets)
            assert b"" == await asyncio.wait_for(reader.read(), 10)
            assert set() == count.sessions
            writer.close()

    asyncio.run(live())
    reason = "no PROXY header; proxy_from names this address"
    assert [f"proxy.refused peer=127.0.0.1 reason={reason}"] == events(caplog)


def counts_of(count: SessionCount) -> list[dict[str, int]]:
    """What was tolerated, for each session that has begun."""
    return [dict(one._machine.counts.tolerated) for one in count.sessions if one._machine is not None]


def test_a_tolerance_that_was_needed_is_counted(
    own: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TLS at once on a plain port, words before the greeting, plain words on a TLS port: each counts in its session."""
    tolerated: list[dict[str, int]] = []
    monkeypatch.setattr(door, "HOLD_S", 10.0)  # a machine that is busy must not be too late for it

    async def live() -> None:
        count = SessionCount(9, 9)
        client = ssl.create_default_context(cafile=str(own[0].parent / "ca.pem"))
        async with opened(Listener(receiving(server_context(*own)), count), count) as port:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client, server_hostname="localhost"
            )
            await until(lambda: counts_of(count) != [])
            tolerated.extend(counts_of(count))
            writer.transport.abort()
            await until(lambda: counts_of(count) == [])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"EHLO x\r\n")
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"220 ")
            tolerated.extend(counts_of(count))
            writer.transport.abort()
        forgiving = Client(login="optional", tolerances=frozenset({"plain_on_tls_port"}))
        here = receiving(server_context(*own), is_implicit=True, client=forgiving)
        async with opened(Listener(here, count), count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"EHLO x\r\n")
            assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"220 ")
            tolerated.extend(counts_of(count))
            writer.transport.abort()

    asyncio.run(live())
    assert [{"tls_at_once": 1}, {"early_talk": 1}, {"plain_on_tls_port": 1}] == tolerated


def test_who_does_not_wait_for_the_greeting_is_told_so_where_it_must(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without early_talk: 554 and the end, on the wire and in the journal; no command is answered."""
    monkeypatch.setattr(door, "HOLD_S", 10.0)

    async def live() -> bytes:
        count = SessionCount(9, 9)
        strict = Client(login="optional", tolerances=DEFAULT - {"early_talk"})
        async with opened(Listener(receiving(None, client=strict), count), count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"EHLO x\r\n")
            said = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            await until(lambda: not count.sessions)
        return said

    assert b"554 5.5.1 Wait for the greeting (A52)\r\n" == asyncio.run(live())
    assert "session.refused peer=127.0.0.1 reply='554 5.5.1 Wait for the greeting (A52)'" in caplog.text


def test_a_new_certificate_is_shown_to_whoever_comes_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Replaced files are seen without a restart; a session that stands goes on with what it has."""
    for name in ("old", "new"):
        own_certificate(tmp_path / name, ["localhost"], SystemClock().now())

    def put(name: str) -> None:
        for file in ("relay.pem", "relay.key"):
            shutil.copy(tmp_path / name / file, tmp_path / file)

    async def secured(port: int, name: str) -> asyncio.StreamWriter:
        client = ssl.create_default_context(cafile=str(tmp_path / name / "ca.pem"))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client, server_hostname="localhost"
        )
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"220 ")
        return writer

    async def live() -> None:
        put("old")
        identity = Identity(tmp_path / "relay.pem", tmp_path / "relay.key", "office")
        count = SessionCount(9, 9)
        listener = Listener(receiving(identity.context, is_implicit=True), count, Access(identity=identity))
        async with opened(listener, count) as port:
            first = await secured(port, "old")
            put("new")
            await listener.look_after(SystemClock().now())
            second = await secured(port, "new")
            assert 2 == len(count.sessions)
            for writer in (first, second):
                writer.transport.abort()

    with caplog.at_level(logging.INFO, "relay365"):
        asyncio.run(live())
    assert ["certificate.reloaded"] == [line.split()[0] for line in events(caplog)]


def test_a_review_is_reminded_of_daily(caplog: pytest.LogCaptureFixture) -> None:
    """Not on the day itself, then once a day, and the listener goes on."""
    day = dt.datetime(2026, 3, 31, 12, tzinfo=dt.UTC)

    async def live() -> None:
        listener = Listener(receiving(), SessionCount(9, 9), Access(review_by=day.date()))
        for hours in range(0, 60, 6):
            await listener.look_after(day.timestamp() + hours * 3600)

    asyncio.run(live())
    assert ["listener.review-due listener=test review_by=2026-03-31"] * 2 == events(caplog)


def test_listeners_are_looked_after_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, then every half minute, until it is cancelled."""
    seen: list[float] = []

    class Watched(Listener):
        async def look_after(self, now: float) -> None:
            seen.append(asyncio.get_running_loop().time())

    async def live() -> None:
        monkeypatch.setattr(module, "CARE_S", 0.001)
        task = asyncio.get_running_loop().create_task(
            look_after([Watched(receiving(), SessionCount(9, 9))], LoopClock())
        )
        await until(lambda: len(seen) > 2)
        task.cancel()

    asyncio.run(live())
    assert seen == sorted(seen)


def test_draining_ends_handshakes_that_are_not_done(own: tuple[Path, Path]) -> None:
    """A peer that has not begun its session has nothing to lose: it does not hold up the end of the service."""

    async def live() -> None:
        count = SessionCount(9, 9)
        async with opened(Listener(receiving(server_context(*own), is_implicit=True), count), count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await until(lambda: len(count.sessions) == 1)
            await asyncio.wait_for(drain(count, 60.0), 10)
            assert b"" == await asyncio.wait_for(reader.read(), 10)
            writer.close()

    asyncio.run(live())


def test_a_listener_follows_another_reception() -> None:
    """Who comes from then on finds it, with other networks and proxies; a session goes on with its own."""

    async def live() -> None:
        count = SessionCount(9, 9)
        listener = Listener(receiving(), count)
        async with opened(listener, count) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert b"220 relay.test" in await reader.readline()
            way = listener._way
            other = dataclasses.replace(receiving(), offers=Offers("other.test"))
            listener.follow(other, Access(proxies=ELSEWHERE))
            late_reader, late = await asyncio.open_connection("127.0.0.1", port)
            assert b"220 other.test" in await late_reader.readline()
            writer.write(b"EHLO x\r\n")
            assert b"250-relay.test" in await reader.readline()
            assert (way.habits, way.waiting) == (listener._way.habits, listener._way.waiting)
            listener.follow(other, Access(hosts=ELSEWHERE))
            shut_reader, shut = await asyncio.open_connection("127.0.0.1", port)
            assert b"554 5.7.1" in await shut_reader.readline()
            for one in (writer, late, shut):
                one.transport.abort()

    asyncio.run(live())


def test_an_address_can_be_taken_before_anybody_is_let_in() -> None:
    """bind() says whether it can be had; nobody is served before serve()."""

    async def live() -> None:
        count = SessionCount(9, 9)
        listener = Listener(receiving(), count)
        port = int((await listener.bind("127.0.0.1", 0)).rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await listener.serve()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"220" in await reader.readline()
        writer.transport.abort()
        listener.stop()
        await until_empty(count)

    asyncio.run(live())


def test_a_certificate_that_was_looked_at_for_a_reception_that_is_gone() -> None:
    """A look takes a while; a listener that follows another file meanwhile does not get the old one back."""

    async def live() -> None:
        began, go_on = threading.Event(), threading.Event()

        class Slow(Identity):
            def __init__(self) -> None:
                pass

            def look(self, now: float) -> ssl.SSLContext | None:
                began.set()
                go_on.wait(10)
                return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

        listener = Listener(receiving(), SessionCount(9, 9), Access(identity=Slow()))
        looking = asyncio.ensure_future(listener.look_after(0.0))
        await asyncio.to_thread(began.wait, 10)
        listener.follow(receiving(), Access())
        go_on.set()
        await looking
        assert listener._reception.tls is None
        assert listener._way.tls is None

    asyncio.run(live())


def test_nobody_new_while_no_mail_is_taken() -> None:
    """Everybody hears the same reply, whatever the limits are; whoever is counted in goes on."""

    async def story() -> None:
        count = SessionCount(1, 1)
        first, second = (Session(reception(MemorySpool(SystemClock())), count.leave) for _ in range(2))
        before = count.enter(first)
        count.closed = SHUTTING_DOWN
        during = count.enter(second)
        count.leave(second)
        count.closed = None

        assert (None, SHUTTING_DOWN, TOO_MANY) == (before, during, count.enter(second))

    asyncio.run(story())
