"""The door of a listener: finds out what has come before a session begins, and explains what cannot be let in.

It stands between a Stream and its guest until the first octets have shown what they are: a proxy's header, TLS, the
hello of SSL 2.0, or plain words. So a client that begins TLS on a plain port is served, one that waits for a greeting
on a TLS port is recognised, and a peer is announced before its handshake, where limits can see it. From the first
octets on the guest hears the stream itself, without the door.

A greeting that is out is a greeting read: a client that wanted TLS is lost then. So the greeting is held for a moment,
but only for addresses that have not been seen to speak plainly; those have no cause to wait again. It is held as long
for whoever must wait for it: who speaks before it is told from the others that way.
(RFC 5321 4.3.1 the greeting; RFC 8314 3.3 TLS at once; HAProxy, "The PROXY protocol")
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from relay365.errors import TransportError
from relay365.net.handshake import HANDSHAKE, is_ssl2_hello
from relay365.net.proxy import FIRST_WORD, SIGNATURE, HeaderReader, ProxyError
from relay365.net.stream import HANDSHAKE_S, Receiver, Stream

HOLD_S = 0.030  # for the greeting; a ClientHello is there one round trip after the connection
SILENCE_S = 3.0  # on a TLS port: who has begun no handshake by then waits for a greeting
PROXY_S = 5.0  # for the header (the specification asks for at least 3)
MOST_HABITS = 10_000

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

GREETING_OUT = "it began TLS at once and the greeting was out already; its next connection is waited for"
NO_TLS_HERE = (
    'it began TLS at once, and this listener has none: set tls = "implicit", or switch TLS off in the device'
)
NOT_TOLERATED = "it began TLS at once on a plain port: set the device to STARTTLS, or allow tls_at_once"
SSL2_HELLO = (
    "SSLv2 hello: no present TLS understands it; switch SSL 2.0 off in the device, or let it send without TLS, on a "
    "network of its own"
)
PLAIN_CLIENT = "plain client on the TLS port; set it to 25 or 587, or switch its SSL/TLS on"
TOO_EARLY = "it spoke before the greeting: let it wait for the 220, or allow early_talk"
HEADER_UNEXPECTED = "a PROXY header from an address that proxy_from does not name"
HEADER_MISSING = f"no PROXY header within {PROXY_S:.0f} s; proxy_from names this address"


class Remark(Enum):
    """What a door tells its guest's host besides the calls of a receiver."""

    BEGAN_TLS = "began TLS on a plain port and is served"
    TLS_FAILED = "no TLS came about"
    EARLY = "words before the greeting, and it is not served"
    EARLY_SERVED = "the same, and it is served"
    PLAIN = "plain words, or none, on a TLS port"
    PLAIN_SERVED = "the same, and it is greeted in clear"
    PROXY = "a PROXY header is missing, wrong or not expected"


class Guest(Receiver, Protocol):
    """A receiver that is told of its stream before anything is known of it."""

    @property
    def tolerances(self) -> frozenset[str]:
        """What is forgiven to this peer; asked after arrived()."""
        ...

    def arrived(self, stream: Stream, *, is_plain: bool) -> bool:
        """A peer has connected; False when it was sent away. is_plain: it could read a reply.

        After True connected() may come, and disconnected() always comes.
        """
        ...

    def remarked(self, remark: Remark, stream: Stream, words: str) -> None:
        """Something that a person should know."""
        ...


class Habits:
    """How the addresses began, as far as it was seen: the oldest are forgotten."""

    def __init__(self) -> None:
        self._began_tls: dict[str, bool] = {}

    def may_begin_tls(self, address: str) -> bool:
        """Whether this address has begun TLS at once before, or was never here."""
        return self._began_tls.get(address, True)

    def note(self, address: str, *, began_tls: bool) -> None:
        """Remember; where both kinds were seen (many devices behind one address) TLS stays possible."""
        if began_tls or address not in self._began_tls:
            self._began_tls[address] = began_tls
            if len(self._began_tls) > MOST_HABITS:
                del self._began_tls[next(iter(self._began_tls))]


