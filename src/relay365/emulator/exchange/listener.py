"""The submission port: opens, refuses during an outage without losing its number, and ends its sessions."""

from __future__ import annotations

import asyncio
import socket

from relay365.emulator.exchange.session import Reception, Session
from relay365.net.stream import Stream, listen


class Listener:
    """One address. A second socket that is bound but never listens keeps the port while connections are refused."""

    def __init__(self, reception: Reception, host: str, port: int) -> None:
        self._reception, self._host = reception, host
        self._sessions: set[Session] = set()
        self._server: asyncio.Server | None = None
        self._wants_open = False
        self._holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._holder.bind((host, port))
        except OSError:
            self._holder.close()
            raise
        self.port: int = self._holder.getsockname()[1]

    async def open(self) -> None:
        """Listen; harmless where it does already. Raises OSError."""
        self._wants_open = True
        if self._server is not None:
            return
        server = await listen(self._host, self.port, self._new_session)
        if self._wants_open and self._server is None:
            self._server = server
        else:  # shut() came while the socket was being made
            server.close()

    def shut(self) -> None:
        """Refuse connections from now on; open sessions go on."""
        self._wants_open = False
        if self._server is not None:
            self._server.close()
            self._server = None

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
