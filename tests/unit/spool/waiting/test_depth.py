"""How much waits and since when: the same from the model and from SQLite."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.spools import DELIVERED, StillClock, settlement
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.spool.api import Hold, NewMessage, Selection, Spool, State
from relay365.spool.memory import MemorySpool
from relay365.spool.sqlite import SqliteSpool
from relay365.spool.waiting.depth import Depth

HELD = Hold("refused", "x")


async def _accept(
    spool: Spool, lane: str, at: float, priority: str = "normal", held: Hold | None = None
) -> None:
    intake = spool.begin()
    intake.write(b"Subject: x\r\n\r\n")
    facts = SubmitterFacts("127.0.0.1:25", "192.0.2.7", priority=priority)
    envelope = Envelope("s@x.test", (ForwardPath("a@x.test"), ForwardPath("b@x.test")))
    await intake.commit(NewMessage(envelope, facts, lane, at, at + 1e6, held=held))


@pytest.mark.parametrize("kind", ["model", "sqlite"])
def test_what_waits_is_counted_by_lane_state_and_priority(kind: str, tmp_path: Path) -> None:
    """The oldest of each counts; what never was does not appear."""

    async def story() -> Sequence[Depth]:
        clock = StillClock()
        spool: Spool = (
            MemorySpool(clock) if kind == "model" else await SqliteSpool.open(tmp_path, clock=clock)
        )
        try:
            assert [] == list(await spool.depths())
            await _accept(spool, "one", 100.0)
            await _accept(spool, "one", 200.0)
            await _accept(spool, "one", 300.0, "alarm")
            await _accept(spool, "two", 400.0, held=HELD)
            return await spool.depths()
        finally:
            await spool.close()

    assert [
        Depth("one", "queued", "alarm", 2, 300.0),
        Depth("one", "queued", "normal", 4, 100.0),
        Depth("two", "held", "normal", 2, 400.0),
    ] == sorted(asyncio.run(story()))


@pytest.mark.parametrize("kind", ["model", "sqlite"])
def test_what_each_clients_mail_takes(kind: str, tmp_path: Path) -> None:
    """Queued, on its way, held and failed, each message once and with its rows; what was delivered takes nothing."""

    async def story() -> tuple[dict[str, int], dict[str, int]]:
        clock = StillClock()
        spool: Spool = (
            MemorySpool(clock) if kind == "model" else await SqliteSpool.open(tmp_path, clock=clock)
        )
        try:
            await _accept(spool, "one", 100.0)
            await _accept(spool, "one", 200.0, "alarm")
            await _accept(spool, "two", 300.0, held=HELD)
            ids = [view.spool_id for view in await spool.list(Selection(states=frozenset({State.QUEUED})))]
            now = clock.now()
            (first,) = await spool.claim("one", which=ids[:1], now=now, lease_until_at=now + 60.0)
            before = dict(await spool.kept_octets(1000))
            await spool.settle([settlement(first, DELIVERED)])
            await spool.delete(Selection(states=frozenset({State.HELD})), "gone")
            return before, dict(await spool.kept_octets(1000))
        finally:
            await spool.close()

    before, after = asyncio.run(story())

    assert {"192.0.2.7": 3 * (1000 + 14)} == before
    assert {"192.0.2.7": 2 * (1000 + 14)} == after
