"""The watchman: looks after all watches, each in its time, and speaks for those that cannot look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from relay365.clock import Clock
from relay365.engine.fates.watch import Watch
from relay365.errors import SpoolError
from relay365.routes.tracing.asking import AskLater

_LOG = logging.getLogger("relay365.fates")

LOOK_S = 5.0
LEAST_S = 1.0
SPOOL_S = 30.0


class Watchman:
    """run() until it is cancelled. Without watches it sleeps."""

    def __init__(self, watches: Sequence[Watch], clock: Clock) -> None:
        self._watches, self._clock = watches, clock
        self._due_mono = {watch.name: clock.mono() for watch in watches}
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        """Rounds until cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(LOOK_S)

    async def round(self) -> None:
        """Every watch whose time has come."""
        for watch in self._watches:
            if self._clock.mono() >= self._due_mono[watch.name]:
                self._due_mono[watch.name] = self._clock.mono() + await self._wait_after(watch)

    async def _wait_after(self, watch: Watch) -> float:
        """Look once; gives the seconds until the next time."""
        try:
            await watch.look()
        except AskLater as later:
            self._say(watch.name, later)
            return max(later.wait_s, LEAST_S)
        except SpoolError as error:
            _LOG.info("fates.waits what=%r reason=%s", watch.name, error)
            return SPOOL_S
        if self._said.pop(watch.name, ""):
            _LOG.info("fates.go-on what=%r", watch.name)
        return watch.round_s

    def _say(self, name: str, later: AskLater) -> None:
        """What heals it is said once until it is healed; what passes by itself, each time in the log's small print."""
        if not later.do:
            _LOG.info("fates.waits what=%r reason=%s", name, later.why)
        elif self._said.get(name) != later.do:
            self._said[name] = later.do
            _LOG.error("fates.not-allowed what=%r reason=%r do=%r", name, later.why, later.do)
