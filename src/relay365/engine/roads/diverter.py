"""Diverter: takes mail out of a lane that has been shut for too long, as fast as another one is hungry for it.

Nothing is moved that the other lane could not start soon, so that most of it is still in its place when the shut lane
is well again, and neither of them meets a storm. Acts; which lane may take over is decided by the chooser.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass, field

from relay365.engine.roads.mover import Mover
from relay365.errors import SpoolError
from relay365.mail.envelope import SpoolId
from relay365.rules.routing import Letter
from relay365.spool.api import FAR_S
from relay365.spool.waiting.heads import PRIORITIES, Behind, Flow, Head

_LOG = logging.getLogger("relay365.scheduler")

ROUND_S = 0.25
BATCH = 100  # recipients moved at most in one round
HEADS = BATCH  # messages of each flow that are looked at in one round


@dataclass(eq=False)
class Diverter(Mover):
    """One per relay. run() until it is cancelled."""

    _behind: dict[str, dict[Flow, Behind]] = field(default_factory=dict, init=False)

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
        for name, lane in list(self.lanes.items()):
            if lane.health.unwell_since is None:
                self._behind.pop(name, None)
            elif self.lanes.get(name) is lane and self._hungry(name):
                n_moved += await self._relieve(name)
        return n_moved

    async def _relieve(self, name: str) -> int:
        """Move what may be moved of the next heads; what may not stays, and is passed over until its flow's end.

        Most urgent first, then oldest due first, so that an alarm does not wait behind a newsletter here either.
        """
        room, behind = self._hungry(name), self._behind.setdefault(name, {})
        heads = await self.spool.heads(name, now=self.clock.now() + FAR_S, most=HEADS, behind=behind)
        if name not in self.lanes:  # a change of the configuration has taken it away meanwhile
            return 0
        reason = self._reason(name)
        moves: dict[str, list[tuple[SpoolId, int]]] = defaultdict(list)
        waits: set[Flow] = set()
        flows: dict[Flow, list[Head]] = defaultdict(list)
        for head in sorted(heads, key=lambda head: (PRIORITIES.index(head.flow.priority), head.due_at)):
            flows[head.flow].append(head)
            letter = Letter(head.reverse_path, head.submitter, head.size_octets)
            for n, address in head.recipients:
                target = self.chooser.next_for(name, self.chooser.itinerary(letter, address))
                if target and room.get(target, 0) > 0:
                    room[target] -= 1
                    moves[target].append((head.spool_id, n))
                elif target:  # it only lacks room now, and nothing behind it may hide it
                    waits.add(head.flow)
                elif head.flow not in waits:
                    behind[head.flow] = Behind(head.due_at, head.spool_id)
        for flow in [flow for flow in behind if len(flows[flow]) < HEADS]:
            del behind[flow]  # from the beginning again: what could not move may be able to now
        return await self.move(name, moves, reason)

    def tell(self, lane: str, n: int, target: str) -> None:
        """See Mover."""
        _LOG.warning("lane.relieved lane=%s recipients=%d moved_to=%s", lane, n, target)

    def _hungry(self, shut: str) -> dict[str, int]:
        """Lanes that are well and could start something, with how much they may be given now."""
        now = self.clock.mono()
        return {
            name: min(BATCH, lane.places(now))
            for name, lane in self.lanes.items()
            if name != shut and lane.health.unwell_since is None and lane.appetite(now) > 0
        }

    def _reason(self, name: str) -> str:
        health = self.lanes[name].health
        why = health.held or health.gate_reason
        return f"lane {name} has been shut for too long: {why.reply_text if why else 'unwell'}"
