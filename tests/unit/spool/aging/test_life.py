"""When a message's life ends: what its lane kept it back for does not count, and a backlog has an hour to go."""

from __future__ import annotations

import pytest

from relay365.spool.aging.life import (
    GAP_S,
    GRACE_S,
    HISTORY_S,
    Age,
    Ends,
    Stretch,
    by_lane,
    changes,
    end_of_life,
    last_end,
)

DAY = 86_400.0
FRESH = Age(0.0, 5 * DAY, 0.0)


def _kept(*spans: tuple[float, float | None]) -> list[Stretch]:
    return [Stretch("way", from_at, until_at) for from_at, until_at in spans]


@pytest.mark.parametrize(("spans", "now", "end_at"), [
    ([], 9 * DAY, 5 * DAY),
    ([(DAY, 4 * DAY)], 5 * DAY, 8 * DAY),
    ([(DAY, 2 * DAY), (3 * DAY, 4 * DAY)], 5 * DAY, 7 * DAY),
    ([(DAY, None)], 5 * DAY, 9 * DAY),
    ([(-3 * DAY, DAY)], 5 * DAY, 6 * DAY),
    ([(-3 * DAY, -DAY)], 5 * DAY, 5 * DAY),
])  # fmt: skip
def test_kept_time_does_not_count(spans: list[tuple[float, float | None]], now: float, end_at: float) -> None:
    """One hold, two, one that lasts, one that the message came into, and one before it came."""
    assert end_at == end_of_life(FRESH, _kept(*spans), now)


def test_kept_time_is_added_once() -> None:
    """What is in the end already is not added again; what is kept afterwards is."""
    counted = Age(0.0, 8 * DAY, 5 * DAY)
    assert 8 * DAY == end_of_life(counted, _kept((DAY, 4 * DAY)), 8 * DAY)
    assert 9 * DAY == end_of_life(counted, _kept((DAY, 4 * DAY), (6 * DAY, 7 * DAY)), 8 * DAY)


def test_a_backlog_has_an_hour_to_go() -> None:
    """Mail that was nearly too old when the hold began does not end with it; mail that came after has its life."""
    old = Age(0.0, 5 * DAY, 0.0)
    hold = _kept((5 * DAY - 10.0, 6 * DAY))
    assert 6 * DAY + GRACE_S == end_of_life(old, hold, 6 * DAY)
    assert 6 * DAY + 2.0 == end_of_life(Age(6 * DAY + 1.0, 6 * DAY + 2.0, 0.0), hold, 6 * DAY + 5.0)


def test_the_latest_end_is_shown() -> None:
    """Of recipients in several lanes; without one that waits, the end that the message was given."""
    ends = Ends(by_lane([Stretch("held", 0.0, None)]), 2 * DAY)
    assert 7 * DAY == last_end(5 * DAY, [("well", FRESH), ("held", FRESH)], ends)
    assert 5 * DAY == last_end(5 * DAY, [], ends)


def _after(stretches: list[Stretch], *calls: tuple[set[str], float]) -> list[Stretch]:
    found = stretches
    for lanes, now in calls:
        out, anew = changes(by_lane(found), lanes, now)
        assert set(out) <= set(found)
        found = sorted([one for one in found if one not in out] + anew)
    return found


def test_a_stretch_begins_and_ends() -> None:
    """Each lane for itself; a call that says nothing new changes nothing."""
    found = _after([], ({"a"}, 10.0), ({"a", "b"}, 20.0), ({"a", "b"}, 25.0), ({"b"}, 30.0))
    assert [Stretch("a", 10.0, 30.0), Stretch("b", 20.0, None)] == found


def test_a_short_gap_is_none() -> None:
    """A throttle that comes back within minutes is one stretch, later it is another."""
    once = _after([], ({"a"}, 0.0), (set(), 10.0), ({"a"}, 10.0 + GAP_S))
    assert [Stretch("a", 0.0, None)] == once
    twice = _after([], ({"a"}, 0.0), (set(), 10.0), ({"a"}, 11.0 + GAP_S))
    assert [Stretch("a", 0.0, 10.0), Stretch("a", 11.0 + GAP_S, None)] == twice


def test_history_has_an_end() -> None:
    """What ended three months ago is struck out; what began then and lasts is not."""
    old = [Stretch("a", 0.0, 10.0), Stretch("b", 0.0, None)]
    assert [Stretch("b", 0.0, None)] == _after(old, ({"b"}, 11.0 + HISTORY_S))


def test_a_clock_that_was_set_back_makes_no_stretch_of_less_than_nothing() -> None:
    """It ends where it began."""
    assert [Stretch("a", 100.0, 100.0)] == _after([], ({"a"}, 100.0), (set(), 50.0))
