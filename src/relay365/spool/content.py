"""Contents as claims hand them out: in memory, or read from a segment off the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

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
    """A content that lies in a segment; checked against its CRC while it is read."""

    def __init__(self, segments: SegmentFolder, name: str, offset: int, size_octets: int, crc: int) -> None:
        self.size_octets = size_octets
        self._segments, self._place = segments, (name, offset, size_octets, crc)

    def octets(self) -> bytes | None:
        """See mail.content.Content."""
        return None

    async def blocks(self) -> AsyncIterator[bytes]:
        """See mail.content.Content."""
        await asyncio.to_thread(
            self._segments.verify, *self._place
        )  # damage must show before anything is sent
        blocks = self._segments.read(*self._place)
        while (block := await asyncio.to_thread(_next, blocks)) is not None:
            yield block


def _next(blocks: Iterator[bytes]) -> bytes | None:
    return next(blocks, None)
