"""What a lane may start next: bulk leaves room, a day is shared out, and answers teach how much is left."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from fakes.lanes import a_parcel
from relay365.engine.budgets.building import Purses
from relay365.engine.budgets.order import Order, Yield
from relay365.engine.budgets.parcels import Bundle, Parcel
from relay365.mail.envelope import SpoolId, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import DAY_S, HOUR_S, Slices
from relay365.spool.waiting.heads import Flow, Head

NOON = 12 * HOUR_S
NUMBERS = count(1)
DELIVERED = (Outcome(Kind.DELIVERED),)


def order(limits: LaneLimits) -> Order:
    return Order(limits, 0.0, Purses().vector("way", limits))


def a_head(client: str = "scanner", priority: str = "normal", *addresses: str) -> Head:
    return Head(
        SpoolId(f"m{next(NUMBERS)}"), Flow(priority, client), 0.0, 0.0, 1e9, 2000, "scan@contoso.com",
        SubmitterFacts("l", "p", device=client, priority=priority),
        tuple(enumerate(addresses or ("a@contoso.com",))),
    )  # fmt: skip


def send(one: Order, client: str, amount: int, now: float = NOON) -> None:
    for _ in range(amount):
        one.end(one.start(a_parcel(device=client), now), DELIVERED, now)


def throttle(row: str, scope: Scope = Scope.MAILBOX) -> tuple[Outcome, ...]:
    return (Outcome(Kind.DEFERRED, scope, Class.RATE_LIMIT, None, "", row),)


def test_bulk_leaves_a_connection_and_the_last_places() -> None:
    """Of three connections two; of one, that one, or it would never go; nothing when two are under way."""
    one = order(LaneLimits(3, 30))
    assert [2, 1] == [one.bulk_room(3, 0.0), one.bulk_room(1, 0.0)]
    letters = [one.start(a_parcel(priority="bulk"), 0.0) for _ in range(2)]
    assert 0 == one.bulk_room(3, 0.0)
    assert not one.may_start(a_parcel(priority="bulk"), 3, 0.0)
    assert one.may_start(a_parcel(), 3, 0.0)
    one.end(letters[0], DELIVERED, 0.0)
    one.give_back(letters[1], 0.0)

    assert 2 == one.bulk_room(3, 0.0)
    assert {"bulk": (1, 1, 1)} == one.tally.take()
    assert {} == one.tally.take()


def test_choice_follows_turns_and_passes_over_what_has_no_budget() -> None:
    """The day has room for one recipient: the message to two waits, whoever's turn it is."""
    one = order(LaneLimits(3, 30, recipients_per_day=10, reserve_per_day=0))
    one.end(one.start(a_parcel(*(f"r{n}@x.test" for n in range(9))), 0.0), DELIVERED, 0.0)
    two, single = a_head("a", "normal", "x@x.test", "y@x.test"), a_head("b")

    assert [single] == one.choose([two, single], 5, 3, 1.0)


def test_a_day_is_kept_for_alarms_and_scans() -> None:
    """Bulk ends where the reserve begins; a scan goes on."""
    one = order(LaneLimits(3, recipients_per_day=100, reserve_per_day=48))
    for _ in range(52):
        assert one.may_start(a_parcel(priority="bulk"), 3, NOON)
        one.end(one.start(a_parcel(priority="bulk"), NOON), DELIVERED, NOON)
    letter, scan = a_head("mailer", "bulk"), a_head()

    assert [scan] == one.choose([letter, scan], 5, 3, NOON + 60.0)


def test_a_scanner_in_a_loop_leaves_the_day_to_others() -> None:
    """Past half of the day it leaves what is kept of it, its mail waits, and whose it is is told; others' goes on."""
    one = order(LaneLimits(3, recipients_per_day=100, reserve_per_day=48, client_share=50))
    send(one, "ups", 1)
    send(one, "mfp", 51)
    page, scan = a_head("mfp"), a_head("scanner")

    assert [scan] == one.choose([page, scan], 5, 3, NOON + 60.0)
    assert not one.fits_soon(a_parcel(device="mfp"), NOON + 60.0)
    assert [("mfp", "share")] == [(found.client, found.why) for found in one.yields(NOON + 60.0)]
    assert [("mfp", 51)] == [hog[:2] for hog in one.hogs(NOON + 60.0)]


