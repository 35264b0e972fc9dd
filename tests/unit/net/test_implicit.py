"""TLS at once: a peer is announced before its handshake, and whatever becomes of it is told once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvloop

from relay365.clock import SystemClock
from relay365.net import implicit
from relay365.net.implicit import listen_tls
from relay365.net.stream import Stream
from relay365.net.tls import own_certificate, server_context

DEADLINE_S = 10.0
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@dataclass
class Host:
    """Says yes to the first `room` guests, and writes down what it is told."""

    room: int = 9
    told: list[str] = field(default_factory=list)
    stream: Stream | None = None

    def arrived(self, peer: tuple[str, int]) -> bool:
        self.told.append(f"arrived {peer[0]}")
        self.room -= 1
        return self.room >= 0

    def connected(self, stream: Stream) -> None:
        self.told.append(f"connected {stream.tls[:4]}")
        self.stream = stream

    def octets_received(self, octets: bytes) -> None:
        self.told.append(octets.decode())

    def eof_received(self) -> None:
        pass

    def disconnected(self, error: Exception | None) -> None:
        self.told.append(f"disconnected {type(error).__name__}")

    async def hears(self, *told: str) -> None:
        """Wait until exactly this has been told."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.told) < len(told):
                await asyncio.sleep(0)
        assert list(told) == self.told


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    folder: Path = tmp_path_factory.mktemp("tls")
    server = server_context(*own_certificate(folder, ["localhost"], SystemClock().now()))
    return server, ssl.create_default_context(cafile=str(folder / "ca.pem"))


@asynccontextmanager
async def listening(host: Host, tls: ssl.SSLContext) -> AsyncIterator[int]:
    listener = await listen_tls("127.0.0.1", 0, lambda: host, tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_guest_is_announced_then_connected(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """The address first, the stream with its TLS when the handshake is done, then octets, then the end."""

    async def live() -> None:
        host = Host()
        async with listening(host, contexts[0]) as port:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=contexts[1], server_hostname="localhost"
            )
            writer.write(b"hello")
            await host.hears("arrived 127.0.0.1", "connected TLSv", "hello")
            writer.transport.abort()
            async with asyncio.timeout(DEADLINE_S):
                while len(host.told) < 4:
                    await asyncio.sleep(0)
        assert "disconnected " == host.told[3][:13]

    _run(loop, live)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_guest_is_announced_although_it_says_nothing(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """A peer that never shakes hands is known from its first moment, and its going is told."""

    async def live() -> None:
        host = Host()
        async with listening(host, contexts[0]) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await host.hears("arrived 127.0.0.1")
            writer.write(b"EHLO clear.text\r\n")
            await host.hears("arrived 127.0.0.1", "disconnected SSLError")
            writer.close()
        assert host.stream is None

    _run(loop, live)


@pytest.mark.parametrize("loop", LOOPS)
def test_one_too_many_is_closed_before_any_handshake(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """A guest that is sent away sees the end at once, and the host hears no more of it."""

    async def live() -> None:
        host = Host(room=0)
        async with listening(host, contexts[0]) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert b"" == await asyncio.wait_for(reader.read(), DEADLINE_S)
            writer.close()
        assert ["arrived 127.0.0.1"] == host.told

    _run(loop, live)


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_ends_handshakes_and_spares_sessions(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """After close() nobody is taken, a handshake that is not done never will be, and a secured stream goes on."""

    async def live() -> None:
        host, shy = Host(), None
        async with listening(host, contexts[0]) as port:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=contexts[1], server_hostname="localhost"
            )
            await host.hears("arrived 127.0.0.1", "connected TLSv")
            shy = await asyncio.open_connection("127.0.0.1", port)
            await host.hears("arrived 127.0.0.1", "connected TLSv", "arrived 127.0.0.1")
        assert b"" == await asyncio.wait_for(shy[0].read(), DEADLINE_S)
        assert "disconnected NoneType" == host.told[3]
        with pytest.raises(OSError):  # noqa: PT011 - refused or reset, by the system
            await asyncio.open_connection("127.0.0.1", port)
        assert host.stream is not None
        host.stream.write(b"still here\n")
        assert b"still here\n" == await asyncio.wait_for(reader.readline(), DEADLINE_S)
        for one in (writer, shy[1]):
            one.transport.abort()

    _run(loop, live)


def test_a_lack_of_descriptors_passes(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the system has none left, accepting is tried again, and the peer that waited is taken."""

    async def live() -> None:
        monkeypatch.setattr(implicit, "PAUSE_S", 0.0)
        loop, host, n_failures = asyncio.get_running_loop(), Host(), 3
        accept = loop.sock_accept

        async def failing(listening: object) -> object:
            nonlocal n_failures
            n_failures -= 1
            if n_failures >= 0:
                raise OSError(24, "Too many open files")
            return await accept(listening)  # type: ignore[arg-type]

        monkeypatch.setattr(loop, "sock_accept", failing)
        async with listening(host, contexts[0]) as port:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            await host.hears("arrived 127.0.0.1")
            writer.close()
            await host.hears("arrived 127.0.0.1", "disconnected ConnectionResetError")
        assert n_failures < 0

    _run("asyncio", live)


def _run(loop: str, live: Callable[[], object]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(live())  # type: ignore[arg-type]
