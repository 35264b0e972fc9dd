"""The simulation: the same seed is the same world, and what a policy may not do is not simulated."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from bench.quota.demand import Message, saturated
from bench.quota.policies import Policy, Start
from bench.quota.policies.limiters import Log, NoLimiter
from bench.quota.policies.orders import Fifo, RoundRobin
from bench.quota.policies.queued import Queued
from bench.quota.server import MODELS, Verdict
from bench.quota.simulation import MEDIAN_S, STALL_S, Record, World, latency_of, run

QUARTER_S = 900.0


def _record(seed: int, model: str = "sliding", make: Callable[[], Policy] | None = None) -> Record:
    make = make or (lambda: Queued(NoLimiter(), RoundRobin()))
    return run(World(saturated(seed, QUARTER_S), QUARTER_S), MODELS[model], make(), seed)


@pytest.mark.parametrize("model", sorted(MODELS))
def test_the_same_seed_is_the_same_world(model: str) -> None:
    """Two runs are equal to the last digit, another seed is another world."""
    assert _record(1, model).tries == _record(1, model).tries
    assert _record(1, model).tries != _record(2, model).tries


def test_every_message_is_taken_once_and_counted_between_start_and_answer() -> None:
    """No message is taken twice, no try overlaps another of the same message, three are on their way at once."""
    tries = _record(1).tries
    taken = [one.start.message.number for one in tries if one.verdict is Verdict.TAKEN]

    assert len(taken) == len(set(taken)) > 0
    assert all(one.started <= one.counted <= one.answered for one in tries if one.answered < math.inf)
    ends: dict[int, float] = {}
    for one in tries:
        assert ends.get(one.start.message.number, 0.0) <= one.started
        ends[one.start.message.number] = one.answered
        assert 3 >= sum(1 for other in tries if other.started <= one.started < other.answered)


def test_a_delay_holds_the_connection() -> None:
    """Where the surplus waits nothing is refused, and the answer comes later than the work takes."""
    tries = _record(1, "delay").tries

    assert {Verdict.TAKEN} == {one.verdict for one in tries}
    assert max(one.answered - one.started for one in tries if one.answered < math.inf) > STALL_S


def test_latencies_are_as_promised() -> None:
    """Half of them are below the median, one in a hundred stalls, and the server's instant lies anywhere inside."""
    drawn = [latency_of(1, number, 0) for number in range(4_000)]
    latencies, shares = sorted(latency for latency, _ in drawn), sorted(share for _, share in drawn)

    assert MEDIAN_S == pytest.approx(latencies[2_000], rel=0.03)
    assert 20 <= sum(1 for one in latencies if one == STALL_S) <= 60
    assert 0.5 == pytest.approx(shares[2_000], abs=0.03)


class _Broken:
    """A policy that gives one wrong answer."""

    def __init__(self, answer: Start | float) -> None:
        self._answer = answer

    def offer(self, message: Message, now: float) -> None:
        pass

    def next(self, now: float) -> Start | float | None:
        return self._answer

    def started(self, start: Start, now: float) -> None:
        pass

    def finished(self, start: Start, verdict: Verdict, now: float) -> None:
        pass


def test_a_policy_must_keep_its_protocol() -> None:
    """A foreign mailbox, an instant that is not later, and a place that nobody took are errors, not figures."""
    world = World([Message(0, "a", "normal", 5.0)], 60.0, n_mailboxes=2)

    with pytest.raises(ValueError, match="may not be sent by mailbox 1"):
        run(world, MODELS["sliding"], _Broken(Start(world.demand[0], 1)), 1)
    with pytest.raises(ValueError, match=r"says at 5\.0 to ask again at 5\.0"):
        run(world, MODELS["sliding"], _Broken(5.0), 1)
    with pytest.raises(ValueError, match="nobody had taken"):
        Log(1).finish(None, Verdict.TAKEN, 0.0)


def test_too_many_at_once_are_refused() -> None:
    """A policy that opens a fourth connection meets 432 for it, and for nothing else."""

    class _Eager(Queued):
        def __init__(self) -> None:
            super().__init__(NoLimiter(), Fifo())
            self._lines = [0.0] * 4

    world = World([Message(n, "a", "normal", 0.0) for n in range(4)], 60.0, latency=lambda *_: (2.0, 0.5))
    tries = run(world, MODELS["sliding"], _Eager(), 1).tries

    assert [Verdict.TAKEN] * 3 + [Verdict.SENDERS, Verdict.TAKEN] == [one.verdict for one in tries]
    assert tries[3].answered == tries[4].started


def test_a_foreign_sender_takes_its_share() -> None:
    """What somebody else sends is counted in the same minute, and can be refused."""
    world = World(saturated(1, QUARTER_S), QUARTER_S, foreign_per_minute=6.0)
    record = run(world, MODELS["sliding"], Queued(NoLimiter(), Fifo()), 1)
    stamps = sorted(one.counted for one in record.tries if one.verdict is Verdict.TAKEN)

    assert 0 < record.n_foreign_taken
    assert 0 < record.n_foreign_refused
    assert len(stamps) + record.n_foreign_taken <= 30 * QUARTER_S / 60.0
