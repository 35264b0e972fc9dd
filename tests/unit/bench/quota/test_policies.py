"""The small parts of the baselines: what each limiter and each order promises."""

from __future__ import annotations

import math

import pytest

from bench.quota.demand import Message
from bench.quota.policies import Start
from bench.quota.policies.limiters import Aimd, ClockMinute, Gcra, Limiter, Log, LogAimd, LogForeign
from bench.quota.policies.orders import Fifo, Order, Reserved, Room, RoundRobin, Strict
from bench.quota.policies.queued import PAUSE_S, PROBE_S, Queued, Split, by_client, in_turn, shortest
from bench.quota.server import Verdict

AMPLE = Room(30, 10_000)


def _burst(limiter: Limiter, now: float) -> int:
    """How many start at once."""
    n = 0
    while limiter.free_at(now) <= now:
        assert limiter.n_free(now) > 0
        limiter.start(now)
        n += 1
    return n


def test_limiters_give_what_they_say() -> None:
    """Bursts and pauses: a clock minute, two kinds of GCRA, the log, whose places wait for answers."""
    minute, wide, narrow, log = ClockMinute(30), Gcra(30, 30), Gcra(30, 1), Log(30)

    assert [30, 30, 1, 30] == [_burst(limiter, 50.0) for limiter in (minute, wide, narrow, log)]
    assert [60.0, 52.0, 52.0, math.inf] == [limiter.free_at(50.0) for limiter in (minute, wide, narrow, log)]
    assert [30, 5, 1] == [_burst(limiter, 60.0) for limiter in (minute, wide, narrow)]


def test_aimd_cuts_and_grows() -> None:
    """A refusal takes three tenths of the rate, once a minute; ten clean minutes give one back."""
    limiter = Aimd(30.0)
    for _ in range(2):
        limiter.finish(None, Verdict.RATE, 100.0)
    limiter.start(100.0)
    assert 60.0 / 21.0 == pytest.approx(limiter.free_at(100.0) - 100.0)
    limiter.start(700.0)
    assert 60.0 / 22.0 == pytest.approx(limiter.free_at(700.0) - 700.0)


def test_a_learning_log_leaves_room_for_others() -> None:
    """At a refusal with ten of our own in the minute, others seem to send twenty; half is forgotten in 15 minutes."""
    log = LogForeign(30)
    for _ in range(10):
        log.finish(log.start(0.0), Verdict.TAKEN, 1.0)
    log.finish(log.start(2.0), Verdict.RATE, 3.0)
    assert 0 == log.n_free(3.0)
    assert 4.0 == log.free_at(3.0)
    assert 20 == log.n_free(903.0)


def test_the_logs_limit_learns_like_a_rate() -> None:
    """LogAimd: 30 becomes 21 at a refusal and 22 after ten clean minutes."""
    log = LogAimd(30)
    log.finish(log.start(0.0), Verdict.RATE, 1.0)
    assert 21 == _n_free_later(log, 100.0)
    log.finish(log.start(700.0), Verdict.TAKEN, 701.0)
    assert 22 == _n_free_later(log, 800.0)


def _n_free_later(log: Log, now: float) -> int:
    return log.n_free(now)


def _drain(order: Order, room: Room = AMPLE, now: float = 0.0) -> list[int]:
    numbers = []
    while isinstance(found := order.take(room, now), Message):
        numbers.append(found.number)
    return numbers


MESSAGES = [
    Message(n, client, lane, 0.0)
    for n, (client, lane) in enumerate(
        [("a", "bulk"), ("a", "bulk"), ("b", "normal"), ("c", "normal"), ("b", "normal"), ("d", "alarm")]
    )
]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Fifo(), [0, 1, 2, 3, 4, 5]),
        (RoundRobin(), [0, 2, 3, 5, 1, 4]),
        (Strict(), [5, 2, 3, 4, 0, 1]),
    ],
)
def test_orders(order: Order, expected: list[int]) -> None:
    """Each order empties the same queue in its way, and has nothing afterwards."""
    for message in MESSAGES:
        order.put(message)

    assert expected == _drain(order)
    assert order.take(AMPLE, 0.0) is None


@pytest.mark.parametrize("order", [Fifo(), RoundRobin(), Strict()])
def test_what_is_put_back_goes_next(order: Order) -> None:
    """A refused message stays in front of its like."""
    for message in MESSAGES:
        order.put(message)
    first = order.take(AMPLE, 0.0)
    assert isinstance(first, Message)
    order.put_back(first)

    assert first == order.take(AMPLE, 0.0)


def test_reserves_bar_only_bulk() -> None:
    """Bulk waits for the reserve of the day, and for the last places of a minute; others never."""
    order = Reserved(lambda _: 100.0, kept_of_minute=3)
    for message in MESSAGES:
        order.put(message)

    assert [5, 2, 3, 4] == _drain(order, Room(30, 114), 7.0)
    assert 67.0 == order.take(Room(30, 114), 7.0)
    assert 8.0 == order.take(Room(3, 116), 7.0)
    assert [0, 1] == _drain(order, Room(4, 116), 7.0)


def test_a_refusal_pauses_its_connection() -> None:
    """Five seconds after a rate refusal, half an hour after the day's; the message goes first again."""
    for verdict, pause_s in ((Verdict.RATE, PAUSE_S), (Verdict.QUOTA, PROBE_S)):
        policy = Queued(Log(30), Fifo())
        for n in range(5):
            policy.offer(Message(n, "a", "normal", 0.0), 0.0)
        starts = []
        while isinstance(start := policy.next(0.0), Start):
            policy.started(start, 0.0)
            starts.append(start)
        assert [0, 1, 2] == [start.message.number for start in starts]
        for start in reversed(starts):
            policy.finished(start, verdict, 1.0)
        assert 1.0 + pause_s == policy.next(1.0)
        again = policy.next(1.0 + pause_s)
        assert isinstance(again, Start)
        assert 0 == again.message.number


def test_the_day_is_never_overdrawn() -> None:
    """With a budget of two, a third message waits for the first answer and a day."""
    policy = Queued(Log(30), Fifo(), per_day=2)
    for n in range(3):
        policy.offer(Message(n, "a", "normal", 0.0), 0.0)
    for _ in range(2):
        start = policy.next(0.0)
        assert isinstance(start, Start)
        policy.started(start, 0.0)
        policy.finished(start, Verdict.TAKEN, 5.0)

    assert 86_405.0 == policy.next(5.0)


def test_choices_of_a_mailbox() -> None:
    """By client it is always the same one, in turn it goes round, the shortest queue has the fewest; all may send."""
    mailboxes = [Queued(Log(30), Fifo(), n) for n in range(4)]
    split = Split(mailboxes, shortest)
    free = [Message(n, f"c{n % 3}", "normal", 0.0, mailboxes=(1, 2, 3)) for n in range(6)]
    for message in free:
        split.offer(message, 0.0)

    assert [0, 2, 2, 2] == [one.n_waiting for one in mailboxes]
    assert [1, 2, 3, 1, 2, 3] == [in_turn(message, mailboxes) for message in free]
    chosen = [by_client(message, mailboxes) for message in free]
    assert chosen[:3] == chosen[3:]
    assert set(chosen) <= {1, 2, 3}
    start = split.next(0.0)
    assert isinstance(start, Start)
    assert 1 == start.mailbox
