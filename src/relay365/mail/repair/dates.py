"""Date: read what devices write, and tell whether a clock can have said it (RFC 5322 3.3, 3.6.1)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import mktime_tz, parsedate_tz
from functools import lru_cache

from relay365.mail.headers import date_time
from relay365.mail.repair.fields import Draft
from relay365.mail.repair.rules import Given, Rules

_DAY_S = 86_400.0
_DAY = re.compile(
    rb"\s*+(?:[A-Za-z]{3},\s*+)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) \d\d:\d\d(?::\d\d)? [+-]\d{4}\s*+"
)
_MONTHS = {
    name: n
    for n, name in enumerate(
        (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
    )
}


def is_near(value: bytes, at: float, off_s: float) -> bool:
    """Whether a Date is well formed and at most off_s away from an instant; cheap where that shows by the day."""
    found = _DAY.fullmatch(value)
    day_at = _day_at(*found.groups()) if found else None
    if day_at is not None:
        apart_s = abs(at - day_at)
        if apart_s + 2 * _DAY_S <= off_s or apart_s - 2 * _DAY_S > off_s:
            return apart_s <= off_s
    said_at = instant_of(value)
    return said_at is not None and abs(at - said_at) <= off_s


@lru_cache(maxsize=64)
def _day_at(day: bytes, month: bytes, year: bytes) -> float | None:
    try:
        return datetime(int(year), _MONTHS.get(month.lower(), 0), int(day), tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)
def instant_of(value: bytes) -> float | None:
    """The instant that a Date names, in epoch seconds; without a zone it is taken for UTC. None: unreadable."""
    try:
        parts = parsedate_tz(value[:100].decode("ascii"))
        return None if parts is None else float(mktime_tz((*parts[:9], parts[9] or 0)))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def mend_date(draft: Draft, rules: Rules, given: Given) -> None:
    """Add a missing Date; replace an absurd one, whose value moves to X-Original-Date."""
    line = f"Date: {date_time(given.at)}\r\n".encode("ascii")
    field = draft.first("date")
    if field is None:
        draft.add(line, "date", "added")
    elif rules.date == "replace" and not is_near(field.value, given.at, rules.date_off_s):
        said_at = instant_of(field.value)
        what = "replaced, unreadable" if said_at is None else f"replaced, {_apart(given.at - said_at)}"
        draft.replace(field, line + b"X-Original-Date: " + field.value + b"\r\n", "date", what)


def _apart(behind_s: float) -> str:
    days = round(abs(behind_s) / _DAY_S)
    return f"{days} day{'s' * (days != 1)} {'behind' if behind_s > 0 else 'ahead'}"
