"""The search: messages of all time by what is known of them, the newest first, from a connection of its own.

Apart from spool.later, which the service asks by exact names: people know a part of something. A walk goes down the
numbers of messages, which rise with time, and looks up what belongs to each; it ends with the last one wanted. Mail
that is not delivered is found by the small indexes of its states instead, and what an attempt was told by the index of
troubles, so that years of delivered mail cost nothing there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from relay365.clock import Clock
from relay365.errors import SpoolError
from relay365.mail.together.digest import subject_of
from relay365.spool.api import MessageView, State
from relay365.spool.history.day import Day, day, last_deliveries
from relay365.spool.history.shape import Waiting, waiting
from relay365.spool.history.trouble import Trouble, troubles
from relay365.spool.history.wanted import FOR_EVER, Wanted, is_part, is_wanted, needle
from relay365.spool.ids import seq_of
from relay365.spool.segment import SegmentFolder
from relay365.spool.sqlite.faces import Reader
from relay365.spool.sqlite.later import first_since
from relay365.spool.sqlite.migrate import require_present
from relay365.spool.sqlite.reads import QUERIES, in_state, message, message_row, messages
from relay365.spool.sqlite.rows import MessageRow

EVERYTHING = 1 << 62
CHUNK = 500  # numbers that are looked up in one statement


class Taken(NamedTuple):
    """One recipient, for a count. settled_at: when it ended, None while it has not; instants are epoch seconds."""

    seq: int
    accepted_at: float
    size_octets: int
    state: State
    settled_at: float | None
    possible_duplicate: bool


class History:
    """One data directory's past. Use it beside the service or without it; close() it."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        """Raises SpoolError where there is no queue, or one of another version."""
        file = directory / "spool.db"
        require_present(file)
        self._reader, self._clock = Reader(file), clock
        self._segments = SegmentFolder(directory / "segments")

    async def find(
        self, wanted: Wanted, limit: int, among: Collection[int] | None = None, *, with_events: bool = True
    ) -> list[MessageView]:
        """The newest messages that are wanted, newest first.

        among: only these numbers. with_events: False is quicker, and leaves them out where no word asks for them.
        """
        now, has_events = self._clock.now(), with_events or bool(wanted.words)

        def ask(connection: apsw.Connection) -> list[MessageView]:
            numbers = _numbers(connection, wanted, among)
            views = _views(connection, numbers, now, with_events=has_events)
            fitting = (one for one in views if self._is_wanted(connection, wanted, one))
            return list(islice(fitting, limit))

        found: list[MessageView] = await self._reader.ask(ask)
        return found

    async def troubles(self, since_at: float, until_at: float = FOR_EVER) -> list[Trouble]:
        """What attempts were told between two instants that was no yes, oldest first."""
        found: list[Trouble] = await self._reader.ask(lambda c: troubles(c, since_at, until_at))
        return found

    async def waiting(self) -> list[Waiting]:
        """Every recipient that waits or is held, in no order."""
        found: list[Waiting] = await self._reader.ask(waiting)
        return found

    async def taken_since(self, number: int) -> list[Taken]:
        """Every recipient of the messages behind a number, in their order."""
        return await self._taken("taken_since", number)

    async def taken_among(self, numbers: Collection[int]) -> list[Taken]:
        """Every recipient of some messages, as far as these are there."""
        return await self._taken("taken_among", json.dumps(sorted(numbers)))

    async def _taken(self, query: str, value: object) -> list[Taken]:
        rows: list[tuple[Any, ...]] = await self._reader.ask(
            lambda c: c.execute(QUERIES[query], (value,)).fetchall()
        )
        return [Taken(row[0], row[1], row[2], State(row[3]), row[4], bool(row[5])) for row in rows]

    async def day(self, since_at: float) -> Day:
        """What came in and what ended since an instant."""
        found: Day = await self._reader.ask(lambda c: day(c, since_at))
        return found

    async def last_deliveries(self, since_at: float) -> Mapping[str, float]:
        """When each lane last delivered something since an instant; one that has not does not appear."""
        found: Mapping[str, float] = await self._reader.ask(lambda c: last_deliveries(c, since_at))
        return found

    async def row(self, spool_id: str) -> MessageRow | None:
        """A message as it is stored, for whoever writes it out."""
        seq = seq_of(spool_id)
        row: MessageRow | None = await self._reader.ask(
            lambda c: message_row(c, seq) if seq is not None else None
        )
        return row

    async def numbers_waiting(self) -> set[int]:
        """The numbers of the messages that are queued or on their way."""
        found: set[int] = await self._reader.ask(
            lambda c: in_state(c, State.QUEUED, EVERYTHING) | in_state(c, State.CLAIMED, EVERYTHING)
        )
        return found

    async def last_number(self) -> int:
        """The number of the newest message, 0 where there never was one."""
        row: tuple[int] = await self._reader.ask(lambda c: c.execute(QUERIES["max_seq"]).fetchone())
        return int(row[0])

    async def close(self) -> None:
        """Let go of the database."""
        await self._reader.close()

    def _is_wanted(self, connection: apsw.Connection, wanted: Wanted, view: MessageView) -> bool:
        """Called in the reader's thread."""
        if not is_wanted(view, wanted):
            return False
        if not wanted.subject:
            return True
        row = message_row(connection, seq_of(view.spool_id) or 0)
        return row is not None and is_part(wanted.subject, subject_of(self._head(connection, row)))

    def _head(self, connection: apsw.Connection, row: MessageRow) -> bytes:
        """The beginning of a content, b"" where it is not kept any more. Called in the reader's thread."""
        if row.segment is None:
            inline = connection.execute(QUERIES["content"], (row.seq,)).fetchone()
            return bytes(inline[0]) if inline is not None and isinstance(inline[0], bytes) else b""
        try:
            place = (row.segment, row.segment_offset or 0, row.size_octets, row.crc)
            return next(self._segments.read(*place), b"")
        except SpoolError:
            return b""


