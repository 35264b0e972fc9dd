"""Order: what a lane may start next, and what each start takes. Turns, budgets, reserve and pace in one place.

Decides, never acts. `now` is monotonic seconds; turns, reserve and pace look hours and days ahead and read the wall
clock, which is `now` and an offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from relay365.engine.budgets.building import (
    CONNECTIONS,
    EXTERNAL,
    RECIPIENTS,
    bill_of_bundle,
    bill_of_head,
    bill_of_parcel,
)
from relay365.engine.budgets.parcels import Bundle, Parcel
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import Bill, Messages, Slices, Standing, Taken, Vector
from relay365.rules.quota.day import Day, Hog
from relay365.rules.quota.fair import (
    ALARM,
    BULK,
    PASSES,
    Aging,
    Price,
    Room,
    Turns,
    is_late,
)
from relay365.rules.quota.pace import BulkPace
from relay365.rules.quota.reserve import HOUR_S, Reserve
from relay365.spool.waiting.heads import Flow, Head

LOOK_AHEAD = 2  # claims per connection, so that none starves while the next claim commits
KEPT_FOR_S = 60.0  # how long a reserve stands before it is reckoned anew
DAY_ROWS = frozenset({
    "daily-recipients", "daily-limit-ndr", "submission-quota-ndr", "graph-message-limit", "graph-submission-quota",
})  # fmt: skip
"""Rows of the catalogue that say: the mailbox's day is used up."""
TENANT_ROWS = frozenset({"tenant-external-limit"})
TOO_MANY_CONNECTIONS = "too-many-connections"
NOT_BY_COUNT = frozenset({"graph-throttled", "graph-concurrency"})
"""Throttles that say nothing about how many messages the mailbox has sent."""
OF_CONNECTIONS = "concurrent"  # "Concurrent connections limit exceeded": these words name what was exceeded
OURS_AT_LEAST = (
    1 / 3
)  # of the minute, where the words do not: one that has sent next to nothing has met connections


class Started(NamedTuple):
    """What a message on its way holds. priority and recipients: for the record of use.

    n_ours: how many of the lane were on their way when it started, with it.
    """

    taken: Taken
    priority: str
    recipients: int
    external: int
    n_ours: int = 1


class Yield(NamedTuple):
    """Mail that leaves to others what there is: bulk, or that of a client (Order.yields).

    why: hours, pace or reserve of bulk; share of a client. opens_at: when its next one may start, monotonic seconds;
    None where only the end of something on its way helps.
    """

    client: str
    why: str
    opens_at: float | None


