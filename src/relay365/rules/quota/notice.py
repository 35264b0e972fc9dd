"""Notices: a day's budget that is nearly used up, or will be soon at the rate of the last hour. Pure.

Told while something can still be done: at 80 % (a person may look), at 95 % (others' mail will wait), and below them
where the budget ends within two hours if it goes on like this. All instants are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from relay365.rules.quota.forecast import DAY_S, SLICE_S, slice_end

NEAR, OVER = 0.80, 0.95
RATE_S = 3_600.0
SOON_S = 7_200.0


@dataclass(frozen=True, slots=True)
class Meter:
    """A day's budget. used: (begin of a slice, amount), of the last 24 hours; foreign: what others have used of it.

    assumed: as used, for a time of which nobody knows; it counts, and says nothing of the rate.
    """

    limit: int
    used: tuple[tuple[float, int], ...] = ()
    foreign: int = 0
    assumed: tuple[tuple[float, int], ...] = ()

    @property
    def slices(self) -> tuple[tuple[float, int], ...]:
        """All that comes back slice by slice."""
        return (*self.used, *self.assumed)

    def total(self, now: float) -> int:
        """All that counts at an instant."""
        return self.foreign + sum(n for at, n in self.slices if slice_end(at) > now)


@dataclass(frozen=True, slots=True)
class Notice:
    """level: `near` from 80 %, `over` from 95 %, `soon` below them. ends_at: at this rate, None: not within a day."""

    level: str
    used: int
    limit: int
    ends_at: float | None


def notice_of(meter: Meter, now: float) -> Notice | None:
    """What is to be said of a budget; None while nothing is."""
    used, ends_at = meter.total(now), ends_of(meter, now)
    level = "over" if used >= OVER * meter.limit else "near" if used >= NEAR * meter.limit else ""
    if not level and ends_at is not None and ends_at - now <= SOON_S:
        level = "soon"
    return Notice(level, used, meter.limit, ends_at) if level else None


def ends_of(meter: Meter, now: float) -> float | None:
    """When the budget is used up if use goes on as in the last hour; None where it is not within 24 hours.

    What was used before comes back slice by slice in the meantime. What others use is taken to stay as it is.
    """
    used: float = meter.total(now)
    if used >= meter.limit:
        return now
    rate = _rate(meter.used, now)
    if not rate:
        return None
    at = now
    for leaves, amount in _leaving(meter.slices, now):
        ends_at = at + (meter.limit - used) / rate
        if ends_at <= leaves:
            return ends_at
        used += rate * (leaves - at) - amount
        at = leaves
    ends_at = at + (meter.limit - used) / rate
    return ends_at if ends_at <= now + DAY_S else None


def _rate(used: Iterable[tuple[float, int]], now: float) -> float:
    """Amount in a second, over the last whole hour of slices and what has begun since."""
    since_at = (now - RATE_S) // SLICE_S * SLICE_S
    return sum(n for at, n in used if at >= since_at) / (now - since_at)


def _leaving(used: Iterable[tuple[float, int]], now: float) -> Sequence[tuple[float, int]]:
    """(instant, amount) of what stops to count within a day, in order."""
    ends = ((slice_end(at), n) for at, n in used)
    return sorted((at, n) for at, n in ends if now < at <= now + DAY_S)
