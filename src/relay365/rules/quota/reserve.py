"""How much of a day's recipients bulk leaves to alarms and normal mail.

What they are expected to need until the budget comes back, hour by hour: of the same hour of the same weekday in
earlier weeks nearly the most that was ever used (95th percentile), and 15 % more. Too little history: a fixed share of
the day. The window slides, so what was used in the past hours comes back in the same hours of tomorrow. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

HOUR_S, HOURS_OF_WEEK = 3_600.0, 168
PERCENTILE, MARGIN = 0.95, 1.15
FIRST_SHARE = 0.4  # of the day, until there is history
WEEKS = 5  # of history that counts
ENOUGH_WEEKS = 2


class Reserve:
    """One mailbox's reserve. configured: recipients a day that a person keeps from bulk, None: learn."""

    def __init__(self, limit: int, configured: int | None = None) -> None:
        self._limit = limit
        self._per_hour = [(limit * FIRST_SHARE if configured is None else configured) / 24.0] * HOURS_OF_WEEK
        self._learns = configured is None
        self.is_learnt = False

    def learn(self, slices: Iterable[tuple[float, int]], now: float) -> None:
        """slices: (begin, recipients of alarms and normal mail) of the last WEEKS weeks. Instants in epoch seconds."""
        if not self._learns:
            return
        weeks: dict[tuple[int, int], int] = {}  # (hour of the week, weeks ago) to recipients
        first_at = now
        for at, recipients in slices:
            first_at = min(first_at, at)
            weeks_ago = int((now - at) // (HOURS_OF_WEEK * HOUR_S))
            hour = _hour(at)
            weeks[hour, weeks_ago] = weeks.get((hour, weeks_ago), 0) + recipients
        n_weeks = min(WEEKS, int((now - first_at) // (HOURS_OF_WEEK * HOUR_S)))
        if n_weeks < ENOUGH_WEEKS:
            return
        for hour in range(HOURS_OF_WEEK):
            seen = [weeks.get((hour, ago), 0) for ago in range(n_weeks)]
            self._per_hour[hour] = _percentile(seen) * MARGIN
        self.is_learnt = True

    def expected(self, now: float, hours: int) -> float:
        """Recipients of alarms and normal mail in the next hours; now in epoch seconds."""
        return sum(self._per_hour[(_hour(now) + n) % HOURS_OF_WEEK] for n in range(hours))

    def kept(self, now: float, returns: Sequence[int]) -> int:
        """What bulk must leave now, at most the limit.

        returns: recipients of the budget that come back in each of the next 24 hours, by what leaves the window.
        """
        needed = worst = 0.0
        for n, back in enumerate(returns):
            needed += self._per_hour[(_hour(now) + n) % HOURS_OF_WEEK]
            worst = max(worst, needed)
            needed -= back
        return min(self._limit, round(worst))


def _hour(at: float) -> int:
    """The hour of the week, in UTC: which one does not matter, as long as it is the same each week."""
    return int(at // HOUR_S) % HOURS_OF_WEEK


def _percentile(seen: Sequence[int]) -> float:
    in_order = sorted(seen)
    return float(in_order[min(len(in_order) - 1, int(len(in_order) * PERCENTILE))])
