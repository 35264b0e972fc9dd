"""An application that writes to forty people one by one, in simulated time: how much of the minute it takes.

The same run without company is the yardstick: forty contents that differ. docs/scheduling.md has the figures.
"""

from __future__ import annotations

import asyncio

from fakes.clock import FakeClock
from fakes.mail import DEVICE
from fakes.route import DELIVERED, FakeRoute, always
from relay365.engine.scheduler import Scheduler
from relay365.mail.envelope import Envelope, ForwardPath
from relay365.routes.api import LaneLimits
from relay365.rules.retry import Policy
from relay365.spool.api import NewMessage, State
from relay365.spool.memory import MemorySpool

N_PEOPLE = 40
LIMITS = LaneLimits(3, 30, recipients=500, recipients_per_day=10_000)


async def _run(*, alike: bool) -> tuple[int, int, int]:
    """Messages of the minute that were used, recipients of the day, and who had the letter within that minute."""
    clock = FakeClock()
    spool, route = MemorySpool(clock), FakeRoute(always(DELIVERED), LIMITS)
    scheduler = Scheduler(spool, [route], clock, Policy())
    for n in range(N_PEOPLE):
        intake = spool.begin()
        intake.write(b"Message-ID: <1@erp>\r\nSubject: %d\r\n\r\nhello\r\n" % (0 if alike else n))
        envelope = Envelope("erp@contoso.com", (ForwardPath(f"r{n}@contoso.com"),))
        now = clock.now()
        await intake.commit(NewMessage(envelope, DEVICE, "way", now, now + 9e5, message_id="<1@erp>"))
    task = asyncio.ensure_future(scheduler.run())
    for _ in range(59):
        clock.pass_s(1.0)
        for _ in range(20):
            scheduler.accepted("way")
            scheduler._wake.set()  # its ticks are of the real clock
            await asyncio.sleep(0)
    standings = scheduler.lanes["way"].order.standings(clock.mono())
    n_delivered = (await spool.counts()).get(State.DELIVERED, 0)
    await scheduler.stop(1.0)
    await task
    return standings["messages"].used, standings["recipients"].used, n_delivered


def test_forty_letters_alike_take_one_message_of_the_minute() -> None:
    """And forty recipients of the day, as always; forty that differ take all of the minute, and ten people wait."""
    assert (1, 40, 40) == asyncio.run(_run(alike=True))
    assert (30, 30, 30) == asyncio.run(_run(alike=False))
