"""What every move of mail from lane to lane does: the recipients change lanes, the log and the new lane are told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fakes.claims import claim_due
from fakes.mail import put
from fakes.ways import Ways
from relay365.engine.roads.mover import Mover
from relay365.spool.api import Selection


@dataclass(eq=False)
class Telling(Mover):
    """Keeps what it would write into the log."""

    told: list[tuple[str, int, str]] = field(default_factory=list)

    def tell(self, lane: str, n: int, target: str) -> None:
        self.told.append((lane, n, target))


def test_a_move_is_done_counted_and_told() -> None:
    """Each target gets its own, in the order of the moves, and the history has the reason."""

    async def story() -> None:
        ways, woken = Ways(), []
        first, second = [
            await put(ways.spool, ways.clock, "lena@fabrikam.com", lane="first") for _ in range(2)
        ]
        mover = Telling(ways.spool, ways.chooser, ways.lanes, ways.clock, woken.append)
        n = await mover.move("first", {"second": [(first, 0)], "third": [(second, 0)]}, "it is shut")

        assert 2 == n
        assert [("first", 1, "second"), ("first", 1, "third")] == mover.told
        assert ["second", "third"] == woken
        views = {view.spool_id: view for view in await ways.spool.list(Selection(limit=10))}
        assert ["second", "third"] == [views[one].recipients[0].lane for one in (first, second)]

    asyncio.run(story())


def test_what_is_on_its_way_is_not_moved() -> None:
    """A recipient that another worker has claimed meanwhile stays, and is not counted."""

    async def story() -> None:
        ways, woken = Ways(), []
        spool_id = await put(ways.spool, ways.clock, "lena@fabrikam.com", lane="first")
        now = ways.clock.now()
        assert await claim_due(ways.spool, "first", limit=1, now=now, lease_until_at=now + 60)
        mover = Telling(ways.spool, ways.chooser, ways.lanes, ways.clock, woken.append)

        assert 0 == await mover.move("first", {"second": [(spool_id, 0)]}, "it is shut")
        assert [("first", 0, "second")] == mover.told

    asyncio.run(story())
