"""Shares: how much of the disk one client's mail may take, so that one that loops leaves room for the others.

The room for mail is what is free above the floor and what mail takes already; of it nobody has more than a share. What
each client's mail takes is asked of the store now and then, and only where the disk is so full, and the spool so large,
that it can matter, for the store reads all that waits; what is accepted in between is counted here. A client over its
share hears 452 and is taken again as its mail goes out.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from relay365.clock import Clock
from relay365.errors import SpoolError
from relay365.mail.envelope import SubmitterFacts
from relay365.spool.waiting.heads import flow_of

LOOK_S = (
    5.0  # sooner where a client has taken an eighth of a share since, or was refused: there may be room again
)
SOONEST_S = 0.2
LOOK_SHARE = 0.05  # of the time, for asking the store: it reads all that waits
ROW_OCTETS = 1024  # what a message takes beside its content; measured 730, and each try writes some more


class Store(Protocol):
    """What is asked of the spool."""

    async def kept_octets(self, row_octets: int) -> Mapping[str, int]:
        """See spool.waiting.depth.Depths."""
        ...


class Shares:
    """One for all listeners. share: of the room for mail, 0 to 1; 1 is no limit."""

    def __init__(self, share: float = 1.0) -> None:
        self.share = share
        self._room_octets: float | None = None  # nobody has looked yet
        self._kept: Mapping[str, int] = {}
        self._taken: Counter[str] = Counter()
        self._is_wanted = asyncio.Event()

    def has_room(self, facts: SubmitterFacts, n_octets: int = 0) -> bool:
        """Whether a client may send one message more, of so many octets where it has said."""
        if self._room_octets is None or self.share >= 1.0:
            return True
        client = flow_of(facts).client
        has_room = self._kept.get(client, 0) + self._taken[client] + n_octets < self.share * self._room_octets
        if not has_room:
            self._is_wanted.set()
        return has_room

    def took(self, facts: SubmitterFacts, n_octets: int) -> None:
        """A message of a client was accepted."""
        if self.share < 1.0:
            client = flow_of(facts).client
            self._taken[client] += n_octets + ROW_OCTETS
            if self._room_octets is not None and 8 * self._taken[client] > self.share * self._room_octets:
                self._is_wanted.set()

    async def run(self, data: Path, floor_octets: int, store: Store, clock: Clock) -> None:
        """Look again and again, until cancelled."""
        while True:
            began_mono = clock.mono()
            await self.look(data, floor_octets, store)
            await asyncio.sleep(max(SOONEST_S, (clock.mono() - began_mono) / LOOK_SHARE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_wanted.wait(), LOOK_S)
            self._is_wanted.clear()

    async def look(self, data: Path, floor_octets: int, store: Store) -> None:
        """How much room there is now, and who has how much of it; what cannot be asked stays as it was."""
        if self.share >= 1.0:
            return
        try:
            disk = await asyncio.to_thread(shutil.disk_usage, data)
            free, used = max(0, disk.free - floor_octets), disk.total - disk.free
            if not self._is_roomy(free, used):  # others may have filled it
                used = min(used, await asyncio.to_thread(_octets_in, data))
        except OSError:
            return
        if self._is_roomy(free, used):
            self._follow(free / 2, {}, self._taken)
            return
        before = self._taken.copy()
        try:
            kept = await store.kept_octets(ROW_OCTETS)
        except SpoolError:
            return
        self._follow(free + sum(kept.values()), kept, before)

    def _is_roomy(self, free: int, used: int) -> bool:
        """Whether a client whose mail were all of the spool would still have half of its share of the free room."""
        return (1.0 - self.share) * used <= self.share * free / 2

    def _follow(self, room_octets: float, kept: Mapping[str, int], counted: Counter[str]) -> None:
        self._room_octets, self._kept = room_octets, kept
        self._taken -= counted


def _octets_in(data: Path) -> int:
    """What the spool's files have: no client's mail is more. Raises OSError."""
    n_octets = 0
    for folder, _, names in os.walk(data):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a content that went out meanwhile
                n_octets += os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118 - many files
    return n_octets