@dataclass(slots=True)
class Doorway:
    """What all doors of one listener share. tls may be replaced; connections that come later get the new one."""

    tls: ssl.SSLContext | None = None
    is_implicit: bool = False
    proxies: tuple[Network, ...] = ()
    habits: Habits = field(default_factory=Habits)
    waiting: set[Door] = field(default_factory=set)

    def close(self) -> None:
        """Send away all who have not begun a session."""
        for door in list(self.waiting):
            door.abort()


class Door:
    """The Receiver of one stream until it is known what came."""

    def __init__(self, way: Doorway, guest: Guest) -> None:
        self._way, self._guest = way, guest
        self._stream: Stream | None = None
        self._header: HeaderReader | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._securing: asyncio.Task[None] | None = None
        self._has_arrived = self._has_greeted = False

    def abort(self) -> None:
        """Cut the connection."""
        if self._stream is not None:
            self._stream.abort()

    # -- the stream's side; see net.stream.Receiver ----------------------------------------------------------------

    def connected(self, stream: Stream) -> None:
        """Wait for a proxy's header, or let the guest arrive."""
        self._stream = stream
        self._way.waiting.add(self)
        if holds(self._way.proxies, stream.peer[0]):
            self._header = HeaderReader()
            self._after(PROXY_S, lambda: self._turn_away(stream, Remark.PROXY, HEADER_MISSING))
        else:
            self._arrive(stream)

    def octets_received(self, octets: bytes) -> None:
        """The first octets; what follows goes to the guest without us."""
        stream = self._stream
        if stream is None or stream.is_closing:
            return
        if self._header is not None:
            self._read_header(stream, self._header, octets)
        elif octets[0] == HANDSHAKE:
            self._take_hello(stream, octets)
        elif is_ssl2_hello(octets):
            self._turn_away(stream, Remark.TLS_FAILED, SSL2_HELLO)
        elif octets.startswith((FIRST_WORD, SIGNATURE)):
            self._turn_away(stream, Remark.PROXY, HEADER_UNEXPECTED)
        else:
            self._take_words(stream, octets)

    def eof_received(self) -> None:
        """The peer will say nothing; a guest that has greeted may still say something."""
        if self._has_greeted:
            self._guest.eof_received()

    def disconnected(self, error: Exception | None) -> None:
        """Gone before it said anything that a guest could hear."""
        self._leave()
        if self._has_arrived and self._securing is None:  # else the words about the handshake come first
            self._guest.disconnected(error)

    # -- step by step ------------------------------------------------------------------------------------------------

    def _read_header(self, stream: Stream, reader: HeaderReader, octets: bytes) -> None:
        try:
            header = reader.feed(octets)
        except ProxyError as error:
            self._turn_away(stream, Remark.PROXY, f"{error}; proxy_from names this address")
            return
        if header is None:
            return
        self._header = None
        if header.peer is not None:
            stream.name_peer(header.peer)
        self._arrive(stream)
        if header.rest:
            self.octets_received(header.rest)

    def _arrive(self, stream: Stream) -> None:
        self._stop_timer()
        way, guest = self._way, self._guest
        self._has_arrived = guest.arrived(stream, is_plain=not way.is_implicit)
        if not self._has_arrived:
            self._leave()
        elif way.is_implicit:
            self._after(SILENCE_S, lambda: self._hear_nothing(stream))
        elif self._is_held(stream):
            self._after(HOLD_S, lambda: self._greet(stream))
        else:
            self._greet(stream)

    def _is_held(self, stream: Stream) -> bool:
        """Whether the greeting waits a moment for what this peer does by itself."""
        may_begin_tls = self._is_served(self._guest) and self._way.habits.may_begin_tls(stream.peer[0])
        return may_begin_tls or "early_talk" not in self._guest.tolerances

    def _is_served(self, guest: Guest) -> bool:
        """Whether TLS at once on this plain port is served."""
        return self._way.tls is not None and "tls_at_once" in guest.tolerances

    def _greet(self, stream: Stream) -> None:
        self._leave()
        self._has_greeted = True
        self._guest.connected(stream)

    def _take_words(self, stream: Stream, octets: bytes) -> None:
        """Plain words: what a session is for, except where TLS was asked for."""
        if not self._has_greeted and self._way.is_implicit:
            self._take_plain_client(stream)
        elif not self._has_greeted and "early_talk" not in self._guest.tolerances:
            self._turn_away(stream, Remark.EARLY, TOO_EARLY)
        elif not self._has_greeted:
            self._guest.remarked(Remark.EARLY_SERVED, stream, "it spoke before the greeting; it is served")
            self._greet(stream)
        if self._has_greeted:
            self._way.habits.note(stream.peer[0], began_tls=False)
            stream.hand_to(self._guest)
            self._guest.octets_received(octets)

    def _take_plain_client(self, stream: Stream) -> None:
        if "plain_on_tls_port" in self._guest.tolerances:
            self._guest.remarked(Remark.PLAIN_SERVED, stream, f"{PLAIN_CLIENT}; it is greeted in clear")
            self._greet(stream)
        else:
            self._turn_away(stream, Remark.PLAIN, PLAIN_CLIENT)

    def _hear_nothing(self, stream: Stream) -> None:
        """On a TLS port. Who is not greeted in clear may still begin its handshake, if it is only slow."""
        if "plain_on_tls_port" in self._guest.tolerances:
            self._take_plain_client(stream)
        else:
            self._guest.remarked(Remark.PLAIN, stream, f"nothing said for {SILENCE_S:.0f} s: {PLAIN_CLIENT}")
            self._after(HANDSHAKE_S - SILENCE_S, stream.abort)

    def _take_hello(self, stream: Stream, octets: bytes) -> None:
        """A handshake begins: serve it, unless it is too late for it or there is nothing to serve it with."""
        way, guest, address = self._way, self._guest, stream.peer[0]
        is_served = way.is_implicit or self._is_served(guest)
        if is_served and not self._has_greeted and way.tls is not None:
            if not way.is_implicit:
                way.habits.note(address, began_tls=True)
                guest.remarked(Remark.BEGAN_TLS, stream, "TLS at once on a plain port; it is served")
            self._stop_timer()
            stream.pause_reading()
            self._securing = asyncio.get_running_loop().create_task(self._secure(stream, way.tls, octets))
        elif is_served:
            way.habits.note(address, began_tls=True)
            self._turn_away(stream, Remark.TLS_FAILED, GREETING_OUT)
        else:
            self._turn_away(stream, Remark.TLS_FAILED, NO_TLS_HERE if way.tls is None else NOT_TOLERATED)

    async def _secure(self, stream: Stream, tls: ssl.SSLContext, octets: bytes) -> None:
        try:
            await stream.start_tls(tls, server_side=True, received=octets)
        except TransportError as error:
            self._guest.remarked(Remark.TLS_FAILED, stream, str(error).removeprefix("tls: "))
            self._guest.disconnected(None)
            return
        stream.hand_to(self._guest)
        self._greet(stream)

    def _turn_away(self, stream: Stream, remark: Remark, words: str) -> None:
        self._guest.remarked(remark, stream, words)
        stream.close()

    # -- waiting -----------------------------------------------------------------------------------------------------

    def _after(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, then)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _leave(self) -> None:
        """Nobody waits for this door any more."""
        self._stop_timer()
        self._way.waiting.discard(self)


def holds(networks: tuple[Network, ...], address: str) -> bool:
    """Whether one of the networks holds the address."""
    if not networks:
        return False
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(ip in network for network in networks)