def _views(
    connection: apsw.Connection, numbers: Iterable[int], now: float, *, with_events: bool
) -> Iterator[MessageView]:
    """The messages of some numbers, one after the other, or some at a time where nothing else is asked of them."""
    if with_events:
        yield from (view for seq in numbers if (view := message(connection, seq, now)) is not None)
        return
    rest = iter(numbers)
    while chunk := list(islice(rest, CHUNK)):
        yield from messages(connection, chunk, now)


def _numbers(connection: apsw.Connection, wanted: Wanted, among: Collection[int] | None) -> Iterator[int]:
    """Numbers of messages that may be wanted, newest first, each once."""
    first = first_since(connection, wanted.since_at) if wanted.since_at > 0 else 0
    end = first_since(connection, wanted.until_at) if wanted.until_at < FOR_EVER else EVERYTHING
    named = {word: seq for word in wanted.words if (seq := _number(connection, word)) is not None}
    for numbers in (_meant(wanted.ids), set(named.values())):
        if numbers:
            among = numbers if among is None else numbers & set(among)
    if among is None and wanted.states and State.DELIVERED not in wanted.states:
        among = set().union(*(in_state(connection, state, EVERYTHING) for state in wanted.states))
    needles = _needles(wanted, named)
    if among is None:
        return (seq for (seq,) in connection.execute(QUERIES["sought"], (first, end, *needles)))
    chosen = sorted((seq for seq in among if first <= seq < end), reverse=True)
    return _among(connection, chosen, needles)


def _number(connection: apsw.Connection, word: str) -> int | None:
    """The number of the message that a word is the id of; None where there is no such message."""
    seq = seq_of(word)
    return seq if seq is not None and message_row(connection, seq) is not None else None


def _meant(ids: Collection[str]) -> set[int]:
    """Numbers of ids; one that no message has, where none of them is an id."""
    return {seq if seq is not None else -1 for seq in map(seq_of, ids)}


def _among(connection: apsw.Connection, numbers: Sequence[int], needles: tuple[str, ...]) -> Iterator[int]:
    for start in range(0, len(numbers), CHUNK):
        values = (json.dumps(numbers[start : start + CHUNK]), *needles)
        rows: list[Any] = connection.execute(QUERIES["sought_among"], values).fetchall()
        yield from (seq for (seq,) in rows)


def _needles(wanted: Wanted, ids: Collection[str]) -> tuple[str, ...]:
    """Patterns for the sender, the recipients, the submitter, and anything; they find too much, never too little.

    ids: words that stand in no column.
    """
    word = max((needle(one) for one in wanted.words if one not in ids), key=len, default="")
    pieces = (needle(wanted.sender), needle(wanted.to), needle(wanted.device), word)
    return tuple(f"%{piece}%" for piece in pieces)
