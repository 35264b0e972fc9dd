"""A lane: one budget of concurrency and rate, a route and its sending mailbox. Decides, never acts.

What may start is the least of three: free connections, free places in the window of messages (rules.throttle), and
what the health of the way allows (engine.health). All instants here are monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from relay365.engine.health import Health, StoppedSenders
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits, Route
from relay365.rules.throttle import SlidingLog, Slot, Windows
from relay365.spool.api import Claim

LOOK_AHEAD = 2  # claims per connection, so that none starves while the next claim commits
LATELY_S = 3600.0
WELL_S = (
    300.0  # so long after a delivery the way is taken for well, and what breaks it is the message's own fault
)
NO_LIMIT = 1 << 30
GUARD_S = 1.0  # the remote's clock reads later than ours by at most this


class Lane:
    """The state of one lane. The scheduler asks `room`, takes with `start`, and reports with `finish`.

    ready: claims that have not started. n_reserved: places kept for mail that is being accepted.
    look_at: when something may be due, 0 means now. delivered_at: when the remote last took something.
    noted_at: when the lane's health was last written down.
    """

    def __init__(self, route: Route, windows: Windows | None = None) -> None:
        limits = route.limits
        self.route = route
        self.name = route.lane
        self.health = Health(limits.connections)
        self.senders = StoppedSenders()
        self.ready: deque[Claim] = deque()
        self.n_in_flight = 0
        self.n_reserved = 0
        self.look_at = 0.0
        self.delivered_at = float("-inf")
        self.noted_at = 0.0
        self._windows = windows or windows_of(limits)

    def __repr__(self) -> str:
        counts = f"in-flight={self.n_in_flight} ready={len(self.ready)}"
        return f"<Lane {self.name} {counts} {self.health!r} {self._windows!r}>"

    # -- may we? ---------------------------------------------------------------------------------------------

    def room(self, now: float) -> int:
        """How many more messages may start now."""
        if now < self.health.gate_until:
            return 0
        most = 1 if self.health.held is not None else self.health.cap_now
        room = most - self.n_in_flight - self.n_reserved
        return max(0, min(room, self.places(now)))

    def places(self, now: float) -> int:
        """How many messages its windows have places for; very many where there is no limit."""
        n_free = self._windows.n_free(now)
        return NO_LIMIT if n_free is None else max(0, n_free - self.n_reserved)

    def may_reserve(self, now: float) -> bool:
        """Whether fresh mail may go out at once: there is room, all is well, and nothing older is known to be due."""
        return self.health.held is None and not self.ready and now < self.look_at and self.room(now) > 0

    def appetite(self, now: float) -> int:
        """How many more claims to take: some more than may start, never more than the window has places for.

        They are taken by the batch, when half of what was ready has started: a claim is a commit. One that waits here
        would count as uncertain if the process died, although nobody has tried it.
        """
        if now < self.health.gate_until or len(self.ready) > self.health.cap_now // 2:
            return 0
        if self.health.held is not None:
            return max(0, self.room(now) - len(self.ready))
        wanted = self.health.cap_now * LOOK_AHEAD - self.n_in_flight - self.n_reserved
        return max(0, min(wanted, self.places(now)) - len(self.ready))

    def is_shut(self, now: float) -> bool:
        """Whether nothing may start although a connection is free: what is ready belongs back in the queue."""
        n_taken = self.n_in_flight + self.n_reserved
        return not self.room(now) and (now < self.health.gate_until or n_taken < self.health.cap_now)

    def passes(self, now: float) -> bool:
        """Whether other mail has gone through of late: then a message that breaks the way is to blame itself."""
        return now - self.delivered_at < LATELY_S

    def opens_at(self, now: float) -> float | None:
        """When room() may become more without anything being finished; None when only that helps."""
        if now < self.health.gate_until:
            return self.health.gate_until
        return self._windows.next_free_at(now) if self._windows.n_free(now) == 0 else None

    # -- one message -----------------------------------------------------------------------------------------

    def start(self, now: float) -> tuple[Slot, ...]:
        """Take what one message needs; room() said that it is there."""
        self.n_in_flight += 1
        return self._windows.take(now)

    def finish(
        self, slots: tuple[Slot, ...], sender: str, outcomes: Sequence[Outcome], now: float, dice: float
    ) -> bool:
        """Give back, and learn from the outcomes; True when hold or gate changed and should be written down."""
        self.n_in_flight -= 1
        self._give_back(slots, outcomes, now)
        before = (self.health.held, self.health.gate_reason)
        worst = max(outcomes, key=lambda outcome: _RANK[outcome.klass])
        if worst.klass is Class.SENDER:
            self.senders.refuse(sender, now)
        if any(outcome.kind is Kind.DELIVERED for outcome in outcomes):
            self.delivered_at = now
        if worst.klass is Class.MESSAGE and not any(outcome.offered for outcome in outcomes):
            pass  # we said no ourselves, and learnt nothing of the way
        elif worst.klass is None:
            self.health.succeed()
        elif not self._is_its_own_fault(worst, now):
            self.health.learn(worst, self.n_in_flight, now, dice)
        return (self.health.held, self.health.gate_reason) != before

    def give_back(self, slots: tuple[Slot, ...]) -> None:
        """What was started was not tried after all: its places are free, and nothing was learnt."""
        self.n_in_flight -= 1
        self._windows.release(slots)

    def _is_its_own_fault(self, worst: Outcome, now: float) -> bool:
        """A message breaks a way that others use with success: its own pauses are enough, and nobody else waits."""
        return (
            worst.klass is Class.TRANSIENT
            and worst.scope is Scope.MESSAGE
            and now - self.delivered_at < WELL_S
        )

    def _give_back(self, slots: tuple[Slot, ...], outcomes: Sequence[Outcome], now: float) -> None:
        if any(outcome.kind in (Kind.DELIVERED, Kind.UNCERTAIN) for outcome in outcomes):
            self._windows.complete(slots, now)
        else:  # a refused try must not eat our own minute
            self._windows.release(slots)


def windows_of(limits: LaneLimits) -> Windows:
    """The windows of a lane's limits, each of them empty."""
    first = ((limits.messages, limits.window_s),) if limits.messages else ()
    return Windows(*(SlidingLog(n, seconds, GUARD_S) for n, seconds in (*first, *limits.windows)))


def lanes_of(routes: Iterable[Route]) -> dict[str, Lane]:
    """A lane for each route; those with the same budget share its windows."""
    budgets: dict[str, Windows] = {}
    lanes = {}
    for route in routes:
        own = windows_of(route.limits)
        windows = budgets.setdefault(route.limits.budget, own) if route.limits.budget else own
        lanes[route.lane] = Lane(route, windows)
    return lanes


_RANK = {
    Class.CONFIGURATION: 4,
    Class.RATE_LIMIT: 3,
    Class.SENDER: 2,
    Class.TRANSIENT: 1,
    Class.MESSAGE: 0,
    None: -1,
}
"""How much an outcome concerns beyond its recipient."""
