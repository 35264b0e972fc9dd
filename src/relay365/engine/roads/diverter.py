"""Diverter: takes mail out of a lane that has been shut for too long, as fast as another one is hungry for it.

Nothing is moved that the other lane could not start soon, so that most of it is still in its place when the shut lane
is well again, and neither of them meets a storm. Acts; which lane may take over is decided by the chooser.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping

from relay365.clock import Clock
from relay365.engine.lane import Lane
from relay365.engine.roads.chooser import Chooser
from relay365.errors import SpoolError
from relay365.mail.envelope import SpoolId
from relay365.rules.routing import Letter
from relay365.spool.api import Spool, Waiting

_LOG = logging.getLogger("relay365.scheduler")

ROUND_S = 0.25
BATCH = 100  # recipients looked at in one round for each lane, and moved at most


class Diverter:
    """One per relay. run() until it is cancelled. moved is called with a lane that has got mail."""

    def __init__(
        self,
        spool: Spool,
        chooser: Chooser,
        lanes: Mapping[str, Lane],
        clock: Clock,
        moved: Callable[[str], None],
    ) -> None:
        self._spool, self._chooser, self._lanes, self._clock, self._moved = (
            spool,
            chooser,
            lanes,
            clock,
            moved,
        )
        self._behind: dict[str, Waiting] = {}

    async def run(self) -> None:
        """One round after the other; a spool that is unwell is asked again later."""
        while True:
            await asyncio.sleep(ROUND_S)
            try:
                await self.round()
            except SpoolError as error:
                _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, ROUND_S)

    async def round(self) -> int:
        """Look at every lane that is unwell; gives how many recipients were moved. Raises SpoolError."""
        n_moved = 0
        for name, lane in self._lanes.items():
            if lane.health.unwell_since is None:
                self._behind.pop(name, None)
            elif self._hungry(name):
                n_moved += await self._relieve(name)
        return n_moved

    async def _relieve(self, name: str) -> int:
        """Move what may be moved of the next batch; what may not stays, and is passed over until the lane's end."""
        room = self._hungry(name)
        waiting = await self._spool.waiting(name, limit=BATCH, after=self._behind.get(name))
        moves: dict[str, list[tuple[SpoolId, int]]] = defaultdict(list)
        has_left_some = False  # what only lacks room now is looked at again: nothing behind it may hide it
        for one in waiting:
            letter = Letter(one.reverse_path, one.submitter, one.size_octets)
            target = self._chooser.next_for(name, self._chooser.itinerary(letter, one.address))
            if target and room.get(target, 0) > 0:
                room[target] -= 1
                moves[target].append((one.spool_id, one.n))
            elif target:
                has_left_some = True
            elif not has_left_some:
                self._behind[name] = one
        if len(waiting) < BATCH:
            self._behind.pop(name, None)  # from the beginning again: what could not move may be able to now
        n_moved = 0
        for target, which in moves.items():
            n = await self._spool.redirect(which, target, now=self._clock.now(), reason=self._reason(name))
            _LOG.warning("lane.relieved lane=%s recipients=%d moved_to=%s", name, n, target)
            n_moved += n
            self._moved(target)
        return n_moved

    def _hungry(self, shut: str) -> dict[str, int]:
        """Lanes that are well and could start something, with how much they may be given now."""
        now = self._clock.mono()
        return {
            name: min(BATCH, lane.places(now))
            for name, lane in self._lanes.items()
            if name != shut and lane.health.unwell_since is None and lane.appetite(now) > 0
        }

    def _reason(self, name: str) -> str:
        health = self._lanes[name].health
        why = health.held or health.gate_reason
        return f"lane {name} has been shut for too long: {why.reply_text if why else 'unwell'}"
