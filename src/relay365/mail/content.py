"""Content: the mail data of one accepted message, readable more than once, wherever it is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol


class Content(Protocol):
    """A stored content. Octets are CRLF lines, unstuffed and normalised."""

    size_octets: int

    def octets(self) -> bytes | None:
        """The whole content where it is in memory already (small contents always are), else None."""
        ...

    def blocks(self) -> AsyncIterator[bytes]:
        """The content in blocks of at most 256 KiB, read off the loop; raises SpoolCorrupt."""
        ...
