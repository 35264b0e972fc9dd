"""relay365 itself: the lanes, budgets, turns and choice of a mailbox that the service runs, on a clock of ours.

Nothing is decided here. What stands here is the part of the scheduler that is asyncio and SQL in the service: which
messages of each flow are shown to the lane, and what is done with those that it names.
"""

from __future__ import annotations

import bisect
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import islice, takewhile

from bench.quota.demand import Message, dice
from bench.quota.policies import Start
from bench.quota.server import AT_ONCE, PER_DAY, PER_MINUTE, Verdict
from relay365.config.tenants import Tenant
from relay365.emulator.texts import TEXTS
from relay365.engine.attempts.orders import TICK_S
from relay365.engine.budgets.order import Started
from relay365.engine.budgets.parcels import Parcel
from relay365.engine.lane import Lane, lanes_of
from relay365.engine.roads.chooser import Chooser
from relay365.engine.scheduler import LEASE_S
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.outcome import Outcome
from relay365.mail.status import Reply
from relay365.routes.api import Consignment, LaneLimits
from relay365.routes.classify import outcome_of
from relay365.rules import retry
from relay365.rules.quota.fair import BULK
from relay365.rules.routing import AFTER_S, Itinerary, Road, RoadMap
from relay365.spool.api import Claim, ClaimedRecipient
from relay365.spool.waiting.heads import Flow, Head, flow_of

EPOCH_S = 2_900 * 7 * 86_400.0  # the wall clock's reading when the simulation begins: a midnight
LIFE_S = 5 * 86_400.0
SIZE_OCTETS = 20_000
SENDER = "scan@contoso.com"
WORDS = {
    Verdict.TAKEN: "accepted",
    Verdict.RATE: "thread-limit",
    Verdict.SENDERS: "concurrent",
    Verdict.QUOTA: "quota",
}
"""What the emulator says for a verdict."""

Slice = tuple[float, int]
"""(seconds since the simulation began, recipients of alarms and normal mail): what earlier weeks have used."""


def limits(mailbox: int) -> LaneLimits:
    """What the service knows of a submission mailbox."""
    return LaneLimits(
        AT_ONCE,
        messages=PER_MINUTE,
        recipients=500,
        budget=f"mailbox-{mailbox}",
        recipients_per_day=PER_DAY,
        client_share=Tenant.model_fields["client_share_per_day"].default,
        alarms=True,
        at_once_per_budget=AT_ONCE,
    )


class Ours:
    """See Policy. history: of earlier weeks, empty for a relay that is new.

    express: mail goes past the queue where the lane has room for it (engine.reception.Express), as in the service.
    """

    def __init__(self, n_mailboxes: int = 1, history: Iterable[Slice] = (), *, express: bool = True) -> None:
        self._has_express = express
        self._clock = _Clock()
        routes = [_Route(f"mailbox-{n}", limits(n)) for n in range(n_mailboxes)]
        self.lanes = lanes_of(routes, self._clock)
        self._names = list(self.lanes)
        self._chooser = Chooser(RoadMap((), (), ()), self.lanes, self._clock)
        self._queues = {name: _Queue() for name in self._names}
        self._messages: dict[SpoolId, Message] = {}
        self._started: dict[SpoolId, tuple[Claim, Started]] = {}
        self._retry = retry.Policy()
        slices = [(EPOCH_S + at, recipients) for at, recipients in history]
        for lane in self.lanes.values():
            if slices and lane.order.reserve is not None:
                lane.order.reserve.learn(slices, EPOCH_S)

    def offer(self, message: Message, now: float) -> None:
        """See Policy."""
        self._clock.at = now
        lanes = tuple(self._names[n] for n in message.mailboxes)
        name = self._chooser.lane_for(Itinerary("", AFTER_S, (Road("pool", "submission", lanes),)))
        head = _head(message)
        self._messages[head.spool_id] = message
        lane, queue = self.lanes[name], self._queues[name]
        if not queue.n_waiting:  # the service has looked at its empty queue within the last tick
            lane.look_at = now + TICK_S
        queue.put(head)
        if self._has_express and lane.may_reserve(now, head.flow):
            lane.ready.append(Parcel((self._claim(queue, head, name),)))
            return
        lane.look_at = 0.0
        lane.n_waiting += 1

    def next(self, now: float) -> Start | float | None:
        """See Policy."""
        self._clock.at = now
        instants = []
        for lane in self.lanes.values():
            found = self._fill(lane, now)
            if isinstance(found, Parcel):
                (claim,) = found.claims
                self._started[claim.spool_id] = (claim, lane.start(found, now))
                return Start(self._messages[claim.spool_id], self._names.index(lane.name))
            if found is not None:
                instants.append(found)
        return min(instants, default=None)

    def started(self, start: Start, now: float) -> None:
        """See Policy: next() has taken what it needs."""

    def finished(self, start: Start, verdict: Verdict, now: float) -> None:
        """See Policy."""
        self._clock.at = now
        lane = self.lanes[self._names[start.mailbox]]
        claim, started = self._started.pop(SpoolId(str(start.message.number)))
        outcome = _outcome(verdict)
        lane.finish(started, SENDER, (outcome,) * len(claim.recipients), now, self._clock.dice())
        decision = retry.decide(outcome, 0, self._clock.now(), self._clock.dice(), self._retry)
        if decision.state == "queued":
            self._queues[lane.name].put(_head(start.message)._replace(due_at=decision.next_attempt_at))
        elif decision.state != "delivered":
            raise ValueError(f"{outcome.reply_text} ended a message: {decision.state}")

    def _fill(self, lane: Lane, now: float) -> Parcel | float | None:
        """What starts, or when to look again (engine.scheduler.Scheduler._fill, without its waits)."""
        if (parcel := lane.next_ready(now)) is not None:
            return parcel
        queue = self._queues[lane.name]
        if lane.ready and lane.is_shut(now):
            back = [claim for parcel in lane.ready for claim in parcel.claims]
            lane.ready.clear()
        else:
            back = lane.stuck(now)
        for one in back:
            queue.put(_head(self._messages[one.spool_id])._replace(due_at=self._clock.now()))
        wanted = lane.appetite(now)
        if wanted and now >= lane.look_at and queue.n_waiting:
            lane.look_at = now + TICK_S
            lane.order.n_waiting_bulk = queue.n_bulk
            heads = queue.heads(self._clock.now(), lane.order.depth(wanted))
            chosen = lane.order.choose(heads, wanted, lane.health.cap_now, now)
            lane.ready.extend(Parcel((self._claim(queue, head, lane.name),)) for head in chosen)
            lane.n_waiting = max(0, lane.n_waiting - len(chosen))
            if chosen:
                lane.look_at = 0.0
            if (parcel := lane.next_ready(now)) is not None:
                return parcel
        opens = lane.opens_at(now)
        if opens is not None and queue.n_waiting:
            lane.look_at = min(lane.look_at, opens)
        if (opens is None and not wanted) or not (queue.n_waiting or lane.ready):
            return None
        return now + min(TICK_S, max(0.01, max(lane.look_at, opens or 0.0) - now))

    def _claim(self, queue: _Queue, head: Head, lane: str) -> Claim:
        queue.take(head)
        paths = tuple(ForwardPath(address) for _, address in head.recipients)
        return Claim(
            head.spool_id, lane, 1, self._clock.now() + LEASE_S, Envelope(head.reverse_path, paths),
            tuple(ClaimedRecipient(n, path, 0, possible_duplicate=False) for n, path in enumerate(paths)),
            _Content(head.size_octets), b"", "", head.reverse_path, head.submitter, head.accepted_at, head.expires_at,
        )  # fmt: skip


