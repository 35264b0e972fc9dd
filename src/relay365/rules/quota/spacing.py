"""Spacing: the last places of a short window are left one by one, so that an alarm never waits long for one.

Mail that takes a window's places in a burst gets them back in a burst: an alarm that comes behind it finds none for the
rest of the minute. Places that are taken evenly come back evenly; then none need be kept free, because the next one is
near. So of the last few places, free or coming back, mail that is no alarm takes one only where those behind it come
soon enough. The window is still used to the full: what waits is a place's turn, not a place. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 1.2  # times the mean: the longest pause between two places that come back; decision 0008 has others
MOST_KEPT = 3  # places that are left one by one


@dataclass(frozen=True, slots=True)
class Spacing:
    """Of one window. kept: how many places are left one by one. gap_s: the longest pause until the next one."""

    kept: int
    gap_s: float

    @classmethod
    def of(cls, places: int, window_s: float) -> Spacing:
        """For so many places in a window of so many seconds; of a single place none can be left."""
        return cls(min(MOST_KEPT, -(-places // 10)) if places > 1 else 0, GAP * window_s / places)

    def n_may_start(self, n_free: int, returns: Sequence[float], now: float) -> int:
        """How many of the free places others than alarms may take now.

        returns: the next `kept` instants or more at which a place comes back, in order; what is on its way is in none.
        """
        left = n_free
        while left and (left > self.kept or self._turn_at(left, returns) <= now):
            left -= 1
        return n_free - left

    def opens_at(self, n_free: int, returns: Sequence[float], now: float) -> float | None:
        """When others than alarms may take one, now or by time alone; None where that waits for a completion.

        returns: as in n_may_start, but one more.
        """
        for n_back in range(len(returns) + 1):
            free = n_free + n_back
            here = returns[n_back - 1] if n_back else now
            if free > self.kept:
                return here
            turn = max(here, self._turn_at(free, returns[n_back:])) if free else NEVER
            if turn < (returns[n_back] if n_back < len(returns) else NEVER):
                return turn
        return None

    def _turn_at(self, n_free: int, returns: Sequence[float]) -> float:
        """From when on one of so many free places may be taken: the others last until those behind them are back."""
        behind = self.kept + 1 - n_free
        if len(returns) < behind:
            return NEVER
        return max(at - (n_free + n) * self.gap_s for n, at in enumerate(returns[:behind]))


NEVER = float("inf")
