"""Bookkeeper: writes down what was used of each budget, and restores it at a start. Acts; it decides nothing.

Once a minute it also counts what waits, and once an hour it teaches each mailbox's reserve what alarms and normal mail
have needed. A process that dies loses no use: the last slices are counted again from the history of the mail itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping

from relay365.clock import Clock
from relay365.engine.budgets.building import EXTERNAL, OCTETS, RECIPIENTS, REQUESTS, bill_of_octets
from relay365.engine.budgets.order import Order
from relay365.engine.health import Health
from relay365.engine.lane import Lane
from relay365.engine.reports import bulletin
from relay365.errors import SpoolError
from relay365.routes.limits import limits
from relay365.rules.quota.budgets import DAY_S, Bill, Messages, Slices, Standing
from relay365.rules.quota.day import Day
from relay365.rules.quota.fair import BULK
from relay365.rules.quota.pairs import Pairs
from relay365.rules.quota.reserve import HOUR_S, HOURS_OF_WEEK, WEEKS
from relay365.spool.api import Spool, State
from relay365.spool.waiting.heads import PRIORITIES
from relay365.spool.waiting.usage import SLICE_S, Usage

_LOG = logging.getLogger("relay365.scheduler")

ROUND_S = 10.0  # how old a face's view of the budgets may be
FLUSH_S = 60.0
LEARN_S = HOUR_S
SAID_S = 1_800.0
LEVELS = (0.8, 0.95)  # of a day's budget
UNKNOWN = "unknown"  # the priority of use from before we knew a mailbox
UNKNOWN_SHARE = 0.5  # of a day, which is believed to be used when a mailbox is new to us

Key = tuple[str, float, str]


class Bookkeeper:
    """One per relay; restore() before the first mail, then run() until it is cancelled."""

    def __init__(self, spool: Spool, lanes: Mapping[str, Lane], clock: Clock) -> None:
        self._spool, self._lanes, self._clock = spool, lanes, clock
        self._open: dict[Key, Usage] = {}
        self._flush_at = self._learn_at = clock.mono()
        self._told = _Told()

    async def restore(self) -> None:
        """What earlier lives have used is used. Raises SpoolError."""
        now, mono = self._clock.now(), self._clock.mono()
        for lane in self._lanes.values():
            lane.order.epoch_s = now - mono
        rows = list(await self._spool.usage(now - DAY_S - SLICE_S))
        rows = await self._with_what_was_not_written(rows, now)
        known = {row.budget for row in rows}
        doubts = [row for row in self._doubts(now) if row.budget not in known]
        await self._spool.note_usage(doubts)
        rows += doubts
        for row in rows:
            self._open[_key(row)] = row
        for budget, slices in self._long_budgets():
            for row in rows:
                if row.budget == budget:
                    slices.add(
                        row.external if slices.name == EXTERNAL else row.recipients, row.at - now + mono
                    )
        await self._fill_short_windows(now, mono)
        await self._fill_pairs(now, mono)
        await self._fill_graph(now, mono)
        await self._fill_clients(now, mono)
        await self._learn()

    async def take_in(self, lanes: Mapping[str, Lane]) -> None:
        """As restore(), for lanes that come while the relay runs, and whose budgets are no other lane's."""
        newcomers = Bookkeeper(self._spool, lanes, self._clock)
        await newcomers.restore()
        self._open = {**newcomers._open, **self._open}

    async def run(self) -> None:
        """One round after the other, and a last entry at the end; a spool that is unwell is told later."""
        try:
            while True:
                await asyncio.sleep(ROUND_S)
                try:
                    await self.round()
                except SpoolError as error:
                    _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, ROUND_S)
        finally:
            with contextlib.suppress(SpoolError):  # the next start counts it from the history
                await self.flush()

    async def round(self) -> None:
        """Notes for faces; and once in a while counts, slices and lessons. Raises SpoolError."""
        mono, now = self._clock.mono(), self._clock.now()
        for lane in list(self._lanes.values()):
            lane.order.epoch_s = now - mono
            for key, standing in lane.order.standings(mono).items():
                self._told.tell(_owner(lane), key, standing, now)
            self._told.tell_of_crowd(_owner(lane), lane.health, now)
            self._told.tell_of_hogs(_owner(lane), lane.order, mono)
            if lane.order.is_used(mono) or lane.order.yields(mono):
                await self._spool.note_lane(bulletin.say(lane, now, mono))
        if mono >= self._flush_at:
            self._flush_at = mono + FLUSH_S
            await self._count()
            await self.flush()
        if mono >= self._learn_at:
            self._learn_at = mono + LEARN_S
            await self._learn()
            await self._spool.forget_usage(now - (WEEKS * HOURS_OF_WEEK + 1) * HOUR_S)

    async def flush(self) -> None:
        """Write down what was used since the last time. Raises SpoolError."""
        at = self._clock.now() // SLICE_S * SLICE_S
        fresh: dict[Key, Usage] = {}
        used = [
            Usage(owner, at, priority, *amounts)
            for lane in self._lanes.values()
            for priority, amounts in lane.order.tally.take().items()
            for owner in (_owner(lane), _tenant(lane))
        ]
        for row in used:
            if row.budget:
                fresh[_key(row)] = _sum(fresh.get(_key(row), self._open.get(_key(row))), row)
        self._open.update(fresh)
        self._open = {key: row for key, row in self._open.items() if row.at >= at - SLICE_S}
        if fresh:
            await self._spool.note_usage(list(fresh.values()))

    async def _count(self) -> None:
        queued = [one for one in await self._spool.depths() if one.state == State.QUEUED.value]
        waiting = {(one.lane, one.priority): one.recipients for one in queued}
        for name, lane in self._lanes.items():
            lane.order.n_waiting_bulk = waiting.get((name, BULK), 0)
            lane.n_waiting = sum(waiting.get((name, priority), 0) for priority in PRIORITIES)

    async def _learn(self) -> None:
        now = self._clock.now()
        rows = await self._spool.usage(now - WEEKS * HOURS_OF_WEEK * HOUR_S)
        seen: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for row in rows:
            if row.priority not in (BULK, UNKNOWN):
                seen[row.budget].append((row.at, row.recipients))
        for lane in self._lanes.values():
            if lane.order.reserve is not None:
                lane.order.reserve.learn(seen[_owner(lane)], now)

    # -- at a start --------------------------------------------------------------------------------------------

    async def _with_what_was_not_written(self, rows: list[Usage], now: float) -> list[Usage]:
        """The slices from the last one on, by the history of the mail where that has more."""
        since = max((row.at for row in rows if row.priority != UNKNOWN), default=now - DAY_S)
        found: dict[Key, Usage] = {}
        for row in await self._spool.settled_since(since):
            lane = self._lanes.get(row.budget)
            if lane is not None:
                at = row.at // SLICE_S * SLICE_S
                for owner in (_owner(lane), _tenant(lane)):
                    one = Usage(owner, at, row.priority, row.messages, row.recipients, row.recipients)
                    found[_key(one)] = _sum(found.get(_key(one)), one)
        written = [row for row in rows if row.at < since or row.priority == UNKNOWN]
        late = [row for row in rows if row.at >= since and row.priority != UNKNOWN]
        for one in late:
            there = [
                row for row in found.values() if (row.budget, row.priority) == (one.budget, one.priority)
            ]
            if sum(row.recipients for row in there) <= one.recipients:
                for row in there:
                    del found[_key(row)]
                found[_key(one)] = one
        return written + [row for row in found.values() if row.budget]

    def _doubts(self, now: float) -> Iterable[Usage]:
        """A mailbox that we have never used: nobody knows what others have sent from it today."""
        at = now // SLICE_S * SLICE_S
        for budget, slices in self._long_budgets():
            amount = int(slices.limit * UNKNOWN_SHARE)
            yield Usage(budget, at, UNKNOWN, 0, amount, amount)

    def _long_budgets(self) -> Iterable[tuple[str, Slices]]:
        """The budgets of a day, each once, by the word that their use is written under."""
        seen: dict[int, tuple[str, Slices]] = {}
        for lane in self._lanes.values():
            for key, word in ((RECIPIENTS, _owner(lane)), (EXTERNAL, _tenant(lane) or _owner(lane))):
                budget = lane.order.vector.budgets.get(key)
                if isinstance(budget, Slices):
                    seen[id(budget)] = (word, budget)
        return list(seen.values())

    async def _fill_short_windows(self, now: float, mono: float) -> None:
        """What went out just now counts; what was on its way when we ended may have gone out."""
        logs = {
            id(log): (log.log, lane)
            for lane in self._lanes.values()
            for log in lane.order.vector.budgets.values()
            if isinstance(log, Messages)
        }
        lapsed = self._spool.lapsed()
        for log, lane in logs.values():
            rows = await self._spool.settled_since(now - log.window_s - log.guard_s)
            n_sent = sum(row.messages for row in rows if row.budget in self._lanes_of(_owner(lane)))
            n_lapsed = sum(lapsed.get(name, 0) for name in self._lanes_of(_owner(lane)))
            log.fill(n_sent + n_lapsed, mono)

    async def _fill_pairs(self, now: float, mono: float) -> None:
        """What each recipient has had of each sender in the last hour."""
        hours: dict[str, Pairs] = {}  # of each lane; lanes of one mailbox share one
        for name, lane in self._lanes.items():
            pairs = lane.order.vector.budgets.get("pairs")
            if isinstance(pairs, Pairs):
                hours[name] = pairs
        for row in await self._spool.pairs_since(now - HOUR_S) if hours else ():
            if row.lane in hours:
                hours[row.lane].add((row.sender, row.address), row.messages, row.at - now + mono)

    async def _fill_graph(self, now: float, mono: float) -> None:
        """What Graph has counted of late: requests and octets of what went, and a request for each that may have."""
        windows: dict[str, list[Slices]] = {}
        for name, lane in self._lanes.items():
            budgets = (lane.order.vector.budgets.get(key) for key in (REQUESTS, OCTETS))
            windows[name] = [one for one in budgets if isinstance(one, Slices)]
        longest_s = max((one.window_s for budgets in windows.values() for one in budgets), default=0.0)
        for row in await self._spool.octets_since(now - longest_s) if longest_s else ():
            for one in windows.get(row.lane, ()):
                at_mono = row.at - now + mono
                one.complete(one.take(bill_of_octets(row.octets), at_mono), at_mono)
        for name, n in self._spool.lapsed().items():
            for one in windows.get(name, ()):
                one.complete(one.take(Bill(requests=n), mono), mono)

    async def _fill_clients(self, now: float, mono: float) -> None:
        """What each client has had of the day of a mailbox; the mailbox's own sum is restored by then."""
        budgets = {name: lane.order.vector.budgets.get(RECIPIENTS) for name, lane in self._lanes.items()}
        days = {name: day for name, day in budgets.items() if isinstance(day, Day)}
        for row in await self._spool.clients_since(now - DAY_S) if days else ():
            if row.lane in days:
                days[row.lane].know(row.client, row.recipients, row.at - now + mono)

    def _lanes_of(self, owner: str) -> set[str]:
        return {name for name, lane in self._lanes.items() if _owner(lane) == owner}


