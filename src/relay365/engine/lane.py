"""A lane: one budget of concurrency and rate, a route and its sending mailbox. Decides, never acts.

What may start is the least of three: free connections, what the budgets have room for (engine.budgets.order, which
also says who goes next), and what the health of the way allows (engine.health). All instants here are monotonic
seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from relay365.clock import Clock
from relay365.engine.budgets.building import Purses
from relay365.engine.budgets.order import LOOK_AHEAD, TOO_MANY_CONNECTIONS, Order, Started
from relay365.engine.budgets.parcels import Parcel
from relay365.engine.health import Health, StoppedSenders
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Route
from relay365.rules.quota.budgets import Bill
from relay365.rules.quota.fair import BULK
from relay365.spool.api import Claim
from relay365.spool.waiting.heads import Flow

LATELY_S = 3600.0
WELL_S = (
    300.0  # so long after a delivery the way is taken for well, and what breaks it is the message's own fault
)
NO_LIMIT = 1 << 30


class Lane:
    """The state of one lane. The scheduler asks `room`, takes with `start`, and reports with `finish`.

    ready: parcels of claims that have not started. n_reserved: places kept for mail that is being accepted.
    look_at: when something may be due, 0 means now. delivered_at: when the remote last took something.
    noted_at: when the lane's health was last written down. n_waiting: how much is queued, as last counted and as known.
    """

    def __init__(self, route: Route, order: Order) -> None:
        limits = route.limits
        self.route = route
        self.name = route.lane
        self.health = Health(limits.connections)
        self.senders = StoppedSenders()
        self.ready: deque[Parcel] = deque()
        self.n_in_flight = 0
        self.n_reserved = 0
        self.look_at = 0.0
        self.delivered_at = float("-inf")
        self.noted_at = 0.0
        self.n_waiting = 0
        self.order = order

    def __repr__(self) -> str:
        counts = f"in-flight={self.n_in_flight} ready={len(self.ready)}"
        return f"<Lane {self.name} {counts} {self.health!r} {self.order!r}>"

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
        n_free = self.order.vector.n_free(now)
        return NO_LIMIT if n_free is None else max(0, n_free - self.n_reserved)

    def may_reserve(self, now: float, flow: Flow) -> bool:
        """Whether fresh mail may go out at once: there is room, all is well, and nothing older is known to be due."""
        if self.health.held is not None or self.ready or now >= self.look_at or not self.room(now):
            return False
        if flow.priority == BULK:
            return self.order.bulk_room(self.health.cap_now, now) > self.n_reserved
        n_normal = self.order.vector.n_normal(now)
        return n_normal is None or n_normal > self.n_reserved or self.order.is_alarm(flow, now)

    def next_ready(self, now: float) -> Parcel | None:
        """The first of what is ready that may start now; it is ready no more."""
        if not self.room(now):
            return None
        for at, parcel in enumerate(self.ready):
            if self.order.may_start(parcel, self.health.cap_now, now):
                del self.ready[at]
                return parcel
        return None

    def stuck(self, now: float) -> list[Claim]:
        """What is ready and must wait for a budget that only time fills again; it is ready no more."""
        if not self.room(now):
            return []
        stuck = [parcel for parcel in self.ready if not self.order.fits_soon(parcel, now)]
        self.ready = deque(parcel for parcel in self.ready if parcel not in stuck)
        return [claim for parcel in stuck for claim in parcel.claims]

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
        return self.order.vector.next_opening(now)

    def projected_s(self, now: float) -> float:
        """In how many seconds a message that comes now would start: behind what waits, when the budgets have room."""
        vector = self.order.vector
        opens = max(self.health.gate_until, vector.opens_at(Bill(), now) or now)
        return max(0.0, opens - now, self.n_waiting * vector.seconds_of_one())

    # -- one message -----------------------------------------------------------------------------------------

    def start(self, parcel: Parcel, now: float) -> Started:
        """Take what one transaction needs; room() and order.fits() said that it is there."""
        self.n_in_flight += 1
        return self.order.start(parcel, now)._replace(n_ours=self.n_in_flight)

    def finish(
        self, started: Started, sender: str, outcomes: Sequence[Outcome], now: float, dice: float
    ) -> bool:
        """Give back, and learn from the outcomes; True when hold or gate changed and should be written down."""
        n_ours = max(started.n_ours, self.n_in_flight)
        self.n_in_flight -= 1
        self.order.end(started, outcomes, now)
        if started.priority == BULK:  # its connection may be what others of its kind wait for
            self.look_at = 0.0
        before = (self.health.held, self.health.gate_reason)
        worst = max(outcomes, key=lambda outcome: _RANK[outcome.klass])
        if worst.klass is Class.SENDER:
            self.senders.refuse(sender, now)
        if any(outcome.kind is Kind.DELIVERED for outcome in outcomes):
            self.delivered_at = now
        if worst.row == TOO_MANY_CONNECTIONS and self.order.minute_of(worst, now) is None:
            self.health.crowd(n_ours)
        if worst.klass is Class.MESSAGE and not any(outcome.offered for outcome in outcomes):
            pass  # we said no ourselves, and learnt nothing of the way
        elif worst.klass is None:
            self.health.succeed(now)
        elif not self._is_its_own_fault(worst, now):
            self.health.learn(worst, self.n_in_flight, now, dice)
        return (self.health.held, self.health.gate_reason) != before

    def give_back(self, started: Started, now: float) -> None:
        """What was started was not tried after all: its places are free, and nothing was learnt."""
        self.n_in_flight -= 1
        self.order.give_back(started, now)

    def _is_its_own_fault(self, worst: Outcome, now: float) -> bool:
        """A message breaks a way that others use with success: its own pauses are enough, and nobody else waits."""
        return (
            worst.klass is Class.TRANSIENT
            and worst.scope is Scope.MESSAGE
            and now - self.delivered_at < WELL_S
        )


def lanes_of(routes: Iterable[Route], clock: Clock) -> dict[str, Lane]:
    """A lane for each route; those that spend from one purse share its budgets."""
    purses, epoch_s = Purses(), clock.now() - clock.mono()
    return {
        route.lane: Lane(route, Order(route.limits, epoch_s, purses.vector(route.lane, route.limits)))
        for route in routes
    }


_RANK = {
    Class.CONFIGURATION: 4,
    Class.RATE_LIMIT: 3,
    Class.SENDER: 2,
    Class.TRANSIENT: 1,
    Class.MESSAGE: 0,
    None: -1,
}
"""How much an outcome concerns beyond its recipient."""
