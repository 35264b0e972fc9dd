"""Instants as people write and read them: `2h`, `2026-11-25`, and local time with its offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click

from relay365.cli.words.output import now, wrong_value

SPANS = 'a time such as "30s", "15m", "4h" or "5d"'  # as the configuration says it
AGES, INSTANTS = 'an age such as "2h" or "3d"', 'an instant such as "2026-11-25T10:00:00Z"'
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}

utc_option = click.option("--utc", is_flag=True, help="Times in UTC; default: local, with the offset.")


def span_of(text: str) -> float | None:
    """Seconds of `90s`, `2h`, `3d`, `1w`; None where it is none."""
    found = re.fullmatch(r"(\d{1,6})([smhdw])", text)
    return int(found[1]) * _UNITS[found[2]] if found else None


def instant_of(text: str) -> float | None:
    """Epoch seconds of an age (`2h`: so long ago) or of a date or instant as RFC 3339; None where it is neither.

    What names no offset is local time.
    """
    span_s = span_of(text)
    if span_s is not None:
        return now() - span_s
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        return None


class Since(click.ParamType[float]):
    """`2h`, or an instant as RFC 3339; gives epoch seconds."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See click.ParamType; leaves with 2."""
        at = value if isinstance(value, float) else instant_of(str(value))
        if at is None:
            wrong_value(
                param, str(value), f"{AGES} or {INSTANTS}", "an age is counted back from now: 2h, 3d, 1w"
            )
        return at


class Span(click.ParamType[float]):
    """`30m`; gives seconds. bare: the unit of digits alone, "" where they are none; least, most: as text, inclusive."""

    name = "span"

    def __init__(self, bare: str = "", *, least: str = "1s", most: str = "") -> None:
        self._bare, self._least, self._most = bare, least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See click.ParamType; leaves with 2."""
        if isinstance(value, float):
            return value
        text = str(value)
        span_s = span_of(text + self._bare if text.isdigit() else text)
        if span_s is None:
            wrong_value(param, text, SPANS, "a number with its unit: 90s, 30m, 2h, 3d or 1w")
        if span_s < (span_of(self._least) or 0.0):
            wrong_value(param, text, f"{self._least} or more", "give it longer")
        if self._most and span_s > (span_of(self._most) or 0.0):
            wrong_value(param, text, f"at most {self._most}", f"{self._most} or less")
        return span_s


def clock_time(at: float, *, utc: bool) -> str:
    """An instant for people: to the second, local with its offset, or in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return (moment if utc else moment.astimezone()).isoformat(" ", "seconds")


def local_times(value: Any) -> Any:
    """A JSON value whose instants (RFC 3339 in UTC; keys `at` and `..._at`) are local, for people."""
    if isinstance(value, list):
        return [local_times(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _local(one)
        if isinstance(one, str) and (key == "at" or key.endswith("_at"))
        else local_times(one)
        for key, one in value.items()
    }


def _local(at: str) -> str:
    return datetime.fromisoformat(at).astimezone().isoformat(" ", "milliseconds")
