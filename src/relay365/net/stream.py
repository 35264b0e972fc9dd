"""One TCP connection as octets: the only code that touches asyncio transports.

A Stream is an asyncio.BufferedProtocol whose receive buffer is shared by every connection of the loop (one read is
handed on before the next begins), which on the plain asyncio loop carries two thirds more messages than Protocol.
It knows nothing of SMTP. TLS can be started in mid-stream, as client and as server.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Any, Protocol, cast

from relay365.errors import TransportError
from relay365.net.handshake import HANDSHAKE, describe_tls_error, explain_failure

LISTEN_BACKLOG = (
    1024  # asyncio's 100 makes bursts hang: the client believes it is connected and waits for 220
)
HANDSHAKE_S = 30.0
ANY_IPV4 = "0.0.0.0"  # noqa: S104  # where we come from, not what we listen on

_WENT_AWAY = "the peer went away during the handshake"
_BUFFER = memoryview(bytearray(256 * 1024))


class Receiver(Protocol):
    """Who gets what a stream receives. Calls come from the event loop and must not block."""

    def connected(self, stream: Stream) -> None:
        """The connection (and implicit TLS, where asked) stands."""
        ...

    def octets_received(self, octets: bytes) -> None:
        """Some octets came, at least one."""
        ...

    def eof_received(self) -> None:
        """The peer will send no more."""
        ...

    def disconnected(self, error: Exception | None) -> None:
        """The connection is gone; called exactly once."""
        ...


class _Nobody:
    """The receiver of a stream that has ended."""

    def connected(self, stream: Stream) -> None:
        """Nobody is told."""

    def octets_received(self, octets: bytes) -> None:
        """Nobody is told."""

    def eof_received(self) -> None:
        """Nobody is told."""

    def disconnected(self, error: Exception | None) -> None:
        """Nobody is told."""


_NOBODY = _Nobody()


class Stream(asyncio.BufferedProtocol):
    """One connection. Use listen() and connect() to get one."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self._lost = False
        self._early: bytearray | None = None  # what came before and with the end of a TLS handshake
        self._beginning: asyncio.Future[None] | None = None  # the client's first octets of a handshake
        self._named: tuple[str, int] | None = None
        self._stays_open = False
        self._is_paused = False

    # -- asyncio's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.BaseProtocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._receiver.connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio.BufferedProtocol."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """See asyncio.BufferedProtocol."""
        if self._early is not None:
            self._early += _BUFFER[:nbytes]
            if self._beginning is not None and not self._beginning.done():
                self._beginning.set_result(None)
                self.pause_reading()
        else:
            self._receiver.octets_received(bytes(_BUFFER[:nbytes]))

    def eof_received(self) -> bool:
        """See asyncio.BufferedProtocol. TLS has no half-closed state in asyncio: it closes."""
        if self._beginning is not None:
            return False
        self._receiver.eof_received()
        return self._stays_open and not self.tls

    def pause_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        if self._writable is None:
            self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """See asyncio.BaseProtocol."""
        waiter, self._writable = self._writable, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.BaseProtocol."""
        if not self._lost:
            self._lost = True
            self.resume_writing()
            if self._beginning is not None and not self._beginning.done():
                self._beginning.set_exception(exc or ConnectionResetError(_WENT_AWAY))
            self._receiver.disconnected(exc)
            # The transport leads back to us: what hangs on the receiver is free at once, not with a late collection.
            self._receiver, self._transport = _NOBODY, None

    # -- our side -------------------------------------------------------------------------------------------------

    @property
    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._lost or self._transport is None or self._transport.is_closing()

    @property
    def peer(self) -> tuple[str, int]:
        """The peer's address and port, or what a proxy said; ("", 0) where there is none."""
        return self._named or peer_of(self._transport.get_extra_info("peername") if self._transport else None)

    @property
    def tls(self) -> str:
        """TLS version and cipher, such as "TLSv1.3 TLS_AES_256_GCM_SHA384", or ""."""
        secured = self._transport.get_extra_info("ssl_object") if self._transport else None
        cipher = secured.cipher() if secured is not None else None
        return f"{secured.version()} {cipher[0]}" if secured is not None and cipher else ""

    @property
    def is_congested(self) -> bool:
        """Whether the peer takes what is written too slowly; drain() waits for it."""
        return self._writable is not None

    def name_peer(self, peer: tuple[str, int]) -> None:
        """Said by who has read a proxy's header: this is the peer whose connection it passes on."""
        self._named = peer

    def hand_to(self, receiver: Receiver) -> None:
        """From now on this receiver gets what the stream receives."""
        self._receiver = receiver

    def stay_open(self) -> None:
        """Said inside eof_received(): the receiver still has something to write, and will close()."""
        self._stays_open = True

    def write(self, octets: bytes) -> None:
        """Hand octets to the connection; ignored when it is closing."""
        transport = self._transport
        if octets and transport is not None and not self._lost and not transport.is_closing():
            transport.write(octets)

    async def drain(self, deadline_s: float) -> None:
        """Wait until the connection takes more; raises TransportError when it does not in time."""
        if self._writable is not None:
            try:
                await asyncio.wait_for(asyncio.shield(self._writable), deadline_s)
            except TimeoutError:
                raise TransportError(
                    "send", f"the other side took no octets for {deadline_s:.0f} s"
                ) from None

    def pause_reading(self) -> None:
        """Stop receiving, for back-pressure."""
        if not self.is_closing and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on receiving."""
        if self._is_paused and not self.is_closing and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()

    async def start_tls(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_name: str | None = None,
        received: bytes = b"",
    ) -> None:
        """Shake hands on this connection; raises TransportError(phase="tls"), and then the connection is gone.

        Reading must be paused by the caller before it writes what makes the peer begin (the 220). received: what of a
        client's handshake has been read already. What the peer says in one segment with the end of its handshake is
        handed on after this has returned.
        """
        if self._transport is None or self.is_closing:
            raise TransportError("tls", "the connection is closed")
        plain, self._early = self._transport, bytearray()
        try:
            if server_side:
                received = received or await self._first_octets()
            secured = await self._shake_hands(
                plain, context, received, server_side=server_side, server_name=server_name
            )
        except (OSError, ssl.SSLError) as error:
            plain.abort()
            self.connection_lost(error)
            words = explain_failure(error, received) if server_side else describe_tls_error(error)
            raise TransportError("tls", words) from error
        self._transport = secured
        asyncio.get_running_loop().call_soon(self._hand_on_early)

    async def _first_octets(self) -> bytes:
        """What a client begins its handshake with: it says what the client can, if the handshake should fail."""
        self._beginning = asyncio.get_running_loop().create_future()
        self.resume_reading()
        try:
            await asyncio.wait_for(self._beginning, HANDSHAKE_S)
        except TimeoutError:
            raise ConnectionAbortedError(f"no handshake began within {HANDSHAKE_S:.0f} s") from None
        finally:
            self._beginning = None
        received, self._early = bytes(self._early or b""), bytearray()
        return received

    async def _shake_hands(
        self,
        plain: asyncio.Transport,
        context: ssl.SSLContext,
        received: bytes,
        *,
        server_side: bool,
        server_name: str | None,
    ) -> asyncio.Transport:
        if received and received[0] != HANDSHAKE:
            raise ConnectionAbortedError(
                "the client said something in clear where its handshake should begin"
            )
        loop = asyncio.get_running_loop()
        shaking = loop.create_task(
            loop.start_tls(
                plain,
                self,
                context,
                server_side=server_side,
                server_hostname=server_name,
                ssl_handshake_timeout=HANDSHAKE_S,
            )
        )
        if received:  # behind the first step of the task, and before anything can be read
            loop.call_soon(loop.call_soon, _hand_over, plain, received)
        secured = await shaking
        if secured is None:
            raise ConnectionResetError(_WENT_AWAY)
        return secured

    def _hand_on_early(self) -> None:
        early, self._early = self._early, None
        if early and not self._lost:
            self._receiver.octets_received(bytes(early))

    def close(self) -> None:
        """Close after what was written has gone out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what was written may be lost."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Close at once with a reset (RST), for who must know that it was no ordinary end."""
        bound = self._transport.get_extra_info("socket") if self._transport is not None else None
        if bound is not None:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.abort()

    def end_writing(self) -> None:
        """Say nothing more, but go on reading; inside TLS, which cannot do that in asyncio, close."""
        if self._transport is not None and self._transport.can_write_eof() and not self.tls:
            self._transport.write_eof()
        else:
            self.close()


