"""Every move of a recipient, as one unit of work each: the rows that change and the event that records it.

Called in the writer thread, inside a group's transaction, each behind a savepoint. docs/durability.md has the table
of states; a move that the table does not have cannot be written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw

from relay365.errors import ClaimLost, SpoolCorrupt
from relay365.mail.dsn import Debt, is_wished
from relay365.spool.aging.rows import lane_of, leave
from relay365.spool.api import (
    END_STATES,
    FAR_S,
    Fate,
    LaneNote,
    Owed,
    Settlement,
    State,
)
from relay365.spool.ids import seq_of
from relay365.spool.segment import SegmentFolder
from relay365.spool.sqlite.reads import QUERIES, all_flows

LEASES_PER_LIFE = 1 << 40
REPLY_OCTETS = 2000  # how much of a remote's words is kept


@dataclass(frozen=True, slots=True)
class Move:
    """A move that a person makes: from states to a state, and the event's name. owes: whether the sender is told."""

    sources: tuple[State, ...]
    target: State
    event: str
    query: str = "move"
    owes: bool = False


HOLD = Move((State.QUEUED,), State.HELD, "recipient.held")
RELEASE = Move((State.HELD,), State.QUEUED, "recipient.released")
RETRY = Move((State.QUEUED,), State.QUEUED, "recipient.hastened")
DELETE = Move((State.QUEUED, State.HELD), State.FAILED, "recipient.deleted")
BOUNCE = Move((State.QUEUED, State.HELD), State.FAILED, "recipient.bounced", "bounce", owes=True)


def begin_life(connection: apsw.Connection) -> tuple[int, int]:
    """The next sequence number and lease; neither was ever given before, also after pruning or a crash."""
    (remembered,) = _one(connection, "meta", ("next_seq",))
    (highest,) = _one(connection, "max_seq", ())
    (lease,) = _one(connection, "meta", ("next_lease",))
    connection.execute(QUERIES["set_meta"], ("next_lease", lease + LEASES_PER_LIFE))
    return max(remembered, highest + 1), lease


def set_aside(connection: apsw.Connection, at: float, seq: int, why: str) -> None:
    """queued -> held, because the item is damaged: never dropped, never in the way of the rest.

    Recipients that are claimed follow when they are settled or lapse.
    """
    connection.execute(QUERIES["set_aside"], (seq, why))
    connection.execute(QUERIES["mark_damaged"], (seq, why))
    connection.execute(QUERIES["insert_event"], (at, seq, -1, "message.damaged", why))


def settle(
    connection: apsw.Connection,
    segments: SegmentFolder,
    settlements: Sequence[Settlement],
    at: float,
    *,
    tidy: bool,
) -> None:
    """claimed -> delivered, failed, expired, held or queued again; raises ClaimLost, and nothing of them may stay.

    tidy: remove a content that nobody needs any more.
    """
    for settlement in settlements:
        _settle(connection, segments, settlement, (at, tidy))


def _settle(
    connection: apsw.Connection, segments: SegmentFolder, settlement: Settlement, how: tuple[float, bool]
) -> None:
    """One of them; how: the instant, and whether to tidy."""
    at, tidy = how
    seq, fates = seq_of(settlement.spool_id), settlement.fates
    if seq is None:
        raise ClaimLost(f"{settlement.spool_id} is no spool id")
    if any(fate.state is State.QUEUED for fate in fates):
        row = connection.execute(QUERIES["damaged"], (seq,)).fetchone()
        if row is not None and row[0]:
            fates = tuple(replace(f, state=State.HELD) if f.state is State.QUEUED else f for f in fates)
    is_delivered = True
    for fate in fates:
        _write_fate(connection, (seq, settlement.lease, at, tidy), fate)
        if fate.lane and fate.state is State.QUEUED:
            why = fate.outcome.reply_text if fate.outcome is not None else ""
            redirect(connection, fate.next_attempt_at, [(seq, fate.n)], fate.lane, why)
        is_delivered &= fate.state is State.DELIVERED
    if tidy and is_delivered:
        spent: list[Any] = connection.execute(QUERIES["spent_segment"], (seq,)).fetchall()
        for (segment,) in spent:
            connection.execute(QUERIES["forget_segment"], (seq,))
            segments.released.add(segment)


