"""A route that gives the outcomes that a test says, and remembers what it was handed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import Consignment, LaneLimits

DELIVERED = Outcome(Kind.DELIVERED, reply_text="250 2.0.0 OK")
THROTTLED = Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, reply_text="432 4.3.2 slow down")
MISCONFIGURED = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, reply_text="535 5.7.3 no", row="auth-refused"
)
SENDER_REFUSED = Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.SENDER, reply_text="554 5.2.252 SendAsDenied")
FAILED = Outcome(Kind.FAILED, Scope.RECIPIENT, Class.MESSAGE, reply_text="550 5.1.1 nobody")
LATER = Outcome(Kind.DEFERRED, Scope.RECIPIENT, Class.TRANSIENT, reply_text="451 4.2.1 not now")
NO_ANSWER = Outcome(
    Kind.UNCERTAIN, Scope.MESSAGE, Class.TRANSIENT, reply_text="no answer after the final dot"
)

Judge = Callable[[Consignment], tuple[Outcome, ...]]


class FakeRoute:
    """See routes.api.Route. judge gives the outcomes; while `gate` is not set, deliveries wait."""

    kind = "fake"

    def __init__(self, judge: Judge, limits: LaneLimits | None = None, name: str = "way") -> None:
        self.name = self.lane = name
        self.limits = limits or LaneLimits(connections=2)
        self.gate = asyncio.Event()
        self.gate.set()
        self.consignments: list[Consignment] = []
        self.n_now = self.n_most = 0
        self.is_closed = False
        self._judge = judge

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        self.consignments.append(consignment)
        self.n_now += 1
        self.n_most = max(self.n_most, self.n_now)
        try:
            await asyncio.sleep(0)
            await self.gate.wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            return (NO_ANSWER,) * len(consignment.envelope.forward_paths)
        finally:
            self.n_now -= 1
        return self._judge(consignment)

    async def close(self) -> None:
        self.is_closed = True


def always(*outcomes: Outcome) -> Judge:
    """The same outcomes for every message; one outcome stands for all recipients."""

    def judge(consignment: Consignment) -> tuple[Outcome, ...]:
        n = len(consignment.envelope.forward_paths)
        return outcomes if len(outcomes) == n else outcomes[:1] * n

    return judge
