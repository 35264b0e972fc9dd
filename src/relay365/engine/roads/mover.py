"""Mover: what takes mail from one lane to another has in common: where mail lies, who chooses, and the move itself.

Apart from those who move, because each of them has a reason of its own: a lane that is shut (diverter), or a way that
the configuration does not have any more (rerouting).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from relay365.clock import Clock
from relay365.engine.lane import Lane
from relay365.engine.roads.chooser import Chooser
from relay365.mail.envelope import SpoolId
from relay365.spool.api import Spool

Moves = Mapping[str, Sequence[tuple[SpoolId, int]]]
"""By the lane that they go to."""


@dataclass(eq=False)
class Mover:
    """lanes: the scheduler's. moved is called with a lane that has got mail."""

    spool: Spool
    chooser: Chooser
    lanes: Mapping[str, Lane]
    clock: Clock
    moved: Callable[[str], None]

    async def move(self, lane: str, moves: Moves, reason: str) -> int:
        """Take recipients out of a lane; gives their number. Raises SpoolError."""
        n_moved = 0
        for target, which in moves.items():
            n = await self.spool.redirect(which, target, now=self.clock.now(), reason=reason)
            self.tell(lane, n, target)
            n_moved += n
            self.moved(target)
        return n_moved

    def tell(self, lane: str, n: int, target: str) -> None:
        """Write into the log that so many recipients went from a lane to the target."""
        raise NotImplementedError
