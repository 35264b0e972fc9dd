"""Twins: messages that came a short while ago, so that one that is sent again is recognised (RFC 5321 4.5.3.2.6).

A device that gave up waiting for the 250 sends the same content once more, on a connection of its own, perhaps while
the first is still being committed: then the second waits for the first. In memory only: a restart forgets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from relay365.mail.envelope import SpoolId

MOST = 100_000  # the oldest is forgotten first


@dataclass(slots=True)
class First:
    """The message that came first. spool_id: set when it is durable, None when it was not accepted."""

    until_at: float
    spool_id: SpoolId | None = None
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class Twins:
    """window_s: how long a message is remembered, from its commit."""

    def __init__(self, window_s: float, most: int = MOST) -> None:
        self._window_s, self._most = window_s, most
        self._known: dict[bytes, First] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def id_of(self, fingerprint: bytes, now: float) -> SpoolId | None:
        """The id under which the same message was accepted; waits while that is being decided. None: it is new."""
        while (first := self._known.get(fingerprint)) is not None:
            await first.decided.wait()
            if first.spool_id is not None and now < first.until_at:
                return first.spool_id
            if self._known.get(fingerprint) is first:
                del self._known[fingerprint]
        return None

    @asynccontextmanager
    async def first(self, fingerprint: bytes, now: float) -> AsyncIterator[First]:
        """The commit of a new message: whoever accepts it sets spool_id; without one it is forgotten again."""
        first = self._known[fingerprint] = First(now + self._window_s)
        self._forget_old(now)
        try:
            yield first
        finally:
            first.decided.set()
            if first.spool_id is None and self._known.get(fingerprint) is first:
                del self._known[fingerprint]

    def _forget_old(self, now: float) -> None:
        """The oldest stand first."""
        for fingerprint, one in list(self._known.items())[:8]:
            if one.decided.is_set() and (one.until_at <= now or len(self._known) > self._most):
                del self._known[fingerprint]
