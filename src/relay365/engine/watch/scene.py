"""Scene: everything that is looked at when somebody asks how the relay is; nothing here changes any of it.

What must be asked of the disk is kept for a while: a queue of millions takes a second to count, and a monitoring system
that asks too often must not cost the mail anything.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from relay365.clock import Clock
from relay365.engine.lane import Lane
from relay365.engine.listener import SessionCount
from relay365.errors import SpoolError
from relay365.spool.waiting.depth import Depth, Depths
from relay365.spool.waiting.freeze import Freeze
from relay365.spool.waiting.usage import Usage, UsageStore

COUNT_S = 10.0  # how long a count of the queue holds at least
COUNT_SHARE = 0.02  # of the time, for counting
ENDINGS_S = 3600.0
WRITE_S = 5.0  # how long a write that went well holds for readiness
PATIENCE_S = 2.0  # a spool that has not answered then does not write
PROOF = Usage("readyz", 0, "normal", 0, 0, 0)
"""A row of the past that nobody reads: writing it proves that the disk takes what is written."""


Numbers = Callable[[], Iterable[tuple[str, Iterable[tuple[tuple[str, ...], float]]]]]
"""What else is to be shown: (name of a family, (labels, value))."""


class End(NamedTuple):
    """What ends some day. of: the route or listener; at: epoch seconds; note: why it does not renew itself, or ""."""

    of: str
    what: str
    at: float
    note: str = ""


class Store(Depths, UsageStore, Protocol):
    """The part of the spool that is asked."""


@dataclass(slots=True)
class Sample:
    """What was last seen. counted_mono: when the queue was counted, -inf for never."""

    depths: Sequence[Depth] = ()
    counted_mono: float = float("-inf")
    took_s: float = 0.0
    ends: Sequence[End] = ()
    ends_mono: float = float("-inf")
    written_mono: float = float("-inf")
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """One per relay. endings blocks; is_listening says whether every listener does; data: where the queue is.

    devices: the names of the [[device]] tables. freeze: the one that holds now (engine.attempts.orders).
    """

    lanes: Mapping[str, Lane]
    sessions: SessionCount
    store: Store
    clock: Clock
    data: Path
    disk_floor_octets: int
    endings: Callable[[], Sequence[End]]
    is_listening: Callable[[], bool]
    is_stopping: Callable[[], bool]
    devices: tuple[str, ...] = ()
    freeze: Callable[[], Freeze | None] = lambda: None
    sample: Sample = field(default_factory=Sample)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget_ends(self) -> None:
        """What ends may be another now: it is read anew at the next look."""
        self.sample.ends_mono = float("-inf")

    async def look(self) -> Sample:
        """Count again what is too old; what the spool does not answer in time stays as it was."""
        async with self.busy:
            await self._count()
            mono, sample = self.clock.mono(), self.sample
            if mono - sample.ends_mono >= ENDINGS_S:
                sample.ends = await asyncio.to_thread(self.endings)
                sample.ends_mono = mono
            return sample

    async def _count(self) -> None:
        sample, began_mono = self.sample, self.clock.mono()
        if began_mono - sample.counted_mono < max(COUNT_S, sample.took_s / COUNT_SHARE):
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                sample.depths = await self.store.depths()
        except (SpoolError, TimeoutError):
            return
        sample.counted_mono = self.clock.mono()
        sample.took_s = sample.counted_mono - began_mono

    async def troubles(self) -> list[str]:
        """Why no mail should be given to this relay now; empty when all is well."""
        found = []
        if self.is_stopping():
            found.append("the service is stopping")
        elif not self.is_listening():
            found.append("a listener is not open")
        elif self.sessions.closed is not None:
            found.append("the relay drains: it takes no mail (relay365 drain)")
        trouble = await self.spool_trouble(WRITE_S)
        return [*found, *([trouble] if trouble else [])]

    async def spool_trouble(self, every_s: float) -> str:
        """Why no row can be written and synced, "" where it can; asked of the disk at most so often."""
        async with self.busy:
            if self.clock.mono() - self.sample.written_mono >= every_s:
                await self._try_to_write()
            return self.sample.trouble

    async def _try_to_write(self) -> None:
        sample = self.sample
        free = free_space(self.data)
        sample.trouble = ""
        if free is not None and free[0] < self.disk_floor_octets:
            sample.trouble = (
                f"the disk has {free[0]} octets free, [queue] disk_floor is {self.disk_floor_octets}"
            )
        else:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self.store.note_usage([PROOF])
            except TimeoutError:
                sample.trouble = f"the spool has not written for {PATIENCE_S:.0f} s"
            except SpoolError as error:
                sample.trouble = f"the spool does not write: {error}"
        sample.written_mono = self.clock.mono()


def free_space(folder: Path) -> tuple[int, int | None] | None:
    """(octets, inodes) that are free, None for inodes on Windows, which has none; None where nobody says."""
    try:
        if not hasattr(os, "statvfs"):
            return shutil.disk_usage(folder).free, None
        facts = os.statvfs(folder)
    except OSError:
        return None
    return facts.f_bavail * facts.f_frsize, facts.f_favail
