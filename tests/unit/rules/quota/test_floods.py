"""Floods: a client's share of the alarms of a window, exactly as long as its alarms are in it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.quota.floods import SHARE, Floods

WINDOW_S = 60.0


def test_three_tenths_of_a_minute_are_one_clients_share() -> None:
    """Nine of thirty, then it floods until the first is a minute old; another client's first alarm is none."""
    floods = Floods(WINDOW_S)
    for n in range(9):
        assert not floods.is_flood("ups", 30, float(n))
        floods.count("ups", float(n))

    assert (True, False) == (floods.is_flood("ups", 30, 9.0), floods.is_flood("fire", 30, 9.0))
    assert (True, False) == (floods.is_flood("ups", 30, 59.9), floods.is_flood("ups", 30, 60.0))


def test_of_the_smallest_window_everybody_has_one_alarm() -> None:
    """Three tenths of two are none: the first is an alarm all the same."""
    floods = Floods(WINDOW_S)
    assert not floods.is_flood("ups", 2, 0.0)
    floods.count("ups", 0.0)

    assert floods.is_flood("ups", 2, 0.0)


def test_what_was_not_sent_is_not_counted() -> None:
    """The latest one of that client is taken back, nobody else's."""
    floods = Floods(WINDOW_S)
    for n, client in enumerate(("ups", "fire", "ups", "fire")):
        floods.count(client, float(n))
    floods.uncount("ups")
    floods.uncount("nobody")

    assert (False, True) == (floods.is_flood("ups", 7, 4.0), floods.is_flood("fire", 7, 4.0))
    assert (False, False) == (floods.is_flood("ups", 7, 60.0), floods.is_flood("fire", 7, 61.0))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 40.0), st.booleans()), max_size=60))
def test_it_says_what_counting_says(steps: list[tuple[str, float, bool]]) -> None:
    """For any alarms in any order, some of them taken back: the same as a list of all of them."""
    floods, sent, now = Floods(WINDOW_S), [], 0.0
    for client, pause_s, is_taken_back in steps:
        now += pause_s
        within = Counter(whose for at, whose in sent if at + WINDOW_S > now)
        for one in "abc":
            assert floods.is_flood(one, 10, now) == (within[one] >= 10 * SHARE)
        floods.count(client, now)
        if is_taken_back:
            floods.uncount(client)
        else:
            sent.append((now, client))
