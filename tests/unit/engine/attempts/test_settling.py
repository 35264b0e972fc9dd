"""Outcomes become fates: each recipient's own, once for all of them, and until the spool has them."""

from __future__ import annotations

import asyncio

import pytest

from fakes.claims import claim_due
from fakes.clock import FakeClock
from fakes.lanes import a_lane
from fakes.mail import put
from fakes.route import DELIVERED, FAILED, LATER, FakeRoute, always
from relay365.engine.attempts.settling import Settling
from relay365.errors import SpoolUnavailable
from relay365.rules.retry import Policy
from relay365.spool.api import Claim, State
from relay365.spool.memory import MemorySpool


async def claimed(spool: MemorySpool, clock: FakeClock) -> Claim:
    await put(spool, clock, "a@fabrikam.com", "b@fabrikam.com", "c@fabrikam.com")
    (claim,) = await claim_due(spool, "way", limit=1, now=clock.now(), lease_until_at=clock.now() + 60)
    return claim


async def states(spool: MemorySpool, claim: Claim) -> list[State]:
    view = await spool.show(claim.spool_id)
    assert view is not None
    return [one.state for one in view.recipients]


def test_each_recipient_gets_its_own_fate_and_one_instant() -> None:
    """Delivered, failed, again later; nothing for another lane."""

    async def story() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        claim = await claimed(spool, clock)
        lane = a_lane(FakeRoute(always(DELIVERED)))
        others = await Settling(spool, clock, Policy()).settle(lane, [(claim, (DELIVERED, FAILED, LATER))])
        assert set() == others
        assert [State.DELIVERED, State.FAILED, State.QUEUED] == await states(spool, claim)

    asyncio.run(story())


def test_a_spool_that_is_unwell_is_asked_until_it_has_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice no, then yes: the outcome is not forgotten."""

    async def story() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        claim = await claimed(spool, clock)
        pauses: list[float] = []
        settle, answers = spool.settle, iter([False, False, True])

        async def sick(settlements: object) -> list[object]:
            if not next(answers):
                raise SpoolUnavailable("disk I/O error")
            return await settle(settlements)  # type: ignore[arg-type,return-value]

        async def no_sleep(seconds: float) -> None:
            pauses.append(seconds)

        monkeypatch.setattr(spool, "settle", sick)
        monkeypatch.setattr(asyncio, "sleep", no_sleep)
        lane = a_lane(FakeRoute(always(DELIVERED)))
        await Settling(spool, clock, Policy()).settle(lane, [(claim, (DELIVERED,) * 3)])
        assert [1.0, 2.0] == pauses
        assert {State.DELIVERED} == set(await states(spool, claim))

    asyncio.run(story())


def test_what_was_not_started_goes_back_untouched() -> None:
    """No attempt is counted, and it is due at once."""

    async def story() -> None:
        clock = FakeClock()
        spool = MemorySpool(clock)
        claim = await claimed(spool, clock)
        await Settling(spool, clock, Policy()).give_back([claim])
        view = await spool.show(claim.spool_id)
        assert view is not None
        assert {(State.QUEUED, 0, clock.now())} == {
            (one.state, one.attempts, one.next_attempt_at) for one in view.recipients
        }

    asyncio.run(story())
