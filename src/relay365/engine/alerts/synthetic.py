"""Synthetic mail: one message on a schedule, by the way that all mail takes, seen until its end.

Timed until the remote's 250; where a route may ask what became of it (docs/trace.md), followed until somebody has it
or Exchange says why not. Apart from the alarm, which asks for its cause. It is written down before it is sent for, so
that a restart neither sends another one nor forgets that one is on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from relay365.engine.alerts.causes import CRITICAL, Cause, spoken
from relay365.engine.alerts.channels.letter import PostOffice
from relay365.engine.alerts.telling import instant
from relay365.errors import SpoolError
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.spool.api import MessageView, State
from relay365.spool.later import Later

_LOG = logging.getLogger("relay365.alerts")

SUBJECT = "relay365 {relay}: synthetic mail, please ignore"
BODY = "{relay} sends itself this mail on a schedule ([alerts] probe_to), to see that mail goes out. Sent {at}.\n"
NEXT, TOOK, ARRIVED, FAILED = "synthetic next", "synthetic took", "synthetic arrived", "synthetic failed"
SERVED = "synthetic served"
_ON_ITS_WAY, _TAKEN, _LOST = "synthetic id ", "synthetic taken ", "synthetic lost "
_GOOD = frozenset({Later.DELIVERED.value, Later.EXPANDED.value})

LaneOf = Callable[[Envelope, SubmitterFacts], str]


@dataclass(frozen=True, slots=True)
class Plan:
    """To whom, how often, and how long it may take; seconds."""

    to: str
    every_s: float
    within_s: float


class Synthetic:
    """One per relay. marks: what outlives a restart (Ledger.marks)."""

    def __init__(
        self, plan: Plan, office: PostOffice, lane_of: LaneOf, marks: Callable[[], MutableMapping[str, float]]
    ) -> None:
        self._plan, self._office, self._lane_of, self._marks = plan, office, lane_of, marks

    async def step(self) -> list[Cause]:
        """See what became of the last one, send when it is time; gives what is wrong with it."""
        now, marks = self._office.clock.now(), self._marks()
        looks = ((_ON_ITS_WAY, self._see), (_TAKEN, self._follow), (_LOST, self._mourn))
        try:
            causes = [
                one
                for prefix, look in looks
                for key in [key for key in marks if key.startswith(prefix)]
                for one in await look(key, now)
            ]
            is_under_way = any(one.startswith(_ON_ITS_WAY) for one in marks)
            if not is_under_way and now >= marks.get(NEXT, 0.0):
                await self._send(now)
        except SpoolError as error:
            _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, self._plan.within_s)
            return []
        if FAILED in marks:
            causes.append(
                self._cause("was refused", "the remote said a final no, or it was deleted", "queue list")
            )
        return causes[:1]  # the latest one says how it stands

    async def _send(self, now: float) -> None:
        """One goes out; the one that failed before is answered by how this one fares."""
        plan, office = self._plan, self._office
        envelope = Envelope("", (ForwardPath(plan.to),))
        lane = self._lane_of(envelope, SubmitterFacts("relay365", "127.0.0.1", helo=office.hostname))
        words = {"relay": office.hostname, "at": instant(now)}
        spool_id = await office.post(
            plan.to, lane, SUBJECT.format(**words), BODY.format(**words), plan.every_s
        )
        if self._drop(_TAKEN):  # its end was never learnt: nothing contradicts the 250 any more
            self._drop(_LOST)
        self._marks()[_ON_ITS_WAY + spool_id] = now
        self._marks()[NEXT] = now + plan.every_s

    async def _see(self, key: str, now: float) -> list[Cause]:
        """What became of one that is on its way."""
        marks, spool_id = self._marks(), SpoolId(key.removeprefix(_ON_ITS_WAY))
        view: MessageView | None = await self._office.spool.show(spool_id)
        states = {one.state for one in view.recipients} if view is not None else {State.FAILED}
        if view is not None and states == {State.DELIVERED}:
            arrived_at = max(one.settled_at or now for one in view.recipients)
            marks[TOOK], marks[ARRIVED] = arrived_at - view.accepted_at, arrived_at
            marks.pop(FAILED, None)
            del marks[key]
            self._drop(_TAKEN)
            marks[_TAKEN + spool_id] = view.accepted_at
        elif states & {State.FAILED, State.EXPIRED}:
            marks[FAILED] = now
            del marks[key]
            self._drop(_LOST)
        elif now - marks[key] > self._plan.within_s:
            waits = spoken(now - marks[key])
            why = f"sent {instant(marks[key])}, allowed are {spoken(self._plan.within_s)}"
            lane = view.recipients[0].lane if view is not None else ""
            return [self._cause(f"has not arrived for {waits}", why, f"trace {spool_id}", lane)]
        return []

    async def _follow(self, key: str, now: float) -> list[Cause]:
        """One that the remote took: whether anybody has it. Where nobody may ask, its 250 is the end."""
        marks, spool_id = self._marks(), SpoolId(key.removeprefix(_TAKEN))
        view = await self._office.spool.show(spool_id)
        fates = {one.fate for one in view.recipients} if view is not None else {""}
        if fates <= _GOOD:
            marks[SERVED] = now
            self._drop(_TAKEN)
            self._drop(_LOST)
        elif fates - _GOOD - {"", Later.PENDING.value}:
            self._drop(_LOST)
            marks[_LOST + spool_id] = marks.pop(key)
        elif Later.PENDING.value in fates and now - marks[key] > self._plan.within_s:
            why = "the remote has taken it and still tries"
            waits = spoken(now - marks[key])
            return [self._cause(f"is taken and has not arrived for {waits}", why, f"trace {spool_id}")]
        return []

    async def _mourn(self, key: str, now: float) -> list[Cause]:
        """One that was taken and then lost, until a later one arrives."""
        spool_id = SpoolId(key.removeprefix(_LOST))
        view = await self._office.spool.show(spool_id)
        if view is None:
            del self._marks()[key]
            return []
        ends = [f"{one.fate} {one.fate_detail}".rstrip() for one in view.recipients if one.fate not in _GOOD]
        return [self._cause("was taken and did not arrive", "; ".join(ends), f"trace {spool_id}")]

    def _drop(self, prefix: str) -> bool:
        """Forget all of one kind; gives whether there was any."""
        found = [key for key in self._marks() if key.startswith(prefix)]
        for key in found:
            del self._marks()[key]
        return bool(found)

    def _cause(self, what: str, why: str, do: str, lane: str = "") -> Cause:
        return Cause(
            "synthetic", CRITICAL, f"the synthetic mail to {self._plan.to} {what}", why, f"relay365 {do}", lane
        )  # fmt: skip
