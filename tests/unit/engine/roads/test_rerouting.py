"""Mail that waits where it may not wait any more goes where the rules say now."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from fakes.mail import put
from fakes.ways import Ways
from relay365.engine.roads import rerouting as module
from relay365.engine.roads.rerouting import Rerouting
from relay365.rules.routing import Road, RoadMap
from relay365.spool.api import Selection, State

RULE = {"recipients": ["@fabrikam.com"], "routes": ["second"]}


class House:
    """Three ways with mail in them, and in one that is gone."""

    def __init__(self, *rules: dict[str, object]) -> None:
        self.ways = ways = Ways(*rules)
        self.told: list[str] = []
        self.rerouting = Rerouting(ways.spool, ways.chooser, ways.lanes, ways.clock, self.told.append)

    async def put(self, n: int, lane: str, *to: str) -> None:
        for _ in range(n):
            await put(self.ways.spool, self.ways.clock, *(to or ("lena@fabrikam.com",)), lane=lane)

    async def lanes(self) -> Counter[str]:
        views = await self.ways.spool.list(Selection(limit=10_000))
        return Counter(one.lane for view in views for one in view.recipients)


def test_mail_that_its_rule_names_stays() -> None:
    """In any lane of its rule, and not only in the first one: it may have been moved there."""

    async def story() -> None:
        house = House({"recipients": ["@fabrikam.com"], "routes": ["second", "first"]})
        await house.put(3, "first")
        assert 0 == await house.rerouting.all()
        assert [] == house.told

    asyncio.run(story())


def test_mail_that_its_rule_does_not_name_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each recipient for itself, however much waits, and the lane that gets it is told."""
    monkeypatch.setattr(module, "HEADS", 2)

    async def story() -> None:
        house = House(RULE)
        await house.put(7, "first", "lena@fabrikam.com", "paul@contoso.com")
        assert 7 == await house.rerouting.all()
        assert {"first": 7, "second": 7} == await house.lanes()
        assert {"second"} == set(house.told)
        (view,) = await house.ways.spool.list(Selection(limit=1))
        shown = await house.ways.spool.show(view.spool_id)
        assert shown is not None
        assert "recipient.moved" == shown.events[-1].name

    asyncio.run(story())


def test_mail_of_a_lane_that_is_gone() -> None:
    """By its rule, or to the first one that it may take by itself; what is due later is due now."""

    async def story() -> None:
        house = House(RULE)
        await house.put(2, "gone")
        await house.put(1, "gone", "paul@contoso.com")
        await house.put(1, "third", "paul@contoso.com")
        assert 3 == await house.rerouting.strays()
        assert {"second": 2, "first": 1, "third": 1} == await house.lanes()

    asyncio.run(story())


def test_held_mail_of_a_lane_that_is_gone() -> None:
    """It waits in the first one, still held; a lane that there is keeps its own."""

    async def story() -> None:
        house = House()
        for lane in ("gone", "third"):
            await house.put(1, lane)
        await house.ways.spool.hold(Selection(), "a person")
        assert (1, 0) == (await house.rerouting.held("gone"), await house.rerouting.held("third"))
        assert {"first": 1, "third": 1} == await house.lanes()
        assert {State.HELD: 2} == await house.ways.spool.counts()

    asyncio.run(story())


def test_rules_that_change_are_followed() -> None:
    """The chooser has another map from one moment to the next."""

    async def story() -> None:
        house = House()
        await house.put(2, "first")
        assert 0 == await house.rerouting.all()
        house.ways.chooser.follow(RoadMap([Road("third", "fake", ("third",))], [], []))
        assert 2 == await house.rerouting.all()
        assert {"third": 2} == await house.lanes()

    asyncio.run(story())
