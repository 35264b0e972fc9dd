"""Draining: the running relay takes no mail any more and delivers what waits, `relay365 drain`.

Listeners stay open and say 421 at the greeting: a connection that is refused looks like a broken network to whoever
stands before a copier, and leaves no trace in the black box. (RFC 5321 3.8; RFC 3463 3.4: X.3.2) It ends with the
process, by an undo, or with its time, whichever comes first: a relay must not stay deaf because a command has died.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from relay365.app.live.parts import Parts
from relay365.engine.control.drain import LONGEST_S, Drain, forget_drain, write_drain
from relay365.engine.session import SHUTTING_DOWN
from relay365.errors import SpoolError
from relay365.mail.dsn import Debt
from relay365.smtp.states import Phase
from relay365.spool.api import Selection, State
from relay365.spool.waiting.depth import Depth

_LOG = logging.getLogger("relay365")

LOOK_S = 1.0
AGAIN_S = 75.0  # at most, for what defers meanwhile; less a fifth of it by lot, that no remote is asked twice a minute
COUNT_SHARE = 0.1  # of the time, for counting what waits: a queue of millions takes a second
GRACE_S = 10.0  # for a message that has begun: most devices forget one that is interrupted
IN_MESSAGE = (Phase.MAIL, Phase.RCPT, Phase.CONTENT)
MOST = 1_000_000
DRAINS, EMPTY, STUCK = "draining", "empty", "stuck"


@dataclass(frozen=True, slots=True)
class _Left:
    """What was there at one look. reports: whether a sender must still be told something."""

    depths: tuple[Depth, ...]
    under_way: int
    reports: bool
    next_at: Mapping[str, float]
    replies: Mapping[str, str]

    def of(self, state: str, lane: str | None = None) -> int:
        """Recipients in a state."""
        fits = (one for one in self.depths if one.state == state and lane in (None, one.lane))
        return sum(one.recipients for one in fits)


@dataclass(slots=True)
class Draining:
    """One per relay. stop: ends the service. changed: called when it has begun or ended, for the supervisor."""

    parts: Parts
    stop: Callable[[], None]
    changed: Callable[[], None]
    _order: Drain | None = None
    _left: _Left | None = None
    _trouble: str = ""
    _count_at_mono: float = 0.0
    _n_empty: int = 0
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """As a handler of requests (engine.control). do: begin (with for_s, stops and by), look, or undo.

        draining: whether it takes no mail now; then until_at (epoch seconds), stops, by, state (draining; stuck: only a
        person can move what is left; empty), sessions, waiting, under_way, held, reports, frozen, trouble (why the
        queue could not be counted), and lanes, each with lane, waiting, held, next_at and why. After an undo: was.
        """
        match request.get("do"):
            case "begin":
                await self._begin(request)
            case "undo":
                was = self._order is not None
                await self._end("a person")
                return {"draining": False, "was": was}
        return self._seen()

    async def run(self) -> None:
        """Obey orders until cancelled."""
        self._show(self._order)  # not that of a life that was killed: in a container it had our number
        try:
            while True:
                await self._asked.wait()
                if self._order is not None:
                    await self._step(self._order)
                await asyncio.sleep(LOOK_S)
        finally:
            self._show(None)

    async def _begin(self, request: Mapping[str, Any]) -> None:
        now = self.parts.clock.now()
        for_s = min(
            LONGEST_S, max(LOOK_S, float(request.get("for_s", 0.0)))
        )  # what is no number is the shortest
        by, stops = str(request.get("by", "")), bool(request.get("stops"))
        order = Drain(os.getpid(), now, now + for_s, stops, by)
        until = datetime.fromtimestamp(order.until_at, UTC).isoformat(timespec="seconds")
        self.parts.listeners.count.closed = SHUTTING_DOWN
        self._order, self._left, self._n_empty, self._count_at_mono = order, None, 0, 0.0
        _LOG.warning("service.draining until=%s by=%s stops=%s", until, by, stops)
        self._send_away()
        self.parts.scheduler.hurry(AGAIN_S)
        await asyncio.to_thread(self._show, order)
        try:
            await self.parts.spool.retry(Selection(states=frozenset({State.QUEUED}), limit=MOST), now)
        except SpoolError as error:
            self._trouble = str(error)
        await self._look()
        self._asked.set()
        self.changed()

    async def _end(self, by: str) -> None:
        if self._order is None:
            return
        self._order = self.parts.listeners.count.closed = None
        self._asked.clear()
        self.parts.scheduler.hurry(float("inf"))
        _LOG.warning("service.accepts by=%s", by)
        await asyncio.to_thread(self._show, None)
        self.changed()

    async def _step(self, order: Drain) -> None:
        if self.parts.clock.now() >= order.until_at:
            await self._end("its own end")
            return
        self._send_away()
        if self.parts.clock.mono() >= self._count_at_mono:
            await self._look()
        if self._state() == EMPTY and self._n_empty == 2:
            _LOG.warning("service.drained stops=%s", order.stops)
            if order.stops and self._order is order:
                self.stop()

    def _send_away(self) -> None:
        """Who stands between two messages goes now; who has begun one may end it, for a while."""
        order = self._order
        is_late = order is not None and self.parts.clock.now() - order.began_at >= GRACE_S
        for session in list(self.parts.listeners.count.sessions):
            session.refuse(SHUTTING_DOWN, () if is_late else IN_MESSAGE)

    async def _look(self) -> None:
        """Count what is left. Sessions first: one that is gone puts nothing more into the queue."""
        spool, began_mono = self.parts.spool, self.parts.clock.mono()
        n_sessions = len(self.parts.listeners.count.sessions)
        try:
            depths = tuple(await spool.depths())
            claimed = await spool.list(Selection(states=frozenset({State.CLAIMED})))
            waits = await spool.list(Selection(states=frozenset({State.QUEUED}), limit=100))
            reports = [await spool.debts(debt, limit=1) for debt in Debt]
            next_at = await spool.due()
        except SpoolError as error:
            self._trouble, self._n_empty = str(error), 0
            return
        replies = {
            one.lane: one.last_reply
            for view in reversed(waits)
            for one in view.recipients
            if one.state is State.QUEUED and one.last_reply
        }
        under_way = sum(one.state is State.CLAIMED for view in claimed for one in view.recipients)
        left = self._left = _Left(depths, under_way, any(reports), next_at, replies)
        self._trouble = ""
        is_empty = not (n_sessions or left.depths or left.under_way or left.reports)
        self._n_empty = self._n_empty + 1 if is_empty else 0
        took_s = self.parts.clock.mono() - began_mono
        self._count_at_mono = self.parts.clock.mono() + took_s / COUNT_SHARE

    def _state(self) -> str:
        """Empty only at the second look in a row: between two questions mail may have moved from one to the other."""
        left = self._left
        if left is None or self.parts.listeners.count.sessions:
            return DRAINS
        if self._n_empty >= 2:
            return EMPTY
        is_still = left.of("held") and not (left.of("queued") or left.under_way or left.reports)
        return STUCK if is_still else DRAINS

    def _seen(self) -> dict[str, Any]:
        order, left = self._order, self._left
        if order is None:
            return {"draining": False}
        found = {
            "draining": True, "until_at": order.until_at, "stops": order.stops, "by": order.by, "state": self._state(),
            "sessions": len(self.parts.listeners.count.sessions), "frozen": self.parts.scheduler.orders.is_frozen,
            "trouble": self._trouble, "waiting": 0, "under_way": 0, "held": 0, "reports": False, "lanes": [],
        }  # fmt: skip
        if left is not None:
            found |= {
                "waiting": left.of("queued"), "under_way": left.under_way, "held": left.of("held"),
                "reports": left.reports,
                "lanes": [self._lane(name, left) for name in sorted({one.lane for one in left.depths})],
            }  # fmt: skip
        return found

    def _lane(self, name: str, left: _Left) -> dict[str, Any]:
        """One lane, and why its mail still waits: for a person, for its gate, or for what its oldest mail was told."""
        lane, mono, now = (
            self.parts.scheduler.lanes.get(name),
            self.parts.clock.mono(),
            self.parts.clock.now(),
        )
        next_at, why = left.next_at.get(name), left.replies.get(name, "")
        if lane is not None:
            health = lane.health
            reason = health.complaint(mono) or (health.gate_reason if mono < health.gate_until else None)
            why = reason.reply_text if reason is not None else why
            opens_at = now + max(0.0, health.gate_until - mono)
            next_at = max(next_at, opens_at) if next_at is not None else None
        return {
            "lane": name, "waiting": left.of("queued", name), "held": left.of("held", name), "next_at": next_at,
            "why": why,
        }  # fmt: skip

    def _show(self, order: Drain | None) -> None:
        """Leave it for `status`; where that cannot be, only `status` does not know."""
        data = self.parts.build.site.data
        try:
            if order is None:
                forget_drain(data)
            else:
                write_drain(data, order)
        except OSError as error:
            _LOG.warning("control.unwell reason=%s", error)
