"""The door: what a peer begins with decides what becomes of it. Jumping time for the waiting, sockets for real TLS."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvloop

from relay365.clock import SystemClock
from relay365.mail.tolerance import DEFAULT
from relay365.net import door
from relay365.net.door import Door, Doorway, Habits, Remark, holds
from relay365.net.stream import Stream, listen
from relay365.net.tls import own_certificate, server_context
from transcript.standin import FakeTransport, JumpingLoop

DEADLINE_S = 10.0
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
PEER = "192.0.2.7"
PROXIES = (ipaddress.ip_network("192.0.2.0/24"),)
SSL2 = bytes.fromhex("802e0100020015000000100000390000")
HELLO = b"\x16\x03\x01\x00\x05"


@dataclass
class Host:
    """A guest that writes down what it is told."""

    tolerances: frozenset[str] = DEFAULT
    welcome: bool = True
    told: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    n_ends: int = 0
    stream: Stream | None = None

    def arrived(self, stream: Stream, *, is_plain: bool) -> bool:
        self.told.append(f"arrived {stream.peer[0]}{' plain' * is_plain}")
        if not self.welcome:
            stream.close()
        return self.welcome

    def remarked(self, remark: Remark, stream: Stream, words: str) -> None:
        self.told.append(remark.name)
        self.words.append(words)

    def connected(self, stream: Stream) -> None:
        self.told.append(f"connected {stream.tls[:4]}".rstrip())
        self.stream = stream

    def octets_received(self, octets: bytes) -> None:
        self.told.append(octets.decode())

    def eof_received(self) -> None:
        self.n_ends += 1

    def disconnected(self, error: Exception | None) -> None:
        self.told.append("disconnected")

    async def hears(self, *told: str) -> None:
        """Wait until exactly this has been told."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.told) < len(told):
                await asyncio.sleep(0)
        assert list(told) == self.told


class Peer:
    """A connection in the test's hand."""

    def __init__(self, way: Doorway, host: Host) -> None:
        self.stream = Stream(Door(way, host))
        self.transport = FakeTransport(self.stream, (PEER, 4000))
        self.stream.connection_made(self.transport)

    def say(self, octets: bytes) -> None:
        room = self.stream.get_buffer(len(octets))
        room[: len(octets)] = octets
        self.stream.buffer_updated(len(octets))
        if self.transport.closed:
            self.stream.connection_lost(None)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    folder = tmp_path_factory.mktemp("tls")
    server = server_context(*own_certificate(folder, ["localhost"], SystemClock().now()))
    return server, ssl.create_default_context(cafile=str(folder / "ca.pem"))


