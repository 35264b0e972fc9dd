"""Budgets: what fits, what is taken, when it opens again; all or none of a vector, for any order of events."""

from __future__ import annotations

import copy
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from relay365.rules.quota.budgets import (
    DAY_S,
    HOUR_S,
    PROBE_S,
    SLICES,
    AtOnce,
    Bill,
    Budget,
    Lease,
    Messages,
    Slices,
    Standing,
    Vector,
)

SLICE_S = DAY_S / SLICES


def day(limit: int = 100) -> Slices:
    return Slices("recipients", limit, DAY_S, lambda bill: bill.recipients)


def spend(budget: Budget, bill: Bill, at: float) -> None:
    assert budget.fits(bill, at)
    budget.complete(budget.take(bill, at), at)


def test_bulk_leaves_the_last_tenth_of_the_minute_to_others() -> None:
    """Twenty-seven newsletters, and an alarm still finds a place."""
    minute = Messages(30, 60.0, 0.0)
    for _ in range(27):
        spend(minute, Bill(is_bulk=True), 0.0)

    assert not minute.fits(Bill(is_bulk=True), 1.0)
    assert minute.fits(Bill(), 1.0)
    assert (0, 3) == (minute.n_free(1.0, for_bulk=True), minute.n_free(1.0))
    assert (60.0, 1.0) == (minute.opens_at(Bill(is_bulk=True), 1.0), minute.opens_at(Bill(), 1.0))
    assert Standing("messages", 27, 30, 60.0, 0.0) == minute.standing(1.0)


def test_where_alarms_may_come_others_leave_the_last_three_places_one_by_one() -> None:
    """Twenty-seven at once; an alarm still finds one; the rest opens 7.2 s before the first comes back."""
    minute = Messages(30, 60.0, 0.0, for_alarms=True)
    for _ in range(27):
        spend(minute, Bill(), 0.0)

    assert (0, 3) == (minute.n_normal(1.0), minute.n_free(1.0))
    assert (False, True) == (minute.fits(Bill(), 1.0), minute.fits(Bill(is_alarm=True), 1.0))
    assert (52.8, 1.0) == (minute.opens_at(Bill(), 1.0), minute.opens_at(Bill(is_alarm=True), 1.0))
    assert (60.0, False) == (minute.opens_at(Bill(is_bulk=True), 1.0), minute.fits(Bill(is_bulk=True), 59.0))
    assert minute.fits(Bill(), 52.8)


def test_a_client_that_floods_leaves_the_last_places_as_others_do() -> None:
    """Nine alarms of one client are its share of thirty; refused ones do not count, another client's do not either."""
    minute, ups = Messages(30, 60.0, 0.0, for_alarms=True), Bill(is_alarm=True, client="ups")
    for _ in range(30):
        minute.release(minute.take(ups, 0.0), 0.0)
    for bill in [ups] * 9 + [Bill()] * 18:
        spend(minute, bill, 0.0)

    assert (False, True) == (minute.fits(ups, 1.0), minute.fits(Bill(is_alarm=True, client="fire"), 1.0))
    assert (minute.opens_at(Bill(), 1.0), 1.0) == (
        minute.opens_at(ups, 1.0),
        minute.opens_at(replace(ups, client="x"), 1.0),
    )
    assert [True, False] == [Vector({"messages": minute}).floods(client, 1.0) for client in ("ups", "fire")]
    assert minute.fits(ups, 60.0)


def test_places_that_others_use_make_the_spacing_wider() -> None:
    """Somebody else has half of the thirty: ours come back every four seconds, and each goes out again at once."""
    minute = Messages(30, 60.0, 0.0, for_alarms=True)
    for n in range(15):
        spend(minute, Bill(), 4.0 * n)
    assert 15 == minute.log.notice(59.0)

    assert (0, 1) == (minute.n_normal(59.9), minute.n_normal(60.0))


def test_a_new_limit_brings_its_own_wish_for_room() -> None:
    """A file that names its first alarm makes room in the window that is under way, and the other way round."""
    minute = Messages(10, 60.0, 0.0)
    minute.allow(30, for_alarms=True)
    assert 27 == minute.n_normal(0.0)
    minute.allow(30)

    assert 30 == minute.n_normal(0.0)


