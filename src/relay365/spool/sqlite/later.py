"""What is learnt later, in the database: spool.later.LaterStore for SqliteSpool.

Apart from the other moves because no recipient changes its state by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

import apsw

from relay365.clock import Clock
from relay365.spool.api import MessageView
from relay365.spool.ids import seq_of, spool_id_of
from relay365.spool.later import UNRESOLVED, LaterFate, Search, Sent, event_of, folded, is_meant, is_news
from relay365.spool.sqlite.faces import Reader
from relay365.spool.sqlite.reads import QUERIES, message
from relay365.spool.sqlite.rows import text_of
from relay365.spool.sqlite.writer import Writer

DETAIL_OCTETS = 2000


class LaterMoves:
    """See spool.later.LaterStore."""

    _clock: Clock
    _reader: Reader
    _writer: Writer

    async def learn_fates(self, fates: Sequence[LaterFate]) -> int:
        """See spool.later.LaterStore."""
        return int(await self._writer.do(lambda c: learn(c, fates))) if fates else 0

    async def unresolved(
        self, after_at: float, until_at: float, *, lanes: frozenset[str], limit: int
    ) -> list[Sent]:
        """See spool.later.LaterStore."""
        return list(await self._reader.ask(lambda c: unresolved(c, (after_at, until_at), lanes, limit)))

    async def search(self, wanted: Search) -> list[MessageView]:
        """See spool.later.LaterStore."""
        return list(await self._reader.ask(lambda c: search(c, wanted, self._clock.now())))

    async def reports_read(self, mailbox: str) -> float:
        """See spool.later.LaterStore."""
        row = await self._reader.ask(lambda c: c.execute(QUERIES["meta"], (_mark(mailbox),)).fetchone())
        return float(row[0]) if row else 0.0

    async def note_reports_read(self, mailbox: str, until_at: float) -> None:
        """See spool.later.LaterStore."""
        values = (_mark(mailbox), int(until_at))
        await self._writer.do(lambda c: c.execute(QUERIES["note_mark"], values))


def learn(connection: apsw.Connection, fates: Iterable[LaterFate]) -> int:
    """Write fates and their events; gives how many were news."""
    n_news = 0
    for fate in fates:
        seq, detail = seq_of(fate.spool_id), fate.detail[:DETAIL_OCTETS]
        known = connection.execute(QUERIES["fate_of"], (seq, fate.n)).fetchone()
        if known is None or not is_news((known[0], text_of(known[1])), fate):
            continue
        owes = int(fate.owes_report and known[0] != fate.fate.value)
        connection.execute(QUERIES["learn"], (fate.fate.value, fate.at, detail, owes, seq, fate.n))
        event = (fate.at, seq, fate.n, "recipient.fate", event_of(fate)[:DETAIL_OCTETS])
        connection.execute(QUERIES["insert_event"], event)
        n_news += 1
    return n_news


def unresolved(
    connection: apsw.Connection, between: tuple[float, float], lanes: frozenset[str], limit: int
) -> list[Sent]:
    """Delivered recipients of some lanes whose fate is open."""
    found: list[Sent] = []
    for row in connection.execute(QUERIES["unresolved"], (*between, *UNRESOLVED)):
        seq, n, address, lane, settled_at, message_id, remote_id, reverse_path, notify, fate = row
        if lane not in lanes:
            continue
        if len(found) == limit:
            break
        names = (text_of(message_id), text_of(remote_id), text_of(reverse_path), text_of(notify))
        found.append(Sent(spool_id_of(seq), n, text_of(address), lane, settled_at, *names, fate))
    return found


def search(connection: apsw.Connection, wanted: Search, now: float) -> list[MessageView]:
    """The newest messages that are meant, oldest first."""
    views: list[MessageView] = []
    for seq in _numbers(connection, wanted):
        view = message(connection, seq, now)
        if view is None or not is_meant(view, wanted):
            continue
        views.append(view)
        if len(views) == wanted.limit:
            break
    return views[::-1]


def _numbers(connection: apsw.Connection, wanted: Search) -> Iterable[int]:
    """Newest first."""
    first = first_since(connection, wanted.since_at) if wanted.since_at > 0 else 0
    if not wanted.names and not wanted.to:
        return (int(seq) for (seq,) in connection.execute(QUERIES["newest"], (first,)))
    if not wanted.names:
        key = (first, folded(wanted.to))
        return (
            seq for seq, _ in groupby(int(seq) for (seq,) in connection.execute(QUERIES["addressed"], key))
        )
    values = (first, json.dumps(sorted(wanted.names)))
    found: list[Any] = connection.execute(QUERIES["named"], values).fetchall()
    return sorted({int(seq) for (seq,) in found}, reverse=True)


def first_since(connection: apsw.Connection, since_at: float) -> int:
    """The number of the first message that was accepted since an instant: numbers rise with time."""
    (last,) = connection.execute(QUERIES["max_seq"]).fetchone() or (0,)
    low, high = 0, int(last) + 1
    while low < high:
        middle = (low + high) // 2
        row: Any = connection.execute(QUERIES["accepted_at"], (middle,)).fetchone()
        if row is None or row[1] >= since_at:
            high = middle
        else:
            low = int(row[0]) + 1
    return low


def _mark(mailbox: str) -> str:
    return f"reports read: {mailbox.lower()}"
