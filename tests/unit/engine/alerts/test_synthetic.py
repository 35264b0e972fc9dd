"""The synthetic mail: one at a time, timed to the 250, followed to its end, not forgotten over a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fakes.claims import claim_due
from fakes.clock import FakeClock
from fakes.route import DELIVERED, FAILED
from fakes.watched import a_scene
from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.channels.letter import PostOffice
from relay365.engine.alerts.synthetic import ARRIVED, SERVED, TOOK, Plan, Synthetic
from relay365.mail.outcome import Outcome
from relay365.spool.api import Fate, Selection, Settlement, State
from relay365.spool.later import Later, LaterFate
from relay365.spool.memory import MemorySpool

PLAN = Plan("probe@fabrikam.com", 3600.0, 900.0)


class House:
    """A spool, a clock, and marks that outlive the mail's object."""

    def __init__(self, data: Path) -> None:
        self.clock = FakeClock()
        self.spool = MemorySpool(self.clock)
        self.marks: dict[str, float] = {}
        lanes = a_scene(data, self.clock).lanes
        self.office = PostOffice(
            self.spool, lanes, self.clock, "relay.test", lambda lane: "scan@contoso.com", lambda lane: None
        )

    def step(self) -> list[Cause]:
        """Of a new object each time: all that it knows is in the marks."""
        synthetic = Synthetic(PLAN, self.office, lambda envelope, facts: "two", lambda: self.marks)
        return asyncio.run(synthetic.step())

    def settle(self, state: State, outcome: Outcome) -> None:
        async def go() -> None:
            now = self.clock.now()
            (claim,) = await claim_due(self.spool, "two", limit=1, now=now, lease_until_at=now + 60)
            await self.spool.settle([Settlement(claim.spool_id, claim.lease, (Fate(0, state, outcome),))])

        asyncio.run(go())

    def deliver(self) -> None:
        """The next one goes out and is taken."""
        self.clock.pass_s(PLAN.every_s)
        self.step()
        self.settle(State.DELIVERED, DELIVERED)

    def learn(self, fate: Later, detail: str = "") -> None:
        """What Exchange says later of the newest."""
        newest = max(asyncio.run(self.spool.list(Selection())), key=lambda one: one.accepted_at)
        learnt = LaterFate(newest.spool_id, 0, fate, self.clock.now(), detail)
        assert 1 == asyncio.run(self.spool.learn_fates([learnt]))

    @property
    def n_sent(self) -> int:
        return len(asyncio.run(self.spool.list(Selection())))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_goes_at_once_then_on_its_schedule(house: House) -> None:
    """By the lane that all mail takes; timed from acceptance to the 250."""
    assert [] == house.step()
    house.clock.pass_s(2.5)
    house.settle(State.DELIVERED, DELIVERED)
    assert [] == house.step()
    assert (2.5, house.clock.now()) == (house.marks[TOOK], house.marks[ARRIVED])
    house.clock.pass_s(3590.0)
    house.step()
    assert 1 == house.n_sent
    house.clock.pass_s(10.0)
    house.step()

    assert 2 == house.n_sent


def test_one_that_is_late_is_a_cause_and_no_second_one_goes(house: House) -> None:
    """The alert goes by another way than its own; delivered at last, nothing is wrong."""
    house.step()
    house.clock.pass_s(901.0)
    (cause,) = house.step()
    assert ("synthetic", "two") == (cause.key, cause.lane)
    assert "has not arrived for 15 m" in cause.what
    assert cause.do.startswith("relay365 trace ")
    house.clock.pass_s(7200.0)
    house.step()
    assert 1 == house.n_sent
    house.settle(State.DELIVERED, DELIVERED)

    assert [] == house.step()


def test_one_that_is_refused_is_a_cause_until_the_next_arrives(house: House) -> None:
    """On the schedule, not at once again."""
    house.step()
    house.settle(State.FAILED, FAILED)
    assert ["synthetic"] == [one.key for one in house.step()]
    assert 1 == house.n_sent
    house.clock.pass_s(3600.0)
    assert ["synthetic"] == [one.key for one in house.step()]
    assert 2 == house.n_sent
    house.settle(State.DELIVERED, DELIVERED)

    assert [] == house.step()


def test_one_that_a_person_deleted_is_not_waited_for(house: House) -> None:
    """And one that is pruned."""
    house.step()
    house.marks = {"synthetic id 222222": house.clock.now(), "synthetic next": house.clock.now() + 1e6}

    assert ["synthetic"] == [one.key for one in house.step()]
    assert not any(key.startswith("synthetic id") for key in house.marks)


@pytest.mark.parametrize("fate", [Later.DELIVERED, Later.EXPANDED])
def test_it_is_seen_at_its_end(house: House, fate: Later) -> None:
    """Where a route may ask; while Exchange still tries it is late after its time."""
    house.deliver()
    assert [] == house.step()
    house.learn(Later.PENDING)
    assert [] == house.step()
    house.clock.pass_s(901.0)
    (cause,) = house.step()
    assert "is taken and has not arrived for 15 m" in cause.what
    house.learn(fate)
    assert [] == house.step()
    assert house.clock.now() == house.marks[SERVED]

    assert not any("taken" in key for key in house.marks)


@pytest.mark.parametrize("fate", [Later.FAILED, Later.QUARANTINED, Later.SPAM, Later.RECALLED])
def test_one_that_is_lost_behind_the_250_is_a_cause_until_a_later_one_arrives(
    house: House, fate: Later
) -> None:
    """Taken is not arrived: the next one's 250 heals nothing, its end does."""
    house.deliver()
    house.learn(fate, "550 5.1.10 RESOLVER.ADR.RecipientNotFound")
    for _ in range(2):
        (cause,) = house.step()
        assert ("synthetic", "was taken and did not arrive") == (cause.key, cause.what[-28:])
        assert f"{fate.value} 550 5.1.10" in cause.why
    house.deliver()
    (cause,) = house.step()
    assert cause.what.endswith("was taken and did not arrive")
    house.learn(Later.DELIVERED)

    assert [] == house.step()


def test_where_nobody_may_ask_any_more_the_250_counts_again(house: House) -> None:
    """A trace that was switched off leaves no alert for ever."""
    house.deliver()
    house.learn(Later.FAILED)
    assert house.step()
    for _ in range(2):
        house.deliver()

    assert [] == house.step()
    assert SERVED not in house.marks


def test_one_that_is_lost_and_pruned_is_over(house: House) -> None:
    """There is nothing left to show."""
    house.step()
    house.marks = {"synthetic lost 222222": 1.0, "synthetic next": house.clock.now() + 1e6}

    assert [] == house.step()
    assert {"synthetic next"} == set(house.marks)


def test_a_refusal_is_newer_than_a_loss(house: House) -> None:
    """One cause at a time, the latest."""
    house.deliver()
    house.learn(Later.SPAM)
    assert house.step()
    house.clock.pass_s(PLAN.every_s)
    house.step()
    house.settle(State.FAILED, FAILED)

    assert ["was refused"] == [one.what[-11:] for one in house.step()]


def test_one_that_is_late_is_newer_than_a_loss(house: House) -> None:
    """Two of them are wrong, and one is told: the latest."""
    house.deliver()
    house.learn(Later.SPAM)
    assert house.step()
    house.clock.pass_s(PLAN.every_s)
    house.step()
    house.clock.pass_s(901.0)

    (cause,) = house.step()
    assert "has not arrived for 15 m" in cause.what
