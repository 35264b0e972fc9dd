"""The rows of the reference model: a message, its recipients, and a content on its way in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from relay365.mail.envelope import ForwardPath, SpoolId
from relay365.spool.api import Claim, EventView, MessageView, NewMessage, RecipientView, State


@dataclass
class Recipient:
    """The columns of table recipient."""

    path: ForwardPath
    lane: str
    next_attempt_at: float
    state: State = State.QUEUED
    attempts: int = 0
    lease: int = 0
    lease_until_at: float = 0.0
    last_reply: str = ""
    klass: str = ""
    row: str = ""
    possible_duplicate: bool = False
    owes_report: bool = False
    settled_at: float | None = None
    remote_id: str = ""

    def is_due(self, lane: str, now: float) -> bool:
        """Whether it may be claimed for a lane."""
        return self.state is State.QUEUED and self.lane == lane and self.next_attempt_at <= now

    def view(self, n: int) -> RecipientView:
        """As faces show it."""
        next_at = self.next_attempt_at if self.state in (State.QUEUED, State.CLAIMED) else None
        return RecipientView(
            n, self.path.address, self.state, self.lane, self.attempts, next_at, self.last_reply, self.klass, self.row,
            self.possible_duplicate, self.settled_at, self.remote_id, self.path.notify, self.path.orcpt,
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

    def view(self, *, with_events: bool, only: Callable[[Recipient], bool] = lambda _: True) -> MessageView:
        """As faces show it."""
        recipients = tuple(r.view(n) for n, r in enumerate(self.recipients) if only(r))
        return MessageView(
            self.spool_id, self.new.accepted_at, self.new.expires_at, len(self.octets),
            self.new.envelope.reverse_path, self.new.message_id, self.new.header_from, self.new.submitter, recipients,
            events=tuple(self.events) if with_events else (), envid=self.new.envelope.envid,
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
