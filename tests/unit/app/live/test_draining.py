"""A relay that drains: who is sent away and when, when it is empty, and that it never stays deaf."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.mail import put
from fakes.route import DELIVERED, LATER, MISCONFIGURED, NO_ANSWER, THROTTLED, FakeRoute, always
from relay365.app.live import draining as module
from relay365.app.live.draining import IN_MESSAGE, Draining
from relay365.clock import SystemClock
from relay365.engine.control.drain import FILE, Drain, read_drain, write_drain
from relay365.engine.listener import SessionCount
from relay365.engine.scheduler import Scheduler
from relay365.engine.session import SHUTTING_DOWN
from relay365.errors import SpoolUnavailable
from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment
from relay365.rules.retry import Policy
from relay365.spool.api import Selection, State
from relay365.spool.memory import MemorySpool


class Visitor:
    """A session that goes when it is refused, unless it may stay; `was` is what it was spared for, each time."""

    def __init__(self, count: SessionCount, *, is_in_message: bool) -> None:
        self.peer, self.is_in_message = ("192.168.10.31", 1), is_in_message
        self.was: list[Any] = []
        self.count = count

    def refuse(self, reply: object, spare: Any = ()) -> None:
        assert reply is SHUTTING_DOWN
        self.was.append(spare)
        if not (self.is_in_message and spare):
            self.count.leave(self)  # type: ignore[arg-type]


class House:
    """A relay of one route; `says` is what the remote answers."""

    def __init__(self, data: Path) -> None:
        self.says, self.clock, self.count = DELIVERED, SystemClock(), SessionCount(9, 9)
        self.spool = MemorySpool(self.clock)
        self.route = FakeRoute(self._judge)
        self.scheduler = Scheduler(self.spool, [self.route], self.clock, Policy((600.0,), jitter=0.0))
        self.data, self.n_stopped, self.n_changed = data, 0, 0
        parts = SimpleNamespace(
            scheduler=self.scheduler, spool=self.spool, clock=self.clock,
            listeners=SimpleNamespace(count=self.count),
            build=SimpleNamespace(site=SimpleNamespace(data=data)),
        )  # fmt: skip
        self.draining = Draining(parts, self._stop, self._change)  # type: ignore[arg-type]

    def _judge(self, consignment: Consignment) -> tuple[Outcome, ...]:
        return always(self.says)(consignment)

    def _stop(self) -> None:
        self.n_stopped += 1

    def _change(self) -> None:
        self.n_changed += 1

    def enter(self, *, is_in_message: bool) -> Visitor:
        visitor = Visitor(self.count, is_in_message=is_in_message)
        assert self.count.enter(visitor) is None  # type: ignore[arg-type]
        return visitor

    async def put(self) -> str:
        spool_id = await put(self.spool, self.clock)
        self.scheduler.accepted("way")
        return spool_id

    async def do(self, what: str, **more: Any) -> dict[str, Any]:
        return dict(await self.draining.answer({"do": what, "by": "mina", **more}))

    async def until(self, state: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while (found := await self.do("look")).get("state") != state:
                await asyncio.sleep(0.01)
        return found


@pytest.fixture
def story(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[House], Awaitable[None]]], None]:
    """Runs a story beside a scheduler and a draining that looks a hundred times a second."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)

    def told(tell: Callable[[House], Awaitable[None]]) -> None:
        async def run() -> None:
            house = House(tmp_path)
            tasks = [asyncio.ensure_future(one) for one in (house.scheduler.run(), house.draining.run())]
            try:
                await tell(house)
                assert not tasks[1].done()
            finally:
                await house.scheduler.stop(1.0)
                tasks[1].cancel()
                await asyncio.wait(tasks)
            assert not (tmp_path / FILE).exists()

        asyncio.run(run())

    return told


Story = Callable[[Callable[[House], Awaitable[None]]], None]


