"""What the trace has of an uncertain delivery becomes outcomes that the scheduler can settle."""

from __future__ import annotations

import asyncio
from typing import Any

from fakes.clock import FakeClock
from fakes.mail import put
from relay365.app.advisor import Advisor
from relay365.engine.fates.again import Look
from relay365.mail.outcome import Kind
from relay365.spool.api import Claim
from relay365.spool.memory import MemorySpool


class Trace:
    """Answers with what a test says."""

    def __init__(self, look: Look) -> None:
        self._look = look

    async def look(self, claim: Claim) -> Look:
        return self._look


def known(look: Look) -> dict[int, Any]:
    """Of a message to two, both uncertain after a stop in mid-delivery."""

    async def story() -> dict[int, Any]:
        clock = FakeClock()
        spool = MemorySpool(clock)
        await put(spool, clock, "a@x.test", "b@x.test")
        await spool.claim("way", limit=1, now=clock.now(), lease_until_at=clock.now() + 1)
        await spool.lapse(None)
        (claim,) = await spool.claim("way", limit=1, now=clock.now(), lease_until_at=clock.now() + 9)
        advisor = Advisor(None, Trace(look))  # type: ignore[arg-type]
        return dict(await advisor.known(claim))

    return asyncio.run(story())


def test_what_was_found_is_delivered_and_the_rest_waits_for_the_next_look() -> None:
    """Not sent again, in words; the other recipient is asked for again after the time that the trace needs."""
    found = known(Look({0: "delivered"}, 120.0))

    assert [Kind.DELIVERED, Kind.DEFERRED] == [found[n].kind for n in (0, 1)]
    assert "not sent again: Exchange has it, trace status delivered" == found[0].reply_text
    assert (120.0, False, "asks-trace") == (found[1].retry_after_s, found[1].offered, found[1].row)


def test_where_nobody_may_ask_everything_goes() -> None:
    """No permission, no name, or patience over."""
    assert {} == known(Look())