class _Queue:
    """What waits in one lane, by flow, oldest due first (spool.waiting.heads)."""

    def __init__(self) -> None:
        self._flows: dict[Flow, list[Head]] = {}
        self.n_waiting = self.n_bulk = 0

    def put(self, head: Head) -> None:
        """One more. n_bulk counts recipients, n_waiting messages."""
        bisect.insort(self._flows.setdefault(head.flow, []), head, key=_place)
        self._count(head, 1)

    def take(self, head: Head) -> None:
        """It is claimed."""
        self._flows[head.flow].remove(head)
        if not self._flows[head.flow]:
            del self._flows[head.flow]
        self._count(head, -1)

    def heads(self, now: float, most: int) -> list[Head]:
        """See spool.waiting.heads.Ahead."""
        return [
            head
            for flow in self._flows.values()
            for head in islice(takewhile(lambda one: one.due_at <= now, flow), most)
        ]

    def _count(self, head: Head, step: int) -> None:
        self.n_waiting += step
        if head.flow.priority == BULK:
            self.n_bulk += step * len(head.recipients)


def _place(head: Head) -> tuple[float, int]:
    return head.due_at, int(head.spool_id)


def _head(message: Message) -> Head:
    facts = SubmitterFacts("lan", "192.0.2.1", device=message.client, priority=message.lane)
    accepted_at = EPOCH_S + message.arrived
    recipients = tuple((n, f"r{message.number}-{n}@fabrikam.com") for n in range(message.n_recipients))
    return Head(
        SpoolId(str(message.number)), flow_of(facts), accepted_at, accepted_at, accepted_at + LIFE_S, SIZE_OCTETS,
        SENDER, facts, recipients,
    )  # fmt: skip


def _outcome(verdict: Verdict) -> Outcome:
    """What the relay makes of the emulator's words."""
    said = TEXTS[WORDS[verdict]]
    return outcome_of(Reply.of(said.code, said.status, said.words), "data")


@dataclass(slots=True)
class _Content:
    """A content that nobody reads."""

    size_octets: int

    def octets(self) -> bytes | None:
        """See mail.content.Content."""
        return None

    async def blocks(self) -> AsyncIterator[bytes]:
        """See mail.content.Content."""
        return
        yield b""


class _Clock:
    """See clock.Clock: both hands go by the simulation's time."""

    def __init__(self) -> None:
        self.at = 0.0
        self._own = dice(0, "ours")

    def now(self) -> float:
        """See Clock."""
        return EPOCH_S + self.at

    def mono(self) -> float:
        """See Clock."""
        return self.at

    def dice(self) -> float:
        """See Clock."""
        return self._own.random()


class _Route:
    """A way out of which only the limits are asked."""

    kind = "submission"

    def __init__(self, lane: str, lane_limits: LaneLimits) -> None:
        self.name = self.lane = lane
        self.limits = lane_limits

    async def deliver(self, consignment: Consignment) -> tuple[Outcome, ...]:
        """Never called: the simulation delivers."""
        raise NotImplementedError

    async def close(self) -> None:
        """See routes.api.Route."""