def _write_fate(connection: apsw.Connection, where: tuple[int, int, float, bool], fate: Fate) -> None:
    """One fate; where is (seq, lease, instant, tidy). Raises ClaimLost."""
    seq, lease, at, tidy = where
    outcome = fate.outcome
    reply = klass = row = remote_id = None
    if outcome is not None:
        reply, row, remote_id = outcome.reply_text[:REPLY_OCTETS], outcome.row, outcome.remote_id
        klass = outcome.klass.value if outcome.klass else ""
    name = f"recipient.{fate.state.value}"
    if fate.state is State.QUEUED:
        name = "recipient.uncertain" if fate.possible_duplicate else "recipient.deferred"
    detail = "returned untouched" if reply is None else reply
    owes = fate.owes.value if fate.owes is not None else ""
    values = (
        fate.state.value, int(fate.counted), fate.next_attempt_at, reply, klass, row, int(fate.possible_duplicate),
        owes, at if fate.state in END_STATES else None, remote_id, seq, fate.n, lease, at, name,
        detail, int(tidy),
    )  # fmt: skip
    try:
        connection.execute(QUERIES["settle"], values)
    except apsw.ConstraintError as error:
        raise ClaimLost(
            f"message {seq} recipient {fate.n}: lease {lease} is no longer ours: {error}"
        ) from error


def lapse(connection: apsw.Connection, at: float, until_at: float) -> list[tuple[int, str]]:
    """claimed -> queued, uncertain, for leases that ended before an instant; queued in a far future -> due.

    Gives the message's number and the lane of each recipient that lapsed.
    """
    rows: list[Any] = connection.execute(QUERIES["lapse"], (at, until_at)).fetchall()
    numbers = [(seq, n) for seq, n, _ in rows]
    write_events(
        connection, at, numbers, "recipient.uncertain", "claim lapsed: the relay stopped during delivery"
    )
    for lane, flow in list(all_flows(connection)):
        connection.execute(QUERIES["bring_near"], (at, lane, flow, at + FAR_S))  # the clock was set back
    return [(seq, lane) for seq, _, lane in rows]


def prune(
    connection: apsw.Connection, segments: SegmentFolder, before_at: float, next_seq: int, limit: int
) -> int:
    """Forget up to `limit` ended messages; gives their number. Sequence numbers are never given again."""
    numbers: set[int] = set()
    for state in END_STATES:
        key = (state.value, before_at, limit - len(numbers))
        numbers |= {seq for (seq,) in connection.execute(QUERIES["prunable"], key)}
    for seq in numbers:
        (segment,) = _one(connection, "segment_of", (seq,))
        if segment is not None:
            segments.released.add(segment)
        for query in ("delete_content", "delete_events", "delete_recipients", "delete_message"):
            connection.execute(QUERIES[query], (seq,))
    connection.execute(QUERIES["set_meta"], ("next_seq", next_seq))
    return len(numbers)


def pay(connection: apsw.Connection, at: float, debts: Iterable[Owed], name: str) -> None:
    """Strike out owed reports; what is not owed is left alone."""
    for spool_id, n, debt in debts:
        seq = seq_of(spool_id)
        connection.execute(QUERIES["pay"], (seq, n, debt.value))
        if connection.changes() != 1:
            continue
        detail = f"{name}: {debt.value}"
        connection.execute(QUERIES["insert_event"], (at, seq, n, name.partition(" ")[0], detail))


def note_lane(connection: apsw.Connection, note: LaneNote) -> None:
    """Write down a lane's health."""
    values = (
        note.lane, note.held, note.klass, note.row, note.since_at, note.gate_until_at, note.last_success_at,
        note.budgets,
    )  # fmt: skip
    connection.execute(QUERIES["note_lane"], values)


