"""The relay in the simulation: it is the service's own lane, and keeps what the service promises."""

from __future__ import annotations

import pytest

from bench.quota.demand import (
    DAY_S,
    FLOODING,
    HOUR_S,
    Message,
    flood,
    looping_day,
    office_day,
    office_history,
    saturated,
)
from bench.quota.figures import Figures, figures, quantile
from bench.quota.policies import Start
from bench.quota.policies.ours import Ours
from bench.quota.scenarios import best_of
from bench.quota.server import MODELS, PER_MINUTE, Verdict
from bench.quota.simulation import World, run
from relay365.engine.lane import Lane
from relay365.rules.quota.spacing import MOST_KEPT

BUSY = World(saturated(1, 2 * HOUR_S), 2 * HOUR_S)


def _played(world: World, ours: Ours, model: str = "sliding") -> Figures:
    return figures(run(world, MODELS[model], ours, 1), best_of(world))


def test_a_saturated_mailbox_is_shared() -> None:
    """No refusal, clients served alike, at most three percent of the minute lost, and no alarm waits long."""
    found = _played(BUSY, Ours(), "refused count")

    assert 0.0 == found["refused"]
    assert 0.99 < found["jain"]
    assert 0.97 <= round(found["used"], 3)
    assert 0.98 < found["done_alarm"]
    assert found["p99_alarm"] < 3.0


def test_a_day_loses_no_alarm_and_no_scan() -> None:
    """A mailing that is larger than the day takes nothing from the upper lanes, and they do not wait for it."""
    until_s = 11 * HOUR_S
    world = World([message for message in office_day(1) if message.arrived < until_s - 60.0], until_s)
    found = _played(world, Ours(history=office_history(1)))

    assert 1.0 == pytest.approx(found["done_alarm"], abs=0.005)
    assert 1.0 == pytest.approx(found["done_normal"], abs=0.005)
    assert found["p99_alarm"] < 5.0
    assert 0.0 == found["refused"]


def test_a_scanner_in_a_loop_does_not_shut_the_mailbox_for_the_day() -> None:
    """It sends 30 a minute from nine on, which is all of the day by three; everybody else has all he wants."""
    until_s = 16 * HOUR_S
    world = World([message for message in looping_day(1) if message.arrived < until_s - 60.0], until_s)
    found = _played(world, Ours(history=office_history(1)))

    assert (1.0, 1.0) == (
        pytest.approx(found["done_alarm"], abs=0.01),
        pytest.approx(found["done_normal"], abs=0.01),
    )
    assert found["p99_alarm"] < 5.0
    assert 5_000 <= found["n_loop"] < 7_000
    assert 0.0 == found["refused"]


def test_what_is_refused_is_kept_and_tried_again() -> None:
    """Each refusal of the emulator's words is temporary; the message goes later, through the same lane."""
    for verdict in (Verdict.RATE, Verdict.SENDERS, Verdict.QUOTA):
        ours = Ours()
        ours.offer(Message(0, "a", "normal", 0.0), 0.0)
        start = ours.next(0.0)
        assert isinstance(start, Start)
        ours.finished(start, verdict, 1.0)
        found: Start | float | None = 1.0
        while isinstance(found, float) and found < 2 * DAY_S:
            found = ours.next(found + 60.0)
        assert start == found


def test_a_mailbox_that_may_not_send_is_never_chosen() -> None:
    """Of three lanes only those that a message names are used, and all of those."""
    ours = Ours(3)
    for n in range(60):
        ours.offer(Message(n, "a", "normal", 0.0, mailboxes=(0, 2)), 0.0)
    used = set()
    for now in range(60):
        while isinstance(start := ours.next(float(now)), Start):
            used.add(start.mailbox)
            ours.finished(start, Verdict.TAKEN, float(now))

    assert {0, 2} == used


def test_it_is_the_lane_of_the_service() -> None:
    """No copy: the budgets of a lane of the engine decide how many start at once; alarms get what others leave."""
    ours, started = Ours(), []
    for n in range(100):
        ours.offer(Message(n, "a", "normal", 0.0), 0.0)
    for at in (1.0, 2.0):
        while isinstance(start := ours.next(at), Start):
            ours.finished(start, Verdict.TAKEN, at)
            started.append(start.message.lane)
        for n in range(100, 110):
            ours.offer(Message(n, "b", "alarm", at), at)

    assert all(isinstance(lane, Lane) for lane in ours.lanes.values())
    assert ["normal"] * (PER_MINUTE - MOST_KEPT) + ["alarm"] * MOST_KEPT == started


@pytest.mark.parametrize("express", [True, False])
def test_a_client_that_floods_the_alarms_keeps_no_other_alarm_waiting(*, express: bool) -> None:
    """It has its share and waits in its turn beyond it, past the queue and through it; scanners have theirs as well."""
    world = World(flood(1, HOUR_S / 2), HOUR_S / 2)
    tries = run(world, MODELS["sliding"], Ours(express=express), 1).tries
    others = sorted(
        one.started - one.start.message.arrived
        for one in tries
        if one.start.message.lane == "alarm" and one.start.message.client != FLOODING
    )
    n_scans = sum(one.start.message.lane == "normal" for one in tries)

    assert 0.97 <= round(len(tries) / (PER_MINUTE * 30), 3)
    assert quantile(others, 0.9) < 2.0
    assert others[-1] < 3.0
    assert n_scans > 250  # of 300; without a share they are the last and get none


def test_somebody_else_in_the_mailbox_is_noticed_by_refusals() -> None:
    """By the emulator's words alone: most of what is left is used, and few tries are refused."""
    ours, length_s = Ours(), HOUR_S / 2
    world = World(saturated(1, length_s), length_s, foreign_per_minute=6)
    found = figures(run(world, MODELS["sliding"], ours, 1), best_of(world))
    (lane,) = ours.lanes.values()

    assert found["refused"] < 40.0
    assert found["foreign_refused"] < 150.0
    assert found["of_best"] > 0.8
    assert 3 <= lane.order.standings(length_s)["messages"].foreign <= 15
