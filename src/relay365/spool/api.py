"""The Spool protocol and its promises.

One recipient has exactly one state; docs/durability.md has the table of the moves.
When Intake.commit returns, content, envelope and event survive kill -9 and a power cut; only then may 250 be said.
A settle whose lease was lost changes nothing. Every move writes one event in the same unit of work.
Instants (`*_at`) are seconds since the Unix epoch. All of it is called from one event loop; nothing here blocks it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from relay365.mail.content import Content
from relay365.mail.dsn import Debt
from relay365.mail.envelope import Envelope, ForwardPath, SpoolId, SubmitterFacts
from relay365.mail.outcome import Outcome
from relay365.spool.aging.life import AgingStore
from relay365.spool.waiting.depth import Depths
from relay365.spool.waiting.heads import Ahead
from relay365.spool.waiting.usage import UsageStore


class State(Enum):
    """The state of one recipient; the words of every JSON and of the table in docs/durability.md."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    HELD = "held"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"


MOST_RECIPIENTS = 1_000_000  # of one claim, where the lane knows no limit
FAR_S = 172_800.0  # no pause between two tries is as long (rules.retry.LONGEST_WISH_S)
MOST_NOTES = 100  # of one name in a history: whoever repeats itself for ever must not fill the disk
END_STATES = frozenset({State.DELIVERED, State.FAILED, State.EXPIRED})


class Owed(NamedTuple):
    """One report that a sender has not got yet, about one recipient."""

    spool_id: SpoolId
    n: int
    debt: Debt


class Hold(NamedTuple):
    """Why a message is held from the beginning. row: the catalogue's word for it; owes: a report for somebody."""

    row: str
    reason: str
    owes: Debt | None = None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is committed with a content.

    lane: the budget that its recipients wait in, `route` or `route/mailbox`; lanes: one for each recipient, where they
    differ (then lane is the first, and nothing is claimed at once).
    trace: our Received line (and what else we add), CRLF lines, sent in front of the content.
    message_id: the Message-ID header's value with angle brackets, or "".
    answers: the debts that this message pays (a report of ours), struck out in the same commit.
    claim_until_at: 0, and the recipients are queued and due; or the end of a lease: they are claimed in the same
    commit, for a lane that has room now, which saves the second commit before the delivery.
    repairs: what was changed in the message, for its history; "" where nothing. held: its recipients wait for a person.
    """

    envelope: Envelope
    submitter: SubmitterFacts
    lane: str
    accepted_at: float
    expires_at: float
    trace: bytes = b""
    message_id: str = ""
    header_from: str = ""
    answers: tuple[Owed, ...] = ()
    claim_until_at: float = 0.0
    repairs: str = ""
    held: Hold | None = None
    lanes: tuple[str, ...] = ()

    def lane_of(self, n: int) -> str:
        """The lane of one recipient."""
        return self.lanes[n] if self.lanes else self.lane


class Intake(Protocol):
    """One content on its way in. Octets are CRLF lines, unstuffed and normalised."""

    spool_id: SpoolId
    size_octets: int

    def write(self, block: bytes) -> bool:
        """Take a block; False asks the caller to stop reading until drained() returns."""
        ...

    async def drained(self) -> None:
        """Wait until more may be written; raises SpoolFull or SpoolUnavailable when the disk failed."""
        ...

    async def commit(self, message: NewMessage) -> Claim | None:
        """Make it durable: after this returns, and only then, the session replies 250.

        Gives the claim where the message asked to be claimed at once.
        Raises SpoolFull or SpoolUnavailable; then nothing was accepted and nothing stays behind.
        """
        ...

    def abandon(self) -> None:
        """Forget the content; for RSET, disconnect and refusals. Harmless after a commit."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedRecipient:
    """One recipient of a claim; n is its place in the message's envelope, from 0."""

    n: int
    path: ForwardPath
    attempts: int
    possible_duplicate: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """The due recipients of one message in one lane, ours until lease_until_at.

    envelope.forward_paths are the claimed recipients' paths, in the order of `recipients`.
    lease: the fencing number; settle gives it back.
    """

    spool_id: SpoolId
    lane: str
    lease: int
    lease_until_at: float
    envelope: Envelope
    recipients: tuple[ClaimedRecipient, ...]
    content: Content
    trace: bytes
    message_id: str
    header_from: str
    submitter: SubmitterFacts
    accepted_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Fate:
    """What one claimed recipient becomes: state is DELIVERED, FAILED, EXPIRED, HELD or QUEUED again.

    outcome: what is shown from now on; None leaves what the last attempt said.
    counted: whether this was an attempt (a throttle is not). next_attempt_at is read for QUEUED only.
    possible_duplicate: set (never cleared) for an uncertain outcome.
    owes: the report that its sender must get; the debt is written in the same commit. An end without one strikes out
    the report of its delay that was still owed: nobody needs it any more.
    lane: for QUEUED: another lane that it goes to from now on, "" for none.
    """

    n: int
    state: State
    outcome: Outcome | None = None
    next_attempt_at: float = 0.0
    counted: bool = True
    possible_duplicate: bool = False
    owes: Debt | None = None
    lane: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """All fates of one claim."""

    spool_id: SpoolId
    lease: int
    fates: tuple[Fate, ...]


