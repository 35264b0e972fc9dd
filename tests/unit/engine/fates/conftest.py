"""A house after the 250: a spool, a clock, and mail that Microsoft took."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from fakes.claims import claim_due
from fakes.clock import FakeClock
from fakes.mail import put
from relay365.engine.fates.watch import Desk
from relay365.mail.dsn import Debt
from relay365.mail.envelope import SpoolId
from relay365.mail.outcome import Kind, Outcome
from relay365.routes.tracing.traces import TraceRow
from relay365.spool.api import Fate, Settlement, State
from relay365.spool.memory import MemorySpool


@dataclass
class House:
    """limits: what the lanes were told."""

    clock: FakeClock = field(default_factory=FakeClock)
    limits: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.spool = MemorySpool(self.clock)
        self.desk = Desk(
            self.spool, self.clock, lambda lane, outcome: self.limits.append((lane, outcome.row))
        )

    async def sent(
        self,
        *to: str,
        lane: str = "way",
        remote_id: str = "",
        sender: str = "scan@contoso.com",
        notify: str = "",
    ) -> SpoolId:
        """A message that Microsoft took now."""
        spool_id = await put(self.spool, self.clock, *to, lane=lane, sender=sender, notify=notify)
        (claim,) = await claim_due(
            self.spool, lane, limit=1, now=self.clock.now(), lease_until_at=self.clock.now() + 60
        )
        outcome = Outcome(Kind.DELIVERED, reply_text="250 2.0.0 OK", remote_id=remote_id)
        fates = tuple(Fate(r.n, State.DELIVERED, outcome) for r in claim.recipients)
        await self.spool.settle([Settlement(spool_id, claim.lease, fates)])
        return spool_id

    def row(
        self, name: str, status: str, recipient: str = "lena@fabrikam.com", late_s: float = 1.0
    ) -> TraceRow:
        """A row of the trace for what was sent now."""
        return TraceRow(f"t-{name}", name, "scan@contoso.com", recipient, self.clock.now() + late_s, status)

    async def fates(self, spool_id: SpoolId) -> list[tuple[str, str]]:
        """Fate and detail of each recipient."""
        view = await self.spool.show(spool_id)
        assert view is not None
        return [(r.fate, r.fate_detail) for r in view.recipients]

    async def owing(self) -> list[tuple[SpoolId, int]]:
        """The recipients whose people must be told."""
        views = await self.spool.debts(Debt.FAILURE, limit=100)
        return [(view.spool_id, r.n) for view in views for r in view.recipients]


@pytest.fixture
def house() -> House:
    return House()
