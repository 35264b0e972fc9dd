"""Pairs: one sender, one recipient, one hour."""

from __future__ import annotations

from relay365.rules.quota.budgets import HOUR_S, Bill, Budget
from relay365.rules.quota.pairs import Pairs


def spend(budget: Budget, bill: Bill, at: float) -> None:
    assert budget.fits(bill, at)
    budget.complete(budget.take(bill, at), at)


def test_a_pair_of_sender_and_recipient_has_its_own_hour() -> None:
    """A storm to one recipient waits; mail of the same sender to others does not, nor does another sender's."""
    pairs = Pairs(3)
    storm = Bill(sender="ups@x.test", addresses=("it@x.test",))
    for n in range(3):
        spend(pairs, storm, float(n))

    assert not pairs.fits(storm, 10.0)
    assert HOUR_S == pairs.opens_at(storm, 10.0)
    assert pairs.fits(Bill(sender="ups@x.test", addresses=("boss@x.test",)), 10.0)
    assert pairs.fits(Bill(sender="nas@x.test", addresses=("it@x.test",)), 10.0)
    assert not pairs.fits(Bill(sender="ups@x.test", addresses=("boss@x.test", "it@x.test")), 10.0)
    assert 3 == pairs.standing(10.0).used
    assert pairs.fits(storm, HOUR_S)
    refused = pairs.take(storm, HOUR_S)
    pairs.release(refused, HOUR_S)
    spend(pairs, storm, HOUR_S)
    assert not pairs.fits(storm, HOUR_S)


def test_what_an_earlier_life_has_sent_counts_until_its_hour_is_over() -> None:
    """Two half an hour ago and one now make three."""
    pairs, storm = Pairs(3), Bill(sender="ups@x.test", addresses=("it@x.test",))
    pairs.add(("ups@x.test", "it@x.test"), 2, -1800.0)
    spend(pairs, storm, 0.0)

    assert not pairs.fits(storm, 1.0)
    assert 1800.0 == pairs.opens_at(storm, 1.0)
    assert pairs.fits(storm, 1800.0)


def test_pairs_that_are_over_are_forgotten() -> None:
    """Memory is bounded by what an hour has seen."""
    pairs = Pairs(3)
    for n in range(1000):
        spend(pairs, Bill(sender="a@x.test", addresses=(f"r{n}@x.test",)), float(n))
    spend(pairs, Bill(sender="a@x.test", addresses=("last@x.test",)), 3 * HOUR_S)

    assert 1 == len(pairs._logs)
