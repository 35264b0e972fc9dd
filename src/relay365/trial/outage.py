"""The fire drill: a real relay delivers nothing for a while, then drains; all is counted, and that is a report.

Apart from the demonstration, which runs a relay of its own: this is done to the one in production, so it only counts
from outside and orders a freeze that ends by itself (spool.waiting.freeze). A drill that dies leaves a relay that
delivers again at the end that was announced.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from relay365.clock import Clock
from relay365.spool.api import END_STATES, State
from relay365.spool.history.search import History, Taken
from relay365.spool.waiting.freeze import Freeze, read_freeze, thaw, write_freeze

LOOK_S = 1.0
KNOWN_S = 3.0  # so long after the order every relay that runs has heard of it: it looks once a second
WAITING = (State.QUEUED, State.CLAIMED)


class Moment(NamedTuple):
    """What was seen at one look. phase: frozen or draining; at: epoch seconds; recipients of this drill that wait."""

    phase: str
    at: float
    taken: int
    waiting: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """for_s: how long nothing is delivered; drain_s: how long the drain may take; told_since: the numbers of messages
    that devices were told of since an instant, as another record has it.
    """

    freeze: Freeze
    drain_s: float
    told_since: Callable[[float], Collection[int]] = lambda at: ()


@dataclass
class Report:
    """What became of it. Instants are epoch seconds; ended_at: None while the drain is not over.

    backlog: messages that waited when it began. lost: messages that were seen, or that a device was told of, and are
    no more. while_frozen: recipients that were settled in the outage; those that were taken in it, too, when the
    freeze was surely known, are disobeyed: then nothing was drilled.
    """

    began_at: float
    planned_s: float
    by: str
    reason: str
    thawed_at: float = 0.0
    ended_at: float | None = None
    thawed_early: str = ""
    backlog: int = 0
    messages: int = 0
    octets: int = 0
    recipients: dict[str, int] = field(default_factory=dict)
    possible_duplicates: int = 0
    while_frozen: int = 0
    disobeyed: int = 0
    lost: tuple[int, ...] = ()
    most_waiting: int = 0
    oldest_s: float = 0.0
    moments: list[Moment] = field(default_factory=list)

    @property
    def still_waiting(self) -> int:
        """Recipients that were not settled when the drill ended."""
        return sum(self.recipients.get(state.value, 0) for state in WAITING)

    @property
    def drained_s(self) -> float | None:
        """From the thaw to the last settled recipient; None where some still wait."""
        return None if self.ended_at is None else max(0.0, self.ended_at - self.thawed_at)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost and all of it went out or was answered."""
        return not self.lost and not self.disobeyed and self.ended_at is not None


class Drill:
    """One drill. stop ends the phase that is under way: the freeze, and when it is set again, the drain."""

    def __init__(self, history: History, data: Path, clock: Clock, plan: Plan) -> None:
        self.stop = asyncio.Event()
        self._history, self._data, self._clock, self._plan = history, data, clock, plan
        self._first = 0
        self._backlog: set[int] = set()
        self._seen: set[int] = set()
        order = plan.freeze
        self._report = Report(order.began_at, order.until_at - order.began_at, order.by, order.reason)

    async def run(self, tell: Callable[[Moment], None]) -> Report:
        """Freeze, watch, thaw, watch, count. Raises SpoolError and OSError; it is thawed however it ends."""
        report = self._report
        await self._look_before()
        try:
            await asyncio.to_thread(write_freeze, self._data, self._plan.freeze)
            report.thawed_early = await self._freeze(tell)
        finally:
            thaw(self._data)
        report.thawed_at = self._clock.now()
        self.stop.clear()
        await self._drain(tell)
        await self._count()
        return report

    async def _look_before(self) -> None:
        """What was there before: it drains with the rest, but was not taken in the drill."""
        waiting = await self._history.numbers_waiting()
        self._first = await self._history.last_number()
        self._backlog = {seq for seq in waiting if seq <= self._first}
        self._report.backlog = len(self._backlog)

    async def _freeze(self, tell: Callable[[Moment], None]) -> str:
        """Watch until the time is over; gives why it ended early, "" where it did not."""
        order = self._plan.freeze
        while self._clock.now() < order.until_at:
            await self._look("frozen", tell)
            if self.stop.is_set():
                return "the person who held it ended it"
            present = await asyncio.to_thread(read_freeze, self._data, self._clock.now())
            if present != order and self._clock.now() < order.until_at:
                return "somebody else thawed the relay"
            await self._pause(min(LOOK_S, order.until_at - self._clock.now()))
        return ""

    async def _drain(self, tell: Callable[[Moment], None]) -> None:
        """Watch until nothing of it waits, or the patience is over."""
        until = self._clock.now() + self._plan.drain_s
        while self._clock.now() < until and not self.stop.is_set():
            moment = await self._look("draining", tell)
            if not moment.waiting:
                return
            await self._pause(LOOK_S)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self.stop.wait()
        except TimeoutError:
            return

    async def _look(self, phase: str, tell: Callable[[Moment], None]) -> Moment:
        now, ours = self._clock.now(), await self._ours()
        waiting = [one for one in ours if one.state in WAITING]
        taken = {one.seq for one in ours if one.seq > self._first}
        self._seen |= taken
        oldest_s = now - min((one.accepted_at for one in waiting), default=now)
        moment = Moment(phase, now, len(taken), len(waiting), oldest_s)
        report = self._report
        report.moments.append(moment)
        report.most_waiting = max(report.most_waiting, moment.waiting)
        report.oldest_s = max(report.oldest_s, oldest_s)
        tell(moment)
        return moment

    async def _ours(self) -> list[Taken]:
        """The recipients of the backlog, and of what was taken until the thaw; what came between is not read."""
        thawed_at = self._report.thawed_at or float("inf")
        taken = await self._history.taken_since(self._first)
        backlog = await self._history.taken_among(self._backlog)
        return [*backlog, *(one for one in taken if one.accepted_at <= thawed_at)]

    async def _count(self) -> None:
        """The account. Nothing is believed of what was seen before but that it was there."""
        report, ours = self._report, await self._ours()
        taken = [one for one in ours if one.seq > self._first]
        told = {seq for seq in self._plan.told_since(report.began_at) if seq > self._first}
        present = {one.seq for one in await self._history.taken_since(self._first)}
        present |= {one.seq for one in ours}
        report.lost = tuple(sorted((self._seen | told | self._backlog) - present))
        report.messages = len({one.seq for one in taken})
        report.octets = sum({one.seq: one.size_octets for one in taken}.values())
        report.recipients = dict(Counter(one.state.value for one in ours))
        report.possible_duplicates = sum(one.possible_duplicate for one in ours)
        settled = [one for one in ours if report.began_at <= (one.settled_at or 0.0) < report.thawed_at]
        sure_at = report.began_at + KNOWN_S
        report.while_frozen = len(settled)
        report.disobeyed = sum(one.seq > self._first and one.accepted_at > sure_at for one in settled)
        if all(one.state in END_STATES or one.state is State.HELD for one in ours):
            ends = [one.settled_at for one in ours if one.settled_at is not None]
            report.ended_at = max([report.thawed_at, *ends])


def thinned(moments: list[Moment], most: int) -> list[Moment]:
    """Some of the moments, evenly spaced, the first and the last among them; for a table that is read."""
    if len(moments) <= most:
        return moments
    step = (len(moments) - 1) / (most - 1)
    return [moments[round(n * step)] for n in range(most)]
