"""The end of a message's life. Pure.

While a lane waits for a person or for a quota its mail cannot go, and no fault of the mail is in that: the time does
not count. A stretch is one such time of one lane. Instants are seconds since the Unix epoch.
(RFC 5321 4.5.4.1: the sender gives up after days of trying)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

GRACE_S = 3600.0  # for a backlog to go, before what is too old in it expires
GAP_S = 600.0  # a lane that is shut again so soon was shut all the time
HISTORY_S = 7_776_000.0  # 90 days; no message looks back further than its own life


class Stretch(NamedTuple):
    """A time during which a lane kept its mail; until_at None: it still does."""

    lane: str
    from_at: float
    until_at: float | None


class Age(NamedTuple):
    """What decides about a recipient's end. counted_at: until when kept time is in expires_at already, 0 for never."""

    accepted_at: float
    expires_at: float
    counted_at: float


class AgingStore(Protocol):
    """See the module."""

    async def keep(self, lanes: Collection[str], now: float) -> None:
        """Exactly these lanes keep their mail from now on, until the next call: in this life or in a later one."""
        ...

    async def expire(self, now: float) -> int:
        """Move queued recipients that are past their end to EXPIRED with a report owed; gives their number.

        Those that their lane kept get a later end instead.
        """
        ...


Stretches = Mapping[str, Sequence[Stretch]]
"""By lane, oldest first."""


def by_lane(stretches: Iterable[Stretch]) -> Stretches:
    """Stretches in any order."""
    found: dict[str, list[Stretch]] = {}
    for one in sorted(stretches, key=lambda stretch: stretch.from_at):
        found.setdefault(one.lane, []).append(one)
    return found


def end_of_life(age: Age, kept: Sequence[Stretch], now: float) -> float:
    """When a recipient expires that waits in a lane with these stretches.

    Kept time is added; mail that was there while the lane kept it has GRACE_S afterwards, whatever its age.
    """
    counted_at = max(age.accepted_at, age.counted_at)
    end_at, floor_at = age.expires_at, age.expires_at
    for stretch in reversed(kept):
        until_at = now if stretch.until_at is None else min(stretch.until_at, now)
        if until_at <= age.accepted_at:
            break
        floor_at = max(floor_at, until_at + GRACE_S)
        end_at += max(0.0, until_at - max(stretch.from_at, counted_at))
    return max(end_at, floor_at)


class Ends(NamedTuple):
    """What the ends of several recipients are reckoned with."""

    stretches: Stretches
    now: float


def last_end(expires_at: float, waiting: Iterable[tuple[str, Age]], ends: Ends) -> float:
    """The latest end of recipients that wait, each with its lane; expires_at where none does."""
    found = [end_of_life(age, ends.stretches.get(lane, ()), ends.now) for lane, age in waiting]
    return max(found, default=expires_at)


def changes(stretches: Stretches, lanes: Collection[str], now: float) -> tuple[list[Stretch], list[Stretch]]:
    """What to strike out and what to write, where exactly these lanes keep their mail from now on.

    A lane that kept its mail GAP_S ago goes on in the same stretch. What ended HISTORY_S ago is struck out.
    """
    out: list[Stretch] = []
    anew: list[Stretch] = []
    for lane, own in stretches.items():
        out += [one for one in own if one.until_at is not None and one.until_at < now - HISTORY_S]
        last = own[-1]
        if lane not in lanes and last.until_at is None:
            out.append(last)
            anew.append(last._replace(until_at=max(now, last.from_at)))
    for lane in sorted(lanes):
        last = stretches[lane][-1] if lane in stretches else Stretch(lane, now, float("-inf"))
        if last.until_at is None:
            continue
        goes_on = last.until_at >= now - GAP_S
        out += [last] if goes_on else []
        anew.append(Stretch(lane, last.from_at if goes_on else now, None))
    return out, anew
