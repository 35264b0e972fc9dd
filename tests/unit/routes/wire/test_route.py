"""What all routes share: a lane, limits, and a pool of lines to a remote on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fakes.content import InMemory, consignment
from fakes.remote import Remote, remote
from relay365.mail.outcome import Class, Kind
from relay365.routes.api import LaneLimits
from relay365.routes.classify import outcome_of, outcome_of_token
from relay365.routes.wire.pool import Judges
from relay365.routes.wire.remote import Remote as Address
from relay365.routes.wire.route import Wire, WireRoute

JUDGES = Judges(outcome_of, outcome_of_token)


def story(tell: Callable[[Remote, WireRoute], Awaitable[None]], limits: LaneLimits) -> None:
    async def run() -> None:
        async with remote() as far:
            route = WireRoute(
                "way", Wire(Address("127.0.0.1", far.port, "relay.test", "none"), None, JUDGES), limits, "a@b"
            )
            try:
                await tell(far, route)
            finally:
                await route.close()

    asyncio.run(run())


def test_a_mailbox_is_a_lane_of_its_own() -> None:
    """Without one the lane is the route itself."""

    async def tell(far: Remote, route: WireRoute) -> None:
        assert ("way", "way/a@b") == (route.name, route.lane)
        assert Kind.DELIVERED is (await route.deliver(consignment(InMemory(b"Subject: x\r\n\r\n"))))[0].kind

    story(tell, LaneLimits(1))


def test_more_than_the_road_takes_is_not_offered() -> None:
    """A no for each recipient, without a connection; what just fits goes."""

    async def tell(far: Remote, route: WireRoute) -> None:
        trace = len(consignment(InMemory(b"")).trace)
        refused = await route.deliver(consignment(InMemory(b"x" * (101 - trace)), "a@x", "b@x"))
        assert [(Class.MESSAGE, "larger-than-remote-takes", False)] * 2 == [
            (one.klass, one.row, one.offered) for one in refused
        ]
        assert 0 == far.n_connections
        assert Kind.DELIVERED is (await route.deliver(consignment(InMemory(b"x" * (100 - trace)))))[0].kind

    story(tell, LaneLimits(1, octets=100))
