"""The reference model of a spool: plain lists, no disk, obviously right. Tests judge the real one by it.

It keeps every promise of spool.api but durability: `earlier` hands the mail of one life to the next, as a start does.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from relay365.clock import Clock
from relay365.errors import SpoolUnavailable
from relay365.mail.content import Content
from relay365.mail.dsn import Debt, is_wished
from relay365.mail.envelope import SpoolId
from relay365.spool.aging.life import Stretch
from relay365.spool.api import (
    END_STATES,
    FAR_S,
    MOST_NOTES,
    MOST_RECIPIENTS,
    Claim,
    ClaimedRecipient,
    EventView,
    Fate,
    LaneNote,
    MessageView,
    NewMessage,
    Owed,
    Selection,
    Settlement,
    State,
)
from relay365.spool.content import MemoryContent
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.model.ahead import MemoryAhead
from relay365.spool.model.rows import MemoryIntake, MemoryLater, Message, Recipient

BOUNCED = "recipient.bounced"


class MemorySpool(MemoryLater, MemoryAhead):
    """See spool.api.Spool and spool.later.LaterStore."""

    def __init__(self, clock: Clock, earlier: MemorySpool | None = None) -> None:
        self._clock = clock
        self._messages: dict[SpoolId, Message] = earlier._messages if earlier else {}
        self._notes: dict[str, LaneNote] = earlier._notes if earlier else {}
        self._kept: list[Stretch] = earlier._kept if earlier else []
        self._seqs: Iterator[int] = earlier._seqs if earlier else itertools.count(1)
        self._leases: Iterator[int] = earlier._leases if earlier else itertools.count(1)
        self._marks: dict[str, float] = earlier._marks if earlier else {}
        self._usage = earlier._usage if earlier else {}
        self._n_hastened: int = earlier._n_hastened if earlier else 0
        self._is_closed = False
        self._lapsed = Counter(
            r.lane for m in self._in_order() for r in m.in_states(frozenset({State.CLAIMED}))[:1]
        )
        self._lapse(float("inf"))

    def begin(self) -> MemoryIntake:
        """See spool.api.Spool."""
        return MemoryIntake(spool_id_of(next(self._seqs)), self._store)

    def _store(self, spool_id: SpoolId, new: NewMessage, octets: bytes) -> Claim | None:
        if self._is_closed:
            raise SpoolUnavailable("the spool is closed")
        paths = new.envelope.forward_paths
        recipients = [
            Recipient(path, new.lane_of(n), new.accepted_at, new.expires_at) for n, path in enumerate(paths)
        ]
        message = self._messages[spool_id] = Message(spool_id, new, octets, recipients)
        _note(message, -1, new.accepted_at, "message.accepted")
        if new.repairs:
            _note(message, -1, new.accepted_at, "message.repaired", new.repairs)
        for n, r in enumerate(recipients if new.held else ()):
            r.state, (r.row, r.last_reply, r.owes) = State.HELD, new.held or ("", "", None)
            _note(message, n, new.accepted_at, "recipient.held", r.last_reply)
        self._pay(new.answers, new.accepted_at, "report.queued")
        if new.held or not new.claim_until_at:
            return None
        return self._claim_one(message, new.lane, new.accepted_at, new.claim_until_at)

    async def claim(
        self,
        lane: str,
        *,
        which: Sequence[SpoolId],
        now: float,
        lease_until_at: float,
        recipients: int = MOST_RECIPIENTS,
    ) -> list[Claim]:
        """See spool.api.Spool."""
        found = [self._messages[one] for one in which if one in self._messages]
        claims = [self._claim_one(one, lane, now, lease_until_at, recipients) for one in found]
        return [claim for claim in claims if claim.recipients]

    def _claim_one(
        self, message: Message, lane: str, now: float, lease_until_at: float, most: int = MOST_RECIPIENTS
    ) -> Claim:
        lease = next(self._leases)
        taken: list[ClaimedRecipient] = []
        for n, r in enumerate(message.recipients):
            if r.is_due(lane, now) and len(taken) < most:
                r.state, r.lease, r.lease_until_at = State.CLAIMED, lease, lease_until_at
                taken.append(ClaimedRecipient(n, r.path, r.attempts, r.possible_duplicate))
        if taken:
            _note(message, -1, now, "message.claimed")
        new = message.new
        envelope = replace(new.envelope, forward_paths=tuple(r.path for r in taken))
        return Claim(
            message.spool_id, lane, lease, lease_until_at, envelope, tuple(taken), MemoryContent(message.octets),
            new.trace, new.message_id, new.header_from, new.submitter, new.accepted_at, new.expires_at,
        )  # fmt: skip

    async def settle(self, settlements: Sequence[Settlement]) -> list[SpoolId]:
        """See spool.api.Spool."""
        return [one.spool_id for one in settlements if not self._settle(one)]

    def _settle(self, settlement: Settlement) -> bool:
        message = self._messages.get(settlement.spool_id)
        if message is None:
            return False
        ours = {
            n
            for n, r in enumerate(message.recipients)
            if r.state is State.CLAIMED and r.lease == settlement.lease
        }
        numbers = [fate.n for fate in settlement.fates]
        if len(numbers) != len(set(numbers)) or not ours.issuperset(numbers):
            return False
        for fate in settlement.fates:
            self._write_fate(message, message.recipients[fate.n], fate)
        return True

    def _write_fate(self, message: Message, r: Recipient, fate: Fate) -> None:
        now = self._clock.now()
        r.state, r.next_attempt_at, r.lease = fate.state, fate.next_attempt_at, 0
        r.attempts += fate.counted
        r.possible_duplicate |= fate.possible_duplicate
        r.settled_at = now if fate.state in END_STATES else None
        r.owes = fate.owes or (r.owes if r.settled_at is None else None)
        if fate.outcome is not None:
            outcome = fate.outcome
            r.last_reply, r.row, r.remote_id = outcome.reply_text, outcome.row, outcome.remote_id
            r.klass = outcome.klass.value if outcome.klass else ""
        name = {State.QUEUED: "uncertain" if fate.possible_duplicate else "deferred"}.get(
            fate.state, fate.state.value
        )
        _note(message, fate.n, now, f"recipient.{name}")
        if fate.lane and fate.state is State.QUEUED:
            self._redirect(message, fate.n, fate.lane, fate.next_attempt_at)

    async def renew(self, claims: Sequence[Claim], *, lease_until_at: float) -> None:
        """See spool.api.Spool."""
        for claim in claims:
            for r in self._messages[claim.spool_id].recipients if claim.spool_id in self._messages else ():
                if r.state is State.CLAIMED and r.lease == claim.lease:
                    r.lease_until_at = lease_until_at

    async def lapse(self, now: float | None) -> int:
        """See spool.api.Spool."""
        return self._lapse(float("inf") if now is None else now)

    def lapsed(self) -> Mapping[str, int]:
        """See spool.waiting.usage."""
        return self._lapsed

    def _lapse(self, until_at: float) -> int:
        now, n_lapsed = self._clock.now(), 0
        for message, n, r in self._all():
            if r.state is State.QUEUED and r.next_attempt_at > now + FAR_S:
                r.next_attempt_at = now
            if r.state is State.CLAIMED and r.lease_until_at <= until_at:
                r.state, r.next_attempt_at, r.lease, r.possible_duplicate = State.QUEUED, now, 0, True
                r.last_reply, r.klass, r.row = "the relay stopped during delivery", "transient", ""
                r.attempts += 1
                n_lapsed += 1
                _note(message, n, now, "recipient.uncertain")
        return n_lapsed

    async def due(self) -> Mapping[str, float]:
        """See spool.api.Spool."""
        found: dict[str, float] = {}
        for _, _, r in self._all():
            if r.state is State.QUEUED:
                found[r.lane] = min(r.next_attempt_at, found.get(r.lane, float("inf")))
        return found

    async def warn(self, expiring_at: float) -> int:
        """See spool.api.Spool."""
        late = [
            (m.new.envelope.reverse_path, r)
            for m, _, r in self._all()
            if r.state is State.QUEUED and not r.warned and r.expires_at <= expiring_at
        ]
        for reverse_path, r in late:
            r.warned = True
            r.owes = Debt.DELAY if reverse_path and is_wished(r.path.notify, Debt.DELAY) else None
        return len(late)

    async def prune(self, before_at: float) -> int:
        """See spool.api.Spool."""
        ended = [
            m.spool_id
            for m in self._messages.values()
            if all(
                r.settled_at is not None and r.settled_at < before_at and r.owes is None for r in m.recipients
            )
        ]
        for spool_id in ended:
            del self._messages[spool_id]
        return len(ended)

    async def debts(self, debt: Debt, *, limit: int) -> list[MessageView]:
        """See spool.api.Spool."""
        owing = [m for m in self._in_order() if any(r.owes is debt for r in m.recipients)]
        return [m.view(self.ends(), with_events=False, only=lambda r: r.owes is debt) for m in owing[:limit]]

    async def forgive(self, debts: Sequence[Owed]) -> None:
        """See spool.api.Spool."""
        self._pay(debts, self._clock.now(), "report.forgiven")

    def _pay(self, debts: Iterable[Owed], now: float, name: str) -> None:
        for spool_id, n, debt in debts:
            message = self._messages.get(spool_id)
            if message is not None and n < len(message.recipients) and message.recipients[n].owes is debt:
                message.recipients[n].owes = None
                _note(message, n, now, name)

    async def note(self, spool_id: SpoolId, name: str, detail: str) -> None:
        """See spool.api.Spool."""
        message = self._messages.get(spool_id)
        if message is not None and [one.name for one in message.events].count(name) < MOST_NOTES:
            _note(message, -1, self._clock.now(), name, detail)

    async def note_lane(self, note: LaneNote) -> None:
        """See spool.api.Spool."""
        old = self._notes.get(note.lane, note)
        since_at = old.since_at if old.klass == note.klass and old.since_at > 0 else note.since_at
        last_at = max(old.last_success_at, note.last_success_at)
        self._notes[note.lane] = replace(note, since_at=since_at, last_success_at=last_at)

    async def lanes(self) -> list[LaneNote]:
        """See spool.api.Spool."""
        return [self._notes[lane] for lane in sorted(self._notes)]

    async def move_lane(self, old: str, new: str) -> int:
        """See spool.api.Spool."""
        n_moved = 0
        for message, n, r in self._all():
            if r.lane == old != new and r.state in (State.QUEUED, State.HELD):
                self.leave(message, r, self._clock.now())
                r.lane = new
                n_moved += 1
                _note(message, n, self._clock.now(), "recipient.moved")
        return n_moved

    async def redirect(
        self, which: Sequence[tuple[SpoolId, int]], lane: str, *, now: float, reason: str
    ) -> int:
        """See spool.api.Spool."""
        return sum(self._redirect(self._messages[spool_id], n, lane, now) for spool_id, n in which)

    def _redirect(self, message: Message, n: int, lane: str, now: float) -> bool:
        r = message.recipients[n]
        if r.state is not State.QUEUED or r.lane == lane:
            return False
        self.leave(message, r, now)
        r.lane, r.next_attempt_at = lane, min(r.next_attempt_at, now)
        _note(message, n, now, "recipient.moved")
        return True

    async def hold(self, selection: Selection, reason: str) -> int:
        """See spool.api.Spool."""
        at = self._clock.now()
        return self._move(selection, {State.QUEUED}, State.HELD, "recipient.held", (at, reason))

    async def release(self, selection: Selection, now: float) -> int:
        """See spool.api.Spool."""
        n_moved = self._move(selection, {State.HELD}, State.QUEUED, "recipient.released", (now, ""))
        self._n_hastened += n_moved > 0
        return n_moved

    async def retry(self, selection: Selection, now: float) -> int:
        """See spool.api.Spool."""
        n_moved = self._move(selection, {State.QUEUED}, State.QUEUED, "recipient.hastened", (now, ""))
        self._n_hastened += n_moved > 0
        return n_moved

    async def n_hastened(self) -> int:
        """See spool.api.Spool."""
        return self._n_hastened

    async def delete(self, selection: Selection, reason: str) -> int:
        """See spool.api.Spool."""
        sources, at = {State.QUEUED, State.HELD}, self._clock.now()
        return self._move(selection, sources, State.FAILED, "recipient.deleted", (at, reason))

    async def bounce(self, selection: Selection, reason: str) -> int:
        """See spool.api.Spool."""
        sources, at = {State.QUEUED, State.HELD}, self._clock.now()
        return self._move(selection, sources, State.FAILED, BOUNCED, (at, reason))

    def _move(
        self, selection: Selection, sources: set[State], target: State, name: str, when: tuple[float, str]
    ) -> int:
        now, reason = when
        if not selection.ids and not selection.states:
            selection = replace(selection, states=frozenset(sources))
        n_moved = 0
        for message in self._selected(selection):
            for n, r in enumerate(message.recipients):
                if r.state in sources:
                    before, r.last_reply = r.last_reply, reason or r.last_reply
                    r.state, r.next_attempt_at = target, now
                    r.settled_at = now if target in END_STATES else None
                    r.owes = None if target in END_STATES else r.owes
                    _owe_if_bounced(name, message, r, before)
                    n_moved += 1
                    _note(message, n, now, name)
        return n_moved

    async def list(self, selection: Selection) -> list[MessageView]:
        """See spool.api.Spool."""
        return [message.view(self.ends(), with_events=False) for message in self._selected(selection)]

    async def show(self, spool_id: SpoolId) -> MessageView | None:
        """See spool.api.Spool."""
        message = self._messages.get(SpoolId(spool_id.strip().upper()))
        return message.view(self.ends(), with_events=True) if message is not None else None

    async def counts(self) -> Mapping[State, int]:
        """See spool.api.Spool."""
        states = [r.state for _, _, r in self._all()]
        return {state: states.count(state) for state in set(states)}

    async def content(self, spool_id: SpoolId) -> Content | None:
        """See spool.api.Spool."""
        message = self._messages.get(SpoolId(spool_id.strip().upper()))
        if message is None or not message.in_states(frozenset(State) - {State.DELIVERED}):
            return None
        return MemoryContent(message.octets)

    async def close(self) -> None:
        """See spool.api.Spool."""
        self._is_closed = True

    def _in_order(self) -> Sequence[Message]:
        return sorted(self._messages.values(), key=lambda m: seq_of(m.spool_id) or 0)

    def _all(self) -> Iterator[tuple[Message, int, Recipient]]:
        for message in self._in_order():
            for n, r in enumerate(message.recipients):
                yield message, n, r

    def _selected(self, selection: Selection) -> Sequence[Message]:
        states = selection.states or frozenset(State)
        found = self._in_order()
        if selection.ids:
            ids = {i.strip().upper() for i in selection.ids}
            found = [m for m in found if m.spool_id in ids and m.in_states(states)]
        elif selection.states:
            wanted = {m.spool_id for state in states for m in self._oldest(state, selection.limit)}
            found = [m for m in found if m.spool_id in wanted]
        return found[: selection.limit]

    def _oldest(self, state: State, limit: int) -> Sequence[Message]:
        """The first of a state: who expires first of the queued, who ended first of the ended, else by id."""
        found: Sequence[Message] = [m for m in self._in_order() if m.in_states(frozenset({state}))]
        if state is State.QUEUED:
            found = sorted(found, key=lambda m: min(r.expires_at for r in m.in_states(frozenset({state}))))
        elif state in END_STATES:
            found = sorted(
                found, key=lambda m: min(r.settled_at or 0.0 for r in m.in_states(frozenset({state})))
            )
        return found[:limit]


def _owe_if_bounced(name: str, message: Message, r: Recipient, before: str) -> None:
    """name: of the event; before: the last answer until now."""
    if name != BOUNCED:
        return
    r.last_reply += f"; before that: {before}" if before else ""
    is_told = bool(message.new.envelope.reverse_path) and is_wished(r.path.notify, Debt.FAILURE)
    r.owes = Debt.FAILURE if is_told else None


def _note(message: Message, n: int, at: float, name: str, detail: str = "") -> None:
    message.events.append(EventView(at, n, name, detail))