@dataclass(frozen=True, slots=True)
class RecipientView:
    """A recipient as faces show it. fate: what was learnt after it was delivered, "" for nothing (spool.later)."""

    n: int
    address: str
    state: State
    lane: str
    attempts: int
    next_attempt_at: float | None
    last_reply: str
    klass: str
    row: str
    possible_duplicate: bool
    settled_at: float | None
    remote_id: str
    notify: str = ""
    orcpt: str = ""
    fate: str = ""
    fate_at: float | None = None
    fate_detail: str = ""
    owes: Debt | None = None


@dataclass(frozen=True, slots=True)
class EventView:
    """One line of a message's history; n is -1 for the whole message."""

    at: float
    n: int
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as faces show it; events are filled by show() only. damaged: why it was set aside.

    expires_at: the latest end of those that wait; kept_s: how much later that is because lanes kept it.
    """

    spool_id: SpoolId
    accepted_at: float
    expires_at: float
    size_octets: int
    reverse_path: str
    message_id: str
    header_from: str
    submitter: SubmitterFacts
    recipients: tuple[RecipientView, ...]
    damaged: str = ""
    events: tuple[EventView, ...] = ()
    envid: str = ""
    kept_s: float = 0.0


YIELDS = "yields"


@dataclass(frozen=True, slots=True)
class LaneNote:
    """What the scheduler last wrote down about a lane, for `status` from another process.

    held: why a person must act, or ""; gate_until_at: 0 or when it may go on; klass and row as in Outcome.
    budgets: JSON list of what it has used of its budgets, each {name, used, limit, window_s, opens_at, foreign};
    and whose mail leaves to others what there is, each {name: YIELDS, client, why, opens_at}, client "" for bulk.
    """

    lane: str
    held: str = ""
    klass: str = ""
    row: str = ""
    since_at: float = 0.0
    gate_until_at: float = 0.0
    last_success_at: float = 0.0
    budgets: str = "[]"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages a person means: ids, or all with a recipient in one of the states, or both; empty means all.

    limit keeps the oldest: of the queued those that expire first, of the ended those that ended first, else by id.
    """

    ids: tuple[SpoolId, ...] = ()
    states: frozenset[State] = field(default_factory=frozenset)
    limit: int = 1000


