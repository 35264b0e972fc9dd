"""All token sources of a running relay: kept fresh, their breakers shared, and their ends foretold.

Apart from the routes, because a token must be fresh and a certificate's end be said also while no mail goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from relay365.clock import Clock, SystemClock
from relay365.errors import ConfigError
from relay365.routes.identity.expiry import Ending, Warnings
from relay365.routes.identity.source import Breaker, TokenSource

LOOK_S = 60.0
LOOKS_PER_ENDINGS = 60  # certificates are read once an hour

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """One source. ending blocks and raises ConfigError; a key that lapses without use is used without mail too."""

    source: TokenSource
    ending: Callable[[], Ending | None]
    lapses: bool = False


@dataclass(slots=True)
class Keyring:
    """See the module. Sources are added while the routes are built; run() looks after them."""

    clock: Clock = field(default_factory=SystemClock)
    keys: list[Key] = field(default_factory=list)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _warnings: Warnings = field(default_factory=Warnings)

    def breaker_of(self, credential: str) -> Breaker:
        """The one breaker of a credential; credential says which without showing it."""
        return self._breakers.setdefault(credential, Breaker())

    def part(self) -> Keyring:
        """An empty one with the same breakers: for the keys of one route, which may be gone some day."""
        return Keyring(self.clock, [], self._breakers, self._warnings)

    async def run(self) -> None:
        """Look after all of them until cancelled."""
        n_looks = 0
        while True:
            self.refresh()
            if n_looks % LOOKS_PER_ENDINGS == 0:
                self.warn(await asyncio.to_thread(self.endings))
            n_looks += 1
            await asyncio.sleep(LOOK_S)

    def refresh(self) -> None:
        """Begin to fetch newer tokens where they near their end. Needs a running loop."""
        for key in self.keys:
            key.source.refresh_if_due(even_unused=key.lapses)

    def endings(self) -> list[tuple[str, Ending]]:
        """(route, what ends and when), the nearest first. Blocks. What cannot be read is told when it is used."""
        found = []
        for key in self.keys:
            try:
                ending = key.ending()
            except ConfigError:
                continue
            if ending is not None:
                found.append((key.source.label, ending))
        return sorted(found, key=lambda pair: pair[1].at)

    def warn(self, endings: list[tuple[str, Ending]]) -> None:
        """Say each that reaches a stage, once."""
        now = self.clock.now()
        for route, ending in endings:
            if self._warnings.is_due(ending, now):
                days = ending.days_left(now)
                _LOG.warning("credential.ends-soon route=%s what=%s days=%d", route, ending.what, days)
