"""Limits over time: each model allows what it says and not one more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.emulator.window import Bucket, Fixed, PenaltyBox, Sliding, Window


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
