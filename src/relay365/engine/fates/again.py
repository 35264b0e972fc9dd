"""May an uncertain delivery be sent again? The trace is asked first, for a while; then the message goes.

Apart from the scheduler, which must not wait: look() answers at once, and says when to look again. A row of the trace,
whatever its status, means that Exchange has the message, and sending it again would make two of it.
(Microsoft Graph: "List messageTraces"; a trace is minutes late)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from relay365.clock import Clock
from relay365.routes.tracing.asking import AskLater
from relay365.routes.tracing.traces import TraceRow
from relay365.spool.api import Claim

PATIENCE_S = 900.0  # then it is sent: a second copy is better than none
LOOK_S = 120.0
SLACK_S = 600.0  # between our clock and Exchange's
REMEMBERED = 10_000


class Named(Protocol):
    """Where one message's traces come from (routes.tracing.traces)."""

    async def named(self, message_id: str, from_at: float, until_at: float) -> list[TraceRow]:
        """See TraceReader."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """What the trace knows of a claim. found: status by recipient; wait_s: look again then, 0.0 where it may go."""

    found: Mapping[int, str] = field(default_factory=dict)
    wait_s: float = 0.0


class Again:
    """One per relay. traces: the reader of each lane that may ask."""

    def __init__(
        self,
        traces: Mapping[str, Named],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._traces, self._clock, self._sleep = traces, clock, sleep
        self._since_mono: dict[str, float] = {}

    async def look(self, claim: Claim) -> Look:
        """Ask once for the recipients of a claim that may have been delivered; never raises for what Graph does.

        Where nobody may ask, or the message has no name, or PATIENCE_S are over since the first look: it may go.
        """
        traces = self._traces.get(claim.lane)
        uncertain = {r.path.address.casefold(): r.n for r in claim.recipients if r.possible_duplicate}
        if traces is None or not uncertain or not claim.message_id:
            return Look()
        now, mono = self._clock.now(), self._clock.mono()
        since_mono = self._since_mono.setdefault(claim.spool_id, mono)
        left_s = since_mono + PATIENCE_S - mono
        try:
            rows = await traces.named(claim.message_id, claim.accepted_at - SLACK_S, now + SLACK_S)
        except AskLater as later:
            return self._waits(claim, 0.0 if later.do else min(max(later.wait_s, LOOK_S), left_s))
        found = {
            uncertain[row.recipient.casefold()]: row.status
            for row in rows
            if row.recipient.casefold() in uncertain
        }
        if found:
            self._since_mono.pop(claim.spool_id, None)
            return Look(found)
        return self._waits(claim, min(LOOK_S, left_s))

    async def may_send_again(self, claim: Claim) -> str | None:
        """Wait for the trace, PATIENCE_S at most: the status where it knows all that is in doubt, else None.

        For a caller that can wait; its lease must be longer.
        """
        seen = await self.look(claim)
        while seen.wait_s > 0:
            await self._sleep(seen.wait_s)
            seen = await self.look(claim)
        n_uncertain = sum(recipient.possible_duplicate for recipient in claim.recipients)
        words = sorted(set(seen.found.values()))
        return ", ".join(words) if words and len(seen.found) == n_uncertain else None

    def _waits(self, claim: Claim, wait_s: float) -> Look:
        if wait_s > 0:
            while len(self._since_mono) > REMEMBERED:
                self._since_mono.pop(next(iter(self._since_mono)))
            return Look({}, wait_s)
        self._since_mono.pop(claim.spool_id, None)
        return Look()
