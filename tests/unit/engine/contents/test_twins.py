"""A message that is sent again: recognised within its window, also while the first is still being committed."""

from __future__ import annotations

import asyncio

from relay365.engine.contents.twins import Twins
from relay365.mail.envelope import SpoolId

ID = SpoolId("222223")


def test_the_second_is_the_first() -> None:
    """Within the window it gets the first one's id; later, and after a failure, it is new."""

    async def live() -> list[str | None]:
        twins = Twins(60.0)
        found: list[str | None] = [await twins.id_of(b"x", 0.0)]
        async with twins.first(b"x", 0.0) as first:
            first.spool_id = ID
        found += [await twins.id_of(b"x", 59.0), await twins.id_of(b"y", 59.0), await twins.id_of(b"x", 60.0)]
        async with twins.first(b"z", 0.0):
            pass
        return [*found, await twins.id_of(b"z", 1.0)]

    assert [None, ID, None, None, None] == asyncio.run(live())


def test_the_second_waits_for_the_firsts_commit() -> None:
    """No 250 before the disk has it: the answer comes when the first is decided, whichever way."""

    async def live(spool_id: SpoolId | None) -> tuple[bool, str | None]:
        twins = Twins(60.0)
        async with twins.first(b"x", 0.0) as first:
            second = asyncio.ensure_future(twins.id_of(b"x", 1.0))
            await asyncio.sleep(0)
            was_waiting = not second.done()
            first.spool_id = spool_id
        return was_waiting, await second

    assert ((True, ID), (True, None)) == (asyncio.run(live(ID)), asyncio.run(live(None)))


def test_memory_is_bounded() -> None:
    """The oldest are forgotten; those of the past, too."""

    async def live() -> int:
        twins = Twins(60.0, most=10)
        for n in range(100):
            async with twins.first(str(n).encode(), 0.0) as first:
                first.spool_id = ID
        return len(twins)

    assert asyncio.run(live()) <= 11
