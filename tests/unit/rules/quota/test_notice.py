"""A budget speaks before it ends: at 80 and 95 %, and when the last hour's rate ends it soon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.quota.forecast import DAY_S, SLICE_S, slice_end
from relay365.rules.quota.notice import Meter, ends_of, notice_of

T0 = 1_800_000_000.0
OLD = T0 - 6 * 3_600


@pytest.mark.parametrize(
    ("used", "level"), [(7_999, None), (8_000, "near"), (9_499, "near"), (9_500, "over"), (10_200, "over")]
)
def test_it_speaks_from_eighty_percent_on(used: int, level: str | None) -> None:
    """Used long ago, so that no rate adds to it."""
    found = notice_of(Meter(10_000, ((OLD, used),)), T0)

    assert level == (found.level if found else None)
    assert found is None or (used, 10_000) == (found.used, found.limit)


def test_what_others_have_used_counts() -> None:
    """As far as it was noticed."""
    found = notice_of(Meter(10_000, ((OLD, 5_000),), foreign=4_600), T0)

    assert found is not None
    assert ("over", 9_600) == (found.level, found.used)


def test_what_is_assumed_counts_and_is_no_rate() -> None:
    """Half a day that was written down just now does not end the other half within the hour."""
    meter = Meter(10_000, ((T0 - 300, 56),), assumed=((T0 - 300, 5_000),))

    assert 5_056 == meter.total(T0)
    assert notice_of(meter, T0) is None
    full = notice_of(Meter(10_000, assumed=((T0 - 300, 8_000),)), T0)
    assert full is not None
    assert ("near", None) == (full.level, full.ends_at)


def test_the_rate_of_the_last_hour_tells_the_end() -> None:
    """1,200 in the last hour, 4,800 before: at that rate 4,000 more take three hours and twenty minutes."""
    hour = tuple((T0 - n * SLICE_S, 100) for n in range(1, 13))
    meter = Meter(10_000, ((OLD, 4_800), *hour))

    assert T0 + 4_000 / 1_200 * 3_600 == ends_of(meter, T0)
    assert notice_of(meter, T0) is None


def test_an_end_within_two_hours_is_told_below_eighty_percent() -> None:
    """Somebody may still stop the run."""
    hour = tuple((T0 - n * SLICE_S, 200) for n in range(1, 13))
    found = notice_of(Meter(7_000, ((OLD, 1_000), *hour)), T0)

    assert found is not None
    assert ("soon", 3_400, T0 + 3_600 / 2_400 * 3_600) == (found.level, found.used, found.ends_at)


def test_what_comes_back_in_the_meantime_counts() -> None:
    """Yesterday's use leaves as today's comes: the budget does not end although the rate alone would end it."""
    yesterday = tuple((T0 - DAY_S + n * SLICE_S, 100) for n in range(-1, 276))
    hour = tuple((T0 - n * SLICE_S, 100) for n in range(1, 13))

    assert ends_of(Meter(29_000, yesterday + hour), T0) is None
    assert T0 + 150 == ends_of(Meter(28_850, yesterday + hour), T0)


def test_a_used_up_budget_has_ended() -> None:
    """Now, and not in the past."""
    assert T0 == ends_of(Meter(100, ((OLD, 100),)), T0)


def test_nothing_used_is_nothing_said() -> None:
    """Without a rate there is no end."""
    assert (None, None) == (ends_of(Meter(1), T0), notice_of(Meter(1), T0))


SLICES = st.lists(st.tuples(st.integers(1, 288), st.integers(1, 50)), max_size=8).map(
    lambda found: tuple((T0 - slot * SLICE_S, n) for slot, n in found)
)


@given(SLICES, st.integers(1, 400))
def test_the_end_is_where_use_meets_the_limit(used: tuple[tuple[float, int], ...], limit: int) -> None:
    """Played forward in small steps, use is below the limit until then, and at it there."""
    meter = Meter(limit, used)
    ends_at = ends_of(meter, T0)
    rate = sum(n for at, n in used if at >= T0 - 3_600) / 3_600

    def at_rate(at: float) -> float:
        return sum(n for begin, n in used if slice_end(begin) > at) + rate * (at - T0)

    until = T0 + DAY_S if ends_at is None else ends_at
    assert all(at_rate(T0 + step * 97.0) < limit + 1e-6 for step in range(int((until - T0) / 97.0)))
    assert ends_at is None or at_rate(ends_at - 1e-4) >= limit - 0.01
