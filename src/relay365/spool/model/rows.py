"""The rows of the reference model: a message, its recipients, and a content on its way in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from relay365.clock import Clock
from relay365.mail.dsn import Debt
from relay365.mail.envelope import ForwardPath, SpoolId
from relay365.spool.aging.life import Age, Ends, Stretch, by_lane, changes, end_of_life, last_end
from relay365.spool.api import END_STATES, Claim, EventView, MessageView, NewMessage, RecipientView, State
from relay365.spool.ids import seq_of
from relay365.spool.later import UNRESOLVED, LaterFate, Search, Sent, event_of, is_meant, is_news


@dataclass
class Recipient:
    """The columns of table recipient."""

    path: ForwardPath
    lane: str
    next_attempt_at: float
    expires_at: float
    counted_at: float = 0.0
    state: State = State.QUEUED
    attempts: int = 0
    lease: int = 0
    lease_until_at: float = 0.0
    last_reply: str = ""
    klass: str = ""
    row: str = ""
    possible_duplicate: bool = False
    owes: Debt | None = None
    warned: bool = False
    settled_at: float | None = None
    remote_id: str = ""
    fate: str = ""
    fate_at: float | None = None
    fate_detail: str = ""

    def is_due(self, lane: str, now: float) -> bool:
        """Whether it may be claimed for a lane."""
        return self.state is State.QUEUED and self.lane == lane and self.next_attempt_at <= now

    def view(self, n: int) -> RecipientView:
        """As faces show it."""
        next_at = self.next_attempt_at if self.state in (State.QUEUED, State.CLAIMED) else None
        return RecipientView(
            n, self.path.address, self.state, self.lane, self.attempts, next_at, self.last_reply, self.klass, self.row,
            self.possible_duplicate, self.settled_at, self.remote_id, self.path.notify, self.path.orcpt,
            self.fate, self.fate_at, self.fate_detail, self.owes,
        )  # fmt: skip


@dataclass
class Message:
    """The columns of table message, its content and its rows of the others."""

    spool_id: SpoolId
    new: NewMessage
    octets: bytes
    recipients: list[Recipient]
    events: list[EventView] = field(default_factory=list)

    def in_states(self, states: frozenset[State]) -> list[Recipient]:
        """Its recipients in some states."""
        return [r for r in self.recipients if r.state in states]

    def age(self, r: Recipient) -> Age:
        """What decides about a recipient's end."""
        return Age(self.new.accepted_at, r.expires_at, r.counted_at)

    def view(
        self, ends: Ends, *, with_events: bool, only: Callable[[Recipient], bool] = lambda _: True
    ) -> MessageView:
        """As faces show it."""
        shown = [(n, r) for n, r in enumerate(self.recipients) if only(r)]
        recipients = tuple(r.view(n) for n, r in shown)
        waiting = [(r.lane, self.age(r)) for _, r in shown if r.state not in END_STATES]
        expires_at = last_end(self.new.expires_at, waiting, ends)
        return MessageView(
            self.spool_id, self.new.accepted_at, expires_at, len(self.octets),
            self.new.envelope.reverse_path, self.new.message_id, self.new.header_from, self.new.submitter, recipients,
            events=tuple(self.events) if with_events else (), envid=self.new.envelope.envid,
            kept_s=expires_at - self.new.expires_at,
        )  # fmt: skip


class MemoryIntake:
    """See spool.api.Intake."""

    def __init__(
        self, spool_id: SpoolId, store: Callable[[SpoolId, NewMessage, bytes], Claim | None]
    ) -> None:
        self.spool_id, self.size_octets = spool_id, 0
        self._store, self._octets = store, bytearray()

    def write(self, block: bytes) -> bool:
        """See spool.api.Intake."""
        self._octets += block
        self.size_octets += len(block)
        return True

    async def drained(self) -> None:
        """See spool.api.Intake."""

    async def commit(self, message: NewMessage) -> Claim | None:
        """See spool.api.Intake."""
        return self._store(self.spool_id, message, bytes(self._octets))

    def abandon(self) -> None:
        """See spool.api.Intake."""
        self._octets.clear()