class Tally:
    """What was used, by priority: (messages, recipients, external)."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[int, int, int]] = {}

    def add(self, priority: str, recipients: int, external: int) -> None:
        """One message more."""
        n, r, e = self._used.get(priority, (0, 0, 0))
        self._used[priority] = (n + 1, r + recipients, e + external)

    def take(self) -> dict[str, tuple[int, int, int]]:
        """All of it; it is empty then."""
        used, self._used = self._used, {}
        return used


class Order:
    """One lane's. vector: its budgets, some of them shared with other lanes; None is no limit.

    epoch_s: the wall clock's instant at which the monotonic one was zero; set anew now and then, as clocks are put
    right.
    n_waiting_bulk: recipients of bulk that wait, as last counted. tally: what was used since it was last taken.
    """

    def __init__(self, limits: LaneLimits, epoch_s: float, vector: Vector | None = None) -> None:
        self.vector = vector or Vector()
        self.reserve: Reserve | None = None
        self.n_waiting_bulk = 0
        self.epoch_s = epoch_s
        self.tally = Tally()
        self._limits = limits
        self._price = _price(limits)
        self._turns = Turns(self._price)
        self._pace = BulkPace(_window(limits.bulk_window))
        self._n_bulk = 0
        self._last_seen = (1, True)  # how many flows, and whether anything was big
        day = self.vector.budgets.get(RECIPIENTS)
        if isinstance(day, Slices):
            self.reserve = Reserve(day.limit, limits.reserve_per_day)
            day.kept = self._kept
        self._kept_last = (0.0, 0)  # until when it stands, and what it is

    def __repr__(self) -> str:
        return f"<Order {self._turns!r} {self.vector!r} bulk={self._n_bulk}>"

    # -- what next? ------------------------------------------------------------------------------------------

    def depth(self, wanted: int) -> int:
        """How many heads of each flow to ask for: with many flows, few of each are as good as all."""
        n_flows, has_big = self._last_seen
        return -(-wanted // n_flows) + (PASSES if has_big else 1)

    def choose(self, heads: Sequence[Head], wanted: int, connections: int, now: float) -> list[Head]:
        """The next messages in their order, at most `wanted`; none that its budgets have no room for."""
        n_flows = max(1, len({head.flow for head in heads}))
        self._last_seen = (n_flows, any(self._price.of(head) > 1.0 for head in heads))
        fit = [head for head in heads if self.vector.fits_beside(bill_of_head(head, self._limits), now)]
        n_bulk = min(wanted, self.bulk_room(connections, now) * LOOK_AHEAD)
        n_late = self._bulk_connections(connections) if self._has_hours(now) else 0
        floods = [one.client for one in {head.flow for head in fit} if self._is_flood(one, now)]
        room = Room(wanted, n_bulk, floods, self.vector.n_normal(now), n_late)
        return self._turns.choose(fit, room, self.epoch_s + now)

    def cut(self, bundle: Bundle, now: float) -> Bundle:
        """As much of a bundle as its budgets have room for; at least its first message."""
        first, at = bundle.heads[0], self.epoch_s + now
        while len(bundle.heads) > 1 and not self.vector.fits(
            _aging(bill_of_bundle(bundle, self._limits), first, at), now
        ):
            half = bundle.heads[: len(bundle.heads) // 2]
            bundle = Bundle(half, bundle.least) if len(half) >= max(2, bundle.least) else Bundle(half[:1])
        return bundle

    def blocked(self, heads: Iterable[Head], now: float) -> list[tuple[Head, float]]:
        """Messages that wait for a limit of their own sender and recipient, with the seconds: others may pass them."""
        pairs = self.vector.budgets.get("pairs")
        if pairs is None:
            return []
        bills = ((head, bill_of_head(head, self._limits)) for head in heads)
        return [
            (head, max(1.0, (pairs.opens_at(bill, now) or now) - now))
            for head, bill in bills
            if not pairs.fits(bill, now)
        ]

    def bulk_room(self, connections: int, now: float) -> int:
        """How much bulk may start: it leaves one connection to others, and keeps its pace and its hours."""
        if not self._has_hours(now) or not self._pace.may_start(now):
            return 0
        n_free = self.vector.n_free(now, for_bulk=True)
        n_connections = self._bulk_connections(connections)
        return n_connections if n_free is None else max(0, min(n_connections, n_free))

    def _has_hours(self, now: float) -> bool:
        """Whether bulk may go at all at this time of the day."""
        return self._pace.is_open(_second_of_day(self.epoch_s + now))

    def _bulk_connections(self, connections: int) -> int:
        """How many more connections bulk may have: it leaves one to others."""
        return max(0, max(1, connections - 1) - self._n_bulk)

    def is_alarm(self, flow: Flow, now: float) -> bool:
        """Whether mail of a flow may have any place that is free: alarms, but not those of a client that floods."""
        return flow.priority == ALARM and not self.vector.floods(flow.client, now)

    def _is_flood(self, flow: Flow, now: float) -> bool:
        return flow.priority == ALARM and not self.is_alarm(flow, now)

    def _kept(self, now: float) -> int:
        """What bulk leaves of the day; reckoned once a minute."""
        day = self.vector.budgets[RECIPIENTS]
        if now >= self._kept_last[0] and self.reserve is not None and isinstance(day, Slices):
            kept = self.reserve.kept(self.epoch_s + now, day.returns(now, HOUR_S, 24))
            self._kept_last = (now + KEPT_FOR_S, kept)
        return self._kept_last[1]

    def yields(self, now: float) -> list[Yield]:
        """Whose mail must wait although there is room for others'; bulk only where some waits."""
        bulk = self._bulk_yields(now) if self.n_waiting_bulk else None
        late = [one for one in self.hogs(now) if one.opens_at is None or one.opens_at > now]
        return [
            *([] if bulk is None else [bulk]),
            *(Yield(one.client, "share", one.opens_at) for one in late),
        ]

    def _bulk_yields(self, now: float) -> Yield | None:
        second, day = _second_of_day(self.epoch_s + now), self.vector.budgets.get(RECIPIENTS)
        if not self._pace.is_open(second):
            return Yield("", "hours", now + self._pace.opens_in_s(second))
        if isinstance(day, Slices) and not day.free(now, for_bulk=True):
            return Yield("", "reserve", day.opens_at(Bill(is_bulk=True), now))
        return None if self._pace.may_start(now) else Yield("", "pace", self._pace.next_at(now))

    def hogs(self, now: float) -> list[Hog]:
        """Clients that have had their share of the mailbox's day."""
        day = self.vector.budgets.get(RECIPIENTS)
        return day.hogs(now) if isinstance(day, Day) else []

    def is_used(self, now: float) -> bool:
        """Whether a face has something to see."""
        return any(one.used or one.foreign for one in self.standings(now).values())

    def standings(self, now: float) -> dict[str, Standing]:
        """All budgets as faces show them, by their keys; connections are shown with their lane."""
        shown = ((key, budget) for key, budget in self.vector.budgets.items() if key != CONNECTIONS)
        return {key: budget.standing(now) for key, budget in shown}

    # -- one message -----------------------------------------------------------------------------------------

    def fits(self, parcel: Parcel, now: float) -> bool:
        """Whether its budgets have room for what is claimed."""
        return self.vector.fits(self._bill(parcel, now), now)

    def fits_soon(self, parcel: Parcel, now: float) -> bool:
        """As fits(), but for a connection that another lane of the mailbox has."""
        return self.vector.fits_soon(self._bill(parcel, now), now)

    def _bill(self, parcel: Parcel, now: float) -> Bill:
        return _aging(bill_of_parcel(parcel, self._limits), parcel.claims[0], self.epoch_s + now)

    def may_start(self, parcel: Parcel, connections: int, now: float) -> bool:
        """fits(), and for bulk a connection that it need not leave to others."""
        has_connection = parcel.priority != BULK or self._n_bulk < max(1, connections - 1)
        return has_connection and self.fits(parcel, now)

    def start(self, parcel: Parcel, now: float) -> Started:
        """Take what it needs; fits() said that there is room."""
        bill = self._bill(parcel, now)
        if bill.is_bulk:
            self._n_bulk += 1
            day = self.vector.budgets.get(RECIPIENTS)
            spendable = day.free(now, for_bulk=True) if isinstance(day, Slices) else 0
            left_s = self._pace.left_s(_second_of_day(self.epoch_s + now))
            self._pace.started(bill.recipients, self.n_waiting_bulk, spendable, left_s, now)
        taken = self.vector.take(bill, now)
        return Started(taken, parcel.priority, bill.recipients, bill.external)

    def end(self, started: Started, outcomes: Sequence[Outcome], now: float) -> None:
        """Give back or keep, and learn."""
        self._n_bulk -= started.priority == BULK
        if any(outcome.kind in (Kind.DELIVERED, Kind.UNCERTAIN) for outcome in outcomes):
            self.vector.complete(started.taken, now)
            self.tally.add(started.priority, started.recipients, started.external)
        else:  # a refused try must not eat our own minute
            self.vector.release(started.taken, now)
        for outcome in outcomes:
            self.learn(outcome, now)

    def give_back(self, started: Started, now: float) -> None:
        """It was not tried after all."""
        self._n_bulk -= started.priority == BULK
        self.vector.release(started.taken, now)

    def learn(self, outcome: Outcome, now: float) -> None:
        """A refusal below our own count: others use the same budget. A 250: a day that seemed used up is not.

        What is about connections says nothing of the minute: it shuts the gate (engine.health), no more.
        """
        day, tenant = self.vector.budgets.get(RECIPIENTS), self.vector.budgets.get(EXTERNAL)
        if outcome.kind is Kind.DELIVERED:
            if isinstance(day, Slices):
                day.learnt(now)
        elif outcome.klass is not Class.RATE_LIMIT:
            return
        elif outcome.row in DAY_ROWS and isinstance(day, Slices):
            day.exhausted(now)
        elif outcome.row in TENANT_ROWS and isinstance(tenant, Slices):
            tenant.exhausted(now)
        elif (minute := self.minute_of(outcome, now)) is not None:
            minute.log.notice(now)

    def minute_of(self, outcome: Outcome, now: float) -> Messages | None:
        """The mailbox's minute, where a throttle may be about that.

        The older words for 432 4.3.2, "sender thread limit exceeded", do not say which limit they are about.
        """
        minute = self.vector.budgets.get("messages")
        if (
            not isinstance(minute, Messages)
            or outcome.scope is not Scope.MAILBOX
            or outcome.row in NOT_BY_COUNT
        ):
            return None
        is_told = OF_CONNECTIONS in outcome.reply_text.lower()
        is_little = minute.log.n_taken(now) < minute.log.limit * OURS_AT_LEAST
        return None if outcome.row == TOO_MANY_CONNECTIONS and (is_told or is_little) else minute


def _aging(bill: Bill, one: Aging, at: float) -> Bill:
    """As it is at an instant, epoch seconds: bulk past half of its life no longer leaves a minute's last places."""
    return replace(bill, is_late=True) if bill.is_bulk and is_late(one, at) else bill


def _price(limits: LaneLimits) -> Price:
    """What makes a message cost more than one: recipients by the day's limit beside the minute's."""
    if limits.messages is None or limits.recipients_per_day is None:
        return Price()
    return Price(recipients=max(1.0, limits.recipients_per_day / limits.messages))


def _window(words: tuple[str, str] | None) -> tuple[float, float] | None:
    return None if words is None else (_seconds(words[0]), _seconds(words[1]))


def _seconds(word: str) -> float:
    hour, _, minute = word.partition(":")
    return int(hour) * 3600.0 + int(minute) * 60.0


def _second_of_day(now: float) -> float:
    """Of the local day."""
    local = datetime.fromtimestamp(now).astimezone()
    return local.hour * 3600.0 + local.minute * 60.0 + local.second
