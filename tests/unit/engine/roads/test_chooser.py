"""Which lane for new mail, and which one takes over: the rules and the state of the ways together."""

from __future__ import annotations

from fakes.lanes import a_parcel
from fakes.ways import FACTS, Ways
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import Slices
from relay365.rules.routing import AFTER_S, Letter

LETTER = Letter("erp@contoso.com", FACTS)


def test_new_mail_takes_the_first_road() -> None:
    """While it is well, and for a while when it is not: a short trouble changes nothing."""
    ways = Ways()
    assert ("first",) == ways.chosen()
    ways.breaks("first")
    ways.clock.pass_s(AFTER_S - 1)

    assert ("first",) == ways.chosen()


def test_new_mail_takes_the_next_road_when_the_first_has_been_shut_for_too_long() -> None:
    """And the first again as soon as it is well."""
    ways = Ways()
    ways.breaks("first")
    ways.clock.pass_s(AFTER_S)
    ways.lanes["first"].health.gate_until = ways.clock.mono() + 60.0
    assert ("second",) == ways.chosen()
    ways.heals("first")

    assert ("first",) == ways.chosen()


def test_one_message_tries_a_shut_road_when_its_pause_is_over() -> None:
    """Only mail can show that it is well again; while one is on its way the others go round."""
    ways = Ways()
    ways.breaks("first")
    ways.clock.pass_s(AFTER_S)
    assert ("first",) == ways.chosen()
    ways.lanes["first"].start(a_parcel(), ways.clock.mono())

    assert ("second",) == ways.chosen()


def test_where_every_road_is_shut_the_first_one_keeps_the_mail() -> None:
    """It is taken all the same."""
    ways = Ways(names=("first", "second"))
    for name in ("first", "second"):
        ways.breaks(name)
    ways.clock.pass_s(AFTER_S)
    for name in ("first", "second"):
        ways.lanes[name].health.gate_until = ways.clock.mono() + 60.0

    assert ("first",) == ways.chosen()


def test_recipients_of_one_message_may_take_different_roads() -> None:
    """Each by its own rule, in their order."""
    ways = Ways({"recipients": "own-domains", "routes": "third"}, {"routes": "second"})

    assert ("second", "third", "second") == ways.chosen("a@fabrikam.com", "it@contoso.com", "b@fabrikam.com")


def test_a_client_stays_with_its_mailbox_of_a_pool_until_another_one_is_sooner() -> None:
    """For its warm connections; a busy mailbox is left, and one that is unwell waits for the end of the line."""
    ways = Ways({"routes": "pool"}, names=("first", "pool/a", "pool/b"))
    (mine,) = ways.chosen()
    other = ({"pool/a", "pool/b"} - {mine}).pop()
    assert {(mine,)} == {ways.chosen() for _ in range(4)}
    while ways.lanes[mine].room(ways.clock.mono()):
        ways.lanes[mine].start(a_parcel(), ways.clock.mono())
    assert {(other,)} == {ways.chosen() for _ in range(4)}
    ways.breaks(other)

    assert {(mine,)} == {ways.chosen() for _ in range(4)}


def test_the_mailboxes_of_a_pool_fill_up_evenly() -> None:
    """Each with 30 a minute, and more mail than both can send: what waits differs by less than a second's worth."""
    ways = Ways({"routes": "pool"}, names=("first", "pool/a", "pool/b"), limits=LaneLimits(2, 30))
    for _ in range(100):
        (lane,) = ways.chosen()
        ways.lanes[lane].n_waiting += 1

    assert abs(ways.lanes["pool/a"].n_waiting - ways.lanes["pool/b"].n_waiting) <= 1


def test_a_rule_may_ask_for_the_road_where_a_message_starts_first() -> None:
    """Without it the first road is taken however long its queue is; with it the one with the shorter queue."""
    in_order = Ways({"routes": ["first", "second"]}, limits=LaneLimits(2, 30))
    soonest = Ways({"routes": ["first", "second"], "choose": "soonest"}, limits=LaneLimits(2, 30))
    for ways in (in_order, soonest):
        ways.lanes["first"].n_waiting = 60

    assert [("first",), ("second",)] == [in_order.chosen(), soonest.chosen()]


def test_a_mailbox_whose_day_is_used_up_starts_later_than_any_other() -> None:
    """Sixty messages before it cost two minutes; a day costs until it opens, and a throttle until it ends."""
    limits = LaneLimits(2, 30, recipients_per_day=100)
    ways = Ways(
        {"routes": ["first", "second"], "choose": "soonest"}, names=("first", "second"), limits=limits
    )
    ways.lanes["second"].n_waiting = 60
    assert ("first",) == ways.chosen()
    mono = ways.clock.mono()
    day = ways.lanes["first"].order.vector.budgets["recipients"]
    assert isinstance(day, Slices)
    day.add(100, mono)
    assert ("second",) == ways.chosen()
    day.limit = 200
    assert ("first",) == ways.chosen()
    ways.lanes["first"].health.gate_until = mono + 300.0

    assert ("second",) == ways.chosen()


def test_who_takes_over_is_well_and_permitted() -> None:
    """Not before the rule's time, not a road that is unwell itself, not one that the rule does not name."""
    ways = Ways({"routes": ["first", "third"], "after": "2m"})
    way = ways.chooser.itinerary(LETTER, "lena@fabrikam.com")
    ways.breaks("first")
    assert "" == ways.chooser.next_for("first", way)
    ways.clock.pass_s(120.0)
    assert "third" == ways.chooser.next_for("first", way)
    ways.breaks("third")

    assert "" == ways.chooser.next_for("first", way)


def test_what_a_road_can_never_carry_goes_to_one_behind_it() -> None:
    """Never back to one in front of it."""
    ways = Ways()

    assert "second" == ways.chooser.instead_of("first", LETTER, "lena@fabrikam.com")
    assert "third" == ways.chooser.instead_of("second", LETTER, "lena@fabrikam.com")
    assert "" == ways.chooser.instead_of("third", LETTER, "lena@fabrikam.com")


def test_a_single_lane_takes_everything() -> None:
    """Without a question to any rule."""
    assert ("first", "first") == Ways(names=("first",)).chosen("a@b.example", "c@d.example")
