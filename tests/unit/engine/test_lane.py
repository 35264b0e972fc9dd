"""What may start in a lane: connections, the window of messages, health; and what is given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.lanes import a_parcel
from relay365.engine.budgets.building import Purses
from relay365.engine.budgets.order import LOOK_AHEAD, Order
from relay365.engine.lane import Lane
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits
from relay365.spool.waiting.heads import Flow

NORMALS, ALARMS = Flow("normal", "scanner"), Flow("alarm", "ups")
DELIVERED = (Outcome(Kind.DELIVERED),)
REFUSED = (Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.RATE_LIMIT),)
UNCERTAIN = (Outcome(Kind.UNCERTAIN, Scope.MESSAGE, Class.TRANSIENT),)


class Way:
    """A route as a lane sees it."""

    name = kind = lane = "way"

    def __init__(self, limits: LaneLimits) -> None:
        self.limits = limits

    async def deliver(self, consignment: Any) -> tuple[Outcome, ...]:
        raise AssertionError(consignment)

    async def close(self) -> None:
        return


def lane(connections: int = 2, messages: int | None = None) -> Lane:
    limits = LaneLimits(connections, messages)
    return Lane(Way(limits), Order(limits, 0.0, Purses().vector("way", limits)))


def test_connections_bound_what_is_under_way() -> None:
    """Two connections: two messages at once, the third when one is done."""
    one = lane(2)
    slots = [one.start(a_parcel(), 0.0), one.start(a_parcel(), 0.0)]

    assert 0 == one.room(0.0)
    one.finish(slots[0], "a@x", DELIVERED, 1.0, 0.5)
    assert 1 == one.room(1.0)


def test_the_window_is_counted_from_start_to_completion_plus_sixty_seconds() -> None:
    """A slow message keeps its place while it is under way and for 60 s plus guard afterwards."""
    one = lane(5, messages=1)
    slot = one.start(a_parcel(), 0.0)
    assert 0 == one.room(300.0)
    one.finish(slot, "a@x", DELIVERED, 300.0, 0.5)

    assert 0 == one.room(360.05)
    assert 360.1 == one.opens_at(300.0)
    assert 1 == one.room(360.1)


def test_a_refused_try_gives_its_place_back_and_an_uncertain_one_does_not() -> None:
    """The remote did not take the one; it may have taken the other."""
    one = lane(5, messages=2)
    refused, uncertain = one.start(a_parcel(), 0.0), one.start(a_parcel(), 0.0)
    one.finish(refused, "a@x", (Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE),), 1.0, 0.5)
    one.finish(uncertain, "a@x", UNCERTAIN, 1.0, 0.5)

    assert 1 == one.room(2.0)


def test_a_held_lane_lets_one_probe_through() -> None:
    """While a person must act, one message a minute goes, and one at a time."""
    one = lane(5)
    one.finish(
        one.start(a_parcel(), 0.0),
        "a@x",
        (Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION),),
        1.0,
        0.5,
    )

    assert [0, 1] == [one.room(60.9), one.room(61.0)]
    assert 1 == one.appetite(61.0)


def test_a_no_of_our_own_heals_nothing() -> None:
    """A message that the road never offers says nothing of the way; one that the remote refused does."""
    refused = Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE)
    for outcome, is_held in ((replace(refused, offered=False), True), (refused, False)):
        one = lane(5)
        one.finish(
            one.start(a_parcel(), 0.0),
            "a@x",
            (Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION),),
            1.0,
            0.5,
        )
        one.finish(one.start(a_parcel(), 61.0), "a@x", (outcome,), 61.0, 0.5)
        assert is_held == (one.health.held is not None)
    one = lane(5)
    one.finish(
        one.start(a_parcel(), 0.0),
        "a@x",
        (Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION),),
        1.0,
        0.5,
    )
    one.finish(one.start(a_parcel(), 61.0), "a@x", (*DELIVERED, replace(refused, offered=False)), 61.0, 0.5)
    assert None is one.health.held


def test_appetite_never_exceeds_the_window() -> None:
    """Claims are taken a little ahead, but not more than the minute has places for."""
    assert 5 * LOOK_AHEAD == lane(5).appetite(0.0)
    assert 3 == lane(5, messages=3).appetite(0.0)


def test_a_gate_shuts_what_is_ready() -> None:
    """While a gate is closed the claims that wait belong back in the queue; while all connections work they do not."""
    one = lane(1)
    started = one.start(a_parcel(), 0.0)
    assert not one.is_shut(0.0)
    one.finish(started, "a@x", REFUSED, 0.0, 0.5)
    assert one.is_shut(0.0)


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.floats(0.01, 40.0)), min_size=35, max_size=80))
def test_no_server_ever_sees_more_than_thirty_in_a_minute(steps: list[tuple[float, float]]) -> None:
    """Wherever between start and completion the remote counts, any 60 s hold at most 30."""
    one, now, running, spans = lane(3, messages=30), 0.0, [], []
    for pause, latency in steps:
        now += pause
        for entry in [e for e in running if e[1] <= now]:
            running.remove(entry)
            one.finish(entry[2], "a@x", DELIVERED, entry[1], 0.5)
        if one.room(now):
            entry = (now, now + latency, one.start(a_parcel(), now))
            running.append(entry)
            spans.append(entry[:2])
    for stamp in (min, max):  # a server that counts at once, and one that counts at the end
        stamps = sorted(stamp(span) for span in spans)
        for n, begin in enumerate(stamps):
            assert 30 >= sum(begin <= other < begin + 60.0 for other in stamps[n:])


def test_the_worst_outcome_of_a_message_decides() -> None:
    """Two recipients, one throttled: the lane is gated although the other was delivered."""
    one = lane(2)
    changed = one.finish(one.start(a_parcel(), 0.0), "a@x", (*DELIVERED, *REFUSED), 0.0, 0.0)

    assert changed
    assert one.health.gate_until > 0.0


def test_a_message_that_breaks_a_good_way_waits_alone() -> None:
    """While others are delivered nothing closes, however many messages break; after five minutes without it does."""
    one = lane(3)
    broken = (Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.TRANSIENT, row="connection-broken"),)
    one.finish(one.start(a_parcel(), 0.0), "a@x", DELIVERED, 0.0, 0.5)
    for _ in range(50):
        one.finish(one.start(a_parcel(), 299.0), "a@x", broken, 299.0, 0.5)
    assert 3 == one.room(299.0)
    for _ in range(3):
        one.finish(one.start(a_parcel(), 300.0), "a@x", broken, 300.0, 0.5)

    assert 0 == one.room(300.0)


def test_a_way_that_is_unwell_closes_although_it_was_well() -> None:
    """What concerns more than the message counts at once, also right after a delivery."""
    one = lane(3)
    one.finish(one.start(a_parcel(), 0.0), "a@x", DELIVERED, 0.0, 0.5)
    one.finish(
        one.start(a_parcel(), 1.0), "a@x", (Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT),), 1.0, 0.5
    )

    assert 0 == one.room(1.0)


def test_a_refused_sender_is_counted() -> None:
    """Two Send As refusals stop this sender in this lane."""
    one = lane(2)
    for _ in range(2):
        one.finish(
            one.start(a_parcel(), 0.0),
            "a@x",
            (Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.SENDER),),
            0.0,
            0.5,
        )

    assert one.senders.is_stopped("a@x", 1.0)


def test_fresh_mail_may_go_at_once_where_nothing_older_waits() -> None:
    """Room is kept while the mail is being accepted; older mail, a hold, or a full window says no."""
    one = lane(1)
    assert not one.may_reserve(0.0, NORMALS)  # nobody has looked at the queue yet
    one.look_at = 5.0
    assert one.may_reserve(0.0, NORMALS)
    one.n_reserved += 1
    assert (0, False) == (one.room(0.0), one.may_reserve(0.0, NORMALS))
    one.n_reserved -= 1
    one.finish(
        one.start(a_parcel(), 0.0),
        "a@x",
        (Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION),),
        1.0,
        0.5,
    )
    one.look_at = 100.0
    assert not one.may_reserve(70.0, NORMALS)


def test_fresh_mail_leaves_the_last_places_to_alarms() -> None:
    """Where alarms may come, what is reserved counts among what normal mail may take; an alarm may have the rest."""
    limits = LaneLimits(40, 30, alarms=True)
    one = Lane(Way(limits), Order(limits, 0.0, Purses().vector("way", limits)))
    one.look_at = 5.0
    one.n_reserved = 26
    assert (True, True) == (one.may_reserve(0.0, NORMALS), one.may_reserve(0.0, ALARMS))
    one.n_reserved = 27

    assert (False, True) == (one.may_reserve(0.0, NORMALS), one.may_reserve(0.0, ALARMS))
    assert not one.may_reserve(0.0, Flow("bulk", "erp"))


def test_alarms_are_counted_by_whichever_way_they_start() -> None:
    """Nine that went out at once, and one client's next is normal mail in both ways; another's alarm is not."""
    limits = LaneLimits(40, 30, alarms=True)
    one = Lane(Way(limits), Order(limits, 0.0, Purses().vector("way", limits)))
    one.look_at = 5.0
    for _ in range(9):
        assert one.may_reserve(0.0, ALARMS)
        one.finish(one.start(a_parcel(priority="alarm", device="ups"), 0.0), "a@x", DELIVERED, 0.0, 0.5)
    for _ in range(18):
        one.finish(one.start(a_parcel(), 0.0), "a@x", DELIVERED, 0.0, 0.5)

    assert (False, True) == (one.may_reserve(1.0, ALARMS), one.may_reserve(1.0, Flow("alarm", "fire")))
    one.ready.append(a_parcel(priority="alarm", device="ups"))
    assert one.next_ready(1.0) is None
    one.ready.append(fire := a_parcel(priority="alarm", device="fire"))
    assert fire is one.next_ready(1.0)
    assert one.stuck(1.0)


def test_what_is_claimed_waits_for_a_connection_that_another_lane_has() -> None:
    """It is not given back for a moment, and starts as soon as the other is done."""
    purses, limits = Purses(), LaneLimits(2, budget="mailbox scan@x.test", at_once_per_budget=2)
    one, other = (Lane(Way(limits), Order(limits, 0.0, purses.vector(name, limits))) for name in ("a", "b"))
    held = [one.start(a_parcel(), 0.0) for _ in range(2)]
    other.ready.append(ready := a_parcel())
    assert (None, []) == (other.next_ready(0.0), other.stuck(0.0))
    one.finish(held[0], "a@x", DELIVERED, 1.0, 0.5)

    assert ready is other.next_ready(1.0)


def test_a_lane_is_looked_at_when_it_opens_for_any_kind() -> None:
    """Three places are free for alarms: the next change is when others may have the first of them."""
    limits = LaneLimits(40, 30, alarms=True)
    one = Lane(Way(limits), Order(limits, 0.0, Purses().vector("way", limits)))
    for started in [one.start(a_parcel(), 0.0) for _ in range(27)]:
        one.finish(started, "a@x", DELIVERED, 0.0, 0.5)

    assert 3 == one.room(1.0)
    assert pytest.approx(60.1 - 7.2) == one.opens_at(1.0)


def test_what_is_reserved_counts_in_the_window() -> None:
    """Two places in the minute, one of them kept for mail that is being accepted: one is left."""
    one = lane(5, messages=2)
    one.n_reserved += 1

    assert 1 == one.room(0.0)


def test_a_lane_full_of_reserved_places_is_busy_and_not_shut() -> None:
    """Claims that are ready stay: the mail that is being accepted takes the place, and gives it back soon."""
    one = lane(1)
    one.n_reserved += 1

    assert (0, False) == (one.room(0.0), one.is_shut(0.0))


def test_a_cap_that_fell_below_what_is_under_way_leaves_no_room() -> None:
    """Five under way, and the way turns out to be unwell: room is none, not less; what is ready goes back."""
    one = lane(5)
    slots = [one.start(a_parcel(), 0.0) for _ in range(5)]
    one.finish(slots.pop(), "a@x", (Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT),), 0.0, 0.5)
    opened = one.health.gate_until

    assert (1, 0, False) == (one.health.cap_now, one.room(opened), one.is_shut(opened))
    assert (0, True) == (one.room(opened - 0.1), one.is_shut(opened - 0.1))


def test_claims_are_taken_when_half_of_what_was_ready_has_started() -> None:
    """With four connections, two that are ready make hungry and three do not."""
    one = lane(4)
    one.ready.extend([None] * 2)  # type: ignore[list-item]  # it only counts them
    hungry = one.appetite(0.0)
    one.ready.append(None)  # type: ignore[arg-type]

    assert (4 * LOOK_AHEAD - 2, 0) == (hungry, one.appetite(0.0))


RANKS = (
    Outcome(Kind.DEFERRED, Scope.ROUTE, Class.CONFIGURATION),
    Outcome(Kind.DEFERRED, Scope.ROUTE, Class.RATE_LIMIT),
    Outcome(Kind.DEFERRED, Scope.MESSAGE, Class.SENDER),
    Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT),
    Outcome(Kind.FAILED, Scope.MESSAGE, Class.MESSAGE),
    Outcome(Kind.DELIVERED),
)
"""What concerns most comes first."""


def _learned(*outcomes: Outcome) -> tuple[object, ...]:
    """What a lane with two failures behind it is after a message with these outcomes, and one more refused sender."""
    one = lane(4)
    one.health.cap_now = 2
    one.senders.refuse("a@x", 0.0)
    one.finish(one.start(a_parcel(), 0.0), "a@x", outcomes, 0.0, 0.5)
    health = one.health
    return (
        health.held,
        health.gate_reason,
        health.gate_until,
        health.cap_now,
        one.senders.is_stopped("a@x", 1.0),
    )


@pytest.mark.parametrize("n", range(len(RANKS) - 2))
def test_what_concerns_more_decides_in_any_order(n: int) -> None:
    """Two recipients with outcomes of neighbouring ranks teach what the graver one alone would teach."""
    graver, lesser = RANKS[n : n + 2]

    assert _learned(graver) == _learned(graver, lesser) == _learned(lesser, graver)
    assert _learned(graver) != _learned(lesser)


def test_who_was_refused_for_connections_counts_those_that_were_beside_it() -> None:
    """Two at its start, one of them done before the refusal is read: two were ours, and the minute is as it was."""
    one = lane(3, messages=30)
    first, second = one.start(a_parcel(), 0.0), one.start(a_parcel(), 0.0)
    one.finish(first, "a@x", DELIVERED, 1.0, 0.5)
    crowded = Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, row="too-many-connections")
    one.finish(second, "a@x", (crowded,), 1.0, 0.5)

    assert 2 == one.health.crowded
    assert 29 == one.places(1.0)


def test_who_was_refused_for_the_minute_has_met_no_connections() -> None:
    """Others are in the mailbox, and it is said of them once: they use places, not connections."""
    one = lane(3, messages=30)
    for _ in range(20):
        one.finish(one.start(a_parcel(), 0.0), "a@x", DELIVERED, 0.0, 0.5)
    refused = Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, row="too-many-connections")
    one.finish(one.start(a_parcel(), 1.0), "a@x", (refused,), 1.0, 0.5)

    assert (0, 10) == (one.health.crowded, one.order.standings(1.0)["messages"].foreign)
