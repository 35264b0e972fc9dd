"""One content on its way in: kept in memory while it is small, streamed into a segment of its own when it is large."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable

from relay365.errors import SpoolError
from relay365.mail.envelope import SpoolId
from relay365.spool.api import NewMessage
from relay365.spool.segment import OwnSegment, SegmentFolder
from relay365.spool.writer import Writer, spool_error

INLINE_OCTETS = (
    32 * 1024
)  # above it a content in SQLite halves the rate (measured at 100 KB), at 2 KB it costs little
STREAM_OCTETS = 1024 * 1024
PENDING_OCTETS = 1024 * 1024  # more than this on its way to the disk: the reader must pause


class StoredContent:
    """What an intake hands to the commit: inline octets, octets for a shared segment, or a segment of its own."""

    __slots__ = ("crc", "octets", "own", "size_octets")

    def __init__(self, octets: bytes | None, own: OwnSegment | None, size_octets: int, crc: int) -> None:
        self.octets, self.own, self.size_octets, self.crc = octets, own, size_octets, crc


class SqliteIntake:
    """See spool.api.Intake."""

    def __init__(
        self,
        seq: int,
        spool_id: SpoolId,
        writer: Writer,
        store: Callable[[int, NewMessage, StoredContent], Awaitable[None]],
    ) -> None:
        self.spool_id = spool_id
        self.size_octets = 0
        self._seq, self._writer, self._store = seq, writer, store
        self._blocks: list[bytes] = []
        self._buffered = 0
        self._stream: _Stream | None = None
        self._done = False

    def write(self, block: bytes) -> bool:
        """See spool.api.Intake."""
        self.size_octets += len(block)
        self._blocks.append(block)
        self._buffered += len(block)
        if self._stream is None and self._buffered <= STREAM_OCTETS:
            return True
        if self._stream is None:
            self._stream = _Stream(self._seq, self._writer)
        if self._buffered >= PENDING_OCTETS // 4:
            self._stream.write(b"".join(self._blocks))
            self._blocks.clear()
            self._buffered = 0
        return self._stream.n_pending <= PENDING_OCTETS

    async def drained(self) -> None:
        """See spool.api.Intake."""
        if self._stream is not None:
            await self._stream.drained()

    async def commit(self, message: NewMessage) -> None:
        """See spool.api.Intake."""
        rest = b"".join(self._blocks)
        self._blocks.clear()
        self._done = True
        if self._stream is None:
            await self._store(self._seq, message, StoredContent(rest, None, len(rest), zlib.crc32(rest)))
            return
        self._stream.write(rest)
        try:
            own = await self._stream.finished()
            await self._store(self._seq, message, StoredContent(None, own, own.size, own.crc))
        except SpoolError:
            self._stream.remove()
            raise

    def abandon(self) -> None:
        """See spool.api.Intake."""
        self._blocks.clear()
        if not self._done:
            self._done = True
            if self._stream is not None:
                self._stream.remove()


class _Stream:
    """A segment of its own, written by the writer thread block by block. The first failure is kept and told."""

    def __init__(self, seq: int, writer: Writer) -> None:
        self.n_pending = 0
        self._seq, self._writer = seq, writer
        self._segments: SegmentFolder = writer.segments
        self._own: OwnSegment | None = None
        self._error: SpoolError | None = None
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None

    def write(self, octets: bytes) -> None:
        self.n_pending += len(octets)
        self._writer.run_aside(lambda: self._write(octets))

    async def drained(self) -> None:
        while self.n_pending > PENDING_OCTETS // 2 and self._error is None:
            await self._moved()
        if self._error is not None:
            raise self._error

    async def finished(self) -> OwnSegment:
        while self.n_pending and self._error is None:
            await self._moved()
        if self._error is not None or self._own is None:
            raise self._error or SpoolError("nothing was written")
        return self._own

    def remove(self) -> None:
        self._writer.run_aside(self._remove)

    async def _moved(self) -> None:
        self._waiter = self._loop.create_future()
        await self._waiter

    def _write(self, octets: bytes) -> None:
        """In the writer thread."""
        error: SpoolError | None = None
        try:
            if self._error is None:
                if self._own is None:
                    self._own = self._segments.own(self._seq)
                self._own.write(octets)
        except OSError as fault:
            error = spool_error(fault)
        self._loop.call_soon_threadsafe(self._written, len(octets), error)

    def _written(self, n_octets: int, error: SpoolError | None) -> None:
        self.n_pending -= n_octets
        self._error = self._error or error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _remove(self) -> None:
        """In the writer thread."""
        if self._own is not None:
            self._own.close()
            self._segments.remove(self._own.name)
            self._own = None
