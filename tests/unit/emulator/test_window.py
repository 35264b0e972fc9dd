"""Limits over time: each model allows what it says and not one more."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.emulator.window import (
    DAY_S,
    Backlog,
    Bucket,
    Fixed,
    Parallel,
    PenaltyBox,
    Sliding,
    Unforgiving,
    Window,
)


def _accepted(window: Window, times: list[float]) -> list[float]:
    """What the window lets through of tries at these times."""
    taken = []
    for now in times:
        if not window.wait_s(now):
            window.take(now)
            taken.append(now)
    return taken


@given(st.lists(st.integers(0, 400), min_size=1, max_size=120), st.integers(1, 10))
def test_a_sliding_window_never_exceeds_its_limit(times: list[int], limit: int) -> None:
    """In no span of 60 seconds are more than the limit accepted, and what is refused would have exceeded it."""
    tries = sorted(float(time) for time in times)
    window = Sliding(limit, 60.0)
    taken: list[float] = []

    for now in tries:
        present = [one for one in taken if now - one < 60.0]
        assert (window.wait_s(now) == 0.0) == (len(present) < limit)
        taken += _accepted(window, [now])


def test_a_sliding_window_names_the_wait() -> None:
    """The wait is exactly until enough of the log has become old."""
    window = Sliding(3, 60.0)
    window.take(100.0)
    window.take(110.0, 2)

    assert 50.0 == window.wait_s(110.0)
    assert 58.0 == window.wait_s(112.0, 2)
    assert float("inf") == window.wait_s(112.0, 4)
    assert 0.0 == window.wait_s(170.0, 3)
    assert (0, 3) == (window.used(170.0), window.limit)


def test_a_fixed_window_starts_again_at_the_minute() -> None:
    """Twice the limit passes around a full minute; the wait is until the next one."""
    window = Fixed(2, 60.0)

    assert [119.0, 119.5, 120.0, 120.5] == _accepted(window, [119.0, 119.5, 119.9, 120.0, 120.5, 121.0])
    assert 59.0 == window.wait_s(121.0)
    assert float("inf") == window.wait_s(121.0, 3)
    assert (2, 0) == (window.used(121.0), window.used(180.0))


def test_a_fixed_window_has_its_own_phase() -> None:
    """A phase moves the instants at which the counter starts again, and nothing else."""
    window = Fixed(2, 60.0, 25.0)

    assert [10.0, 24.0, 25.0, 84.0, 85.0] == _accepted(window, [10.0, 24.0, 24.9, 25.0, 84.0, 84.9, 85.0])
    assert 0.0 == window.wait_s(86.0)
    window.take(86.0)
    assert 59.0 == window.wait_s(86.0)


def test_only_the_unforgiving_window_counts_refusals() -> None:
    """Insisting every ten seconds keeps it shut for good; every other model opens after a minute."""
    for window, n_expected in ((Unforgiving(2, 60.0), 2), (Sliding(2, 60.0), 6), (Fixed(2, 60.0), 6)):
        n_taken = 0
        for n_try in range(18):
            now = n_try * 10.0
            if window.wait_s(now):
                window.refuse(now)
            else:
                window.take(now)
                n_taken += 1

        assert n_expected == n_taken
    bucket = Bucket(2, 60.0)
    bucket.refuse(0.0)
    assert 0 == bucket.used(0.0)


def test_the_unforgiving_window_opens_for_who_waits() -> None:
    """A minute without a try, and the whole limit is there again."""
    window = Unforgiving(2, 60.0)
    window.take(0.0, 2)
    window.refuse(50.0)

    assert 0.0 == window.wait_s(60.0)
    assert 50.0 == window.wait_s(60.0, 2)
    assert 0.0 == window.wait_s(110.0, 2)


@given(
    st.lists(st.integers(0, 3_000), min_size=1, max_size=60),
    st.sampled_from([Sliding, Fixed, Bucket]),
)
def test_a_backlog_delays_in_order_and_keeps_the_limit(
    times: list[int], model: type[Sliding | Fixed | Bucket]
) -> None:
    """Everything is admitted, not before it came, in its order, and never more than the window allows."""
    backlog = Backlog(model(3, 60.0))
    tries = sorted(time / 10 for time in times)

    admitted = [backlog.admit(now) for now in tries]

    assert admitted == sorted(admitted)
    assert all(at >= now for at, now in zip(admitted, tries, strict=True))
    most = 3 if model is Sliding else 6  # these two allow twice the limit around an instant
    for first in admitted:
        assert most >= sum(1 for at in admitted if first <= at < first + 59.99)


def test_a_backlog_says_when() -> None:
    """The surplus waits for exactly the places that it needs; what never fits is never admitted and costs nothing."""
    backlog = Backlog(Sliding(2, 60.0))

    assert [0.0, 1.0, 60.0, 61.0, 120.0] == [backlog.admit(now) for now in (0.0, 1.0, 2.0, 3.0, 4.0)]
    assert math.inf == backlog.admit(5.0, 3)
    assert 121.0 == backlog.admit(5.0)


def test_the_fourth_sender_is_one_too_many() -> None:
    """Three may send; a fourth is refused until one has ended, and is a sender itself while it lasts."""
    senders = Parallel(3)

    assert [True, True, True, False] == [senders.begin() for _ in range(4)]
    senders.end()
    assert not senders.begin()
    senders.end()
    senders.end()
    assert senders.begin()


def test_the_day_slides() -> None:
    """10,000 recipients in any 24 hours: what left at nine comes back at nine."""
    day = Sliding(10_000, DAY_S)
    nine = 9 * 3600.0
    day.take(nine, 9_500)
    day.take(nine + 3600.0, 500)

    assert DAY_S - 7200.0 == day.wait_s(nine + 7200.0)
    assert 0.0 == day.wait_s(nine + DAY_S, 9_500)
    assert 3600.0 == day.wait_s(nine + DAY_S, 9_501)


def test_a_bucket_fills_steadily() -> None:
    """The limit at once, then one per share of the span; the wait that it names is enough."""
    window = Bucket(30, 60.0)

    assert 30 == len(_accepted(window, [10.0] * 40))
    assert 2.0 == pytest.approx(window.wait_s(10.0))
    assert [12.0] == _accepted(window, [11.9, 12.0, 12.1])
    assert 0.0 == window.wait_s(10.0 + 2.0 + window.wait_s(12.0))
    assert float("inf") == window.wait_s(12.0, 31)
    assert 0 == window.used(1000.0)


def test_the_penalty_box_shuts_and_opens() -> None:
    """Equal errors within the time shut it for its time; other kinds and old errors do not count."""
    box = PenaltyBox(3, 100.0, 50.0)
    for kind, now in (("send", 0.0), ("full", 1.0), ("full", 2.0), ("send", 60.0), ("send", 110.0)):
        box.error(kind, now)

    assert "" == box.locked(110.0)
    box.error("send", 120.0)
    assert ("send", "send", "") == (box.locked(120.0), box.locked(169.9), box.locked(170.0))


def test_the_penalty_box_can_be_opened() -> None:
    """After open() nothing is shut and nothing is counted."""
    box = PenaltyBox(2, 100.0, 50.0)
    box.error("send", 0.0)
    box.error("send", 1.0)
    box.error("full", 1.0)
    box.open()
    box.error("full", 2.0)

    assert "" == box.locked(2.0)
