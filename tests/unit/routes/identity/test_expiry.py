"""What ends is said in time, and each time once."""

from __future__ import annotations

import pytest

from relay365.routes.identity.expiry import DAY_S, Ending, Warnings, nearest

NOW = 1_795_514_531.0


@pytest.mark.parametrize(
    ("days", "stage"),
    [(31, None), (30, 30), (15, 30), (14, 14), (7, 7), (3, 3), (2, 3), (1, 1), (0.5, 1), (0, 0), (-40, 0)],
)
def test_the_stages_are_thirty_fourteen_seven_three_one_and_the_end(days: float, stage: int | None) -> None:
    """The smallest stage that is reached stands."""
    assert stage == Ending("certificate", NOW + days * DAY_S).stage(NOW)


def test_each_stage_is_said_once() -> None:
    """Looking every hour for forty days says six things: five stages and the end."""
    warnings, ending = Warnings(), Ending("certificate", NOW + 31 * DAY_S)
    said = [
        ending.days_left(at) for hour in range(40 * 24) if warnings.is_due(ending, at := NOW + hour * 3600)
    ]

    assert [30, 14, 7, 3, 1, 0] == said


def test_a_new_certificate_is_warned_of_anew() -> None:
    """Another end is another ending, also of a certificate with the same name."""
    warnings = Warnings()
    first, second = (Ending("certificate", NOW + days * DAY_S) for days in (2, 3))

    assert [True, False, True] == [warnings.is_due(one, NOW) for one in (first, first, second)]


def test_days_are_rounded_down_and_negative_after_the_end() -> None:
    """An hour before the end no whole day is left; an hour after it the first day has begun."""
    assert [0, -1] == [Ending("x", NOW + s).days_left(NOW) for s in (3600, -3600)]


def test_the_nearest_of_several() -> None:
    """The one that ends first; of none, none."""
    soon, late = Ending("a", 1.0), Ending("b", 2.0)

    assert (soon, None) == (nearest([late, soon]), nearest([]))
