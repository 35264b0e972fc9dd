"""A route with a stopwatch: what it gave, and how long it took, goes into the tally."""

from __future__ import annotations

from relay365.clock import Clock
from relay365.engine.watch.tally import Tally
from relay365.mail.outcome import Outcome
from relay365.routes.api import Consignment, Route


class Timed:
    """A Route (routes.api) that is another one, watched."""

    def __init__(self, route: Route, tally: Tally, clock: Clock) -> None:
        self._route, self._tally, self._clock = route, tally, clock
        self.name, self.kind, self.lane, self.limits = route.name, route.kind, route.lane, route.limits

    def __repr__(self) -> str:
        return f"<Timed {self._route!r}>"

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """See routes.api.Route."""
        began_mono = self._clock.mono()
        outcomes = await self._route.deliver(consignment)
        self._tally.attempted(self.lane, outcomes, self._clock.mono() - began_mono)
        return outcomes

    async def close(self) -> None:
        """See routes.api.Route."""
        await self._route.close()
