"""Twins: messages that came a short while ago, so that one that is sent again is recognised (RFC 5321 4.5.3.2.6).

A device that gave up waiting for the 250 sends the same content once more, on a connection of its own, perhaps while
the first is still being committed: then the second waits for the first. A diary (its neighbour) outlives a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from relay365.engine.contents.diary import Diary, Entry
from relay365.mail.envelope import SpoolId

_LOG = logging.getLogger("relay365.session")

MOST = 100_000  # the oldest is forgotten first


@dataclass(slots=True)
class First:
    """The message that came first. spool_id: set when it is durable, None when it was not accepted."""

    until_at: float
    spool_id: SpoolId | None = None
    decided: asyncio.Event = field(default_factory=asyncio.Event)


class Twins:
    """window_s: how long a message is remembered, from its commit. diary: where, beside memory; None: nowhere."""

    def __init__(self, window_s: float, most: int = MOST, diary: Diary | None = None) -> None:
        self._window_s, self._most, self._diary = window_s, most, diary
        self._known: dict[bytes, First] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def recall(self, now: float) -> None:
        """Before the first session: know what an earlier run knew, as far as it still counts."""
        if self._diary is None:
            return
        try:
            entries = await asyncio.to_thread(self._diary.read, now)
            await asyncio.to_thread(self._diary.write, entries)
        except OSError as error:
            _LOG.warning("twins.not-kept reason=%s", error)
            return
        for one in entries:
            first = self._known[one.fingerprint] = First(
                min(one.until_at, now + self._window_s), one.spool_id
            )
            first.decided.set()

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
        if first.spool_id is not None:
            await self._keep(Entry(fingerprint, first.spool_id, first.until_at), now)

    async def _keep(self, entry: Entry, now: float) -> None:
        """The message is durable already: a disk that refuses this note takes nothing back."""
        if self._diary is not None:
            try:
                await asyncio.to_thread(self._diary.add, entry, now)
            except OSError as error:
                _LOG.warning("twins.not-kept reason=%s", error)

    def _forget_old(self, now: float) -> None:
        """The oldest stand first."""
        for fingerprint, one in list(self._known.items())[:8]:
            if one.decided.is_set() and (one.until_at <= now or len(self._known) > self._most):
                del self._known[fingerprint]
