"""What bulk leaves of a day: first a share, later what the same hours of earlier weeks have needed."""

from __future__ import annotations

from relay365.rules.quota.reserve import FIRST_SHARE, HOUR_S, HOURS_OF_WEEK, MARGIN, WEEKS, Reserve

WEEK_S = HOURS_OF_WEEK * HOUR_S
NOW = 100 * WEEK_S  # the first hour of a week
NOTHING_COMES_BACK = [0] * 24


def test_without_history_a_share_of_the_day_is_kept() -> None:
    """Evenly over the hours; a person's figure instead of ours."""
    assert round(10_000 * FIRST_SHARE) == Reserve(10_000).kept(NOW, NOTHING_COMES_BACK)
    assert 240 == Reserve(10_000, 240).kept(NOW, NOTHING_COMES_BACK)
    assert 0 == Reserve(10_000, 0).kept(NOW, NOTHING_COMES_BACK)


def test_what_comes_back_in_time_need_not_be_kept() -> None:
    """Ten an hour are needed and ten an hour come back: only the first ten are kept."""
    reserve = Reserve(10_000, 240)

    assert 10 == reserve.kept(NOW, [10] * 24)
    assert 240 == reserve.kept(NOW, [0] * 23 + [999])
    assert 120 == reserve.kept(NOW, [0] * 11 + [999] + [0] * 12)


def test_it_learns_nearly_the_most_of_the_same_hour() -> None:
    """Scans from eight to ten on every day of the week; the fifth week had one more busy hour."""
    slices = [
        (NOW - week * WEEK_S + day * 24 * HOUR_S + hour * HOUR_S + 300.0, 100)
        for week in range(1, WEEKS + 1)
        for day in range(7)
        for hour in (8, 9)
    ]
    reserve = Reserve(10_000)
    reserve.learn(slices, NOW)

    assert reserve.is_learnt
    assert 200 * MARGIN == reserve.expected(NOW, 24)
    assert round(200 * MARGIN) == reserve.kept(NOW, NOTHING_COMES_BACK)
    assert round(100 * MARGIN) == reserve.kept(NOW + 9 * HOUR_S, [0] * 14 + [9999] * 10)


def test_one_week_is_too_little_and_a_persons_figure_stands() -> None:
    """Nothing is learnt from a few days, nor against a configured figure."""
    slices = [(NOW - 6 * 24 * HOUR_S, 5000)]
    young, fixed = Reserve(10_000), Reserve(10_000, 240)
    young.learn(slices, NOW)
    fixed.learn([(NOW - week * WEEK_S, 5000) for week in range(1, 5)], NOW)

    assert not young.is_learnt
    assert 240 == fixed.kept(NOW, NOTHING_COMES_BACK)


def test_no_more_than_the_limit_is_kept() -> None:
    """Whatever is needed."""
    assert 100 == Reserve(100, 100_000).kept(NOW, NOTHING_COMES_BACK)