def _hand_over(plain: asyncio.Transport, octets: bytes) -> None:
    """Give what was read before a handshake began to whoever reads the connection now."""
    reader = cast("asyncio.BufferedProtocol", plain.get_protocol())
    while octets and not plain.is_closing():
        room = memoryview(reader.get_buffer(len(octets)))
        n_octets = min(len(room), len(octets))
        room[:n_octets] = octets[:n_octets]
        reader.buffer_updated(n_octets)
        octets = octets[n_octets:]


def peer_of(name: object) -> tuple[str, int]:
    """Address and port from a socket's name; ("", 0) from anything else.

    An IPv4 peer of an IPv6 socket is shown as what it is, without the ::ffff: in front (RFC 4291 2.5.5.2).
    """
    if not isinstance(name, tuple):
        return "", 0
    address = name[0].removeprefix("::ffff:") if "." in name[0] else name[0]
    return address, name[1]


async def listen(
    host: str, port: int, receiver: Callable[[], Receiver], *, at_once: bool = True, shared: bool = False
) -> asyncio.Server:
    """Listen on one address; port 0 takes a free one. For TLS at once see net.door.

    at_once: else the address is only taken, until start_serving() of what this gives. shared: another socket of ours
    holds the address. Without that nobody may on Windows, where SO_REUSEADDR would let two programs listen at one
    address (Microsoft, Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE); elsewhere it only skips the wait after an end.
    """
    return await asyncio.get_running_loop().create_server(
        lambda: Stream(receiver()),
        host,
        port,
        backlog=LISTEN_BACKLOG,
        reuse_address=shared or os.name == "posix",
        start_serving=at_once,
    )


