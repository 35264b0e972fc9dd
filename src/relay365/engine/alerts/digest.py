"""The weekly digest: one screen of plain text about what went, what waits, what ends, and what was wrong. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from relay365.engine.alerts.causes import spoken
from relay365.engine.alerts.ledger import Entry
from relay365.engine.watch.scene import End
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.usage import Usage

WEEK_S = 604_800.0
ENDS_S = 7_776_000.0
MOST_LINES = 20
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Week:
    """What the digest is made of. usage: of the week; old: alerts that were healed; heard: devices, epoch seconds."""

    usage: Sequence[Usage]
    depths: Sequence[Depth]
    open: Iterable[Entry]
    old: Iterable[dict[str, Any]]
    ends: Iterable[End]
    heard: dict[str, float]


def next_at(word: str, now: datetime) -> datetime | None:
    """When `monday 07:30` comes next after an instant with its zone; None for ""."""
    day, _, clock = word.partition(" ")
    if day not in _DAYS:
        return None
    hour, _, minute = clock.partition(":")
    ahead = (_DAYS.index(day) - now.weekday()) % 7
    found = (now + timedelta(days=ahead)).replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    return found if found > now else found + timedelta(days=7)


def digest(week: Week, now: float) -> str:
    """The text."""
    parts = [
        ("sent in seven days", _sent(week.usage)), ("waiting now", _waiting(week.depths, now)),
        ("wrong now", [f"{one.cause.what}: {one.cause.do}" for one in week.open if not one.gone_at]),
        ("healed in seven days", _healed(week.old, now)),
        ("ends within 90 days", [f"{one.what} of {one.of}: {spoken(one.at - now)}" for one in week.ends
                                 if one.at - now <= ENDS_S]),
        ("devices, since their last message", _devices(week.heard, now)),
    ]  # fmt: skip
    lines = []
    for heading, found in parts:
        more = [f"and {len(found) - MOST_LINES} more"] if len(found) > MOST_LINES else []
        lines += [heading, *(f"  {line}" for line in [*found[:MOST_LINES], *more] or ["nothing"]), ""]
    return "\n".join(lines).rstrip()


def _sent(usage: Sequence[Usage]) -> list[str]:
    messages: Counter[str] = Counter()
    recipients: Counter[str] = Counter()
    for row in usage:
        if row.messages and not row.budget.startswith("tenant "):
            messages[row.budget] += row.messages
            recipients[row.budget] += row.recipients
    return [f"{owner}: {n} messages to {recipients[owner]} recipients" for owner, n in messages.most_common()]


def _waiting(depths: Sequence[Depth], now: float) -> list[str]:
    return [
        f"{one.lane}: {one.recipients} {one.state} ({one.priority}), the oldest for {spoken(now - one.oldest_at)}"
        for one in depths
    ]


def _healed(old: Iterable[dict[str, Any]], now: float) -> list[str]:
    return [
        f"{one['what']}, for {spoken(one['healed_at'] - one['since_at'])}"
        for one in old
        if now - one["healed_at"] <= WEEK_S
    ]


def _devices(heard: dict[str, float], now: float) -> list[str]:
    return [f"{name}: {spoken(now - at)}" for name, at in sorted(heard.items(), key=lambda pair: pair[1])]
