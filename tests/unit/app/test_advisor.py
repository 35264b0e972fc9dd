"""What the trace has of an uncertain delivery becomes outcomes that the scheduler can settle."""

from __future__ import annotations

import asyncio
from typing import Any

from fakes.claims import claim_due
from fakes.clock import FakeClock
from fakes.mail import put
from fakes.ways import Ways
from relay365.app.advisor import Advisor
from relay365.engine.fates.again import Look
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.mail.outcome import Kind
from relay365.spool.api import Claim
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.heads import Flow, Head


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
        await claim_due(spool, "way", limit=1, now=clock.now(), lease_until_at=clock.now() + 1)
        await spool.lapse(None)
        (claim,) = await claim_due(spool, "way", limit=1, now=clock.now(), lease_until_at=clock.now() + 9)
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


def test_a_digest_is_what_the_rules_say_of_a_head() -> None:
    """By the rule that decides about its recipient; nobody is asked where no rule has any."""
    facts = SubmitterFacts("lan", "192.0.2.7")
    head = Head(
        SpoolId("1"),
        Flow("normal", "ups"),
        0.0,
        0.0,
        9.0,
        2000,
        "ups@contoso.com",
        facts,
        ((0, "it@contoso.com"),),
    )
    storms = {"recipients": "it@contoso.com", "routes": "first", "digest": 5}
    for rules, expected in (([storms], 5), ([{"routes": "first"}], 0), ([{"routes": "first"}, storms], 0)):
        advisor = Advisor(Ways(*rules).chooser, Trace(Look()), "relay.test")  # type: ignore[arg-type]
        assert expected == advisor.digest_from(head)
    assert "relay.test" == advisor.hostname
