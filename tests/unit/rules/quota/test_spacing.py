"""Spacing: what may start, when it opens, and that an alarm finds a place soon, whatever came before it."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.quota.spacing import GAP, Spacing

MINUTE = Spacing.of(30, 60.0)
"""Three places, at most 2.4 s apart."""


def test_a_window_of_thirty_leaves_three_places_two_seconds_and_two_fifths_apart() -> None:
    """One place of ten, three at most, and none of a window that has only one."""
    assert (3, 2.4) == (MINUTE.kept, MINUTE.gap_s)
    assert [0, 1, 1, 2, 3] == [Spacing.of(n, 60.0).kept for n in (1, 2, 10, 20, 1000)]
    assert pytest.approx(GAP * 12) == Spacing.of(5, 60.0).gap_s


def test_a_burst_takes_all_but_the_last_three() -> None:
    """Of an idle window 27 go at once; the last three must do until something comes back, and nothing is known."""
    assert 27 == MINUTE.n_may_start(30, (), 0.0)
    assert 0 == MINUTE.n_may_start(3, (), 0.0)
    assert MINUTE.opens_at(3, (), 0.0) is None


def test_the_last_three_bridge_the_time_until_places_come_back() -> None:
    """Twenty-seven come back from 60 s on: the first of the three goes 7.2 s before that, the others one by one."""
    returns = (60.0, 60.5, 61.0, 61.5)
    turns = [60.0 - n * MINUTE.gap_s for n in (3, 2, 1)]

    assert turns == pytest.approx([MINUTE.opens_at(n, returns, 20.0) for n in (3, 2, 1)])
    assert [1, 0] == [MINUTE.n_may_start(3, returns, at) for at in (turns[0] + 0.01, turns[0] - 0.01)]
    assert 3 == MINUTE.n_may_start(3, returns, turns[2] + 0.01)


def test_the_end_of_a_burst_is_kept_for_the_time_behind_it() -> None:
    """Of places that come back together the last three stay, when nothing follows them for long."""
    assert 1 == MINUTE.n_may_start(1, (10.2, 10.4, 10.6), 10.0)
    assert 0 == MINUTE.n_may_start(1, (10.2, 10.4, 50.0), 10.0)
    assert 0 == MINUTE.n_may_start(2, (10.2, 50.0), 10.0)
    assert 50.0 - 3 * MINUTE.gap_s == MINUTE.opens_at(1, (10.2, 10.4, 50.0), 10.0)


def test_even_places_are_taken_as_they_come() -> None:
    """Two seconds apart: none waits."""
    returns = (2.0, 4.0, 6.0, 8.0)

    assert 1 == MINUTE.n_may_start(1, returns, 0.0)
    assert 2.0 == MINUTE.opens_at(0, returns, 0.0)


def test_a_single_place_is_anybodys() -> None:
    """Of a window with one place none can be left."""
    one = Spacing.of(1, 60.0)

    assert 1 == one.n_may_start(1, (), 0.0)
    assert [0.0, 60.0, None] == [
        one.opens_at(1, (), 0.0),
        one.opens_at(0, (60.0,), 0.0),
        one.opens_at(0, (), 0.0),
    ]


counts = st.tuples(st.integers(0, 40), st.lists(st.floats(0.1, 70.0), max_size=20).map(sorted))


@given(counts, st.sampled_from([1, 2, 5, 10, 30, 100]))
def test_what_opens_is_open_then_and_not_before(state: tuple[int, list[float]], places: int) -> None:
    """opens_at() is the first instant at which n_may_start() is more than none."""
    n_free, returns = state
    spacing = Spacing.of(places, 60.0)

    def may_start(at: float) -> int:
        back = sum(one <= at for one in returns)
        return spacing.n_may_start(n_free + back, returns[back:], at)

    opens = spacing.opens_at(n_free, returns, 0.0)
    if opens is None:
        assert 0 == max(may_start(at) for at in (0.0, *returns, 1000.0))
        return
    assert may_start(opens + 1e-9)
    assert 0 == sum(may_start(at) for at in (0.0, *returns, opens - 1e-6) if 0.0 <= at < opens - 1e-7)


@given(
    st.sampled_from([2, 5, 10, 30]),
    st.lists(st.tuples(st.floats(0.0, 90.0), st.integers(1, 60)), min_size=1, max_size=8),
)
def test_a_place_is_free_or_comes_within_a_gap(places: int, bursts: list[tuple[float, int]]) -> None:
    """Whatever bursts of other mail there were, as long as no alarm has taken one and each takes no time."""
    spacing = Spacing.of(places, 60.0)
    now, waiting, taken = 0.0, 0, list[float]()
    for pause_s, n in bursts:
        until, waiting = now + pause_s, waiting + n
        while True:
            while taken and taken[0] <= now:
                heapq.heappop(taken)
            free = places - len(taken)
            next_s = 0.0 if free else min(taken) - now
            assert next_s <= spacing.gap_s + 1e-6
            go = min(waiting, spacing.n_may_start(free, sorted(taken), now))
            for _ in range(go):
                heapq.heappush(taken, now + 60.0)
            waiting -= go
            opens = spacing.opens_at(places - len(taken), sorted(taken), now) if waiting else None
            if opens is None or opens > until:
                break
            now = max(opens, now + 1e-9)
        now = until
