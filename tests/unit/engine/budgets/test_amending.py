"""Another limit, the same use."""

from __future__ import annotations

import pytest

from relay365.engine.budgets.amending import amended
from relay365.rules.quota.budgets import AtOnce, Bill, Budget, Messages, Slices
from relay365.rules.quota.day import Day
from relay365.rules.quota.pairs import Pairs

ONE = Bill(sender="a@x.test", addresses=("b@x.test",))


def _slices(limit: int, window_s: float = 86_400.0) -> Slices:
    return Slices("recipients", limit, window_s, lambda bill: bill.recipients)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        (Messages(30, 60.0, 0.1), Messages(10, 60.0, 0.1)), (_slices(30), _slices(10)),
        (AtOnce(30), AtOnce(10)), (Pairs(30), Pairs(10)), (Day(30), Day(10)),
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


def test_a_clients_share_follows_the_new_one() -> None:
    """Ten of twenty were too many for it, and are a tenth of a hundred; what it has had is not forgotten."""
    there, ours = Day(20, 50), Bill(client="copier")
    for client in ("ups", *["copier"] * 10):
        there.take(Bill(client=client), 0.0)
    assert there.has_had_its_share("copier", 1.0)

    found = amended(there, Day(100, 50))
    assert found is there
    assert not there.has_had_its_share("copier", 1.0)
    amended(there, Day(100, 10))
    assert there.has_had_its_share(ours.client, 1.0)
    amended(there, Day(100, 100))
    assert not there.has_had_its_share(ours.client, 1.0)


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
