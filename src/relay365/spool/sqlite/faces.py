"""Faces: what may be asked of a spool without changing it, by a connection and a thread of its own.

Questions neither block the loop nor wait for commits; SQLite's log lets them read while the writer writes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw

from relay365.clock import Clock
from relay365.errors import SpoolCorrupt
from relay365.mail.content import Content
from relay365.mail.dsn import Debt
from relay365.mail.envelope import SpoolId
from relay365.spool.api import LaneNote, MessageView, Selection, State
from relay365.spool.faults import spool_error
from relay365.spool.ids import seq_of
from relay365.spool.sqlite import reads
from relay365.spool.sqlite.migrate import connect
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.heads import NOTHING_BEHIND, Behind, Flow, Head
from relay365.spool.waiting.usage import ClientUse, OctetUse, PairUse, Usage


class Faces:
    """The questions of spool.api.Spool. place: gives a content that lies outside the database."""

    def __init__(self, reader: Reader, place: reads.Place, clock: Clock) -> None:
        self._reader, self._outside, self._clock = reader, place, clock

    async def due(self) -> Mapping[str, float]:
        """See spool.api.Spool."""
        return dict(await self._reader.ask(reads.due))

    async def n_hastened(self) -> int:
        """See spool.api.Spool."""
        return int(await self._reader.ask(reads.n_hastened))

    async def debts(self, debt: Debt, *, limit: int) -> list[MessageView]:
        """See spool.api.Spool."""
        return list(await self._reader.ask(lambda c: reads.debts(c, debt, limit, self._clock.now())))

    async def lanes(self) -> list[LaneNote]:
        """See spool.api.Spool."""
        return list(await self._reader.ask(reads.lanes))

    async def heads(
        self,
        lane: str,
        *,
        now: float,
        most: int,
        behind: Mapping[Flow, Behind] = NOTHING_BEHIND,
        flows: Collection[Flow] | None = None,
    ) -> Sequence[Head]:
        """See spool.waiting.heads."""
        found: Sequence[Head] = await self._reader.ask(
            lambda c: reads.heads(c, lane, now, most, behind, flows)
        )
        return found

    async def depths(self) -> Sequence[Depth]:
        """See spool.waiting.depth."""
        found: Sequence[Depth] = await self._reader.ask(reads.depths)
        return found

    async def kept_octets(self, row_octets: int) -> Mapping[str, int]:
        """See spool.waiting.depth."""
        found: Mapping[str, int] = await self._reader.ask(lambda c: reads.kept_octets(c, row_octets))
        return found

    async def usage(self, since_at: float) -> Sequence[Usage]:
        """See spool.waiting.usage."""
        found: Sequence[Usage] = await self._reader.ask(lambda c: reads.usage(c, since_at))
        return found

    async def settled_since(self, at: float) -> Sequence[Usage]:
        """See spool.waiting.usage."""
        found: Sequence[Usage] = await self._reader.ask(lambda c: reads.settled_since(c, at))
        return found

    async def pairs_since(self, at: float) -> Sequence[PairUse]:
        """See spool.waiting.usage."""
        found: Sequence[PairUse] = await self._reader.ask(lambda c: reads.pairs_since(c, at))
        return found

    async def octets_since(self, at: float) -> Sequence[OctetUse]:
        """See spool.waiting.usage."""
        found: Sequence[OctetUse] = await self._reader.ask(lambda c: reads.octets_since(c, at))
        return found

    async def clients_since(self, at: float) -> Sequence[ClientUse]:
        """See spool.waiting.usage."""
        found: Sequence[ClientUse] = await self._reader.ask(lambda c: reads.clients_since(c, at))
        return found

    async def list(self, selection: Selection) -> list[MessageView]:
        """See spool.api.Spool."""
        views: list[MessageView] = await self._reader.ask(
            lambda c: reads.messages(c, reads.selected(c, selection), self._clock.now())
        )
        return views

    async def show(self, spool_id: SpoolId) -> MessageView | None:
        """See spool.api.Spool."""
        seq = seq_of(spool_id)
        view: MessageView | None = (
            await self._reader.ask(lambda c: reads.message(c, seq, self._clock.now()))
            if seq is not None
            else None
        )
        return view

    async def counts(self) -> Mapping[State, int]:
        """See spool.api.Spool."""
        return dict(await self._reader.ask(reads.counts))

    async def content(self, spool_id: SpoolId) -> Content | None:
        """See spool.api.Spool."""
        seq = seq_of(spool_id)
        row = await self._reader.ask(lambda c: reads.message_row(c, seq)) if seq is not None else None
        if row is None:
            return None
        content: Content | None = await self._reader.ask(lambda c: reads.content(c, row, self._outside))
        return content


class Reader:
    """A second connection in a thread of its own, so that questions neither block the loop nor wait for commits."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._thread = ThreadPoolExecutor(1, "relay365-spool-reader")
        self._connection: apsw.Connection | None = None

    async def ask(self, question: Callable[[apsw.Connection], Any]) -> Any:
        """The answer; raises SpoolError."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._ask, question)

    async def close(self) -> None:
        """End the thread, then the connection."""
        await asyncio.to_thread(self._thread.shutdown)
        if self._connection is not None:
            with contextlib.suppress(apsw.Error):
                self._connection.close()

    def _ask(self, question: Callable[[apsw.Connection], Any]) -> Any:
        """In the thread."""
        try:
            if self._connection is None:
                self._connection = connect(self._file)
            return question(self._connection)
        except apsw.Error as error:
            raise spool_error(error) from error
        except (UnicodeDecodeError, ValueError) as error:  # a state or a lane that is none any more
            raise SpoolCorrupt(f"a row cannot be read: {error}") from error
