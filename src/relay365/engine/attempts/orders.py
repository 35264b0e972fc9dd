"""Orders: what a person says to the running service by the command line, beside it: try again now, or deliver nothing.

Apart from a lane's health, which is learnt from remotes: these hold for all lanes. `queue retry` and `release` count
up in the spool, `queue freeze` leaves an order in the data directory (spool.waiting.freeze); both are looked for once
a second.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from datetime import UTC, datetime
from pathlib import Path

from relay365.clock import Clock
from relay365.spool.api import Spool
from relay365.spool.waiting.freeze import Freeze, look_for_freeze

_LOG = logging.getLogger("relay365.scheduler")

_PASSING = (errno.EMFILE, errno.ENFILE)  # too many open files: a crowd, which says nothing of the order
TICK_S = 1.0  # how soon a change made by the command line in the same data directory is seen


class Orders:
    """One per relay. data: where a freeze lies; None: nobody can order one."""

    def __init__(self, spool: Spool, clock: Clock, data: Path | None = None) -> None:
        """It looks for a freeze at once, so that a relay that starts within one delivers nothing."""
        self._spool, self._clock, self._data = spool, clock, data
        self._unread = ""  # why the last look saw nothing
        self._freeze = self._look(None) if data is not None else None
        self._n_hastened: int | None = None
        self._hear_at = 0.0
        self._say(None)

    @property
    def is_frozen(self) -> bool:
        """Whether nothing may start now; it ends with its time, although nobody has looked."""
        return self.freeze is not None

    @property
    def freeze(self) -> Freeze | None:
        """The freeze that holds now."""
        order = self._freeze
        return order if order is not None and self._clock.now() < order.until_at else None

    async def hear(self, *, at_once: bool = False) -> bool:
        """Look, at most once a second unless at once; gives whether somebody wants a try now. Raises SpoolError."""
        mono = self._clock.mono()
        if mono < self._hear_at and not at_once:
            return False
        self._hear_at = mono + TICK_S
        if self._data is not None:
            before = self._freeze
            self._freeze = await asyncio.to_thread(self._look, before)
            if before != self._freeze:
                self._say(before)
        n_before, self._n_hastened = self._n_hastened, await self._spool.n_hastened()
        return n_before is not None and n_before != self._n_hastened

    def _look(self, before: Freeze | None) -> Freeze | None:
        """The order that holds now. Where nobody can say, what held before holds on, until its end."""
        try:
            found = look_for_freeze(self._data, self._clock.now()) if self._data is not None else None
        except OSError as error:
            if self._unread != str(error) and error.errno not in _PASSING:
                self._unread = str(error)
                _LOG.error("service.freeze-unread frozen=%s reason=%s", before is not None, error)
            return before if before is not None and self._clock.now() < before.until_at else None
        self._unread = ""
        return found

    def _say(self, before: Freeze | None) -> None:
        order = self._freeze
        if order is not None:
            until = datetime.fromtimestamp(order.until_at, UTC).isoformat(timespec="seconds")
            reason = order.reason or "none given"
            _LOG.warning("service.frozen until=%s by=%s reason=%s", until, order.by, reason)
        elif before is not None:
            is_over = self._clock.now() >= before.until_at
            _LOG.warning("service.thawed by=%s", "its own end" if is_over else "a person")
