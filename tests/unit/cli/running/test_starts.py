"""When a message would start in a lane: its pause, its budgets and what waits in it, as the scheduler reckons it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from fakes.clock import FakeClock
from fakes.lanes import a_lane
from fakes.mail import put
from fakes.quotas import LANE, LIMITS, NOW, OWNER, limits, note, usage
from fakes.route import FakeRoute
from relay365.cli.running.purse import Books, Owner
from relay365.cli.running.starts import read_starts, start_s
from relay365.spool.api import LaneNote
from relay365.spool.memory import MemorySpool

SCAN = Owner(OWNER, (LANE,), LIMITS)


@pytest.mark.parametrize("n_waiting", [0, 1, 45])
def test_what_waits_goes_first_at_the_pace_of_the_minute(n_waiting: int) -> None:
    """Two seconds each at thirty a minute: the scheduler's own number, and nothing where there is no limit."""
    lane = a_lane(FakeRoute(lambda _: (), LIMITS))
    lane.n_waiting = n_waiting

    assert pytest.approx(lane.projected_s(0.0)) == start_s(Books(NOW), SCAN, LANE, n_waiting)
    assert 0.0 == start_s(Books(NOW), replace(SCAN, limits=limits(messages=None)), LANE, n_waiting)


def test_a_pause_or_a_full_budget_lasts_until_its_time() -> None:
    """The longest of them; a pause that is over is none, nor is a full minute that an ended service wrote down."""
    full = note({"name": "messages", "used": 30, "limit": 30, "opens_at": NOW + 20}, gate_until_at=NOW + 5)
    paused, over = replace(full, gate_until_at=NOW + 50), LaneNote(LANE, gate_until_at=NOW - 50)
    rows = ((full, True), (full, False), (paused, True), (over, True))

    assert [20.0, 5.0, 50.0, 0.0] == [
        start_s(Books(NOW, is_running, notes={LANE: one}), SCAN, LANE, 0) for one, is_running in rows
    ]


def test_a_day_that_is_used_up_waits_for_its_first_slice() -> None:
    """Whether the service runs or not: slices are true without it."""
    used = (usage(10_000, ago_s=86_100.0),)

    assert 0.0 < start_s(Books(NOW, usage=used), SCAN, LANE, 0) <= 600.0


def test_the_queue_says_what_waits_in_each_lane() -> None:
    """Recipients that are queued there, of this lane alone."""

    async def story() -> dict[str, float]:
        clock = FakeClock()
        spool = MemorySpool(clock)
        for _ in range(3):
            await put(spool, clock, "a@fabrikam.com", "b@fabrikam.com", lane=LANE)
        plain = limits(budget="")
        return await read_starts(spool, {LANE: plain, "other": plain}, clock.now(), is_running=False)

    found = asyncio.run(story())

    assert {LANE: 12.0, "other": 0.0} == found
