"""An SMTP port: opens, refuses or swallows connections during an outage without losing its number, and ends its
sessions.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket

from relay365.emulator.exchange.session import Reception, Session
from relay365.net.stream import Stream, listen

QUEUE_FILLERS = 4  # more than a queue of zero takes


class Listener:
    """One address. A second socket that is bound but never listens keeps the port while connections are refused."""

    def __init__(self, reception: Reception, host: str, port: int) -> None:
        self._reception, self._host = reception, host
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None
        self._wants_open = False
        self._hole: list[socket.socket] = []
        self._holder = self._socket()
        try:
            self._holder.bind((host, port))
        except OSError:
            self._holder.close()
            raise
        self.port: int = self._holder.getsockname()[1]

    async def open(self) -> None:
        """Listen; harmless where it does already. Raises OSError."""
        self.wish()
        await self.obey()

    def wish(self) -> None:
        """From now on it is to listen; obey() makes it so."""
        self._wants_open = True
        self._fill_hole()

    async def obey(self) -> None:
        """Listen if that is still wished. Raises OSError."""
        if self._server is not None or not self._wants_open:
            return
        server = await listen(self._host, self.port, self._new_session, shared=True)
        if self._wants_open and self._server is None:
            self._server = server
        else:  # shut() came while the socket was being made
            server.close()

    def shut(self) -> None:
        """Refuse connections from now on; open sessions go on."""
        self._wants_open = False
        self._fill_hole()
        if self._server is not None:
            self._server.close()
            self._server = None

    def swallow(self) -> None:
        """Answer connections no more from now on, not even with a refusal: a listening socket that accepts nobody, its
        queue filled by connections of our own. Open sessions go on.
        """
        if self._hole:
            return
        self.shut()
        hole = self._socket()
        hole.bind((self._host, self.port))
        hole.listen(0)
        self._hole = [hole]
        for _ in range(QUEUE_FILLERS):
            filler = socket.socket(hole.family, socket.SOCK_STREAM)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((self._host, self.port))
            self._hole.append(filler)

    def _fill_hole(self) -> None:
        for one in reversed(self._hole):  # the listening one last
            one.close()
        self._hole.clear()

    def _socket(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return one

    async def close(self) -> None:
        """End everything."""
        self.shut()
        self._holder.close()
        tasks = [session.task for session in self._sessions if session.task is not None]
        for session in list(self._sessions):
            session.end()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _new_session(self) -> Session:
        return _CountedSession(self._reception, self._sessions)


class _CountedSession(Session):
    """A session that is counted from connect to disconnect."""

    def __init__(self, reception: Reception, sessions: set[Session]) -> None:
        super().__init__(reception, self._leave)
        self._sessions, self._tally = sessions, reception.record.tally

    def connected(self, stream: Stream) -> None:
        """Count in, then go on."""
        self._sessions.add(self)
        self._tally.connections += 1
        self._tally.connections_open += 1
        super().connected(stream)

    def _leave(self, session: Session) -> None:
        self._sessions.discard(self)
        self._tally.connections_open -= 1
