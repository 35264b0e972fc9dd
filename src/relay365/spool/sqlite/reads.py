"""Questions to the database: what faces, keeper and scheduler want to know. Nothing here writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable

import apsw

from relay365.errors import SpoolCorrupt
from relay365.mail.content import Content
from relay365.mail.dsn import Debt
from relay365.spool.api import END_STATES, EventView, LaneNote, MessageView, Selection, State, Waiting
from relay365.spool.content import MemoryContent
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.sql import load_queries
from relay365.spool.sqlite.rows import MessageRow, facts_of, message_view, recipient_view, text_of

QUERIES = load_queries("sqlite")

Place = Callable[[MessageRow], Content]
"""Gives the content that lies in a segment; raises SpoolCorrupt when it cannot be whole."""


def due(connection: apsw.Connection) -> list[tuple[str, float]]:
    """(lane, earliest instant) of lanes with queued recipients."""
    return [(lane, at) for lane, at in connection.execute(QUERIES["lanes_due"])]


def n_hastened(connection: apsw.Connection) -> int:
    """How often a person made waiting mail due."""
    row = connection.execute(QUERIES["meta"], ("n_hastened",)).fetchone()
    return int(row[0]) if row else 0


def message_row(connection: apsw.Connection, seq: int) -> MessageRow | None:
    """One message's row."""
    row = connection.execute(QUERIES["message"], (seq,)).fetchone()
    return MessageRow.read(row) if row else None


def message(connection: apsw.Connection, seq: int) -> MessageView | None:
    """One message with recipients and events."""
    row = message_row(connection, seq)
    if row is None:
        return None
    recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
    return message_view(row, tuple(recipient_view(r) for r in recipients), _events(connection, seq))


def _events(connection: apsw.Connection, seq: int) -> tuple[EventView, ...]:
    rows = connection.execute(QUERIES["events"], (seq,))
    return tuple(EventView(at, n, name, text_of(detail)) for at, n, name, detail in rows)


def selected(connection: apsw.Connection, selection: Selection) -> list[int]:
    """The sequence numbers that a selection means, in their order."""
    limit = selection.limit
    if selection.ids:
        numbers = {seq for seq in (seq_of(i) for i in selection.ids) if seq is not None}
        return sorted(seq for seq in numbers if _has_one_in(connection, seq, selection.states))[:limit]
    if not selection.states:
        return [seq for (seq,) in connection.execute(QUERIES["all_messages"], (limit,))]
    found: set[int] = set()
    for state in selection.states:
        found |= in_state(connection, state, limit)
    return sorted(found)[:limit]


def in_state(connection: apsw.Connection, state: State, limit: int) -> set[int]:
    """Up to `limit` messages with a recipient in a state, the oldest by that state's own index."""
    if state in END_STATES:
        return _first(connection.execute(QUERIES["list_ended"], (state.value,)), limit)
    return _first(connection.execute(QUERIES[f"list_{state.value}"]), limit)


def _first(rows: Iterable[tuple[int, ...]], limit: int) -> set[int]:
    found: set[int] = set()
    for seq, *_ in rows:
        if len(found) == limit:
            break
        found.add(seq)
    return found


def _has_one_in(connection: apsw.Connection, seq: int, states: frozenset[State]) -> bool:
    rows = connection.execute(QUERIES["recipients"], (seq,))
    return any(not states or State(row[2]) in states for row in rows)


def messages(connection: apsw.Connection, numbers: Iterable[int]) -> list[MessageView]:
    """Messages for a list, without events."""
    views = []
    for seq in numbers:
        row = message_row(connection, seq)
        if row is not None:
            recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
            views.append(message_view(row, tuple(recipient_view(r) for r in recipients), ()))
    return views


def debts(connection: apsw.Connection, debt: Debt, limit: int) -> list[MessageView]:
    """Messages with their owing recipients only; a damaged row names nobody to whom a report may go."""
    numbers = [seq for (seq,) in connection.execute(QUERIES["owing"], (debt.value, limit))]
    views = []
    for seq in numbers:
        row = message_row(connection, seq)
        if row is not None:
            whole = row if row.is_whole() else dataclasses.replace(row, reverse_path="")
            recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
            views.append(
                message_view(whole, tuple(recipient_view(r) for r in recipients if r[-1] == debt.value), ())
            )
    return views


def lanes(connection: apsw.Connection) -> list[LaneNote]:
    """All lane notes."""
    return [LaneNote(*row) for row in connection.execute(QUERIES["lanes"])]


def counts(connection: apsw.Connection) -> list[tuple[State, int]]:
    """Recipients by state."""
    return [(State(state), n) for state, n in connection.execute(QUERIES["counts"]) if n]


def content(connection: apsw.Connection, row: MessageRow, place: Place) -> Content | None:
    """A stored content, or None when it is no longer kept; raises SpoolCorrupt."""
    if row.segment is not None:
        return place(row)
    inline = connection.execute(QUERIES["content"], (row.seq,)).fetchone()
    if inline is None:
        return None
    octets = inline[0]
    if not isinstance(octets, bytes) or len(octets) != row.size_octets:
        raise SpoolCorrupt(f"message {row.seq}: inline content has a wrong length")
    return MemoryContent(octets)


def waiting(connection: apsw.Connection, lane: str, limit: int, after: Waiting | None) -> list[Waiting]:
    """See spool.api.Spool."""
    behind = (float("-inf"), 0, 0) if after is None else (after.at, seq_of(after.spool_id), after.n)
    found = []
    for at, seq, n, address, size, reverse_path, submitter in connection.execute(
        QUERIES["waiting"], (lane, *behind, limit)
    ):
        facts = facts_of(text_of(submitter))
        found.append(Waiting(spool_id_of(seq), n, at, text_of(address), text_of(reverse_path), facts, size))
    return found
