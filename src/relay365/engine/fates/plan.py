"""When the trace is asked about a delivered recipient, and in which windows of time. Pure.

A trace is minutes late, and most mail has its end by then: after 2, 5, 15 and 60 minutes, 6 and 24 hours each recipient
whose fate is open is asked for once more, all of them together in as few windows as their times allow.
(Microsoft Graph: "List messageTraces": by receivedDateTime, 100 calls in five minutes)
"""

from __future__ import annotations

from collections.abc import Iterable

STEPS_S = (120.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0)
OLDEST_S = 172_800.0  # what is open after two days stays open
SLACK_S = 600.0  # between our clock at the 250 and Exchange's at its receipt

Span = tuple[float, float]
"""From an instant to another, in epoch seconds."""


def slots(asked_at: float | None, now: float) -> list[Span]:
    """When those were delivered that became due for a question since the last one: after the first, until the second.

    asked_at None: nothing was asked in this life, so everything open is due that is old enough.
    """
    oldest_at = now - OLDEST_S
    if asked_at is None:
        return [(oldest_at, now - STEPS_S[0])]
    spans = [(max(asked_at - step_s, oldest_at), now - step_s) for step_s in STEPS_S]
    return _merged(span for span in spans if span[0] < span[1])


def windows(settled: Iterable[float], now: float) -> list[Span]:
    """The windows in which Exchange received what was delivered at some instants."""
    return _merged((at - SLACK_S, min(at + SLACK_S, now)) for at in settled)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch become one; in their order."""
    found: list[Span] = []
    for from_at, until_at in sorted(spans):
        if found and from_at <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until_at))
        else:
            found.append((from_at, until_at))
    return found
