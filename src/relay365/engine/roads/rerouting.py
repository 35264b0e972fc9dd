"""Rerouting: mail that waits where the configuration does not let it wait any more goes where its rules say now.

Apart from the diverter, which helps while a lane is shut: here the way itself is gone, or is not this mail's any more.
Mail that waits in any lane that its rule names stays there, in its place.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence

from relay365.engine.roads.mover import Mover, Moves
from relay365.mail.envelope import SpoolId
from relay365.rules.routing import Letter
from relay365.spool.api import FAR_S
from relay365.spool.waiting.heads import Behind, Flow, Head

_LOG = logging.getLogger("relay365.scheduler")

HEADS = 200  # messages of each flow that are looked at in one step


class Rerouting(Mover):
    """One per relay."""

    async def all(self) -> int:
        """Look at all that waits; gives how many recipients were moved. Raises SpoolError."""
        return sum([await self._walk(lane) for lane in list(await self.spool.due())])

    async def strays(self) -> int:
        """Look at what waits in lanes that there are not; as all()."""
        return sum(
            [await self._walk(lane) for lane in list(await self.spool.due()) if lane not in self.lanes]
        )

    async def held(self, gone: str) -> int:
        """What a person holds in a lane that is gone waits in the first one: released, it is found. As all()."""
        first = next(iter(self.lanes), "")
        return await self.spool.move_lane(gone, first) if first and gone not in self.lanes else 0

    async def _walk(self, lane: str) -> int:
        """From the first to the last of every flow of a lane; nothing is looked at twice."""
        n_moved = 0
        behind: dict[Flow, Behind] = {}
        while True:
            now = self.clock.now()
            heads = await self.spool.heads(lane, now=now + FAR_S, most=HEADS, behind=behind)
            if not heads:
                return n_moved
            for head in heads:
                behind[head.flow] = Behind(head.due_at, head.spool_id)
            moves = self._moves(lane, heads)
            n_moved += await self.move(lane, moves, self._reason(lane))

    def tell(self, lane: str, n: int, target: str) -> None:
        """See Mover."""
        _LOG.warning("lane.rerouted lane=%s recipients=%d moved_to=%s", lane, n, target)

    def _moves(self, lane: str, heads: Sequence[Head]) -> Moves:
        moves: dict[str, list[tuple[SpoolId, int]]] = defaultdict(list)
        for head in heads:
            letter = Letter(head.reverse_path, head.submitter, head.size_octets)
            client = head.submitter.device or head.submitter.login or head.submitter.peer_address
            for n, address in head.recipients:
                way = self.chooser.itinerary(letter, address)
                if lane not in way.lanes or lane not in self.lanes:
                    moves[self.chooser.lane_for(way, client)].append((head.spool_id, n))
        return moves

    def _reason(self, lane: str) -> str:
        gone = lane not in self.lanes
        return (
            f"the configuration has no {lane} any more" if gone else f"its rule does not name {lane} any more"
        )
