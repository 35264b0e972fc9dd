"""Mail leaves a lane that has been shut for too long, no faster than another one takes it."""

from __future__ import annotations

import asyncio
from collections import Counter

from fakes.lanes import a_parcel
from fakes.mail import put
from fakes.ways import Ways
from relay365.engine.roads import diverter as module
from relay365.engine.roads.diverter import BATCH, Diverter
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import Messages, Vector
from relay365.rules.routing import AFTER_S
from relay365.spool.api import Selection


class House:
    """Three ways, mail in the first of them, and a diverter."""

    def __init__(self, *rules: dict[str, object]) -> None:
        self.ways = Ways(*rules)
        self.told: list[str] = []
        ways = self.ways
        self.diverter = Diverter(ways.spool, ways.chooser, ways.lanes, ways.clock, self.told.append)

    async def put(self, n: int, to: str = "lena@fabrikam.com") -> None:
        for _ in range(n):
            await put(self.ways.spool, self.ways.clock, to, lane="first")

    async def lanes(self) -> Counter[str]:
        """How many wait in each lane."""
        views = await self.ways.spool.list(Selection(limit=10_000))
        return Counter(one.lane for view in views for one in view.recipients)

    def shut(self, name: str, for_s: float = AFTER_S) -> None:
        self.ways.breaks(name)
        self.ways.clock.pass_s(for_s)


def test_nothing_moves_while_a_lane_is_well_or_not_shut_for_long() -> None:
    """A short trouble is waited for."""

    async def story() -> None:
        house = House()
        await house.put(3)
        assert 0 == await house.diverter.round()
        house.shut("first", AFTER_S - 1)
        assert 0 == await house.diverter.round()

    asyncio.run(story())


def test_a_shut_lane_gives_as_much_as_the_next_one_has_places_for() -> None:
    """The rest stays where it is: when the lane is well again most of the mail is still in its place."""

    async def story() -> None:
        house = House()
        lane = house.ways.lanes["second"]
        lane.order.vector = Vector({"messages": Messages(30, 60.0, 0.0)})
        await house.put(100)
        house.shut("first")

        assert 30 == await house.diverter.round()
        assert {"first": 70, "second": 30} == await house.lanes()
        assert ["second"] == house.told

    asyncio.run(story())


def test_a_lane_without_a_window_gets_a_batch_and_the_oldest_first() -> None:
    """Round after round, while it is hungry; a lane that is busy gets nothing."""

    async def story() -> None:
        house = House()
        await house.put(BATCH + 20)
        house.shut("first")
        assert BATCH == await house.diverter.round()
        left = await house.ways.spool.heads("first", now=house.ways.clock.now(), most=1)
        assert [BATCH + 1] == [module_seq(one.spool_id) for one in left]
        for _ in range(4):
            house.ways.lanes["second"].start(a_parcel(), house.ways.clock.mono())
        assert 0 == await house.diverter.round()

    asyncio.run(story())


def test_what_no_other_lane_may_have_does_not_hide_what_stands_behind_it() -> None:
    """A batch of mail that a rule binds to the shut lane is passed over in the next round."""

    async def story() -> None:
        house = House({"recipients": "own-domains", "routes": "first"}, {"routes": ["first", "second"]})
        await house.put(BATCH, "it@contoso.com")
        await house.put(5)
        house.shut("first")

        assert [0, 5] == [await house.diverter.round(), await house.diverter.round()]
        assert {"first": BATCH, "second": 5} == await house.lanes()

    asyncio.run(story())


def test_mail_that_only_lacks_room_is_not_hidden_by_what_stands_behind_it() -> None:
    """The oldest that may go is the next to go, whatever is bound to the shut lane behind it."""

    async def story() -> None:
        house = House({"recipients": "own-domains", "routes": "first"}, {"routes": ["first", "second"]})
        lane = house.ways.lanes["second"]
        lane.order.vector = Vector({"messages": Messages(30, 60.0, 0.0)})
        await house.put(40)
        await house.put(2 * BATCH, "it@contoso.com")
        house.shut("first")
        assert 30 == await house.diverter.round()
        lane.order.vector = Vector({"messages": Messages(30, 60.0, 0.0)})

        assert 10 == await house.diverter.round()

    asyncio.run(story())


def test_mail_goes_back_when_the_second_road_breaks_and_the_first_is_well() -> None:
    """The order of the rule holds in both directions."""

    async def story() -> None:
        house = House()
        await house.put(4)
        house.shut("first")
        await house.diverter.round()
        house.ways.heals("first")
        house.shut("second")

        assert 4 == await house.diverter.round()
        assert {"first": 4} == await house.lanes()

    asyncio.run(story())


def module_seq(spool_id: str) -> int:
    from relay365.spool.ids import seq_of

    return seq_of(spool_id) or 0  # type: ignore[arg-type]


def test_limits_of_the_fakes_are_those_of_a_small_way() -> None:
    """Two connections, so that four claims are all that it looks ahead."""
    assert LaneLimits(2) == Ways().routes["first"].limits
    assert module.ROUND_S < 1.0