class MemoryAging:
    """See spool.aging.life.AgingStore."""

    _clock: Clock
    _messages: dict[SpoolId, Message]
    _kept: list[Stretch]

    def ends(self) -> Ends:
        """What ends are reckoned with now."""
        return Ends(by_lane(self._kept), self._clock.now())

    async def keep(self, lanes: Collection[str], now: float) -> None:
        """See spool.aging.life.AgingStore."""
        out, anew = changes(by_lane(self._kept), lanes, now)
        self._kept[:] = [one for one in self._kept if one not in out] + anew

    async def expire(self, now: float) -> int:
        """See spool.aging.life.AgingStore."""
        kept, n_expired = by_lane(self._kept), 0
        for message in sorted(self._messages.values(), key=lambda m: seq_of(m.spool_id) or 0):
            for n, r in enumerate(message.recipients):
                if r.state is not State.QUEUED or r.expires_at > now:
                    continue
                end_at = end_of_life(message.age(r), kept.get(r.lane, ()), now)
                if end_at > now:
                    r.expires_at, r.counted_at = end_at, now
                    continue
                r.state, r.owes, r.settled_at = State.EXPIRED, Debt.FAILURE, now
                message.events.append(EventView(now, n, "recipient.expired", ""))
                n_expired += 1
        return n_expired

    def leave(self, message: Message, r: Recipient, now: float) -> None:
        """A recipient leaves its lane: what that has kept it back for is in its end."""
        kept = by_lane(self._kept).get(r.lane, ())
        if kept:
            end_at = end_of_life(message.age(r), kept, now)
            r.expires_at, r.counted_at = end_at, now


class MemoryLater(MemoryAging):
    """See spool.later.LaterStore."""

    _marks: dict[str, float]

    async def learn_fates(self, fates: Sequence[LaterFate]) -> int:
        """See spool.later.LaterStore."""
        return sum(self._learn(fate) for fate in fates)

    def _learn(self, fate: LaterFate) -> bool:
        message = self._messages.get(fate.spool_id)
        if message is None or fate.n >= len(message.recipients):
            return False
        r = message.recipients[fate.n]
        if r.state is not State.DELIVERED or not is_news((r.fate, r.fate_detail), fate):
            return False
        if fate.owes_report and r.fate != fate.fate.value:
            r.owes = Debt.FAILURE
        r.fate, r.fate_at, r.fate_detail = fate.fate.value, fate.at, fate.detail
        message.events.append(EventView(fate.at, fate.n, "recipient.fate", event_of(fate)))
        return True

    async def unresolved(
        self, after_at: float, until_at: float, *, lanes: frozenset[str], limit: int
    ) -> list[Sent]:
        """See spool.later.LaterStore."""
        found = [
            Sent(
                message.spool_id, n, r.path.address, r.lane, r.settled_at, message.new.message_id, r.remote_id,
                message.new.envelope.reverse_path, r.path.notify, r.fate,
            )
            for message in self._messages.values()
            for n, r in enumerate(message.recipients)
            if r.state is State.DELIVERED and r.settled_at is not None and after_at < r.settled_at <= until_at
            and r.lane in lanes and r.fate in UNRESOLVED
        ]  # fmt: skip
        return sorted(found, key=lambda sent: (sent.settled_at, seq_of(sent.spool_id) or 0, sent.n))[:limit]

    async def search(self, wanted: Search) -> list[MessageView]:
        """See spool.later.LaterStore."""
        meant = [
            m
            for m in self._messages.values()
            if m.new.accepted_at >= wanted.since_at
            and (not wanted.names or wanted.names & {m.new.message_id, *(r.remote_id for r in m.recipients)})
        ]
        views = [
            m.view(self.ends(), with_events=True)
            for m in sorted(meant, key=lambda m: seq_of(m.spool_id) or 0)
        ]
        return [view for view in views if is_meant(view, wanted)][-wanted.limit :]

    async def reports_read(self, mailbox: str) -> float:
        """See spool.later.LaterStore."""
        return self._marks.get(mailbox.lower(), 0.0)

    async def note_reports_read(self, mailbox: str, until_at: float) -> None:
        """See spool.later.LaterStore."""
        self._marks[mailbox.lower()] = max(float(int(until_at)), self._marks.get(mailbox.lower(), 0.0))
