"""Connections: how many there may be, and how they end together. Real sockets on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from relay365.clock import SystemClock
from relay365.engine.listener import Listener, SessionCount, drain
from relay365.net.tls import own_certificate, server_context
from relay365.smtp.offers import Offers
from relay365.spool.memory import MemorySpool
from transcript.standin import reception


@asynccontextmanager
async def listening(count: SessionCount, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A listener on a free port; everything is cut in the end."""
    offers = Offers("relay.test", starttls=tls is not None)
    here = dataclasses.replace(
        reception(MemorySpool(SystemClock()), offers=offers), tls=tls, clock=SystemClock()
    )
    listener = Listener(here, count)
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
        (2, 9, b"421 4.3.2 Too many sessions, try again later\r\n"),
        (9, 2, b"421 4.7.0 Too many sessions from your address, try again later\r\n"),
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
            assert b"421 4.3.2 Service shutting down, try again later\r\n" == await idle[0].read()
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
