"""How fast bulk goes when it is more than the day has left: evenly until its delivery window, or the day, ends.

Sent as fast as the minute allows, a newsletter empties the day's budget in the morning, and the gap comes back every
following morning, because the window slides (an echo). What fits into the day is not slowed down. Pure.
"""

from __future__ import annotations

DAY_S = 86_400.0
LEAST_S = 300.0


class BulkPace:
    """The pace of one lane. window: from and until in seconds of the local day, None: always."""

    def __init__(self, window: tuple[float, float] | None = None) -> None:
        self._window = window
        self._next_at = 0.0

    def is_open(self, second_of_day: float) -> bool:
        """Whether bulk may go at this time of the day."""
        if self._window is None:
            return True
        begin, end = self._window
        if begin <= end:
            return begin <= second_of_day < end
        return second_of_day >= begin or second_of_day < end

    def opens_in_s(self, second_of_day: float) -> float:
        """Seconds until bulk may go; 0.0 while it may."""
        if self._window is None or self.is_open(second_of_day):
            return 0.0
        return (self._window[0] - second_of_day) % DAY_S

    def left_s(self, second_of_day: float) -> float:
        """Seconds until the window ends; until midnight where there is none, but never less than LEAST_S."""
        end = DAY_S if self._window is None else self._window[1]
        return max(LEAST_S, (end - second_of_day) % DAY_S or DAY_S)

    def may_start(self, now: float) -> bool:
        """Whether the next one's time has come."""
        return now >= self._next_at

    def next_at(self, now: float) -> float:
        """When the next one's time comes; now, where it has."""
        return max(now, self._next_at)

    def started(self, recipients: int, waiting: int, spendable: int, left_s: float, now: float) -> None:
        """Bulk for so many recipients has started. waiting: those of bulk that wait; spendable: what it may have."""
        if waiting <= spendable or spendable <= 0:
            self._next_at = now
            return
        self._next_at = max(self._next_at, now - 60.0) + left_s * recipients / spendable
