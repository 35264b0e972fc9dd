"""One TCP connection, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from relay365.clock import SystemClock
from relay365.errors import TransportError
from relay365.net.stream import ANY_IPV4, Stream, connect, listen
from relay365.net.tls import own_certificate, server_context
from transcript.standin import FakeTransport

DEADLINE_S = 10.0


class Ear:
    """A receiver that remembers."""

    def __init__(self, on_eof: Callable[[Stream], None] = lambda stream: None) -> None:
        self.stream: Stream | None = None
        self.octets = bytearray()
        self.n_gone = 0
        self.came = asyncio.Event()
        self.gone = asyncio.Event()
        self._on_eof = on_eof

    def connected(self, stream: Stream) -> None:
        self.stream = stream
        self.came.set()

    def octets_received(self, octets: bytes) -> None:
        self.octets += octets
        self.came.set()

    def eof_received(self) -> None:
        assert self.stream is not None
        self._on_eof(self.stream)

    def disconnected(self, error: Exception | None) -> None:
        self.n_gone += 1
        self.gone.set()

    async def hears(self, wanted: bytes) -> None:
        """Wait until exactly this has come."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.octets) < len(wanted):
                self.came.clear()
                await self.came.wait()
        assert wanted == bytes(self.octets)


@asynccontextmanager
async def pair(server: Ear, client: Ear) -> AsyncIterator[tuple[Stream, Stream]]:
    """Two connected streams."""
    listening = await listen("127.0.0.1", 0, lambda: server)
    port = listening.sockets[0].getsockname()[1]
    try:
        here = await connect("127.0.0.1", port, client, deadline_s=DEADLINE_S)
        async with asyncio.timeout(DEADLINE_S):
            await server.came.wait()
        assert server.stream is not None
        yield server.stream, here
        for ear, stream in ((server, server.stream), (client, here)):
            stream.abort()
            await asyncio.wait_for(ear.gone.wait(), DEADLINE_S)
    finally:
        listening.close()


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("tls")
    server = server_context(*own_certificate(folder, ["localhost"], SystemClock().now()))
    return server, ssl.create_default_context(cafile=str(folder / "ca.pem"))


def test_octets_go_both_ways() -> None:
    """Octets arrive as they were written, and the end is told once."""

    async def live() -> None:
        server, client = Ear(), Ear()
        async with pair(server, client) as (there, here):
            here.write(b"to the server")
            there.write(b"to the client")
            await server.hears(b"to the server")
            await client.hears(b"to the client")
            assert ("127.0.0.1", "") == (there.peer[0], there.tls)
        assert (1, 1, True) == (server.n_gone, client.n_gone, here.is_closing)
        here.write(b"too late")

    asyncio.run(live())