def test_it_delivers_what_waits_and_is_empty(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    """What waits for its next try is tried at once; nobody new comes in; empty is said once, and nothing is stopped."""

    async def tell(house: House) -> None:
        spool_id = await house.put()
        async with asyncio.timeout(10):
            while not house.route.consignments:
                await asyncio.sleep(0.01)
        later = await put(house.spool, house.clock)
        await house.spool.put_off("way", [(later, house.clock.now() + 3600)], "later")
        with caplog.at_level(logging.WARNING, "relay365"):
            begun = await house.do("begin", for_s=60.0)
            found = await house.until("empty")
            await asyncio.sleep(0.1)
        visitor = Visitor(house.count, is_in_message=False)

        assert (True, "mina", False) == (begun["draining"], begun["by"], begun["stops"])
        assert (0, 0, 0, []) == (found["waiting"], found["under_way"], found["held"], found["lanes"])
        assert SHUTTING_DOWN == house.count.enter(visitor)  # type: ignore[arg-type]
        assert 2 == len(house.route.consignments)
        assert (0, 1) == (house.n_stopped, caplog.text.count("service.drained"))
        assert spool_id != later

    story(tell)


def test_an_order_of_a_former_life_is_void(story: Story, tmp_path: Path) -> None:
    """Also where that life had the same number, as every life in a container has."""
    write_drain(tmp_path, Drain(os.getpid(), 1.0, 9e12))

    async def tell(house: House) -> None:
        await asyncio.sleep(0.05)

        assert None is read_drain(tmp_path, os.getpid())
        assert not (await house.do("look"))["draining"]

    story(tell)


def test_it_ends_the_service_where_that_is_wished(story: Story) -> None:
    """Once, and only when the last session has gone."""

    async def tell(house: House) -> None:
        busy = house.enter(is_in_message=True)
        await house.do("begin", for_s=60.0, stops=True)
        await asyncio.sleep(0.1)
        before = house.n_stopped
        house.count.leave(busy)  # type: ignore[arg-type]
        await house.until("empty")
        await asyncio.sleep(0.1)

        assert (0, 1) == (before, house.n_stopped)

    story(tell)


def test_who_is_sent_away(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stands between two messages at once; who has begun one is spared for a while."""
    monkeypatch.setattr(module, "GRACE_S", 0.2)

    async def tell(house: House) -> None:
        idle, busy = house.enter(is_in_message=False), house.enter(is_in_message=True)
        await house.do("begin", for_s=60.0)
        at_once = set(house.count.sessions)
        await house.until("empty")

        assert {busy} == at_once
        assert [IN_MESSAGE] == idle.was
        assert [IN_MESSAGE, ()] == list(dict.fromkeys(busy.was))

    story(tell)


def test_held_mail_is_for_a_person(story: Story) -> None:
    """Nothing else is left: it is said, the service goes on, and an undo takes mail again."""

    async def tell(house: House) -> None:
        house.scheduler.lanes["way"].health.hold(MISCONFIGURED, house.clock.mono())
        await house.put()
        await house.spool.hold(Selection(), "by mina")
        await house.do("begin", for_s=60.0, stops=True)
        found = await house.until("stuck")
        seen = read_drain(house.data, module.os.getpid())
        undone, again = await house.do("undo"), await house.do("undo")

        assert (1, 0, 0) == (found["held"], found["waiting"], house.n_stopped)
        assert [("way", 1)] == [(one["lane"], one["held"]) for one in found["lanes"]]
        assert seen is not None
        assert ("mina", True) == (seen.by, seen.stops)
        assert ({"draining": False, "was": True}, False) == (undone, again["was"])
        assert (None, 2) == (house.count.closed, house.n_changed)
        assert {"draining": False} == await house.do("look")

    story(tell)


def test_a_shut_lane_says_why(story: Story) -> None:
    """With the words of the remote, and when the next try is; sessions and time go on."""

    async def tell(house: House) -> None:
        house.says = MISCONFIGURED
        await house.put()
        async with asyncio.timeout(10):
            while not house.route.consignments:
                await asyncio.sleep(0.01)
        await house.do("begin", for_s=60.0)
        await asyncio.sleep(0.1)
        found = await house.do("look")
        (lane,) = found["lanes"]

        assert ("draining", "way", 1) == (found["state"], lane["lane"], lane["waiting"] + found["under_way"])
        assert MISCONFIGURED.reply_text == lane["why"]
        assert lane["next_at"] >= house.clock.now() - 1.0

    story(tell)


async def _pause_of(house: House, spool_id: str) -> float:
    """Seconds until the next try, once the present one is settled."""
    n_before = len(house.route.consignments)
    async with asyncio.timeout(10):
        while len(house.route.consignments) == n_before:
            await asyncio.sleep(0.01)
        while (view := await house.spool.show(spool_id)) and view.recipients[0].state is not State.QUEUED:
            await asyncio.sleep(0.01)
    assert view is not None
    return (view.recipients[0].next_attempt_at or 0.0) - house.clock.now()


@pytest.mark.parametrize(
    ("says", "shortest_s", "longest_s"),
    [
        (LATER, 60.0, 90.0),
        (THROTTLED, 0.0, 5.0),
        (MISCONFIGURED, 0.0, 5.0),
        (NO_ANSWER, 590.0, 600.0),
    ],
)
def test_what_defers_meanwhile_is_tried_again_soon(
    story: Story, says: Outcome, shortest_s: float, longest_s: float
) -> None:
    """A pause of ten minutes becomes one of a minute; what waits for Microsoft or a person waits for its lane as ever,
    and what may have arrived is not sent more often.
    """

    async def tell(house: House) -> None:
        house.says = says
        await house.do("begin", for_s=60.0)
        spool_id = await house.put()
        meanwhile = await _pause_of(house, spool_id)

        assert shortest_s <= meanwhile <= longest_s

    story(tell)


def test_afterwards_it_waits_as_the_configuration_says(story: Story) -> None:
    """An undo ends the hurry with the drain."""

    async def tell(house: House) -> None:
        house.says = LATER
        await house.do("begin", for_s=60.0)
        await house.do("undo")
        spool_id = await house.put()

        assert 590.0 <= await _pause_of(house, spool_id) <= 600.0

    story(tell)


def test_its_time_is_over(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    """Mail is taken again although nobody is there any more who has asked."""

    async def tell(house: House) -> None:
        house.says = MISCONFIGURED
        await house.put()
        await house.do("begin", for_s=0.05)
        async with asyncio.timeout(10):
            while house.count.closed is not None:
                await asyncio.sleep(0.01)

        assert {"draining": False} == await house.do("look")
        assert "service.accepts by=its own end" in caplog.text

    story(tell)


def test_a_spool_that_cannot_be_asked(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not empty then, and why is said; it goes on when the spool does."""

    async def refuse(*_: object, **__: object) -> Any:
        raise SpoolUnavailable("the disk is gone")

    async def tell(house: House) -> None:
        with monkeypatch.context() as broken:
            broken.setattr(house.spool, "depths", refuse)
            broken.setattr(house.spool, "retry", refuse)
            await house.do("begin", for_s=60.0, stops=True)
            await asyncio.sleep(0.1)
            found = await house.do("look")
        assert ("draining", "the disk is gone", 0) == (found["state"], found["trouble"], house.n_stopped)
        assert "" == (await house.until("empty"))["trouble"]

    story(tell)


def test_a_longer_time_is_cut(story: Story) -> None:
    """Whoever asks past the command line does not make it deaf for ever."""

    async def tell(house: House) -> None:
        found = await house.do("begin", for_s=1e12)

        assert found["until_at"] <= house.clock.now() + 86_400.0

    story(tell)


@pytest.mark.parametrize(
    ("for_s", "lasts_s"), [(float("nan"), module.LOOK_S), (1e300, module.LONGEST_S), (-5, 1.0)]
)
def test_a_senseless_time_is_brought_into_bounds(tmp_path: Path, for_s: float, lasts_s: float) -> None:
    """And one that is none at all is refused before anybody is sent away: a relay must not stay deaf."""

    async def tell() -> None:
        house = House(tmp_path)
        with pytest.raises(ValueError, match="soon"):
            await house.do("begin", for_s="soon")
        assert house.count.closed is None
        found = await house.do("begin", for_s=for_s)
        assert lasts_s == pytest.approx(found["until_at"] - house.clock.now(), abs=0.9)
        await house.do("undo")

    asyncio.run(tell())
