"""Pace: never more than the rule allows in any sixty seconds, for each address by itself, in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.admission.pace import WINDOW_S, Pace


@given(st.lists(st.floats(0.0, 30.0), max_size=60), st.integers(1, 5))
def test_no_window_holds_more_than_the_rule_allows(pauses: list[float], per_minute: int) -> None:
    """Wherever sixty seconds begin, at most so many are let through; and none is refused while there is room."""
    pace, now, taken = Pace(), 0.0, list[float]()
    for pause in pauses:
        now += pause
        n_recent = sum(now < at + WINDOW_S for at in taken)
        let_through = pace.try_take("R1", "192.0.2.1", per_minute, now)
        assert (n_recent < per_minute) == let_through
        taken += [now] * let_through


def test_each_address_has_its_own() -> None:
    """One that loops takes nothing from the others, and a rule's new number begins anew."""
    pace = Pace()
    looping = [pace.try_take("R1", "192.0.2.1", 2, 0.0) for _ in range(5)]

    assert [True, True, False, False, False] == looping
    assert pace.try_take("R1", "192.0.2.2", 2, 0.0)
    assert pace.try_take("R1", "192.0.2.1", 3, 0.0)


def test_what_was_refused_does_not_count() -> None:
    """A device that keeps asking gets its share all the same, as soon as the first one is a minute old."""
    pace = Pace()
    answers = [pace.try_take("R1", "192.0.2.1", 1, float(second)) for second in range(0, 121, 10)]

    assert [0, 6, 12] == [n for n, answer in enumerate(answers) if answer]


def test_memory_is_bounded() -> None:
    """The address that was quiet for longest is forgotten; one that is at work is not."""
    pace = Pace(most=10)
    for n in range(50):
        pace.try_take("R1", "busy", 1, 0.0)
        pace.try_take("R1", f"192.0.2.{n}", 1, 0.0)

    assert 10 == len(pace)
    assert not pace.try_take("R1", "busy", 1, 0.0)
