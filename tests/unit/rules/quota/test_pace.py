"""The pace of bulk: as fast as it can while it fits into the day, evenly when it does not, in its hours only."""

from __future__ import annotations

from relay365.rules.quota.pace import DAY_S, LEAST_S, BulkPace

HOUR_S = 3600.0


def test_what_fits_into_the_day_is_not_slowed_down() -> None:
    """A hundred letters of six thousand allowed: at once; and where nothing counts recipients: at once."""
    pace = BulkPace()
    pace.started(1, 100, 6000, DAY_S, 0.0)
    assert pace.may_start(0.0)
    pace.started(1, 12_000, 0, DAY_S, 0.0)

    assert pace.may_start(0.0)


def test_what_does_not_fit_goes_evenly_until_the_window_ends() -> None:
    """Twelve thousand wait, six thousand may go, in ten hours: one in six seconds; a pause is made up for a minute."""
    pace = BulkPace()
    pace.started(1, 12_000, 6000, 10 * HOUR_S, 1000.0)
    n, now = 0, 1000.0
    while now < 1000.0 + HOUR_S:
        if pace.may_start(now):
            pace.started(1, 12_000, 6000, 10 * HOUR_S, now)
            n += 1
        now += 0.5

    assert 600 <= n <= 612


def test_bulk_keeps_its_hours() -> None:
    """From ten in the evening to six, over midnight; seconds until they begin and until they end."""
    night = BulkPace((22 * HOUR_S, 6 * HOUR_S))

    assert [True, True, False, False] == [night.is_open(hour * HOUR_S) for hour in (22, 5, 6, 12)]
    assert [0.0, 10 * HOUR_S] == [night.opens_in_s(hour * HOUR_S) for hour in (23, 12)]
    assert [7 * HOUR_S, HOUR_S] == [night.left_s(hour * HOUR_S) for hour in (23, 5)]


def test_hours_of_one_day_and_none() -> None:
    """From eight to five; without hours it is always open and the day is what is left."""
    day, always = BulkPace((8 * HOUR_S, 17 * HOUR_S)), BulkPace()

    assert [False, True, False] == [day.is_open(hour * HOUR_S) for hour in (7, 8, 17)]
    assert (True, 0.0, DAY_S) == (always.is_open(0.0), always.opens_in_s(0.0), always.left_s(0.0))
    assert [HOUR_S, LEAST_S] == [always.left_s(23 * HOUR_S), always.left_s(DAY_S - 1)]