def test_bulk_that_waits_says_why() -> None:
    """Its hours, its pace, or what is kept of the day; where none waits, nothing is said."""
    one = order(LaneLimits(3, recipients_per_day=100, reserve_per_day=48, bulk_window=("18:00", "20:00")))
    assert [] == one.yields(NOON)

    one.n_waiting_bulk = 500
    assert [Yield("", "hours", NOON + 6 * 3600.0)] == one.yields(NOON)
    evening = NOON + 6 * 3600.0
    one.end(one.start(a_parcel(priority="bulk"), evening), DELIVERED, evening)
    (paced,) = one.yields(evening)
    assert ("pace", True) == (paced.why, evening < (paced.opens_at or 0.0) < evening + 300.0)
    send(one, "scanner", 51, evening)
    (kept,) = one.yields(evening + 3600.0)
    assert ("reserve", True) == (kept.why, (kept.opens_at or 0.0) > evening + 80_000.0)


def test_bulk_that_is_more_than_the_day_has_is_paced() -> None:
    """Twelve thousand wait for six thousand places, at noon: half a day is left, so 500 go in an hour."""
    one = order(LaneLimits(3, recipients_per_day=10_000, reserve_per_day=4_000))
    one.n_waiting_bulk = 12_000
    n_started, now = 0, NOON
    for _ in range(3600):
        now += 1.0
        if one.bulk_room(3, now):
            one.end(one.start(a_parcel(priority="bulk"), now), DELIVERED, now)
            n_started += 1

    assert 490 <= n_started <= 530


def test_what_one_mailbox_sends_outside_is_gone_for_the_others_of_its_tenant() -> None:
    """Two of the tenant's three: the other mailbox has one, however many are inside; a tenant of its own has all."""
    purses, inside = Purses(), frozenset({"contoso.com"})
    one, other, foreign = (
        Order(limits, 0.0, purses.vector(name, limits))
        for name, tenant in (("a", "contoso.com"), ("b", "contoso.com"), ("c", "fabrikam.com"))
        for limits in [LaneLimits(3, budget=name, tenant=tenant, external_per_day=3, own_domains=inside)]
    )
    one.end(one.start(a_parcel("x@x.test", "y@x.test", "it@contoso.com"), 0.0), DELIVERED, 0.0)
    two, single = a_head("a", "normal", "x@x.test", "y@x.test"), a_head("b", "normal", "z@x.test")
    home = a_head("c", "normal", *(f"r{n}@contoso.com" for n in range(9)))

    assert [single, home] == other.choose([two, single, home], 5, 3, 1.0)
    assert [two, single, home] == foreign.choose([two, single, home], 5, 3, 1.0)
    assert (2, 0) == (other.standings(1.0)["external"].used, foreign.standings(1.0)["external"].used)


def test_connections_are_not_shown_among_the_budgets() -> None:
    """Faces have them of the lane; a lane with nothing else in use has nothing to tell."""
    one = order(LaneLimits(2, 30, at_once_per_budget=3))
    one.start(a_parcel(), 0.0)

    assert ["messages"] == list(one.standings(0.0))


def test_a_storm_to_one_recipient_is_told_apart() -> None:
    """What waits for its own pair's hour is named with its time; the rest is not."""
    one = order(LaneLimits(3, pair_per_hour=1))
    one.end(one.start(a_parcel("it@contoso.com"), 0.0), DELIVERED, 0.0)
    again, other = a_head("ups", "alarm", "IT@contoso.com"), a_head("ups", "alarm", "boss@contoso.com")

    assert [(again, HOUR_S - 10.0)] == one.blocked([again, other], 10.0)
    assert [other] == one.choose([again, other], 5, 3, 10.0)
    assert [] == order(LaneLimits(3)).blocked([again], 10.0)


def test_answers_teach_what_others_use() -> None:
    """A day that is used up, a minute that is full below our count, a tenant's limit; a 250 opens the day again."""
    limits = LaneLimits(3, 30, recipients_per_day=100, tenant="t", external_per_day=50, reserve_per_day=0)
    one = order(limits)
    said = (("tenant-external-limit", Scope.TENANT), ("daily-recipients", Scope.MAILBOX), ("", Scope.MAILBOX))
    for row, scope in said:
        one.end(one.start(a_parcel(), 0.0), throttle(row, scope), 0.0)
    foreign = {key: one.foreign for key, one in one.standings(1.0).items()}
    assert {"messages": 29, "recipients": 100, "external": 50} == foreign
    assert not one.fits(a_parcel(), 1.0)
    one.end(one.start(a_parcel(), 1.0), throttle("too-many-connections"), 1.0)
    one.end(one.start(a_parcel(), 2000.0), DELIVERED, 2000.0)
    day = one.vector.budgets["recipients"]
    assert isinstance(day, Slices)

    assert 94 == day.foreign(2001.0)
    assert one.is_used(2001.0)
    assert not order(limits).is_used(0.0)


