"""A day in numbers."""

from __future__ import annotations

from typing import Any

from relay365.spool.history.day import Day


def test_what_came_in_and_what_ended_since_an_instant(past: Any) -> None:
    """Messages by when they were accepted, recipients by when they ended; what came before does not count."""
    now = past.clock.now()
    days = [past.ask(lambda history, at=at: history.day(at)) for at in (0.0, now - 90_000, now - 10, now + 1)]

    assert [Day(3, 1, 1, 0), Day(2, 0, 1, 0), Day(1, 0, 0, 0), Day(0, 0, 0, 0)] == days


def test_when_each_way_last_worked(past: Any) -> None:
    """Only deliveries count, and only those since an instant."""
    delivered_at = past.clock.now() - 2 * 86_400
    found = [past.ask(lambda history, at=at: history.last_deliveries(at)) for at in (0.0, delivered_at + 1)]

    assert [{"submission/scan@contoso.com": delivered_at}, {}] == found