class _Told:
    """What was said of a budget already: others' use at most once in SAID_S, a level of a day when it is reached."""

    def __init__(self) -> None:
        self._shared_at: dict[tuple[str, str], float] = {}
        self._level: dict[tuple[str, str], float] = {}
        self._hogs: set[tuple[str, str]] = set()

    def tell(self, owner: str, key: str, standing: Standing, now: float) -> None:
        """Log what is new."""
        which = (owner, key)
        if standing.foreign and now - self._shared_at.get(which, 0.0) >= SAID_S:
            self._shared_at[which] = now
            _LOG.warning(
                "quota.shared owner=%r budget=%s others=%d ours=%d limit=%d",
                owner, key, standing.foreign, standing.used, standing.limit,
            )  # fmt: skip
        if standing.window_s < DAY_S:
            return
        self._tell_of_level(which, standing)

    def tell_of_crowd(self, owner: str, health: Health, now: float) -> None:
        """Log that others hold connections of a mailbox: it had too many while fewer than all were ours."""
        ours, limit = health.crowded, limits()["mailbox-connections"].amount or 0
        health.crowded = 0
        which = (owner, "connections")
        if 0 < ours < limit and now - self._shared_at.get(which, 0.0) >= SAID_S:
            self._shared_at[which] = now
            _LOG.warning(
                "quota.shared owner=%r budget=connections others=%d ours=%d limit=%d",
                owner, limit - ours, ours, limit,
            )  # fmt: skip

    def tell_of_hogs(self, owner: str, order: Order, mono: float) -> None:
        """Log each client that has had its share of a mailbox's day, once until it has less again."""
        hogs = {(owner, one.client): one.used for one in order.hogs(mono)}
        for which in hogs.keys() - self._hogs:
            _LOG.warning("quota.client owner=%r client=%r used=%d", *which, hogs[which])
        self._hogs = {which for which in self._hogs if which[0] != owner} | hogs.keys()

    def _tell_of_level(self, which: tuple[str, str], standing: Standing) -> None:
        owner, key = which
        part = (standing.used + standing.foreign) / standing.limit
        level = max((one for one in LEVELS if part >= one), default=0.0)
        if level > self._level.get(which, 0.0):
            _LOG.warning(
                "quota.low owner=%r budget=%s used=%d limit=%d", owner, key, standing.used, standing.limit
            )
        self._level[which] = level


def _owner(lane: Lane) -> str:
    """The word under which a lane's use is written: its mailbox, else its name."""
    return lane.route.limits.budget or lane.name


def _tenant(lane: Lane) -> str:
    """The word for the tenant's external recipients; "" where nobody counts them."""
    limits = lane.route.limits
    return f"tenant {limits.tenant}" if limits.tenant and limits.external_per_day is not None else ""


def _key(row: Usage) -> Key:
    return row.budget, row.at, row.priority


def _sum(one: Usage | None, other: Usage) -> Usage:
    if one is None:
        return other
    return other._replace(
        messages=one.messages + other.messages,
        recipients=one.recipients + other.recipients,
        external=one.external + other.external,
    )
