"""Accepts connections: their number in all and per address, one Session each, and their orderly end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from relay365.engine.session import SHUTTING_DOWN, Reception, Session
from relay365.mail.status import Reply
from relay365.net.implicit import ImplicitListener, listen_tls
from relay365.net.stream import Stream, describe_tls_error, listen

_LOG = logging.getLogger("relay365.listener")

TOO_MANY = Reply.of(421, "4.3.2", "Too many sessions, try again later")
TOO_MANY_FROM_YOU = Reply.of(421, "4.7.0", "Too many sessions from your address, try again later")


class SessionCount:
    """How many sessions there are, shared by all listeners. 421 at the greeting is what RFC 5321 3.1 foresees.

    most: in all (precedents: Postfix 100 processes, Exchange 5,000); most_per_address: Postfix 50, Exchange 20 %.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self.most, self.most_per_address = most, most_per_address
        self.sessions: set[Session] = set()
        self._by_address: Counter[str] = Counter()

    def enter(self, session: Session) -> Reply | None:
        """Count a session in; a Reply says that it is one too many."""
        self.sessions.add(session)
        self._by_address[session.peer[0]] += 1
        if len(self.sessions) > self.most:
            return TOO_MANY
        if self._by_address[session.peer[0]] > self.most_per_address:
            return TOO_MANY_FROM_YOU
        return None

    def leave(self, session: Session) -> None:
        """Count a session out; harmless for one that never entered."""
        if session in self.sessions:
            self.sessions.discard(session)
            self._by_address[session.peer[0]] -= 1
            if not self._by_address[session.peer[0]]:
                del self._by_address[session.peer[0]]


class Listener:
    """One address that devices connect to."""

    def __init__(self, reception: Reception, count: SessionCount) -> None:
        self._reception, self._count = reception, count
        self._server: asyncio.Server | ImplicitListener | None = None

    async def open(self, host: str, port: int) -> str:
        """Listen; gives the address as host:port with the real port. Raises OSError when it is taken."""
        tls = self._reception.tls
        if self._reception.implicit_tls and tls is not None:
            self._server = await listen_tls(host, port, self._new_session, tls)
        else:
            self._server = await listen(host, port, self._new_session)
        bound = self._server.sockets[0].getsockname()
        return f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"

    def stop(self) -> None:
        """Accept no more connections; the open ones go on."""
        if self._server is not None:
            self._server.close()

    def _new_session(self) -> _CountedSession:
        return _CountedSession(self._reception, self._count)


class _CountedSession(Session):
    """A session that is counted from connect to disconnect; where TLS comes first, from before the handshake."""

    def __init__(self, reception: Reception, count: SessionCount) -> None:
        super().__init__(reception, count.leave)
        self._sessions = count
        self._has_greeted = False

    def arrived(self, peer: tuple[str, int]) -> bool:
        """Count in; one too many goes without a word, which it could not read before the handshake."""
        self.peer = peer
        refusal = self._sessions.enter(self)
        if refusal is not None:
            self._log_refusal(refusal)
            self._sessions.leave(self)
        return refusal is None

    def connected(self, stream: Stream) -> None:
        """Count in, then greet or refuse."""
        self._has_greeted = True
        self.peer = stream.peer
        refusal = self._sessions.enter(self) if self not in self._sessions.sessions else None
        if refusal is None:
            super().connected(stream)
            return
        self._log_refusal(refusal)
        stream.write(refusal.encode())
        stream.close()

    def disconnected(self, error: Exception | None) -> None:
        """Count out; an error before the greeting is a handshake that failed."""
        if error is not None and not self._has_greeted:
            _LOG.warning("tls.failed peer=%s reason=%s", self.peer[0], describe_tls_error(error))
        super().disconnected(error)

    def _log_refusal(self, refusal: Reply) -> None:
        _LOG.warning("session.refused peer=%s reply=%r", self.peer[0], str(refusal))


async def drain(count: SessionCount, deadline_s: float) -> None:
    """Tell open sessions 421 when they stand between messages, wait for the others until the deadline, cut the rest."""
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline_s
    for session in list(count.sessions):
        session.refuse(SHUTTING_DOWN)
    while count.sessions and loop.time() < until:  # noqa: ASYNC110 - once in a life; sessions need not know it
        await asyncio.sleep(0.05)
    for session in list(count.sessions):
        session.abort()
