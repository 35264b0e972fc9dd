"""A watched route is the same route."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fakes.clock import FakeClock
from fakes.route import DELIVERED, LATER, FakeRoute, always
from relay365.engine.watch.tally import Tally
from relay365.engine.watch.timed import Timed
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId
from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment
from relay365.spool.content import MemoryContent


def test_outcomes_pass_and_time_is_taken() -> None:
    """What the route gives is given on, in its order; the seconds of the attempt are those of the clock."""
    clock, tally = FakeClock(), Tally()

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        clock.pass_s(3.0)
        return DELIVERED, LATER

    route = FakeRoute(judge)
    timed = Timed(route, tally, clock)
    paths = (ForwardPath("a@x.test"), ForwardPath("b@x.test"))
    consignment = Consignment(SpoolId("1"), Envelope("s@x.test", paths), MemoryContent(b"x"))

    outcomes: Sequence[Outcome] = asyncio.run(timed.deliver(consignment))

    assert (DELIVERED, LATER) == outcomes
    assert (route.name, route.kind, route.lane, route.limits) == (
        timed.name, timed.kind, timed.lane, timed.limits,
    )  # fmt: skip
    assert 3.0 == tally.attempts["way"].sum_s
    assert 2 == sum(tally.outcomes.values())


def test_closing_closes_the_route() -> None:
    """Warm connections end with it."""
    route = FakeRoute(always(DELIVERED))
    asyncio.run(Timed(route, Tally(), FakeClock()).close())

    assert route.is_closed
