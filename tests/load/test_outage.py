"""A route is down for ten minutes with 5,000 queued, and a second one is allowed: in simulated time, second by second.

What went where, in which order, and whether the first one meets a storm when it is well again. docs/routing.md has the
figures of a run.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fakes.clock import FakeClock
from fakes.mail import DEVICE
from fakes.route import DELIVERED
from relay365.config import Rule
from relay365.engine.roads.chooser import Chooser
from relay365.engine.roads.diverter import Diverter
from relay365.engine.scheduler import Scheduler
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, LaneLimits
from relay365.rules.retry import Policy
from relay365.rules.routing import Road, RoadMap
from relay365.spool.api import NewMessage
from relay365.spool.ids import seq_of
from relay365.spool.memory import MemorySpool

N_MESSAGES = 5_000
OUTAGE_S, AFTER_S = 600, 120
DOWN = Outcome(
    Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, None, "cannot connect", "cannot-connect", offered=False
)


@dataclass
class Way:
    """A route that is down until an instant, and writes down when it was tried and what it took."""

    name: str
    clock: FakeClock
    limits: LaneLimits
    down_until: float = 0.0
    took: list[tuple[float, int]] = field(default_factory=list)
    tried: list[float] = field(default_factory=list)
    n_now: int = 0
    at_once: list[tuple[float, int]] = field(default_factory=list)
    kind: str = "fake"

    @property
    def lane(self) -> str:
        return self.name

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        self.n_now += 1
        self.at_once.append((self.clock.mono(), self.n_now))
        await asyncio.sleep(0)
        self.n_now -= 1
        self.tried.append(self.clock.mono())
        if self.clock.mono() < self.down_until:
            return (DOWN,)
        self.took.append((self.clock.mono(), seq_of(consignment.spool_id) or 0))
        return (DELIVERED,)

    async def close(self) -> None:
        """Nothing is open."""


async def _outage() -> tuple[Way, Way, float]:
    """Run it; gives both ways and the instant at which the first was well again."""
    clock = FakeClock()
    spool = MemorySpool(clock)
    first = Way("first", clock, LaneLimits(20))
    second = Way("second", clock, LaneLimits(2, 30))
    first.down_until = clock.mono() + OUTAGE_S
    scheduler = Scheduler(spool, [first, second], clock, Policy())
    rule = Rule.model_validate({"routes": ["first", "second"], "after": f"{AFTER_S}s"})
    road_map = RoadMap([Road("first", "fake", ("first",)), Road("second", "fake", ("second",))], [rule], [])
    diverter = Diverter(
        spool, Chooser(road_map, scheduler.lanes, clock), scheduler.lanes, clock, scheduler.accepted
    )
    for n in range(N_MESSAGES):
        intake = spool.begin()
        intake.write(b"Subject: %d\r\n\r\nx\r\n" % n)
        envelope = Envelope("erp@contoso.com", (ForwardPath(f"r{n}@x.test"),))
        await intake.commit(NewMessage(envelope, DEVICE, "first", clock.now(), clock.now() + 86_400.0))
    task = asyncio.ensure_future(scheduler.run())
    while len(first.took) + len(second.took) < N_MESSAGES and clock.mono() < first.down_until + 600:
        clock.pass_s(1.0)
        await diverter.round()
        for _ in range(60):
            scheduler.accepted("first")
            scheduler._wake.set()  # its ticks are of the real clock
            await asyncio.sleep(0)
    await scheduler.stop(1.0)
    await task
    return first, second, first.down_until


def test_an_outage_of_ten_minutes_with_five_thousand_queued() -> None:
    """Each message once; the oldest go by the second road, thirty a minute; the first comes back without a storm."""
    first, second, well_at = asyncio.run(_outage())
    began = well_at - OUTAGE_S
    taken = [seq for _, seq in first.took + second.took]
    assert N_MESSAGES == len(taken) == len(set(taken))

    during = [at for at, _ in second.took if at < well_at]
    assert AFTER_S <= during[0] - began < AFTER_S + 10
    assert 30 * (OUTAGE_S - AFTER_S) / 61 - 31 <= len(during) <= 30 * ((OUTAGE_S - AFTER_S) / 60 + 1)
    assert 30 >= max(sum(at <= other < at + 60 for other in during) for at in during)
    assert sorted(seq for _, seq in second.took) == [seq for _, seq in second.took]

    tries = [at for at in first.tried if began + AFTER_S <= at < well_at]
    assert len(tries) <= OUTAGE_S / 30  # the breaker's last pauses: a try every few minutes, not one a second
    after = [n for at, n in first.at_once if at >= well_at]
    assert [1, 1, 2] == after[:3]  # one message shows that it is well, then two at once, then four
    assert 4 >= max(after[:7])
    assert min(at for at, _ in first.took) - well_at <= 400