async def connect(
    host: str,
    port: int,
    receiver: Receiver,
    *,
    deadline_s: float,
    tls: ssl.SSLContext | None = None,
    source: str = "",
) -> Stream:
    """Open a connection; raises TransportError with phase resolve, connect or tls.

    source: our own IPv4 address to come from, ANY_IPV4 for any of them; then only IPv4 is tried.
    """
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {"family": socket.AF_INET, "local_addr": (source, 0)} if source else {}
    from_where = f" from {source}" if source not in ("", ANY_IPV4) else ""
    try:
        _, stream = await asyncio.wait_for(
            loop.create_connection(
                lambda: Stream(receiver),
                host,
                port,
                ssl=tls,
                server_hostname=host if tls else None,
                **options,
            ),
            deadline_s,
        )
    except TimeoutError:
        raise TransportError(
            "connect", f"{host}:{port} did not answer within {deadline_s:.0f} s{from_where}"
        ) from None
    except socket.gaierror as error:
        raise TransportError("resolve", f"{host}: {error.strerror}") from error
    except UnicodeError as error:  # a name that cannot be written for DNS: an empty or overlong label
        raise TransportError("resolve", f"{host}: not a host name") from error
    except ssl.SSLError as error:
        raise TransportError("tls", describe_tls_error(error)) from error
    except OSError as error:
        raise TransportError("connect", f"{host}:{port}{from_where}: {error.strerror or error}") from error
    return stream