def test_bulk_goes_in_its_hours() -> None:
    """From midnight to one minute past only, in local time: not at the other hours of the day."""
    one = order(LaneLimits(3, bulk_window=("00:00", "00:01")))
    rooms = [one.bulk_room(3, hour * HOUR_S + 120.0) for hour in range(24)]

    assert [0] * 24 == rooms
    assert 2 == max(one.bulk_room(3, minute * 60.0 + 30.0) for minute in range(int(DAY_S / 60)))


def test_a_refusal_for_connections_says_nothing_of_the_minute() -> None:
    """Others may hold the mailbox's connections for a moment: the minute's thirty places are ours as before."""
    one = order(LaneLimits(2, 30))
    for _ in range(3):
        one.end(one.start(a_parcel(), 0.0), throttle("too-many-connections"), 0.0)

    assert 0 == one.standings(0.0)["messages"].foreign
    assert 30 == one.vector.n_free(0.0)


OLDER = "STOREDRV.ClientSubmit; sender thread limit exceeded"
NEWER = "Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information."


@pytest.mark.parametrize(("n_sent", "words", "others"), [(10, OLDER, 20), (9, OLDER, 0), (29, NEWER, 0)])
def test_words_that_name_no_limit_are_about_the_minute_where_much_of_it_is_ours(
    n_sent: int, words: str, others: int
) -> None:
    """A third of thirty is ours: others have the rest. With less, or where connections are named, nobody has."""
    one = order(LaneLimits(2, 30))
    for _ in range(n_sent):
        one.end(one.start(a_parcel(), 0.0), DELIVERED, 0.0)
    (crowded,) = throttle("too-many-connections")
    one.end(one.start(a_parcel(), 1.0), (replace(crowded, reply_text=words),), 1.0)

    assert others == one.standings(1.0)["messages"].foreign


def test_few_heads_of_many_flows_are_enough() -> None:
    """And some more where a big one may have to let others pass."""
    one = order(LaneLimits(20))
    first = one.depth(40)
    one.choose([a_head(f"d{n}") for n in range(40)], 40, 20, 0.0)

    assert (45, 2, 2) == (first, one.depth(40), one.depth(1))


def test_a_bundle_is_cut_to_what_its_budgets_have_room_for() -> None:
    """Five recipients are left of the day: of twenty letters alike five go; a digest needs one, and stays whole."""
    one = order(LaneLimits(3, 30, recipients_per_day=25))
    one.end(one.start(a_parcel(*(f"r{n}@x.test" for n in range(20))), 0.0), DELIVERED, 0.0)
    letters = tuple(a_head("erp", "normal", f"r{n}@x.test") for n in range(20))

    assert letters[:5] == one.cut(Bundle(letters), 1.0).heads
    assert letters == one.cut(Bundle(letters, 5), 1.0).heads
    full = order(LaneLimits(3, 30, octets_window=(30_000, 300.0)))
    full.end(full.start(a_parcel(octets=20_000), 0.0), DELIVERED, 0.0)
    assert Bundle(letters[:1]) == full.cut(Bundle(letters, 5), 1.0)


def test_bulk_past_half_of_its_life_takes_a_place_of_a_minute_that_normal_mail_fills() -> None:
    """Two places are left, which bulk leaves to others: young bulk waits; of late bulk one in ten places is its own."""
    one = order(LaneLimits(3, 30))
    for _ in range(28):
        one.end(one.start(a_parcel(), 0.0), DELIVERED, 0.0)
    scans = [a_head("scanner") for _ in range(30)]

    def clients(expires_at: float) -> set[str]:
        """Whose mail ten choices of one each take half a minute later, while the places are still taken."""
        letter = a_head("erp", "bulk")._replace(expires_at=expires_at)
        return {head.flow.client for _ in range(10) for head in one.choose([*scans, letter], 1, 3, 30.0)}

    letter = a_parcel(priority="bulk")
    letter = Parcel((replace(letter.claims[0], accepted_at=0.0, expires_at=10.0),))
    assert [{"scanner"}, {"scanner", "erp"}] == [clients(1000.0), clients(40.0)]
    assert [False, True] == [one.may_start(letter, 3, at) for at in (1.0, 6.0)]


def test_late_bulk_keeps_its_hours() -> None:
    """Whoever gives bulk hours means it: it waits for them, however late it is."""
    one = order(LaneLimits(3, bulk_window=("00:00", "00:01")))
    late = a_head("erp", "bulk")._replace(expires_at=10.0)
    chosen = [
        head
        for hour in range(24)
        for _ in range(10)
        for head in one.choose([late, a_head()], 1, 3, hour * HOUR_S + 120.0)
    ]

    assert 240 == len(chosen)
    assert late not in chosen
