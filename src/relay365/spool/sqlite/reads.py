"""Questions to the database: what faces, keeper and scheduler want to know. Nothing here writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import apsw

from relay365.errors import SpoolCorrupt
from relay365.mail.content import Content
from relay365.mail.dsn import Debt
from relay365.spool.aging.life import Ends
from relay365.spool.aging.rows import stretches
from relay365.spool.api import END_STATES, EventView, LaneNote, MessageView, Selection, State
from relay365.spool.content import MemoryContent
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.sql import load_queries
from relay365.spool.sqlite.rows import MessageRow, facts_of, message_view, text_of
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.heads import Behind, Flow, Head, Likeness, read_flow
from relay365.spool.waiting.usage import SLICE_S, ClientUse, OctetUse, PairUse, Usage

QUERIES = load_queries("sqlite")

Place = Callable[[MessageRow], Content]
"""Gives the content that lies in a segment; raises SpoolCorrupt when it cannot be whole."""


def due(connection: apsw.Connection) -> list[tuple[str, float]]:
    """(lane, earliest instant) of lanes with queued recipients."""
    found: dict[str, float] = {}
    for lane, flow in all_flows(connection):
        at = float(_one(connection, "flow_due", (lane, flow)))
        found[lane] = min(at, found.get(lane, at))
    return list(found.items())


def all_flows(connection: apsw.Connection) -> Iterator[tuple[str, str]]:
    """(lane, flow as stored) of all queued recipients."""
    lane = ""
    while lane := _one(connection, "next_lane", (lane,)) or "":
        yield from ((lane, flow) for flow in flows(connection, lane))


def flows(connection: apsw.Connection, lane: str) -> Iterator[str]:
    """The flows of a lane with queued recipients, as stored, most urgent first."""
    flow = ""
    while flow := _one(connection, "next_flow", (lane, flow)) or "":
        yield flow


def _one(connection: apsw.Connection, query: str, values: tuple[Any, ...]) -> Any:
    """The one value of the one row of an aggregate."""
    return next(connection.execute(QUERIES[query], values))[0]


def heads(
    connection: apsw.Connection,
    lane: str,
    now: float,
    most: int,
    behind: Mapping[Flow, Behind],
    wanted: Collection[Flow] | None = None,
) -> list[Head]:
    """See spool.waiting.heads."""
    found = []
    for word in flows(connection, lane):
        flow = read_flow(word)
        if wanted is not None and flow not in wanted:
            continue
        after = behind.get(flow)
        place = (after.due_at, seq_of(after.spool_id)) if after else (float("-inf"), 0)
        rows = connection.execute(QUERIES["heads"], (lane, word, now, *place))
        found += _heads(flow, rows, most)
    return found


def _heads(flow: Flow, rows: Iterable[tuple[Any, ...]], most: int) -> list[Head]:
    """One head for each message, in the order of the rows; a message may have recipients in several places."""
    groups: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        if len(groups) == most and row[0] not in groups:
            break
        groups.setdefault(row[0], []).append(row)
    return [_head(flow, group) for group in groups.values()]


def _head(flow: Flow, group: list[tuple[Any, ...]]) -> Head:
    """A row without its message is damaged: who claims it finds out."""
    seq, _, due_at, _, _, accepted_at, size, reverse_path, submitter, crc, *words = group[0]
    message_id, header_from, manner = (text_of(word or b"") for word in words)
    return Head(
        spool_id_of(seq), flow, due_at, accepted_at or due_at, min(row[3] for row in group), size or 0,
        text_of(reverse_path or b""), facts_of(text_of(submitter or b"")),
        tuple(sorted((row[1], text_of(row[4])) for row in group)), Likeness(crc or 0, message_id, header_from, manner),
    )  # fmt: skip


def n_hastened(connection: apsw.Connection) -> int:
    """How often a person made waiting mail due."""
    row = connection.execute(QUERIES["meta"], ("n_hastened",)).fetchone()
    return int(row[0]) if row else 0


def message_row(connection: apsw.Connection, seq: int) -> MessageRow | None:
    """One message's row."""
    row = connection.execute(QUERIES["message"], (seq,)).fetchone()
    return MessageRow.read(row) if row else None


def message(connection: apsw.Connection, seq: int, now: float) -> MessageView | None:
    """One message with recipients and events."""
    row = message_row(connection, seq)
    if row is None:
        return None
    recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
    return message_view(row, recipients, _events(connection, seq), Ends(stretches(connection), now))


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


def messages(connection: apsw.Connection, numbers: Iterable[int], now: float) -> list[MessageView]:
    """Messages for a list, without events."""
    views, ends = [], Ends(stretches(connection), now)
    for seq in numbers:
        row = message_row(connection, seq)
        if row is not None:
            recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
            views.append(message_view(row, recipients, (), ends))
    return views


def debts(connection: apsw.Connection, debt: Debt, limit: int, now: float) -> list[MessageView]:
    """Messages with their owing recipients only; a damaged row names nobody to whom a report may go."""
    numbers = [seq for (seq,) in connection.execute(QUERIES["owing"], (debt.value, limit))]
    views, ends = [], Ends(stretches(connection), now)
    for seq in numbers:
        row = message_row(connection, seq)
        if row is not None:
            whole = row if row.is_whole() else dataclasses.replace(row, reverse_path="")
            recipients = connection.execute(QUERIES["recipients"], (seq,)).fetchall()
            views.append(message_view(whole, [r for r in recipients if r[-1] == debt.value], (), ends))
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


def depths(connection: apsw.Connection) -> list[Depth]:
    """See spool.waiting.depth; a row without its message is as old as the next one."""
    rows: list[tuple[Any, ...]] = connection.execute(QUERIES["depths"]).fetchall()
    found = []
    for lane, state, digit, n_recipients, seq in rows:
        row = connection.execute(QUERIES["accepted_at"], (seq,)).fetchone()
        found.append(Depth(lane, state, read_flow(digit).priority, n_recipients, row[1] if row else 0.0))
    return found


def kept_octets(connection: apsw.Connection, row_octets: int) -> dict[str, int]:
    """See spool.waiting.depth."""
    return {row[0]: row[1] for row in connection.execute(QUERIES["kept_octets"], (row_octets,))}


def usage(connection: apsw.Connection, since_at: float) -> list[Usage]:
    """See spool.waiting.usage."""
    return [Usage(*row) for row in connection.execute(QUERIES["usage"], (since_at,))]


def settled_since(connection: apsw.Connection, at: float) -> list[Usage]:
    """See spool.waiting.usage."""
    return [
        Usage(lane, last_at, read_flow(digit).priority, n_messages, n_recipients, 0)
        for lane, digit, last_at, n_messages, n_recipients in connection.execute(
            QUERIES["settled_since"], (at,)
        )
    ]


def pairs_since(connection: apsw.Connection, at: float) -> list[PairUse]:
    """See spool.waiting.usage."""
    return [
        PairUse(lane, sender.lower(), address.lower(), last_at, n_messages)
        for lane, sender, address, last_at, n_messages in connection.execute(
            QUERIES["pairs_since"], (at, SLICE_S)
        )
    ]


def octets_since(connection: apsw.Connection, at: float) -> list[OctetUse]:
    """See spool.waiting.usage."""
    return [OctetUse(*row) for row in connection.execute(QUERIES["octets_since"], (at,))]


def clients_since(connection: apsw.Connection, at: float) -> list[ClientUse]:
    """See spool.waiting.usage."""
    return [ClientUse(*row) for row in connection.execute(QUERIES["clients_since"], (at, SLICE_S))]
