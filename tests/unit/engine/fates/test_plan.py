"""When the trace is asked, and for which time."""

from __future__ import annotations

import pytest

from relay365.engine.fates.plan import OLDEST_S, SLACK_S, STEPS_S, slots, windows

NOW = 1_000_000.0


def test_the_first_question_is_for_all_that_is_open() -> None:
    """Two days back, but for what is too fresh to be in the trace."""
    assert [(NOW - OLDEST_S, NOW - STEPS_S[0])] == slots(None, NOW)


def test_later_questions_are_for_those_whose_time_has_come() -> None:
    """Since the last question a minute ago, one slot of a minute for each step."""
    assert [(NOW - 60 - step, NOW - step) for step in reversed(STEPS_S)] == slots(NOW - 60, NOW)


def test_after_a_long_pause_the_slots_grow_into_one() -> None:
    """Nothing is forgotten when Graph was away for two hours: the steps meanwhile are made up for, once."""
    found = slots(NOW - 7200, NOW)

    assert [
        (NOW - 7200 - 86_400, NOW - 86_400),
        (NOW - 7200 - 21_600, NOW - 21_600),
        (NOW - 10_800, NOW - 120),
    ] == found


def test_nothing_is_asked_about_what_is_two_days_old() -> None:
    """A pause of a week reaches back two days and no further."""
    assert [(NOW - OLDEST_S, NOW - 120)] == slots(NOW - 7 * 86_400, NOW)
    assert [] == slots(NOW, NOW)


@pytest.mark.parametrize("delay_s", [0.0, 1.0, 59.0, 61.0])
def test_every_delivery_is_asked_for_once_at_each_step(delay_s: float) -> None:
    """Whatever the rhythm of the questions: each step is in exactly one of them."""
    settled_at = NOW + delay_s
    asked: list[float] = []
    before, now = NOW, NOW
    while now < NOW + 90_000:
        now += 60.0
        asked += [now - settled_at for after, until in slots(before, now) if after < settled_at <= until]
        before = now

    assert len(STEPS_S) == len(asked)
    assert all(step <= at < step + 60 for step, at in zip(STEPS_S, asked, strict=True))


def test_windows_of_one_question_are_as_few_as_they_can_be() -> None:
    """Times within each other's slack share a window; none reaches into the future."""
    assert [(NOW - 9000 - SLACK_S, NOW - 9000 + SLACK_S), (NOW - 300 - SLACK_S, NOW)] == windows(
        [NOW - 120, NOW - 9000, NOW - 300], NOW
    )
    assert [] == windows([], NOW)
