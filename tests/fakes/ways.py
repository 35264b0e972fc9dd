"""Several ways out as a scheduler holds them: fake routes, their lanes, a clock, and the roads of the rules."""

from __future__ import annotations

from fakes.clock import FakeClock
from fakes.route import DELIVERED, FakeRoute, always
from relay365.config import Rule
from relay365.engine.roads.chooser import Chooser
from relay365.engine.scheduler import Scheduler
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits
from relay365.rules.retry import Policy
from relay365.rules.routing import Road, RoadMap
from relay365.spool.memory import MemorySpool

OUTAGE = Outcome(
    Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, None, "421 4.3.2 not now", row="service-not-available"
)
FACTS = SubmitterFacts("lan", "192.0.2.7")


class Ways:
    """Lanes by name; `pool` is one road with two of them."""

    def __init__(
        self,
        *rules: dict[str, object],
        names: tuple[str, ...] = ("first", "second", "third"),
        limits: LaneLimits | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.spool = MemorySpool(self.clock)
        self.routes = {name: FakeRoute(always(DELIVERED), limits or LaneLimits(2), name) for name in names}
        self.scheduler = Scheduler(self.spool, self.routes.values(), self.clock, Policy((60.0,), jitter=0.0))
        self.lanes = self.scheduler.lanes
        roads = [Road(name, "fake", (name,)) for name in names if not name.startswith("pool/")]
        pool = tuple(name for name in names if name.startswith("pool/"))
        if pool:
            roads.append(Road("pool", "fake", pool, frozenset({"pool@contoso.com"})))
        self.chooser = Chooser(
            RoadMap(roads, [Rule.model_validate(rule) for rule in rules], ["contoso.com"]),
            self.lanes,
            self.clock,
        )

    def breaks(self, name: str) -> None:
        """The way is unwell from now on, and its breaker is shut for a moment."""
        self.lanes[name].health.fail(OUTAGE, self.clock.mono(), 0.5)

    def heals(self, name: str) -> None:
        """A message went through, after its breaker had opened."""
        health = self.lanes[name].health
        health.succeed(max(self.clock.mono(), health.gate_until))

    def chosen(self, *to: str, octets: int = 0) -> tuple[str, ...]:
        """The lanes for new mail."""
        envelope = Envelope("erp@contoso.com", tuple(map(ForwardPath, to or ("lena@fabrikam.com",))))
        return self.chooser.lanes_of(envelope, FACTS, octets)
