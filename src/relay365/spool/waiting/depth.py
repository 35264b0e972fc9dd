"""Depth: how much waits where and since when, for whoever watches the queue from outside.

Apart from heads, which decide what goes next: nothing on a message's way waits for this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Depth(NamedTuple):
    """What waits in one lane, of one state (queued or held) and priority. oldest_at: when accepted, epoch seconds."""

    lane: str
    state: str
    priority: str
    recipients: int
    oldest_at: float


class Depths(Protocol):
    """See the module."""

    async def depths(self) -> Sequence[Depth]:
        """One for each lane, state and priority that has recipients.

        It reads the whole queue in an index, a second for some millions: ask rarely, and less often where that takes
        long. Raises SpoolError.
        """
        ...

    async def kept_octets(self, row_octets: int) -> Mapping[str, int]:
        """What each client's mail takes, by the client of its flow: whatever is not delivered, dead letters included.

        row_octets: what a message takes beside its content. As costly as depths(). Raises SpoolError.
        """
        ...