class Spool(AgingStore, Ahead, Depths, UsageStore, Protocol):
    """The store as session, scheduler and keeper see it. See the module's promises."""

    def begin(self) -> Intake:
        """Start taking a content; cheap, nothing is written yet. Raises SpoolFull (disk floor) and SpoolUnavailable."""
        ...

    async def claim(
        self, lane: str, *, which: Sequence[SpoolId], now: float, lease_until_at: float, recipients: int = ...
    ) -> list[Claim]:
        """Claim messages that are due in a lane, in this order; a damaged one is set aside, one that is gone left out.

        recipients: how many of one message a claim may have, default MOST_RECIPIENTS; the rest of them stay due, for
        another claim.
        """
        ...

    async def redirect(
        self, which: Sequence[tuple[SpoolId, int]], lane: str, *, now: float, reason: str
    ) -> int:
        """Put queued recipients into another lane, due at once; gives how many still were queued."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> list[SpoolId]:
        """Write fates durably, all or nothing per claim; gives the ids whose lease was lost (nothing changed)."""
        ...

    async def renew(self, claims: Sequence[Claim], *, lease_until_at: float) -> None:
        """Prolong leases that are still ours."""
        ...

    async def lapse(self, now: float | None) -> int:
        """Return lapsed claims to the queue as uncertain; gives their number. None means the start: all of them lapse.

        What is due later than FAR_S from now becomes due: only a clock that was set back can have put it there.
        """
        ...

    async def due(self) -> Mapping[str, float]:
        """The earliest next_attempt_at of each lane that has queued recipients."""
        ...

    async def n_hastened(self) -> int:
        """How often retry() or release() has moved something, by any process: who waits for a reason may look again."""
        ...

    async def warn(self, expiring_at: float) -> int:
        """Owe a report of delay for queued recipients that expire at an instant or earlier, once for each.

        Where none is wished, and for the null reverse-path, only that is remembered. Gives how many were looked at.
        """
        ...

    async def prune(self, before_at: float) -> int:
        """Forget messages whose recipients all ended before an instant and owe nothing; gives their number."""
        ...

    async def debts(self, debt: Debt, *, limit: int) -> list[MessageView]:
        """Messages with recipients for whom a report of this kind is owed, oldest first; only those are listed."""
        ...

    async def forgive(self, debts: Sequence[Owed]) -> None:
        """Write that no report will be sent (null reverse-path, NOTIFY=NEVER): the dead letter stays."""
        ...

    async def note(self, spool_id: SpoolId, name: str, detail: str) -> None:
        """One line more in a message's history; nothing for a message that is gone, or has MOST_NOTES of this name."""
        ...

    async def note_lane(self, note: LaneNote) -> None:
        """Write down a lane's health."""
        ...

    async def lanes(self) -> list[LaneNote]:
        """All lane notes."""
        ...

    async def move_lane(self, old: str, new: str) -> int:
        """Put the queued and held recipients of a lane that no longer exists into another; gives their number."""
        ...

    async def hold(self, selection: Selection, reason: str) -> int:
        """Queued recipients become held; gives the number of recipients moved."""
        ...

    async def release(self, selection: Selection, now: float) -> int:
        """Held recipients become queued and due; a damaged message is looked at again when it is claimed."""
        ...

    async def retry(self, selection: Selection, now: float) -> int:
        """Queued recipients become due now."""
        ...

    async def delete(self, selection: Selection, reason: str) -> int:
        """Queued and held recipients become failed, no report owed, written in the history; claimed ones stay."""
        ...

    async def bounce(self, selection: Selection, reason: str) -> int:
        """As delete, but a report of failure is owed where one is wished; the last reply stands behind the reason."""
        ...

    async def list(self, selection: Selection) -> list[MessageView]:
        """Messages for a face, oldest first."""
        ...

    async def show(self, spool_id: SpoolId) -> MessageView | None:
        """One message with its events; ids are read case-insensitively."""
        ...

    async def counts(self) -> Mapping[State, int]:
        """Recipients by state; a state that none is in does not appear."""
        ...

    async def content(self, spool_id: SpoolId) -> Content | None:
        """The content while it is kept: until every recipient is delivered, or the message is pruned.

        Raises SpoolCorrupt when it cannot be what was accepted.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and release the store."""
        ...
