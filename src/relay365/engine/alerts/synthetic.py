"""Synthetic mail: one message on a schedule, by the way that all mail takes, timed until the remote's 250.

Apart from the alarm, which asks for its cause. It is written down before it is sent for, so that a restart neither
sends another one nor forgets that one is on its way.
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

_LOG = logging.getLogger("relay365.alerts")

SUBJECT = "relay365 {relay}: synthetic mail, please ignore"
BODY = "{relay} sends itself this mail on a schedule ([alerts] probe_to), to see that mail goes out. Sent {at}.\n"
NEXT, TOOK, ARRIVED, FAILED = "synthetic next", "synthetic took", "synthetic arrived", "synthetic failed"
_ON_ITS_WAY = "synthetic id "

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
        """See what became of the one on its way, send when it is time; gives what is wrong with it."""
        now, marks = self._office.clock.now(), self._marks()
        try:
            causes = [
                one for key in list(marks) if key.startswith(_ON_ITS_WAY) for one in await self._see(key, now)
            ]
            if (
                not causes
                and now >= marks.get(NEXT, 0.0)
                and not any(one.startswith(_ON_ITS_WAY) for one in marks)
            ):
                await self._send(now)
        except SpoolError as error:
            _LOG.error("spool.unwell reason=%s next_look_s=%.0f", error, self._plan.within_s)
            return []
        if FAILED in marks:
            causes.append(
                self._cause("was refused", "the remote said a final no, or it was deleted", "queue list")
            )
        return causes

    async def _send(self, now: float) -> None:
        """One goes out; the one that failed before is answered by how this one fares."""
        plan, office = self._plan, self._office
        envelope = Envelope("", (ForwardPath(plan.to),))
        lane = self._lane_of(envelope, SubmitterFacts("relay365", "127.0.0.1", helo=office.hostname))
        words = {"relay": office.hostname, "at": instant(now)}
        spool_id = await office.post(
            plan.to, lane, SUBJECT.format(**words), BODY.format(**words), plan.every_s
        )
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
        elif states & {State.FAILED, State.EXPIRED}:
            marks[FAILED] = now
            del marks[key]
        elif now - marks[key] > self._plan.within_s:
            waits = spoken(now - marks[key])
            why = f"sent {instant(marks[key])}, allowed are {spoken(self._plan.within_s)}"
            lane = view.recipients[0].lane if view is not None else ""
            return [self._cause(f"has not arrived for {waits}", why, f"trace {spool_id}", lane)]
        return []

    def _cause(self, what: str, why: str, do: str, lane: str = "") -> Cause:
        return Cause(
            "synthetic", CRITICAL, f"the synthetic mail to {self._plan.to} {what}", why, f"relay365 {do}", lane
        )  # fmt: skip