def move_lane(connection: apsw.Connection, at: float, old: str, new: str, limit: int) -> int:
    """Put up to `limit` waiting recipients into another lane; gives their number."""
    n_moved = 0
    for query in ("move_lane_queued", "move_lane_held"):
        rows: list[Any] = connection.execute(QUERIES[query], (old, new, limit - n_moved)).fetchall()
        leave(connection, at, rows, old)
        write_events(connection, at, rows, "recipient.moved", f"from lane {old} to lane {new}")
        n_moved += len(rows)
    return n_moved


def redirect(
    connection: apsw.Connection, now: float, numbers: Sequence[tuple[int | None, int]], lane: str, reason: str
) -> int:
    """Put queued recipients into another lane, due at once; gives how many still were queued."""
    n_moved = 0
    for seq, n in numbers:
        old = lane_of(connection, seq, n)
        row = connection.execute(QUERIES["redirect"], (lane, now, seq, n, lane)).fetchone()
        if row is not None:
            leave(connection, now, [(seq, n)], old)
            detail = f"to lane {lane}: {reason}"[:REPLY_OCTETS]
            connection.execute(QUERIES["insert_event"], (now, seq, n, "recipient.moved", detail))
            n_moved += 1
    return n_moved


def by_person(
    connection: apsw.Connection, numbers: Sequence[int], move: Move, now: float, reason: str
) -> int:
    """Hold, release, retry, delete or bounce; claimed recipients stay: they are on their way. Gives how many moved."""
    n_moved = 0
    settled_at = now if move.target in END_STATES else None
    for seq in numbers:
        if move.target is State.QUEUED:  # a person says that it is whole again: the next claim looks
            connection.execute(QUERIES["mark_damaged"], (seq, ""))
        for source in move.sources:
            values = (move.target.value, now, reason, settled_at, seq, source.value)
            rows: list[Any] = connection.execute(QUERIES[move.query], values).fetchall()
            write_events(connection, now, [(seq, n) for (n,) in rows], move.event, reason)
            if move.owes:
                _owe_failures(connection, [(seq, n) for (n,) in rows])
            n_moved += len(rows)
    if n_moved and move in (RETRY, RELEASE):
        connection.execute(QUERIES["count_up"], ("n_hastened",))
    return n_moved


def _owe_failures(connection: apsw.Connection, numbers: Iterable[tuple[int, int]]) -> None:
    """A report of failure is owed for each, where one is wished and there is a sender. (RFC 3461 4.1)"""
    for seq, n in numbers:
        notify, reverse_path = _one(connection, "wish", (seq, n))
        if reverse_path and is_wished(bytes(notify).decode("ascii", "replace"), Debt.FAILURE):
            connection.execute(QUERIES["owe"], (Debt.FAILURE.value, seq, n))


def reclaim(connection: apsw.Connection, segments: SegmentFolder) -> None:
    """After a commit: remove the released segments that no message needs and that cannot grow any more."""
    busy = set()
    while segments.released:
        name = segments.released.pop()
        if segments.is_current(name):
            continue  # it is released again when it is full
        (in_use,) = _one(connection, "segment_in_use", (name,))
        if not in_use and not segments.remove(name):
            busy.add(name)
    segments.released |= busy  # tried again after the next commit


def remove_orphans(connection: apsw.Connection, segments: SegmentFolder) -> int:
    """At start: segments that no row names are half-written contents that were never promised, or done with."""
    needed = {name for (name,) in connection.execute(QUERIES["segments"])}
    orphans = [name for name in segments.names() if name not in needed]
    for name in orphans:
        segments.remove(name)
    return len(orphans)


def many(connection: apsw.Connection, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """One query for many rows."""
    connection.executemany(QUERIES[query], rows)


def write_events(
    connection: apsw.Connection, at: float, rows: Iterable[tuple[int, int]], name: str, detail: str
) -> None:
    """One event for each (seq, recipient)."""
    connection.executemany(QUERIES["insert_event"], [(at, seq, n, name, detail) for seq, n in rows])


def _one(connection: apsw.Connection, query: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    row = connection.execute(QUERIES[query], values).fetchone()
    if row is None:
        raise SpoolCorrupt(f"query {query} has no row")
    return tuple(row)