def jump(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story whose waits are over at once."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(story())  # type: ignore[arg-type]


# -- plain ports --------------------------------------------------------------------------------


def test_without_tls_the_greeting_comes_at_once() -> None:
    """There is nothing to wait for: a listener that has no TLS cannot serve it."""

    async def live() -> None:
        host = Host()
        Peer(Doorway(), host).say(b"EHLO x\r\n")
        assert [f"arrived {PEER} plain", "connected", "EHLO x\r\n"] == host.told

    jump(live)


def test_a_new_address_is_given_a_moment(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """30 ms for an address that was never here, then the greeting; none for one that has spoken plainly since."""

    async def live() -> None:
        way, host = Doorway(contexts[0]), Host()
        first = Peer(way, host)
        await asyncio.sleep(0.9 * door.HOLD_S)
        assert ([f"arrived {PEER} plain"], 1) == (host.told, len(way.waiting))
        await asyncio.sleep(0.2 * door.HOLD_S)
        assert ([f"arrived {PEER} plain", "connected"], 0) == (host.told, len(way.waiting))
        first.say(b"QUIT\r\n")
        second = Host()
        Peer(way, second)
        assert [f"arrived {PEER} plain", "connected"] == second.told

    jump(live)


def test_who_speaks_first_waits_no_longer(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Plain words before the greeting show that no TLS comes: greeting and words are handed on at once."""

    async def live() -> None:
        host = Host()
        Peer(Doorway(contexts[0]), host).say(b"HELO early\r\n")
        assert [f"arrived {PEER} plain", "EARLY_SERVED", "connected", "HELO early\r\n"] == host.told
        await asyncio.sleep(1)
        assert 4 == len(host.told)

    jump(live)


def test_without_the_tolerance_nothing_is_waited_for(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """tls_at_once switched off: the greeting comes at once, TLS is turned away with words, and it is not learnt."""

    async def live() -> None:
        host, way = Host(tolerances=DEFAULT - {"tls_at_once"}), Doorway(contexts[0])
        Peer(way, host).say(HELLO)
        assert [f"arrived {PEER} plain", "connected", "TLS_FAILED", "disconnected"] == host.told
        assert [door.NOT_TOLERATED] == host.words

    jump(live)


def test_who_must_wait_for_the_greeting_is_given_a_moment_to_show_that_it_does() -> None:
    """early_talk switched off: words before the greeting are turned away unheard; whoever waits is greeted, late."""

    async def live() -> None:
        first, second = (Host(tolerances=DEFAULT - {"early_talk"}) for _ in range(2))
        way = Doorway()
        way.habits.note(PEER, began_tls=False)
        Peer(way, first).say(b"HELO early\r\n")
        assert [f"arrived {PEER} plain", "EARLY", "disconnected"] == first.told
        assert [door.TOO_EARLY] == first.words

        patient = Peer(way, second)
        assert [f"arrived {PEER} plain"] == second.told
        await asyncio.sleep(door.HOLD_S)
        patient.say(b"HELO late\r\n")
        assert [f"arrived {PEER} plain", "connected", "HELO late\r\n"] == second.told

    jump(live)


def test_tls_behind_the_greeting_is_lost_and_learnt(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """The client has read a greeting where it wanted TLS; its next connection is given the moment."""

    async def live() -> None:
        way, host = Doorway(contexts[0]), Host()
        way.habits.note(PEER, began_tls=False)
        Peer(way, host).say(HELLO)
        assert [f"arrived {PEER} plain", "connected", "TLS_FAILED", "disconnected"] == host.told
        assert [door.GREETING_OUT] == host.words
        again = Host()
        Peer(way, again)
        assert [f"arrived {PEER} plain"] == again.told
        way.close()

    jump(live)


@pytest.mark.parametrize(
    ("octets", "remark", "words"),
    [
        (HELLO, "TLS_FAILED", door.NO_TLS_HERE),
        (SSL2, "TLS_FAILED", door.SSL2_HELLO),
        (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "PROXY", door.HEADER_UNEXPECTED),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "PROXY", door.HEADER_UNEXPECTED),
    ],
    ids=["tls", "ssl-2", "proxy-v1", "proxy-v2"],
)
def test_what_cannot_be_let_in_is_explained(octets: bytes, remark: str, words: str) -> None:
    """Words for a person, then the connection ends; the guest never sees the octets."""

    async def live() -> None:
        host = Host()
        Peer(Doorway(), host).say(octets)
        assert [f"arrived {PEER} plain", "connected", remark, "disconnected"] == host.told
        assert [words] == host.words

    jump(live)


def test_an_unwelcome_guest_hears_nothing_more() -> None:
    """Sent away on arrival: no greeting, no octets, no end is told."""

    async def live() -> None:
        way, host = Doorway(), Host(welcome=False)
        Peer(way, host).say(b"EHLO x\r\n")
        assert ([f"arrived {PEER} plain"], set()) == (host.told, way.waiting)

    jump(live)


def test_an_end_before_the_first_word_is_told_once() -> None:
    """Greeted and gone: what the guest is told is what a receiver is told."""

    async def live() -> None:
        host = Host()
        peer = Peer(Doorway(), host)
        peer.stream.eof_received()
        peer.stream.connection_lost(None)
        assert ([f"arrived {PEER} plain", "connected", "disconnected"], 1) == (host.told, host.n_ends)

    jump(live)


# -- TLS ports --------------------------------------------------------------------------------


def test_plain_words_on_a_tls_port_end(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """They are not taken, and it is said which port to set."""

    async def live() -> None:
        host = Host()
        Peer(Doorway(contexts[0], is_implicit=True), host).say(b"EHLO x\r\n")
        assert [f"arrived {PEER}", "PLAIN", "disconnected"] == host.told
        assert [door.PLAIN_CLIENT] == host.words

    jump(live)


def test_plain_words_on_a_tls_port_are_taken_by_tolerance(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """plain_on_tls_port: greeted in clear, and its words are handed on."""

    async def live() -> None:
        host = Host(tolerances=frozenset({"plain_on_tls_port"}))
        Peer(Doorway(contexts[0], is_implicit=True), host).say(b"EHLO x\r\n")
        assert [f"arrived {PEER}", "PLAIN_SERVED", "connected", "EHLO x\r\n"] == host.told

    jump(live)


def test_silence_on_a_tls_port_is_named_and_then_ended(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """After 3 s it is said, after 30 s the connection ends: half a minute is all that a handshake gets."""

    async def live() -> None:
        host, loop = Host(), asyncio.get_running_loop()
        peer = Peer(Doorway(contexts[0], is_implicit=True), host)
        began = loop.time()
        await asyncio.sleep(2.9)
        assert [f"arrived {PEER}"] == host.told
        await asyncio.sleep(0.2)
        assert [f"arrived {PEER}", "PLAIN"] == host.told
        while not peer.transport.aborted:
            await asyncio.sleep(0.5)
        assert 30.0 <= loop.time() - began <= 31.0

    jump(live)


def test_silence_on_a_tls_port_is_greeted_by_tolerance(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """plain_on_tls_port: after 3 s it hears the greeting that it waits for."""

    async def live() -> None:
        host = Host(tolerances=frozenset({"plain_on_tls_port"}))
        Peer(Doorway(contexts[0], is_implicit=True), host)
        await asyncio.sleep(3.1)
        assert [f"arrived {PEER}", "PLAIN_SERVED", "connected"] == host.told

    jump(live)


# -- proxies --------------------------------------------------------------------------------


def test_behind_a_proxy_the_real_peer_arrives() -> None:
    """Header octet by octet, words glued behind it: the guest sees the real address and only its own words."""

    async def live() -> None:
        host = Host()
        peer = Peer(Doorway(proxies=PROXIES), host)
        for octet in b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 25\r":
            peer.say(bytes([octet]))
        assert [] == host.told
        peer.say(b"\nEHLO x\r\n")
        assert ["arrived 198.51.100.9 plain", "connected", "EHLO x\r\n"] == host.told
        assert host.stream is not None
        assert ("198.51.100.9", 4711) == host.stream.peer

    jump(live)


def test_a_proxy_that_speaks_for_itself_keeps_its_address() -> None:
    """UNKNOWN and LOCAL are a proxy's own look whether we are well."""

    async def live() -> None:
        host = Host()
        Peer(Doorway(proxies=PROXIES), host).say(b"PROXY UNKNOWN\r\n")
        assert [f"arrived {PEER} plain", "connected"] == host.told

    jump(live)


@pytest.mark.parametrize("octets", [b"EHLO x\r\n", HELLO, b"PROXY TCP5\r\n"], ids=["plain", "tls", "tcp5"])
def test_a_proxy_without_a_header_is_refused(octets: bytes) -> None:
    """Whatever else it begins with: nobody arrives, and it is said what was missing."""

    async def live() -> None:
        host, way = Host(), Doorway(proxies=PROXIES)
        Peer(way, host).say(octets)
        assert ["PROXY"] == host.told
        assert host.words[0].endswith("; proxy_from names this address")
        assert set() == way.waiting

    jump(live)


def test_a_proxy_that_says_nothing_is_refused_after_five_seconds() -> None:
    """The header must come at once; a guess would let anybody speak for anybody."""

    async def live() -> None:
        host = Host()
        peer = Peer(Doorway(proxies=PROXIES), host)
        await asyncio.sleep(4.9)
        assert [] == host.told
        await asyncio.sleep(0.2)
        assert (["PROXY"], [door.HEADER_MISSING], True) == (host.told, host.words, peer.transport.closed)

    jump(live)


# -- real TLS --------------------------------------------------------------------------------


@asynccontextmanager
async def listening(way: Doorway, host: Host) -> AsyncIterator[int]:
    server = await listen("127.0.0.1", 0, lambda: Door(way, host))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        way.close()
        await asyncio.sleep(0)


def on_sockets(loop: str, story: Callable[[], Awaitable[None]]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(story())  # type: ignore[arg-type]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("is_implicit", [False, True])
def test_tls_at_once_is_served(
    loop: str, is_implicit: bool, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """On a plain port and on a TLS port: the address first, the stream with its TLS, then octets both ways."""
    first = ["arrived 127.0.0.1"] if is_implicit else ["arrived 127.0.0.1 plain", "BEGAN_TLS"]

    async def live() -> None:
        host = Host()
        async with listening(Doorway(contexts[0], is_implicit), host) as port:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=contexts[1], server_hostname="localhost"
            )
            writer.write(b"hello")
            await host.hears(*first, "connected TLSv", "hello")
            assert host.stream is not None
            host.stream.write(b"220 hello\r\n")
            assert b"220 hello\r\n" == await asyncio.wait_for(reader.readline(), DEADLINE_S)
            writer.transport.abort()
            await host.hears(*first, "connected TLSv", "hello", "disconnected")

    on_sockets(loop, live)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_hello_behind_a_proxys_header_and_in_pieces_is_served(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """Header and the first octet of the handshake glued together, the rest later: no octet is lost or out of order."""

    async def live() -> None:
        host, wire_in, wire_out = Host(), ssl.MemoryBIO(), ssl.MemoryBIO()
        secured = contexts[1].wrap_bio(wire_in, wire_out, server_hostname="localhost")
        way = Doorway(contexts[0], is_implicit=True, proxies=(ipaddress.ip_network("127.0.0.1"),))
        async with listening(way, host) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            header, n_sent = b"PROXY TCP4 192.0.2.9 192.0.2.1 4711 465\r\n", 0
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    try:
                        secured.do_handshake()
                        break
                    except ssl.SSLWantReadError:
                        octets = header + wire_out.read() if not n_sent else wire_out.read()
                        cut = len(header) + 1
                        for piece in (octets[:cut], octets[cut : cut + 40], octets[cut + 40 :]):
                            writer.write(piece)
                            n_sent += len(piece)
                            await asyncio.sleep(0.01)
                        wire_in.write(await reader.read(65536))
            writer.write(wire_out.read())
            await host.hears("arrived 192.0.2.9", "connected TLSv")
            assert host.stream is not None
            assert ("192.0.2.9", 4711) == host.stream.peer
            writer.transport.abort()

    on_sockets(loop, live)


def shake_hands(port: int, context: ssl.SSLContext) -> None:
    """A client that sends its alert; asyncio's own only hangs up."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as wire:
        context.wrap_socket(wire, server_hostname="localhost").close()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_handshake_that_fails_is_explained_before_its_end_is_told(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """A client that trusts nobody: the words are there when the guest is told that it is over."""

    async def live() -> None:
        host, strict = Host(), ssl.create_default_context()
        async with listening(Doorway(contexts[0], is_implicit=True), host) as port:
            with pytest.raises(ssl.SSLCertVerificationError):
                await asyncio.to_thread(shake_hands, port, strict)
            await host.hears("arrived 127.0.0.1", "TLS_FAILED", "disconnected")
        assert "the device does not trust our certificate" == host.words[0][:41]

    on_sockets(loop, live)


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_ends_handshakes_and_spares_sessions(
    loop: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """After close() a handshake that is not done never will be, and a secured stream goes on."""

    async def live() -> None:
        host, way = Host(), Doorway(contexts[0], is_implicit=True)
        async with listening(way, host) as port:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=contexts[1], server_hostname="localhost"
            )
            await host.hears("arrived 127.0.0.1", "connected TLSv")
            shy = await asyncio.open_connection("127.0.0.1", port)
            await host.hears("arrived 127.0.0.1", "connected TLSv", "arrived 127.0.0.1")
            way.close()
            assert b"" == await asyncio.wait_for(shy[0].read(), DEADLINE_S)
            assert host.stream is not None
            host.stream.write(b"still here\n")
            assert b"still here\n" == await asyncio.wait_for(reader.readline(), DEADLINE_S)
            for one in (writer, shy[1]):
                one.transport.abort()

    on_sockets(loop, live)


# -- small things --------------------------------------------------------------------------------


def test_habits_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest address is forgotten; one that has begun TLS once may do so again, whatever it says since."""
    monkeypatch.setattr(door, "MOST_HABITS", 2)
    habits = Habits()
    for n in (1, 2, 3):
        habits.note(f"192.0.2.{n}", began_tls=False)
    habits.note("192.0.2.3", began_tls=True)
    habits.note("192.0.2.3", began_tls=False)

    assert [True, False, True, True] == [habits.may_begin_tls(f"192.0.2.{n}") for n in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("address", "is_held"),
    [("192.0.2.9", True), ("192.0.3.9", False), ("fe80::1%eth0", False), ("", False), ("2001:db8::1", False)],
)
def test_a_network_holds_its_addresses(address: str, is_held: bool) -> None:
    """Also what is no address is an answer, not an error."""
    assert is_held == holds(PROXIES, address)
    assert not holds((), address)
