"""One content on its way in: kept in memory while it is small, streamed into a segment of its own when it is large.

Streams have a thread of their own: the sync of a large content takes long, and no other commit waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

from relay365.errors import SpoolError
from relay365.mail.envelope import SpoolId
from relay365.spool.api import Claim, NewMessage
from relay365.spool.faults import crash_point, spool_error
from relay365.spool.ids import spool_id_of
from relay365.spool.segment import OwnSegment, SegmentFolder

# Above it a content in SQLite halves the rate (measured at 100 KB); at 2 KB it costs little.
INLINE_OCTETS = 32 * 1024
STREAM_OCTETS = 1024 * 1024
PENDING_OCTETS = 1024 * 1024  # more than this on its way to the disk: the reader must pause
_BLOCK_OCTETS = 256 * 1024

_T = TypeVar("_T")


class StoredContent:
    """What an intake hands to the commit: octets to be placed, or a sealed segment of its own."""

    __slots__ = ("octets", "own", "size_octets")

    def __init__(self, octets: bytes | None, own: OwnSegment | None, size_octets: int) -> None:
        self.octets, self.own, self.size_octets = octets, own, size_octets

    def crc(self) -> int:
        """Its checksum, made where the writer asks: over 5 KB and more zlib gives the interpreter lock away.

        The loop would then wait until somebody gives it back.
        """
        return self.own.crc if self.own is not None else zlib.crc32(self.octets or b"")


class SqliteIntake:
    """See spool.api.Intake. Becomes done once, by commit() or abandon()."""

    def __init__(
        self,
        seq: int,
        stream_to: Callable[[int], ContentStream],
        store: Callable[[int, NewMessage, StoredContent], Coroutine[Any, Any, Claim | None]],
    ) -> None:
        self.spool_id: SpoolId = spool_id_of(seq)
        self.size_octets = 0
        self._seq, self._stream_to, self._store = seq, stream_to, store
        self._blocks: list[bytes] = []
        self._n_buffered = 0
        self._stream: ContentStream | None = None
        self._done = False

    def write(self, block: bytes) -> bool:
        """See spool.api.Intake."""
        self.size_octets += len(block)
        self._blocks.append(block)
        self._n_buffered += len(block)
        if self._stream is None:
            if self._n_buffered <= STREAM_OCTETS:
                return True
            self._stream = self._stream_to(self._seq)
        if self._n_buffered >= _BLOCK_OCTETS:
            self._stream.write(self._buffered())
        return self._stream.n_pending <= PENDING_OCTETS

    def _buffered(self) -> bytes:
        octets = b"".join(self._blocks)
        self._blocks.clear()
        self._n_buffered = 0
        return octets

    async def drained(self) -> None:
        """See spool.api.Intake."""
        if self._stream is not None:
            await self._stream.drained()

    def commit(self, message: NewMessage) -> Coroutine[Any, Any, Claim | None]:
        """See spool.api.Intake."""
        self._done = True
        rest, stream = self._buffered(), self._stream
        if stream is not None:
            return self._commit_stream(message, stream, rest)
        return self._store(self._seq, message, StoredContent(rest, None, len(rest)))

    async def _commit_stream(self, message: NewMessage, stream: ContentStream, rest: bytes) -> Claim | None:
        try:
            stream.write(rest)
            own = await stream.sealed()
        except BaseException:  # a cancellation, too: no row can name the segment yet
            stream.remove()
            raise
        try:
            return await self._store(self._seq, message, StoredContent(None, own, own.size))
        except SpoolError:
            stream.remove()
            raise

    def abandon(self) -> None:
        """See spool.api.Intake."""
        if not self._done:
            self._done = True
            self._blocks.clear()
            if self._stream is not None:
                self._stream.remove()


class ContentStream:
    """A segment of its own on its way to the disk, in a thread of one worker, so in order.

    The first failure is kept and told by drained() and sealed().
    """

    def __init__(self, seq: int, segments: SegmentFolder, thread: Executor) -> None:
        self.n_pending = 0
        self._seq, self._segments, self._thread = seq, segments, thread
        self._own: OwnSegment | None = None
        self._error: SpoolError | None = None

    def write(self, octets: bytes) -> None:
        """Send a block on its way."""
        self.n_pending += len(octets)
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, self._write, octets)
        future.add_done_callback(lambda _: self._written(len(octets)))

    def _written(self, n_octets: int) -> None:
        self.n_pending -= n_octets

    async def drained(self) -> None:
        """Wait until what was sent is written. Raises SpoolError."""
        await self._behind_the_rest(self._raise_error)

    async def sealed(self) -> OwnSegment:
        """Finish the segment and make it durable. Raises SpoolError."""
        return await self._behind_the_rest(self._seal)

    def remove(self) -> None:
        """Forget everything; what the thread cannot remove any more, the next start does."""
        with contextlib.suppress(RuntimeError):
            self._thread.submit(self._remove)

    async def _behind_the_rest(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # -- in the thread -----------------------------------------------------------------------------

    def _write(self, octets: bytes) -> None:
        try:
            if self._error is None:
                if self._own is None:
                    self._own = self._segments.own(self._seq)
                self._own.write(octets)
                crash_point("stream-writing")
        except OSError as error:
            self._error = spool_error(error)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _seal(self) -> OwnSegment:
        self._raise_error()
        if self._own is None:
            raise SpoolError("nothing was written")
        try:
            self._own.seal()
        except OSError as error:
            raise spool_error(error) from error
        crash_point("stream-sealed")
        return self._own

    def _remove(self) -> None:
        if self._own is not None:
            self._own.remove()
            self._own = None
