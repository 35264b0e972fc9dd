"""The ages of what waits, counted."""

from __future__ import annotations

from typing import Any

import pytest

from relay365.spool.api import Selection
from relay365.spool.history.shape import Shape, Waiting, column, shapes, total


@pytest.mark.parametrize(("age_s", "place"), [
    (0.0, 0), (59.9, 0), (60.0, 1), (299.0, 1), (300.0, 2), (900.0, 3), (3600.0, 4), (14_400.0, 5), (86_399.0, 5),
    (86_400.0, 6), (1e9, 6), (-5.0, 0),
])  # fmt: skip
def test_the_columns_end_where_they_say(age_s: float, place: int) -> None:
    """A clock that was set back makes nothing old."""
    assert place == column(age_s)


def test_rows_are_counted_by_what_is_asked_the_fullest_first() -> None:
    """By domain, device and lane; and their sum."""
    queue = [Waiting("a", "x.test", 90.0, "copier"), Waiting("a", "y.test", 95.0, "copier"),
             Waiting("b", "x.test", -900.0, "ups")]  # fmt: skip

    assert [
        Shape("x.test", (1, 0, 0, 1, 0, 0, 0)),
        Shape("y.test", (1, 0, 0, 0, 0, 0, 0)),
    ] == shapes(queue, "domain", 100.0)
    assert [("copier", 2), ("ups", 1)] == [(row.name, row.total) for row in shapes(queue, "device", 100.0)]
    assert Shape("TOTAL", (2, 0, 0, 1, 0, 0, 0)) == total(shapes(queue, "lane", 100.0))
    assert Shape("TOTAL", (0,) * 7) == total([])


def test_the_queue_is_read_and_not_the_history(past: Any) -> None:
    """Only what waits or is held is counted, with the domain in lower case."""
    past.spool(lambda spool: spool.hold(Selection(), "x"))
    found = past.ask(lambda history: history.waiting())

    assert [("contoso.com", "fax")] == [(one.domain, one.device) for one in found]
