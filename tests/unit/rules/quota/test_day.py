"""A mailbox's day, and how much of it one client has before it leaves the rest to others."""

from __future__ import annotations

import pytest

from relay365.rules.quota.budgets import DAY_S, Bill
from relay365.rules.quota.day import Day

KEPT = 30  # of a hundred, for alarms and scans that are still to come


def day(share: int = 50, *, for_alarms: bool = False) -> Day:
    found = Day(100, share, for_alarms=for_alarms)
    found.kept = lambda now: KEPT
    return found


def send(one: Day, client: str, amount: int, now: float = 0.0) -> None:
    for _ in range(amount):
        one.complete(one.take(Bill(client=client), now), now)


@pytest.mark.parametrize(("used", "fits"), [(49, True), (50, True), (69, True), (70, False)])
def test_past_its_share_a_client_leaves_what_bulk_leaves(used: int, *, fits: bool) -> None:
    """With one message of somebody else there are 71 used, of which 30 of the last 100 are kept."""
    one = day()
    send(one, "ups", 1)
    send(one, "copier", used - 1)

    assert fits == one.fits(Bill(client="copier"), 1.0)
    assert (used >= 51) == one.has_had_its_share("copier", 1.0)
    assert one.fits(Bill(client="ups"), 1.0)
    assert one.fits(Bill(client="a third"), 1.0)


def test_whatever_its_priority() -> None:
    """An alarm without end uses up the day as well."""
    one = day()
    send(one, "ups", 70)
    send(one, "copier", 1)

    assert not one.fits(Bill(client="ups", is_alarm=True), 1.0)
    assert one.fits(Bill(client="fire", is_alarm=True), 1.0)


def test_who_is_alone_leaves_nothing_to_nobody() -> None:
    """It has the day to the last recipient, unless the configuration names alarms: one may come yet."""
    alone, watched = day(), day(for_alarms=True)
    for one in (alone, watched):
        send(one, "erp", 70)

    assert (True, False) == (alone.fits(Bill(client="erp"), 1.0), watched.fits(Bill(client="erp"), 1.0))
    send(alone, "copier", 1)
    assert not alone.fits(Bill(client="erp"), 1.0)


def test_a_share_of_all_is_no_share() -> None:
    """client_share_per_day = 100."""
    one = day(100)
    send(one, "ups", 1)
    send(one, "copier", 98)

    assert one.fits(Bill(client="copier"), 1.0)
    assert [] == one.hogs(1.0)


def test_everybody_may_have_one() -> None:
    """A share that is less than one recipient shuts nobody out who has sent nothing."""
    one = Day(1, 50, for_alarms=True)
    one.kept = lambda now: 1
    one.release(one.take(Bill(client="ups"), 0.0), 0.0)

    assert one.fits(Bill(client="ups"), 1.0)


def test_hogs_are_named_with_when_they_go_on() -> None:
    """The largest first; one that still fits goes now, one that does not when enough has come back."""
    one = day(30)
    send(one, "erp", 31, now=0.0)
    send(one, "ups", 1, now=600.0)
    assert [("erp", 31, 700.0)] == one.hogs(700.0)

    send(one, "copier", 38, now=7200.0)
    assert [("copier", 38), ("erp", 31)] == [hog[:2] for hog in one.hogs(7300.0)]
    assert {DAY_S + 300.0} == {hog.opens_at for hog in one.hogs(7300.0)}
    assert one.fits(Bill(client="copier"), DAY_S + 300.0)


def test_what_is_under_way_counts_and_what_was_not_sent_does_not() -> None:
    """A place that is given back is the client's again, too."""
    one = day()
    send(one, "ups", 1)
    held = [one.take(Bill(client="copier"), 0.0) for _ in range(50)]
    assert one.has_had_its_share("copier", 1.0)

    one.release(held.pop(), 1.0)
    assert not one.has_had_its_share("copier", 1.0)
    assert 50 == one.used(1.0)


def test_what_an_earlier_life_has_sent_is_known() -> None:
    """Of the client alone: the mailbox's sum is restored by another hand."""
    one = day()
    one.know("copier", 50, -3600.0)
    one.know("ups", 1, -7200.0)

    assert one.has_had_its_share("copier", 0.0)
    assert 0 == one.used(0.0)
    assert not one.has_had_its_share("copier", DAY_S)


def test_a_day_later_nobody_is_remembered() -> None:
    """Memory is bounded by who has sent in a day."""
    one = day()
    for n in range(50):
        send(one, f"client-{n}", 1)
    send(one, "new", 1, now=2 * DAY_S)

    assert ["new"] == list(one._clients)
