"""A whole policy from a limiter and an order; and a policy for a pool from one such policy for each mailbox."""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Callable, Sequence

from bench.quota.demand import DAY_S, Message
from bench.quota.policies import Policy, Start
from bench.quota.policies.limiters import Limiter
from bench.quota.policies.orders import Order, Room
from bench.quota.server import AT_ONCE, PER_DAY, Verdict
from relay365.rules.throttle import SlidingLog, Slot

PAUSE_S = 5.0
PROBE_S = 1_800.0


class Queued:
    """One mailbox: three connections, each of which pauses after a refusal; a limiter; an order; a counter of the day.

    All of these keep the day by the same log, so that only minute and order differ between them.
    """

    def __init__(self, limiter: Limiter, order: Order, mailbox: int = 0, per_day: int = PER_DAY) -> None:
        self._limiter, self._order, self._mailbox = limiter, order, mailbox
        self._day = SlidingLog(per_day, DAY_S)
        self._lines = [0.0] * AT_ONCE  # heap: when each connection that is not in use may be used
        self._held: dict[int, tuple[Slot | None, Slot]] = {}
        self.n_waiting = 0

    def offer(self, message: Message, now: float) -> None:
        """See Policy."""
        self.n_waiting += 1
        self._order.put(message)

    def next(self, now: float) -> Start | float | None:
        """See Policy."""
        if not self.n_waiting or not self._lines:
            return None
        may_start_at = max(self._lines[0], self._limiter.free_at(now), self._day_free_at(now))
        if may_start_at > now:
            return may_start_at if may_start_at < math.inf else None
        room = Room(self._limiter.n_free(now), self._day.n_free(now))
        found = self._order.take(room, now)
        return Start(found, self._mailbox) if isinstance(found, Message) else found

    def started(self, start: Start, now: float) -> None:
        """See Policy."""
        heapq.heappop(self._lines)
        self.n_waiting -= 1
        day = self._day.try_take(now)
        if day is None:
            raise ValueError("a message started although the day was used up")
        self._held[start.message.number] = (self._limiter.start(now), day)

    def finished(self, start: Start, verdict: Verdict, now: float) -> None:
        """See Policy."""
        minute, day = self._held.pop(start.message.number)
        self._limiter.finish(minute, verdict, now)
        if verdict is Verdict.TAKEN:
            self._day.complete(day, now)
            heapq.heappush(self._lines, now)
            return
        self._day.release(day)
        self.n_waiting += 1
        self._order.put_back(start.message)
        heapq.heappush(self._lines, now + (PROBE_S if verdict is Verdict.QUOTA else PAUSE_S))

    def _day_free_at(self, now: float) -> float:
        at = self._day.next_free_at(now)
        return math.inf if at is None else at


Choice = Callable[[Message, Sequence[Queued]], int]
"""Which of its mailboxes a message is given to, for good."""


class Split:
    """A pool: every message is given to one mailbox when it arrives."""

    def __init__(self, mailboxes: Sequence[Queued], choose: Choice) -> None:
        self._mailboxes, self._choose = mailboxes, choose

    def offer(self, message: Message, now: float) -> None:
        """See Policy."""
        self._mailboxes[self._choose(message, self._mailboxes)].offer(message, now)

    def next(self, now: float) -> Start | float | None:
        """See Policy."""
        instants = []
        for mailbox in self._mailboxes:
            found = mailbox.next(now)
            if isinstance(found, Start):
                return found
            if found is not None:
                instants.append(found)
        return min(instants, default=None)

    def started(self, start: Start, now: float) -> None:
        """See Policy."""
        self._mailboxes[start.mailbox].started(start, now)

    def finished(self, start: Start, verdict: Verdict, now: float) -> None:
        """See Policy."""
        self._mailboxes[start.mailbox].finished(start, verdict, now)


def by_client(message: Message, mailboxes: Sequence[Queued]) -> int:
    """Always the same for a client: a checksum of its name decides."""
    return message.mailboxes[zlib.crc32(message.client.encode("ascii")) % len(message.mailboxes)]


def in_turn(message: Message, mailboxes: Sequence[Queued]) -> int:
    """Each mailbox in turn, as messages come."""
    return message.mailboxes[message.number % len(message.mailboxes)]


def shortest(message: Message, mailboxes: Sequence[Queued]) -> int:
    """The one with the fewest waiting."""
    return min(message.mailboxes, key=lambda n: mailboxes[n].n_waiting)


Make = Callable[[int], Policy]
"""Makes a policy that has seen nothing yet, for a seed: of some, the weeks before are drawn by it."""
