"""Another limit, the same use."""

from __future__ import annotations

import pytest

from relay365.rules.quota.amending import amended
from relay365.rules.quota.budgets import AtOnce, Bill, Budget, Messages, Slices
from relay365.rules.quota.pairs import Pairs

ONE = Bill(sender="a@x.test", addresses=("b@x.test",))


def _slices(limit: int, window_s: float = 86_400.0) -> Slices:
    return Slices("recipients", limit, window_s, lambda bill: bill.recipients)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (Messages(30, 60.0, 0.1), Messages(10, 60.0, 0.1)), (_slices(30), _slices(10)),
        (AtOnce(30), AtOnce(10)), (Pairs(30), Pairs(10)),
    ],
)  # fmt: skip
def test_what_was_used_is_used(there: Budget, wanted: Budget) -> None:
    """The same object with the new limit; a place that was taken before is given back to it."""
    first = there.take(ONE, 0.0)
    for _ in range(9):
        there.take(ONE, 0.0)
    found = amended(there, wanted)

    assert found is there
    assert (10, 10) == (found.standing(1.0).limit, found.standing(1.0).used)
    assert not found.fits(ONE, 1.0)
    found.release(first, 1.0)
    assert found.fits(ONE, 1.0)


def test_bulk_leaves_a_tenth_of_the_new_limit() -> None:
    """The kept places follow it."""
    found = amended(Messages(100, 60.0, 0.1), Messages(20, 60.0, 0.1))

    assert isinstance(found, Messages)
    assert (20, 18) == (found.n_free(0.0), found.n_free(0.0, for_bulk=True))


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (Messages(30, 60.0, 0.1), Messages(30, 3600.0, 0.1)), (_slices(30), _slices(30, 3600.0)),
        (AtOnce(30), Pairs(30)), (_slices(30), Messages(30, 60.0, 0.1)),
    ],
)  # fmt: skip
def test_another_window_or_kind_begins_anew(there: Budget, wanted: Budget) -> None:
    """What was used of the one says nothing about the other."""
    assert wanted is amended(there, wanted)
