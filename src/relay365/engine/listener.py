"""Accepts connections: who may come at all, how many in all and per address, one Session each, and their orderly end.

What a peer begins with (a proxy's header, TLS, plain words) is found out by the door in front of its session
(relay365.net.door); here stand the limits, the journal of it, and what a listener needs from time to time.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from relay365.clock import Clock
from relay365.engine.session import SHUTTING_DOWN, Reception, Session
from relay365.mail.envelope import SubmitterFacts
from relay365.mail.refusals import entering
from relay365.mail.status import Reply
from relay365.net.door import Door, Doorway, Network, Remark, holds
from relay365.net.identity import DAY_S, Identity
from relay365.net.stream import Stream, listen
from relay365.smtp.states import Phase

_LOG = logging.getLogger("relay365.listener")

CARE_S = 30.0  # how often certificates are looked at

TOO_MANY = entering.TOO_MANY_SESSIONS.said()
TOO_EARLY = entering.TOO_EARLY.said()  # RFC 5321 3.1 and 4.3.2
NOT_FOR_YOU = entering.NOT_ON_LISTENER.said()


@dataclass(frozen=True, slots=True)
class Access:
    """Who reaches a listener, and what it shows them.

    hosts: the only networks that may connect, () for any; proxies: who must begin with a PROXY header; review_by: when
    somebody looks whether the listener is still needed; identity: its certificate, None without TLS or in tests.
    """

    hosts: tuple[Network, ...] = ()
    proxies: tuple[Network, ...] = ()
    review_by: dt.date | None = None
    identity: Identity | None = None


class SessionCount:
    """How many sessions there are, shared by all listeners. 421 at the greeting is what RFC 5321 3.1 foresees.

    most: in all (precedents: Postfix 100 processes, Exchange 5,000); most_per_address: Postfix 50, Exchange 20 %.
    closed: what everybody hears while the relay takes no mail; None while it does.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self.most, self.most_per_address = most, most_per_address
        self.closed: Reply | None = None
        self.sessions: set[Session] = set()
        self._by_address: Counter[str] = Counter()

    def enter(self, session: Session, most_from_here: int = 0, mark: str = "") -> Reply | None:
        """Count a session in; a Reply says why it may not stay. most_from_here: a limit of the rule with this mark."""
        self.sessions.add(session)
        self._by_address[session.peer[0]] += 1
        if self.closed is not None:
            return self.closed
        if len(self.sessions) > self.most:
            return TOO_MANY
        if self._by_address[session.peer[0]] > (most_from_here or self.most_per_address):
            return entering.TOO_MANY_FROM_YOU.said(mark if most_from_here else "")
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

    def __init__(self, reception: Reception, count: SessionCount, access: Access | None = None) -> None:
        self._reception, self._count = reception, count
        self._access = access or Access()
        self._way = Doorway(reception.tls, reception.implicit_tls, self._access.proxies)
        self._server: asyncio.Server | None = None
        self._reminded_at = 0.0

    async def open(self, host: str, port: int) -> str:
        """Listen; gives the address as host:port with the real port. Raises OSError when it is taken."""
        address = await self.bind(host, port)
        await self.serve()
        return address

    async def bind(self, host: str, port: int) -> str:
        """Take the address and accept nobody yet; otherwise as open()."""
        self._server = await listen(host, port, self._new_door, at_once=False)
        bound = self._server.sockets[0].getsockname()
        return f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"

    async def serve(self) -> None:
        """Accept connections, behind bind(); harmless where it does already."""
        if self._server is not None:
            await self._server.start_serving()

    def follow(self, reception: Reception, access: Access) -> None:
        """Whoever connects from now on finds these; sessions that are open go on as they began."""
        self._reception, self._access, way = reception, access, self._way
        self._way = Doorway(reception.tls, reception.implicit_tls, access.proxies, way.habits, way.waiting)

    def stop(self) -> None:
        """Accept no more connections, and send away who has not begun a session; the open ones go on."""
        if self._server is not None:
            self._server.close()
        self._way.close()

    async def look_after(self, now: float) -> None:
        """Show a renewed certificate to whoever connects from now on; say once a day that the review is due."""
        identity, review_by = self._access.identity, self._access.review_by
        fresh = await asyncio.to_thread(identity.look, now) if identity is not None else None
        if fresh is not None and identity is self._access.identity:
            self._reception = replace(self._reception, tls=fresh)
            self._way.tls = fresh
        today = dt.datetime.fromtimestamp(now, dt.UTC).date()
        if review_by is not None and today > review_by and now - self._reminded_at >= DAY_S:
            self._reminded_at = now
            _LOG.warning("listener.review-due listener=%s review_by=%s", self._reception.name, review_by)

    def _new_door(self) -> Door:
        return Door(self._way, _CountedSession(self._reception, self._count, self._access.hosts))


