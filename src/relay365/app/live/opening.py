"""Opening: a person has healed a route and does not want to wait for the next probe, `relay365 route open`.

One message tries, as it would when the pause is over; what it hears opens the lane, or shuts it anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from relay365.app.live.parts import Parts
from relay365.engine.lane import Lane
from relay365.errors import SpoolError
from relay365.rules.quota.budgets import Slices
from relay365.spool.api import FAR_S, Selection

_LOG = logging.getLogger("relay365")

WITHIN_S = 30.0  # how long the answer waits for the probe
LOOK_S = 0.05
WELL, SHUT, TRIES, EMPTY, FROZEN = "well", "shut", "tries", "empty", "frozen"


class Opening:
    """One per relay."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """As a handler of requests (engine.control): `name` is a route or one of its lanes.

        lanes: one object for each that is meant, with lane, was (why it was shut, "" where it was not) and state: well;
        shut again, with reply and row; tries, where the remote has not answered yet; empty, where no mail waits;
        frozen, where a person has said that nothing goes out now.
        """
        name = str(request.get("name", ""))
        lanes = [
            lane for lane in self._parts.scheduler.lanes.values() if name in (lane.name, lane.route.name)
        ]
        if not lanes:
            return {
                "lanes": [],
                "known": sorted({one.route.name for one in self._parts.scheduler.lanes.values()}),
            }
        return {"lanes": await asyncio.gather(*(self._open(lane) for lane in lanes))}

    async def _open(self, lane: Lane) -> dict[str, Any]:
        mono = self._parts.clock.mono()
        reason = lane.health.held or (lane.health.gate_reason if mono < lane.health.gate_until else None)
        foreign = [
            one for one in lane.order.vector.budgets.values() if isinstance(one, Slices) and one.foreign(mono)
        ]
        if reason is None and not foreign:
            return {"lane": lane.name, "was": "", "state": WELL}
        was = reason.reply_text if reason is not None else "others have used up its day, as far as is known"
        if self._parts.scheduler.orders.is_frozen:
            return {"lane": lane.name, "was": was, "state": FROZEN}
        try:
            if not await self._has_due(lane):
                return {"lane": lane.name, "was": was, "state": EMPTY}
        except SpoolError as error:
            return {"lane": lane.name, "was": was, "state": SHUT, "reply": str(error), "row": ""}
        _LOG.warning("lane.asked lane=%s was=%r", lane.name, was)
        mono = self._parts.clock.mono()
        lane.health.ask(mono)
        for one in foreign:
            one.ask(mono)
        self._parts.scheduler.accepted(lane.name)
        lane.n_waiting -= 1  # nothing came; it is only to look
        return {"lane": lane.name, "was": was, **await self._heard(lane, mono)}

    async def _has_due(self, lane: Lane) -> bool:
        """Whether something waits; the first of it is made due."""
        now, spool = self._parts.clock.now(), self._parts.spool
        if await spool.heads(lane.name, now=now, most=1):
            return True
        heads = await spool.heads(lane.name, now=now + FAR_S, most=1)
        return bool(heads) and await spool.retry(Selection(ids=(heads[0].spool_id,)), now) > 0

    async def _heard(self, lane: Lane, since: float) -> dict[str, Any]:
        """What the probe has heard."""
        health, until = lane.health, since + WITHIN_S
        while self._parts.clock.mono() < until:
            if health.gate_until > since and health.gate_reason is not None:
                return {"state": SHUT, "reply": health.gate_reason.reply_text, "row": health.gate_reason.row}
            if lane.delivered_at >= since or (health.held is None and health.unwell_since is None):
                return {"state": WELL}
            await asyncio.sleep(LOOK_S)
        return {"state": TRIES}
