"""The window: never more than the remote allows by any clock that the remote may use, and nothing wasted."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.rules.throttle import HALF_LIFE_S, SlidingLog, Slot

LIMIT, WINDOW_S = 30, 60.0


def _live(latencies: list[float], arrivals: list[float], log: SlidingLog) -> list[tuple[float, float]]:
    """(start, completion) of every message of a queue that sends whenever the log lets it."""
    waiting = sorted(arrivals)
    on_the_way: list[tuple[float, int, Slot]] = []
    lives: list[tuple[float, float]] = []
    now = 0.0
    while waiting or on_the_way:
        while waiting and waiting[0] <= now and (slot := log.try_take(now)) is not None:
            waiting.pop(0)
            done_at = now + latencies[len(lives) % len(latencies)]
            heapq.heappush(on_the_way, (done_at, len(lives), slot))
            lives.append((now, done_at))
        times = [on_the_way[0][0]] if on_the_way else []
        times += [waiting[0]] if waiting and waiting[0] > now else []
        times += [free] if waiting and (free := log.next_free_at(now)) is not None and free > now else []
        now = min(times)
        while on_the_way and on_the_way[0][0] <= now:
            log.complete(heapq.heappop(on_the_way)[2], now)
    return lives


@settings(max_examples=60, deadline=None)
@given(
    latencies=st.lists(st.floats(0.001, 90.0), min_size=1, max_size=40),
    arrivals=st.lists(st.floats(0.0, 300.0), min_size=1, max_size=120),
    share=st.floats(0.0, 1.0),
    shares=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20),
)
def test_no_window_by_any_stamp_holds_more_than_the_limit(
    latencies: list[float], arrivals: list[float], share: float, shares: list[float]
) -> None:
    """Wherever between start and completion the remote counts a message, no 60 seconds hold more than 30."""
    lives = _live(latencies, arrivals, SlidingLog(LIMIT, WINDOW_S))
    for portions in ([0.0], [1.0], [share], shares):
        stamps = sorted(
            start + (end - start) * portions[n % len(portions)] for n, (start, end) in enumerate(lives)
        )
        n_most = max(
            sum(1 for later in stamps[n:] if later < first + WINDOW_S - 1e-6)
            for n, first in enumerate(stamps)
        )

        assert n_most <= LIMIT


@given(phase=st.floats(0.0, 60.0), latency=st.floats(0.01, 5.0))
@settings(max_examples=25, deadline=None)
def test_fixed_windows_of_any_phase_are_kept_and_used(phase: float, latency: float) -> None:
    """A full queue stays within minutes that begin anywhere, and uses nearly the whole allowance."""
    lives = _live([latency], [0.0] * 300, SlidingLog(LIMIT, WINDOW_S))
    minutes: dict[int, int] = {}
    for _, end in lives:
        minute = int((end - phase + WINDOW_S) // WINDOW_S)
        minutes[minute] = minutes.get(minute, 0) + 1

    assert max(minutes.values()) <= LIMIT
    assert lives[-1][0] <= (300 / LIMIT - 1) * (WINDOW_S + latency) + 1e-6


def test_a_burst_takes_what_is_free_and_waits_for_the_oldest() -> None:
    """Three at once, the fourth when the first has been complete for a window."""
    log = SlidingLog(3, 60.0)
    slots = [log.try_take(0.0) for _ in range(3)]
    refused = log.try_take(0.0)
    for n, slot in enumerate(slots):
        assert slot is not None
        log.complete(slot, 1.0 + n)

    assert refused is None
    assert (0, 61.0) == (log.n_free(60.9), log.next_free_at(60.9))
    assert 3 == log.n_taken(60.9)
    assert (1, 2) == (log.n_free(61.0), log.n_taken(61.0))


def test_what_is_on_its_way_has_no_end_yet() -> None:
    """While every place waits for a completion, time alone frees nothing."""
    log = SlidingLog(1, 60.0)
    log.try_take(0.0)

    assert (0, None) == (log.n_free(1e9), log.next_free_at(1e9))


def test_a_refused_try_gives_its_place_back() -> None:
    """What the remote did not take does not eat the minute; it cannot be given back twice."""
    log = SlidingLog(1, 60.0)
    slot = log.try_take(0.0)
    assert slot is not None
    log.release(slot)
    log.release(slot)
    log.complete(slot, 5.0)

    assert 1 == log.n_free(0.0)


def test_the_guard_is_added_to_every_window() -> None:
    """A remote's clock that reads later than ours is allowed for."""
    log = SlidingLog(1, 60.0, guard_s=2.0)
    slot = log.try_take(0.0)
    assert slot is not None
    log.complete(slot, 0.0)

    assert [0, 1] == [log.n_free(61.9), log.n_free(62.0)]


def test_a_window_needs_room() -> None:
    """A limit of nothing is a mistake, not a stop."""
    with pytest.raises(ValueError, match="at least one"):
        SlidingLog(0, 60.0)


def test_a_refusal_below_our_count_is_others_use_and_is_half_forgotten_in_time() -> None:
    """Thirty allowed, ten of ours: the others have twenty; after the half-life we believe in ten of them."""
    log = SlidingLog(30, 60.0)
    for _ in range(10):
        slot = log.try_take(0.0)
        assert slot is not None
        log.complete(slot, 0.0)
    assert 20 == log.n_free(1.0)

    assert 20 == log.notice(1.0)
    assert (20, 0) == (log.foreign(1.0), log.n_free(1.0))
    assert (10, 20) == (log.foreign(1.0 + HALF_LIFE_S), log.n_free(1.0 + HALF_LIFE_S))


def test_others_never_take_all_for_ever() -> None:
    """One place is left, so that a try can show that they are gone; a smaller finding does not lower a larger one."""
    log = SlidingLog(3, 60.0)
    log.notice(0.0)
    assert (2, 1) == (log.foreign(0.0), log.n_free(0.0))
    slot = log.try_take(0.0)
    assert slot is not None
    assert 2 == log.notice(0.0)

    assert 2 == log.foreign(0.0)


def test_what_an_earlier_life_may_have_sent_is_taken_for_a_whole_window() -> None:
    """At most the limit, however much it was."""
    log = SlidingLog(3, 60.0)
    log.fill(2, 5.0)
    assert (1, 3) == (log.n_free(5.0), log.n_free(65.0))
    log.fill(9, 65.0)

    assert (0, 3) == (log.n_free(65.0), log.n_free(125.0))


def test_several_places_are_free_when_the_last_of_them_is() -> None:
    """What bulk leaves to others must be free as well."""
    log = SlidingLog(3, 60.0)
    for at in (0.0, 1.0, 2.0):
        slot = log.try_take(at)
        assert slot is not None
        log.complete(slot, at)

    assert [60.0, 61.0, 62.0, None] == [log.next_free_at(3.0, n) for n in (1, 2, 3, 4)]


def test_the_next_places_that_come_back_are_known_in_their_order() -> None:
    """Of finished ones only: when the others end, nobody can know."""
    log = SlidingLog(5, WINDOW_S)
    slots = [log.try_take(0.0) for _ in range(4)]
    for slot, at in zip(slots, (3.0, 1.0, 2.0), strict=False):
        assert slot is not None
        log.complete(slot, at)

    assert [61.0, 62.0] == log.returns(2)
    assert [61.0, 62.0, 63.0] == log.returns(9)
