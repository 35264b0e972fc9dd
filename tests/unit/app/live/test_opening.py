"""A shut lane tries one message because a person asks, and what it heard is the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.mail import put
from fakes.route import DELIVERED, MISCONFIGURED, THROTTLED, FakeRoute, always
from relay365.app.live import opening as module
from relay365.app.live.opening import Opening
from relay365.clock import SystemClock
from relay365.engine.attempts.orders import Orders
from relay365.engine.scheduler import Scheduler
from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment, LaneLimits
from relay365.rules.retry import Policy
from relay365.spool.memory import MemorySpool


class House:
    """A scheduler at work on one route; `says` is what the remote answers."""

    def __init__(self, limits: LaneLimits | None = None) -> None:
        self.says = DELIVERED
        self.clock = SystemClock()
        self.spool = MemorySpool(self.clock)
        self.route = FakeRoute(self._judge, limits or LaneLimits(5))
        self.scheduler = Scheduler(self.spool, [self.route], self.clock, Policy((600.0,), jitter=0.0))
        self.lane = self.scheduler.lanes["way"]
        parts = SimpleNamespace(scheduler=self.scheduler, spool=self.spool, clock=self.clock)
        self.opening = Opening(parts)  # type: ignore[arg-type]

    def _judge(self, consignment: Consignment) -> tuple[Outcome, ...]:
        return always(self.says)(consignment)

    async def put(self, n: int = 1) -> None:
        for _ in range(n):
            await put(self.spool, self.clock)
        self.scheduler.accepted("way")

    async def open(self, name: str = "way") -> Any:
        return (await self.opening.answer({"name": name}))["lanes"]


def _story(tell: Callable[[House], Awaitable[None]], limits: LaneLimits | None = None) -> None:
    async def run() -> None:
        house = House(limits)
        task = asyncio.ensure_future(house.scheduler.run())
        try:
            await tell(house)
        finally:
            await house.scheduler.stop(1.0)
            await task

    asyncio.run(run())


async def _until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("refusal", [MISCONFIGURED, THROTTLED])
def test_one_message_tries_a_shut_lane(refusal: Outcome) -> None:
    """Refused it is shut again, with the words; healed, everything goes."""

    async def tell(house: House) -> None:
        house.says = refusal
        await house.put()
        await _until(lambda: house.lane.health.unwell_since is not None)
        await house.put(4)
        before = len(house.route.consignments)
        (still,) = await house.open()
        tried = len(house.route.consignments) - before
        house.says = DELIVERED
        (well,) = await house.open()
        await _until(lambda: len(house.route.consignments) == before + tried + 5)

        assert ("shut", refusal.reply_text, refusal.row) == (still["state"], still["reply"], still["row"])
        assert 1 == tried
        assert ("well", refusal.reply_text) == (well["state"], well["was"])
        assert house.lane.health.held is None

    _story(tell)


def test_a_day_that_others_have_used_up() -> None:
    """One message finds out whether that is so."""

    async def tell(house: House) -> None:
        day = house.lane.order.vector.budgets["recipients"]
        day.exhausted(house.clock.mono())  # type: ignore[attr-defined]
        await house.put(2)
        await asyncio.sleep(0.05)
        assert [] == house.route.consignments
        (found,) = await house.open()

        assert ("well", True) == (found["state"], "others" in found["was"])
        assert 1 <= len(house.route.consignments)

    _story(tell, LaneLimits(2, recipients_per_day=100, budget="mailbox a"))


def test_mail_that_is_due_later_is_tried() -> None:
    """The first one is made due; without mail there is nothing to try with."""

    async def tell(house: House) -> None:
        house.lane.health.hold(MISCONFIGURED, house.clock.mono())
        (empty,) = await house.open()
        await house.put()
        heads = await house.spool.heads("way", now=house.clock.now(), most=1)
        await house.spool.put_off("way", [(heads[0].spool_id, house.clock.now() + 3600)], "later")
        (found,) = await house.open()

        assert ("empty", "well") == (empty["state"], found["state"])
        assert 1 == len(house.route.consignments)

    _story(tell)


def test_nothing_to_open() -> None:
    """A lane that is well is left alone; a name that there is not gets those that there are."""

    async def tell(house: House) -> None:
        found, unknown = await house.open(), await house.opening.answer({"name": "other"})

        assert [{"lane": "way", "was": "", "state": "well"}] == found
        assert {"lanes": [], "known": ["way"]} == unknown

    _story(tell)


def test_a_frozen_queue_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has frozen it had a reason."""

    async def tell(house: House) -> None:
        await house.put()
        await _until(lambda: house.route.consignments != [])
        house.lane.health.hold(MISCONFIGURED, house.clock.mono())
        monkeypatch.setattr(Orders, "is_frozen", True)
        (found,) = await house.open()

        assert ("frozen", 1) == (found["state"], len(house.route.consignments))

    _story(tell)


def test_a_remote_that_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer does not wait for ever."""
    monkeypatch.setattr(module, "WITHIN_S", 0.2)

    async def tell(house: House) -> None:
        house.lane.health.hold(MISCONFIGURED, house.clock.mono())
        house.route.gate.clear()
        await house.put()
        (found,) = await house.open()
        house.route.gate.set()

        assert "tries" == found["state"]

    _story(tell)
