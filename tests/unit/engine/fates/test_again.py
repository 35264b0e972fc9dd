"""An uncertain delivery goes again only where the trace does not know it, and never waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.afterwards import FakeTraces
from fakes.claims import claim_due
from fakes.mail import put
from relay365.engine.fates.again import LOOK_S, PATIENCE_S, Again
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.routes.tracing.asking import AskLater
from relay365.routes.tracing.traces import TraceRow
from relay365.spool.api import Claim, Fate, Settlement, State

NO_ANSWER = Outcome(Kind.UNCERTAIN, klass=Class.TRANSIENT, reply_text="no answer after the final dot")


async def doubtful(house: Any, *to: str, n_uncertain: int = 9) -> Claim:
    """A claim of a message whose first recipients got no answer after the final dot."""
    spool, now = house.spool, house.clock.now()
    await put(spool, house.clock, *to)
    (first,) = await claim_due(spool, "way", limit=1, now=now, lease_until_at=now + 60)
    fates = tuple(
        Fate(r.n, State.QUEUED, NO_ANSWER, now, possible_duplicate=r.n < n_uncertain)
        for r in first.recipients
    )
    await spool.settle([Settlement(first.spool_id, first.lease, fates)])
    (again,) = await claim_due(spool, "way", limit=1, now=now, lease_until_at=now + 60)
    return again


def again(house: Any, traces: FakeTraces) -> Again:
    async def sleep(seconds: float) -> None:
        house.clock.pass_s(seconds)

    return Again({"way": traces}, house.clock, sleep)


@pytest.mark.parametrize("status", ["delivered", "pending", "failed"])
def test_what_exchange_has_is_not_sent_again(house: Any, status: str) -> None:
    """Any row means that it has the message; the status is given, by recipient and for all."""
    traces = FakeTraces()

    async def story() -> tuple[Any, str | None]:
        claim = await doubtful(house)
        traces.rows = [house.row(claim.message_id, status, "Lena@fabrikam.com")]
        inquiry = again(house, traces)
        return await inquiry.look(claim), await inquiry.may_send_again(claim)

    look, found = asyncio.run(story())
    assert ({0: status}, 0.0, status) == (look.found, look.wait_s, found)


def test_a_row_that_comes_late_is_waited_for(house: Any) -> None:
    """Looked for every two minutes; found at the third look."""
    traces = FakeTraces()

    async def story() -> None:
        claim = await doubtful(house)
        inquiry = again(house, traces)
        for _ in range(2):
            look = await inquiry.look(claim)
            assert ({}, LOOK_S) == (look.found, look.wait_s)
            house.clock.pass_s(look.wait_s)
        traces.rows = [house.row(claim.message_id, "delivered")]
        assert {0: "delivered"} == (await inquiry.look(claim)).found

    asyncio.run(story())


@pytest.mark.parametrize("refuses", [None, AskLater("503", 5000.0), AskLater("503", 1.0)])
def test_after_its_patience_it_goes(house: Any, refuses: AskLater | None) -> None:
    """A quarter of an hour without a row, or without an answer, whatever Graph asks for; then it is sent."""
    traces = FakeTraces()
    traces.refuses = refuses
    began_at = house.clock.now()

    async def story() -> str | None:
        return await again(house, traces).may_send_again(await doubtful(house))

    assert None is asyncio.run(story())
    assert began_at + PATIENCE_S == house.clock.now()


def test_where_nobody_may_ask_it_goes_at_once(house: Any) -> None:
    """No permission yet, another lane, a message without a name, and a delivery that was never in doubt."""
    traces = FakeTraces()
    traces.refuses = AskLater("401", 3600.0, "create it")
    began_at = house.clock.now()

    async def story() -> None:
        claim = await doubtful(house)
        assert None is await again(house, traces).may_send_again(claim)
        assert None is await Again({}, house.clock).may_send_again(claim)
        assert 1 == len(traces.windows)
        sure = await doubtful(house, n_uncertain=0)
        assert None is await again(house, traces).may_send_again(sure)
        assert 1 == len(traces.windows)

    asyncio.run(story())
    assert began_at == house.clock.now()


def test_recipients_in_doubt_are_judged_each(house: Any) -> None:
    """Only those in doubt are looked up; where the trace knows some of them, all may go but those."""
    traces = FakeTraces()

    async def story() -> None:
        claim = await doubtful(house, "a@x.test", "b@x.test", "c@x.test", n_uncertain=2)
        at = house.clock.now()
        traces.rows = [
            TraceRow("t", claim.message_id, "s", to, at, "delivered") for to in ("a@x.test", "c@x.test")
        ]
        inquiry = again(house, traces)
        assert {0: "delivered"} == (await inquiry.look(claim)).found
        assert None is await inquiry.may_send_again(claim)
        traces.rows.append(TraceRow("t", claim.message_id, "s", "b@x.test", at, "failed"))
        assert "delivered, failed" == await inquiry.may_send_again(claim)

    asyncio.run(story())