def test_a_vector_opens_for_alarms_before_it_opens_for_others() -> None:
    """The next instant at which anything changes; None while all may start."""
    vector = Vector({"messages": Messages(30, 60.0, 0.0, for_alarms=True), "day": day(40)})
    for _ in range(27):
        vector.complete(vector.take(Bill(), 0.0), 0.0)
    assert 52.8 == vector.next_opening(1.0)
    for _ in range(3):
        vector.complete(vector.take(Bill(is_alarm=True), 2.0), 2.0)

    assert (0, 0, 60.0) == (vector.n_normal(2.0), vector.n_free(2.0), vector.next_opening(2.0))
    assert (True, False) == (vector.fits_beside(Bill(10), 2.0), vector.fits_beside(Bill(11), 2.0))
    assert (27, None) == (vector.n_normal(60.0), vector.next_opening(60.0))
    assert (None, None) == (Vector().n_normal(0.0), Vector().next_opening(0.0))


def test_a_day_opens_slice_by_slice() -> None:
    """What was used leaves after the last instant of its slice and a day: never early, at most a slice late."""
    budget = day()
    spend(budget, Bill(60), 10.0)
    spend(budget, Bill(40), 1000.0)

    assert not budget.fits(Bill(1), 2000.0)
    assert DAY_S + SLICE_S == budget.opens_at(Bill(60), 2000.0)
    assert DAY_S + 4 * SLICE_S == budget.opens_at(Bill(61), 2000.0)
    assert Standing("recipients", 100, 100, DAY_S, DAY_S + SLICE_S - 2000.0) == budget.standing(2000.0)
    assert [0] * 23 + [100] == budget.returns(2000.0, HOUR_S, 24)
    assert budget.fits(Bill(60), DAY_S + SLICE_S)


def test_what_is_on_its_way_counts_and_a_refused_try_does_not() -> None:
    """The take is held until the end is known."""
    budget = day(10)
    taken = budget.take(Bill(10), 0.0)
    assert not budget.fits(Bill(1), 0.0)
    assert budget.opens_at(Bill(1), 0.0) is None
    budget.release(taken, 1.0)

    assert budget.fits(Bill(10), 1.0)


def test_one_message_that_is_more_than_a_day_goes_alone() -> None:
    """The remote judges it; it must not wait for ever."""
    budget = day(10)
    assert budget.fits(Bill(500), 0.0)
    spend(budget, Bill(1), 0.0)

    assert not budget.fits(Bill(500), 1.0)
    assert DAY_S + SLICE_S == budget.opens_at(Bill(500), 1.0)


def test_a_day_that_others_have_used_up_is_probed_and_opens_by_success() -> None:
    """The remote says "quota exceeded" at ten of a hundred: ninety are others'; one try in half an hour finds out."""
    budget = day()
    spend(budget, Bill(10), 0.0)
    budget.exhausted(1.0)
    assert (90, False) == (budget.foreign(1.0), budget.fits(Bill(1), 1.0 + PROBE_S - 1))
    assert 1.0 + PROBE_S == budget.opens_at(Bill(1), 5.0)
    probe_at = 1.0 + PROBE_S
    assert budget.fits(Bill(2), probe_at)
    taken = budget.take(Bill(2), probe_at)
    assert not budget.fits(Bill(1), probe_at + 1)
    budget.complete(taken, probe_at + 2)
    budget.learnt(probe_at + 2)

    assert 100 - 12 - 5 == budget.foreign(probe_at + 2)
    assert budget.fits(Bill(5), probe_at + 3)


def test_what_bulk_must_leave_is_asked_each_time() -> None:
    """Thirty of a hundred are kept: bulk ends at seventy, a scan goes on."""
    budget = day()
    budget.kept = lambda now: 30
    spend(budget, Bill(70, is_bulk=True), 0.0)

    assert not budget.fits(Bill(1, is_bulk=True), 1.0)
    assert budget.fits(Bill(30), 1.0)