class _CountedSession(Session):
    """A session that is counted from connect to disconnect; where TLS comes first, from before the handshake."""

    def __init__(self, reception: Reception, count: SessionCount, hosts: tuple[Network, ...]) -> None:
        super().__init__(reception, count.leave)
        self._sessions, self._hosts = count, hosts
        self._deviations: list[
            str
        ] = []  # tolerances that were needed before there was a machine to count them
        self.tolerances: frozenset[str] = frozenset()

    def arrived(self, stream: Stream, *, is_plain: bool) -> bool:
        """Count in; whoever may not come or is one too many is told so, where it can read that."""
        self._stream, self.peer = stream, stream.peer
        refusal = self._admit()
        if refusal is None:
            return True
        _LOG.warning("session.refused peer=%s reply=%r", self.peer[0], str(refusal))
        self._sessions.leave(self)
        self.turned_away(f"refused at once: {refusal}")
        if is_plain:
            stream.write(refusal.encode())
        stream.close()
        return False

    def _admit(self) -> Reply | None:
        if self._hosts and not holds(self._hosts, self.peer[0]):
            return NOT_FOR_YOU
        client = self._reception.gate.client(SubmitterFacts(self._reception.name, *self.peer))
        self.tolerances = client.tolerances
        return self._sessions.enter(self, client.sessions, client.mark)

    def connected(self, stream: Stream) -> None:
        """Greet; see net.stream.Receiver."""
        super().connected(stream)
        if self._reception.implicit_tls and not stream.tls:
            self._deviations.append("plain_on_tls_port")
        if self._machine is not None:
            self._machine.counts.tolerated.update(self._deviations)

    def refuse(self, reply: Reply, spare: Container[Phase] = ()) -> None:
        """End the session now; one that has not begun has no words for it."""
        if self._machine is None:
            self.abort()
        else:
            super().refuse(reply, spare)

    def remarked(self, remark: Remark, stream: Stream, words: str) -> None:
        """Write down what the door saw; see net.door.Guest."""
        peer = stream.peer[0]
        match remark:
            case Remark.BEGAN_TLS:
                self._deviations.append("tls_at_once")
                _LOG.info("tls.at-once peer=%s listener=%s", peer, self._reception.name)
                return
            case Remark.EARLY_SERVED:
                self._deviations.append("early_talk")
                return
            case Remark.EARLY:
                _LOG.warning("session.refused peer=%s reply=%r", peer, str(TOO_EARLY))
                stream.write(TOO_EARLY.encode())
            case Remark.TLS_FAILED:
                _LOG.warning("tls.failed peer=%s reason=%s", peer, words)
            case Remark.PLAIN | Remark.PLAIN_SERVED:
                _LOG.warning("tls.plain-client peer=%s reason=%s", peer, words)
            case Remark.PROXY:
                _LOG.warning("proxy.refused peer=%s reason=%s", peer, words)
        if self._stream is None:  # a proxy, before anybody arrived
            self.peer = stream.peer
            self.turned_away(words)
        elif remark is not Remark.PLAIN_SERVED:
            self.remark(words)


async def look_after(listeners: Iterable[Listener], clock: Clock) -> None:
    """Look after the listeners from now on, until cancelled; they may be others at every look."""
    while True:
        for listener in list(listeners):
            await listener.look_after(clock.now())
        await asyncio.sleep(CARE_S)


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
