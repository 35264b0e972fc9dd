"""Contents as claims hand them out: in memory, or read from a segment off the loop; and where a content is found."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from relay365.errors import SpoolCorrupt, SpoolError
from relay365.spool.segment import SegmentFolder


class MemoryContent:
    """A content that is in memory."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.size_octets = len(octets)

    def octets(self) -> bytes | None:
        """See mail.content.Content."""
        return self._octets

    async def blocks(self) -> AsyncIterator[bytes]:
        """See mail.content.Content."""
        yield self._octets


class SegmentContent:
    """A content that lies in a segment; checked against its CRC before its first block is given.

    place is (name, offset, size in octets, crc); damaged is told what is wrong with it, once, before SpoolCorrupt
    is raised, so that the message is held however the caller takes the error.
    """

    def __init__(
        self,
        segments: SegmentFolder,
        place: tuple[str, int, int, int],
        damaged: Callable[[str], Awaitable[None]],
    ) -> None:
        self.size_octets = place[2]
        self._segments, self._place, self._damaged = segments, place, damaged

    def octets(self) -> bytes | None:
        """See mail.content.Content."""
        return None

    async def blocks(self) -> AsyncIterator[bytes]:
        """See mail.content.Content."""
        try:
            # Damage must show before anything is sent, hence the second reading.
            await asyncio.to_thread(self._segments.verify, *self._place)
            blocks = self._segments.read(*self._place)
            while (block := await asyncio.to_thread(_next, blocks)) is not None:
                yield block
        except SpoolCorrupt as damage:
            with contextlib.suppress(SpoolError):
                await self._damaged(str(damage))
            raise


def _next(blocks: Iterator[bytes]) -> bytes | None:
    return next(blocks, None)


class HotContents:
    """Contents kept in memory between accept and the first claim; when it is full, the oldest go.

    Filled by the loop, emptied by the writer thread.
    """

    def __init__(self, limit_octets: int) -> None:
        self._limit = limit_octets
        self._octets: dict[int, bytes] = {}
        self._n_octets = 0
        self._lock = threading.Lock()

    def keep(self, seq: int, octets: bytes) -> None:
        """Remember a content that is durable already."""
        with self._lock:
            self._octets[seq] = octets
            self._n_octets += len(octets)
            while self._n_octets > self._limit:
                oldest = next(iter(self._octets))
                self._n_octets -= len(self._octets.pop(oldest))

    def take(self, seq: int) -> bytes | None:
        """Hand a content over, and forget it."""
        with self._lock:
            octets = self._octets.pop(seq, None)
            self._n_octets -= len(octets) if octets is not None else 0
        return octets