def test_use_of_earlier_lives_is_put_in_its_own_slice() -> None:
    """In any order."""
    budget = day()
    for at, amount in ((-5000.0, 10), (-80000.0, 20), (-5100.0, 5), (-90000.0, 50)):
        budget.add(amount, at)

    assert 35 == budget.used(0.0)
    assert 15 == budget.used(DAY_S - 80000.0 + SLICE_S)


def test_lanes_of_one_application_share_what_may_run_at_once() -> None:
    """Four requests, whoever makes them; a completion opens, time does not."""
    at_once = AtOnce(2)
    one, other = Vector({"at-once": at_once}), Vector({"at-once": at_once, "day": day(1)})
    first = one.take(Bill(), 0.0)
    second = other.take(Bill(), 0.0)
    assert (False, None) == (one.fits(Bill(), 0.0), one.opens_at(Bill(), 0.0))
    one.release(first, 0.0)
    assert (True, False) == (one.fits(Bill(), 0.0), other.fits(Bill(), 0.0))
    other.complete(second, 0.0)
    assert other.fits(Bill(), 2 * DAY_S)


def test_a_connection_that_another_lane_has_is_no_budget_to_wait_for() -> None:
    """It does not fit now, and is in nobody's way when more is chosen or the next instant is looked for."""
    lease = Lease(1)
    one, other = (
        Vector({"connections": lease}),
        Vector({"connections": lease, "messages": Messages(1, 60.0, 0.0)}),
    )
    held = one.take(Bill(), 0.0)
    found = [fits(Bill(), 0.0) for fits in (other.fits, other.fits_soon, other.fits_beside)]
    assert ([False, True, True], None) == (found, other.next_opening(0.0))
    one.release(held, 1.0)
    assert other.fits(Bill(), 1.0)
    other.complete(other.take(Bill(), 1.0), 1.0)

    assert (False, 61.0) == (other.fits_soon(Bill(), 2.0), other.next_opening(2.0))


events = st.lists(
    st.tuples(
        st.floats(0.0, 400.0),  # pause before
        st.integers(1, 12),  # recipients
        st.booleans(),  # bulk
        st.sampled_from(("complete", "release", "hold")),
    ),
    min_size=1,
    max_size=60,
)


@given(events)
@settings(max_examples=60, deadline=None)
def test_a_vector_is_all_or_none_and_never_above_its_limits(
    steps: list[tuple[float, int, bool, str]],
) -> None:
    """What fits is within every limit when it is taken; what does not changes nothing; opens_at keeps its word."""
    minute, recipients = Messages(5, 60.0, 0.0), Slices("r", 20, 3600.0, lambda bill: bill.recipients)
    vector = Vector({"minute": minute, "recipients": recipients})
    now, held = 0.0, []
    counted: list[tuple[float, int]] = []
    for pause, n, is_bulk, end in steps:
        now += pause
        bill = Bill(n, is_bulk=is_bulk)
        before = [budget.standing(now) for budget in vector.budgets.values()]
        if not vector.fits(bill, now):
            assert before == [budget.standing(now) for budget in vector.budgets.values()]
            opens = vector.opens_at(bill, now)
            assert opens is None or opens > now
            assert opens is None or copy.deepcopy(vector).fits(bill, opens)
            continue
        taken = vector.take(bill, now)
        if end == "complete":
            vector.complete(taken, now)
            counted.append((now, n))
        elif end == "release":
            vector.release(taken, now)
        else:
            held.append(taken)
        in_minute = [one for at, one in counted if at > now - 60.0]
        assert len(in_minute) + len(held) <= 5
        assert sum(one for at, one in counted if at > now - 3600.0) <= 20
        assert (vector.n_free(now) or 0) >= 0


def test_a_person_asks_whether_a_day_is_used_up() -> None:
    """Then one message may find out now, and not only after half an hour."""
    day = Slices("recipients", 100, DAY_S, lambda bill: bill.recipients)
    day.exhausted(1000.0)
    assert not day.fits(Bill(), 1001.0)
    day.ask(1001.0)
    assert day.fits(Bill(), 1001.0)
    day.take(Bill(), 1001.0)

    assert not day.fits(Bill(), 1002.0)
