"""A listener for TLS at once (RFC 8314 3.3), on which a peer is announced before it has shaken hands.

Apart from net.stream because asyncio's own listener tells of a peer only after the handshake: peers that never shake
hands would be seen by no limit, and there could be any number of them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from relay365.net.stream import HANDSHAKE_S, LISTEN_BACKLOG, Receiver, Stream, peer_of

_LOG = logging.getLogger("relay365.listener")

PAUSE_S = 1.0  # no descriptor is left: whoever waits in the backlog is taken when there is one again


class Guest(Receiver, Protocol):
    """A receiver that is told of its peer before the handshake."""

    def arrived(self, peer: tuple[str, int]) -> bool:
        """A peer has connected; False sends it away. After True either connected() or disconnected() is called."""
        ...


class ImplicitListener:
    """Sockets that listen. Use listen_tls() to get one; close() ends handshakes that are not done, too."""

    def __init__(self, sockets: list[socket.socket], guest: Callable[[], Guest], tls: ssl.SSLContext) -> None:
        self.sockets = sockets
        self._guest, self._tls = guest, tls
        self._loop = asyncio.get_running_loop()
        self._tasks = {self._loop.create_task(self._accept(one)) for one in sockets}

    def close(self) -> None:
        """Accept nobody any more; connections that are secured go on."""
        for task in self._tasks:
            task.cancel()

    async def _accept(self, listening: socket.socket) -> None:
        try:
            while True:
                try:
                    connection, name = await self._loop.sock_accept(listening)
                except OSError as error:
                    _LOG.warning("accept.failed reason=%s", error.strerror)
                    await asyncio.sleep(PAUSE_S)
                else:
                    self._take(connection, peer_of(name))
        finally:
            listening.close()

    def _take(self, connection: socket.socket, peer: tuple[str, int]) -> None:
        guest = self._guest()
        if not guest.arrived(peer):
            connection.close()
            return
        task = self._loop.create_task(self._secure(connection, guest))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _secure(self, connection: socket.socket, guest: Guest) -> None:
        failed: Exception | None = None
        is_secured = False
        try:
            await self._loop.connect_accepted_socket(
                lambda: Stream(guest), connection, ssl=self._tls, ssl_handshake_timeout=HANDSHAKE_S
            )
            is_secured = True
        except (OSError, ssl.SSLError) as error:
            failed = error
        finally:
            if not is_secured:
                connection.close()
                guest.disconnected(failed)


async def listen_tls(
    host: str, port: int, guest: Callable[[], Guest], tls: ssl.SSLContext
) -> ImplicitListener:
    """Listen on one address; port 0 takes a free one. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((one[0], one[4]) for one in found):
            sockets.append(socket.create_server(address, family=family, backlog=LISTEN_BACKLOG))
            sockets[-1].setblocking(False)
    except OSError:
        for one in sockets:
            one.close()
        raise
    return ImplicitListener(sockets, guest, tls)