def test_tls_begins_in_mid_stream(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Both sides shake hands on an open connection; what is written afterwards arrives, and the cipher is known."""

    async def live() -> None:
        server, client = Ear(), Ear()
        async with pair(server, client) as (there, here):
            there.pause_reading()
            await asyncio.gather(
                there.start_tls(contexts[0], server_side=True),
                here.start_tls(contexts[1], server_side=False, server_name="localhost"),
            )
            here.write(b"secret")
            await server.hears(b"secret")
            assert "TLSv1.3" == there.tls.split()[0] == here.tls.split()[0]

    asyncio.run(live())


def test_a_certificate_for_another_name_is_refused(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """The words are for a person; the connection is gone, and told once."""

    async def live() -> None:
        server, client = Ear(), Ear()
        async with pair(server, client) as (there, here):
            there.pause_reading()
            ends = await asyncio.gather(
                there.start_tls(contexts[0], server_side=True),
                here.start_tls(contexts[1], server_side=False, server_name="other.test"),
                return_exceptions=True,
            )
            assert isinstance(ends[1], TransportError)
            assert str(ends[1]).startswith("tls: certificate not trusted: Hostname mismatch")
            assert (1, "tls") == (client.n_gone, ends[1].phase)

    asyncio.run(live())


def test_tls_on_a_closed_connection_is_an_error(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Not an exception of asyncio."""

    async def live() -> None:
        async with pair(Ear(), Ear()) as (_, here):
            here.abort()
            with pytest.raises(TransportError):
                await here.start_tls(contexts[1], server_side=False, server_name="localhost")

    asyncio.run(live())


@pytest.mark.parametrize("stays", [True, False])
def test_a_half_closed_connection_stays_open_on_request(stays: bool) -> None:
    """A receiver that still has something to say may say it behind the peer's end."""

    def on_eof(stream: Stream) -> None:
        if stays:
            stream.stay_open()

    async def live() -> None:
        server = Ear(on_eof)
        listening = await listen("127.0.0.1", 0, lambda: server)
        reader, writer = await asyncio.open_connection("127.0.0.1", listening.sockets[0].getsockname()[1])
        await asyncio.wait_for(server.came.wait(), DEADLINE_S)
        writer.write_eof()
        if stays:
            assert server.stream is not None
            server.stream.write(b"late")
            server.stream.close()
        assert (b"late" if stays else b"") == await asyncio.wait_for(reader.read(), DEADLINE_S)
        await asyncio.wait_for(server.gone.wait(), DEADLINE_S)
        writer.close()
        listening.close()

    asyncio.run(live())


def test_a_peer_that_does_not_read_congests() -> None:
    """drain() waits until the peer takes octets again, and gives up when it does not."""

    async def live() -> None:
        stream = Stream(Ear())
        stream.connection_made(FakeTransport(stream))
        await stream.drain(1.0)
        stream.pause_writing()
        assert stream.is_congested
        with pytest.raises(TransportError, match="took no octets for 0 s"):
            await stream.drain(0.01)
        waiting = asyncio.get_running_loop().create_task(stream.drain(DEADLINE_S))
        await asyncio.sleep(0)
        stream.resume_writing()
        await waiting
        assert not stream.is_congested

    asyncio.run(live())


def test_losing_the_connection_ends_every_wait() -> None:
    """Who waits in drain() is not left waiting for a peer that is gone."""

    async def live() -> None:
        ear = Ear()
        stream = Stream(ear)
        stream.connection_made(FakeTransport(stream))
        stream.pause_writing()
        waiting = asyncio.get_running_loop().create_task(stream.drain(DEADLINE_S))
        await asyncio.sleep(0)
        stream.connection_lost(None)
        stream.connection_lost(None)
        await waiting
        assert 1 == ear.n_gone

    asyncio.run(live())


@pytest.mark.parametrize(
    ("peername", "address"),
    [
        (("192.0.2.1", 1), "192.0.2.1"),
        (("::ffff:192.0.2.1", 1, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 1, 0, 0), "2001:db8::1"),
        ("/a/path", ""),
    ],
)
def test_a_peer_is_named_as_what_it_is(peername: object, address: str) -> None:
    """An IPv4 device behind an IPv6 socket keeps its address; a pipe has none."""

    async def live() -> None:
        stream = Stream(Ear())
        stream.connection_made(FakeTransport(stream, peername))  # type: ignore[arg-type]
        assert address == stream.peer[0]

    asyncio.run(live())


@pytest.mark.parametrize(
    ("host", "phase"), [("127.0.0.1", "connect"), ("no-such-host.invalid", "resolve"), ("a..b", "resolve")]
)
def test_a_way_that_does_not_exist_is_told_by_its_phase(host: str, phase: str) -> None:
    """Nobody listens, no such name, no name at all: TransportError, never another exception."""

    async def live() -> None:
        listening = await listen("127.0.0.1", 0, Ear)
        port = listening.sockets[0].getsockname()[1]
        listening.close()
        await listening.wait_closed()
        with pytest.raises(TransportError) as error:
            await connect(host, port, Ear(), deadline_s=DEADLINE_S)
        assert phase == error.value.phase

    asyncio.run(live())


def test_implicit_tls_against_a_plain_server_is_a_tls_error(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """A server that greets in clear: the words say what happened, not Python's notation."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test ready\r\n")
        await writer.drain()
        writer.close()

    async def live() -> None:
        plain = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = plain.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match=r"^tls: wrong version number$"):
            await connect("127.0.0.1", port, Ear(), deadline_s=DEADLINE_S, tls=contexts[1])
        plain.close()

    asyncio.run(live())


def _finish_and_speak_at_once(port: int, context: ssl.SSLContext, words: bytes) -> None:
    """A client whose last handshake message and first words are one segment, as some TLS libraries write them."""
    plain, wire_in, wire_out = socket.create_connection(("localhost", port)), ssl.MemoryBIO(), ssl.MemoryBIO()
    with plain:
        secured = context.wrap_bio(wire_in, wire_out, server_hostname="localhost")
        assert b"220\r\n" == plain.recv(5)
        while True:
            try:
                secured.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(wire_out.read())
                wire_in.write(plain.recv(65536))
        secured.write(words)
        plain.sendall(wire_out.read())
        plain.recv(65536)  # until the server is done


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_words_in_one_segment_with_the_handshake_come_after_it(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Octets that were read together with the client's Finished are handed on once start_tls() has returned."""
    order: list[object] = []

    class Note(Ear):
        def octets_received(self, octets: bytes) -> None:
            order.append(octets)
            super().octets_received(octets)

    async def story() -> None:
        ear = Note()
        listening = await listen("localhost", 0, lambda: ear)
        port = listening.sockets[0].getsockname()[1]
        client = asyncio.get_running_loop().run_in_executor(
            None, _finish_and_speak_at_once, port, contexts[1], b"EHLO y\r\n"
        )
        async with asyncio.timeout(DEADLINE_S):
            await ear.came.wait()
            assert ear.stream is not None
            ear.stream.pause_reading()
            ear.stream.write(b"220\r\n")
            await ear.stream.start_tls(contexts[0], server_side=True)
            order.append("handshake done")
        await ear.hears(b"EHLO y\r\n")
        ear.stream.abort()
        await client
        listening.close()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(story())

    assert ["handshake done", b"EHLO y\r\n"] == order


@pytest.mark.parametrize("source", ["127.0.0.9", ANY_IPV4])
def test_we_come_from_where_we_are_told(source: str) -> None:
    """The remote sees our source address; with any of IPv4 a name with two addresses is reached by the old one."""

    async def run() -> str:
        server, client = Ear(), Ear()
        listening = await listen("127.0.0.1", 0, lambda: server)
        port = listening.sockets[0].getsockname()[1]
        stream = await connect("localhost", port, client, deadline_s=DEADLINE_S, source=source)
        async with asyncio.timeout(DEADLINE_S):
            await server.came.wait()
        assert server.stream is not None
        seen = server.stream.peer[0]
        stream.close()
        listening.close()
        await server.gone.wait()
        return seen

    for runner in (asyncio.run, uvloop.run):
        assert ("127.0.0.1" if source == ANY_IPV4 else source) == runner(run())


@pytest.mark.parametrize(("host", "source"), [("127.0.0.1", "192.0.2.1"), ("::1", ANY_IPV4)])
def test_a_source_that_is_not_ours_is_named(host: str, source: str) -> None:
    """An address of somebody else, and a remote that IPv4 does not reach, are faults of the way."""
    with pytest.raises(TransportError) as error:
        asyncio.run(connect(host, 9, Ear(), deadline_s=DEADLINE_S, source=source))

    assert error.value.phase in ("connect", "resolve")
    assert (f"from {source}" in str(error.value)) == (source != ANY_IPV4)
