"""Questions to the database: what faces, keeper and scheduler want to know. Nothing here writes."""

from __future__ import annotations

import apsw

from relay365.errors import SpoolCorrupt
from relay365.mail.content import Content
from relay365.spool.api import EventView, LaneNote, MessageView, Selection, State
from relay365.spool.content import MemoryContent, SegmentContent
from relay365.spool.ids import seq_of
from relay365.spool.rows import MessageRow, message_view, recipient_view
from relay365.spool.segment import SegmentFolder
from relay365.spool.sql import load_queries

QUERIES = load_queries("sqlite")


def due(connection: apsw.Connection) -> list[tuple[str, float]]:
    """(lane, earliest instant) of lanes with queued recipients."""
    return [(lane, at) for lane, at in connection.execute(QUERIES["lanes_due"])]


def message_row(connection: apsw.Connection, seq: int) -> MessageRow | None:
    """One message's row."""
    row = connection.execute(QUERIES["message"], (seq,)).fetchone()
    return MessageRow(*row) if row else None


def message(connection: apsw.Connection, seq: int, *, only_owing: bool = False) -> MessageView | None:
    """One message with recipients and events."""
    row = message_row(connection, seq)
    if row is None:
        return None
    recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
    views = tuple(recipient_view(r) for r in recipients if not only_owing or r[-1])
    events = () if only_owing else tuple(EventView(*e) for e in connection.execute(QUERIES["events"], (seq,)))
    return message_view(row, views, events)


def selected(connection: apsw.Connection, selection: Selection) -> list[int]:
    """The sequence numbers that a selection means, in their order."""
    if selection.ids:
        numbers = {seq for seq in (seq_of(i) for i in selection.ids) if seq is not None}
        return sorted(numbers)[: selection.limit]
    if not selection.states:
        return [seq for (seq,) in connection.execute(QUERIES["all_messages"], (selection.limit,))]
    found: set[int] = set()
    for state in selection.states:
        found |= {
            seq for (seq,) in connection.execute(QUERIES["messages_in_state"], (state.value, selection.limit))
        }
    return sorted(found)[: selection.limit]


def messages(connection: apsw.Connection, selection: Selection) -> list[MessageView]:
    """Messages for a list, oldest first, without events."""
    views = []
    for seq in selected(connection, selection):
        row = message_row(connection, seq)
        if row is not None:
            recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
            views.append(message_view(row, tuple(recipient_view(r) for r in recipients), ()))
    if selection.ids and selection.states:
        views = [view for view in views if any(r.state in selection.states for r in view.recipients)]
    return views


def debts(connection: apsw.Connection, limit: int) -> list[MessageView]:
    """Messages with their owing recipients only."""
    numbers = [seq for (seq,) in connection.execute(QUERIES["owing"], (limit,))]
    views = [message(connection, seq, only_owing=True) for seq in numbers]
    return [view for view in views if view is not None]


def lanes(connection: apsw.Connection) -> list[LaneNote]:
    """All lane notes."""
    return [LaneNote(*row) for row in connection.execute(QUERIES["lanes"])]


def counts(connection: apsw.Connection) -> list[tuple[State, int]]:
    """Recipients by state."""
    return [(State(state), n) for state, n in connection.execute(QUERIES["counts"])]


def content(connection: apsw.Connection, seq: int, segments: SegmentFolder) -> Content | None:
    """A stored content, or None when it is no longer kept; raises SpoolCorrupt."""
    row = message_row(connection, seq)
    if row is None:
        return None
    if row.segment is not None:
        return SegmentContent(segments, row.segment, row.segment_offset or 0, row.size_octets, row.crc)
    inline = connection.execute(QUERIES["content"], (seq,)).fetchone()
    if inline is None:
        return None
    octets = inline[0]
    if not isinstance(octets, bytes) or len(octets) != row.size_octets:
        raise SpoolCorrupt(f"message {seq}: inline content has a wrong length")
    return MemoryContent(octets)
