"""Laws of the quotas: whatever a submission takes, and wherever in it the server counts, nobody alone is refused."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.quota.demand import LANES, Message
from bench.quota.policies import Policy
from bench.quota.policies.limiters import Log
from bench.quota.policies.orders import Fifo
from bench.quota.policies.ours import Ours
from bench.quota.policies.queued import Queued
from bench.quota.server import MODELS, Verdict
from bench.quota.simulation import World, run
from relay365.rules.quota.budgets import Bill, Messages, Slices, Taken, Vector

MINUTE_S, LENGTH_S = 60.0, 1_200.0

LATENCIES = st.lists(st.tuples(st.floats(0.001, 90.0), st.floats(0.0, 1.0)), min_size=1, max_size=40)
"""(what a try takes, at which share of it the server counts), used in turn."""
ARRIVALS = st.lists(st.floats(0.0, 600.0), min_size=1, max_size=150)
QUIET = settings(max_examples=60, deadline=None)


def _world(latencies: list[tuple[float, float]], arrivals: list[float]) -> World:
    demand = [
        Message(number, f"client-{number % 4}", LANES[number % 3], at)
        for number, at in enumerate(sorted(arrivals))
    ]
    return World(
        demand, LENGTH_S, latency=lambda _, number, n_try: latencies[(number + n_try) % len(latencies)]
    )


def _check_never_refused(make: Callable[[], Policy], world: World, model: str) -> None:
    tries = run(world, MODELS[model], make(), 1).tries
    stamps = sorted(one.counted for one in tries)

    assert {Verdict.TAKEN} == {one.verdict for one in tries}
    if model == "sliding":
        assert all(later - first >= MINUTE_S for first, later in zip(stamps, stamps[30:], strict=False))


@QUIET
@given(LATENCIES, ARRIVALS, st.sampled_from(sorted(MODELS)))
def test_the_log_is_never_refused(
    latencies: list[tuple[float, float]], arrivals: list[float], model: str
) -> None:
    """Thirty by our log are at most thirty in any sixty seconds by the server's stamp, in every model."""
    _check_never_refused(lambda: Queued(Log(30), Fifo()), _world(latencies, arrivals), model)


@QUIET
@given(LATENCIES, ARRIVALS, st.sampled_from(sorted(MODELS)))
def test_the_relay_is_never_refused(
    latencies: list[tuple[float, float]], arrivals: list[float], model: str
) -> None:
    """The same for the lane of the service, with all its budgets, turns and reserves."""
    _check_never_refused(Ours, _world(latencies, arrivals), model)


@QUIET
@given(
    lives=st.lists(
        st.tuples(
            st.floats(0.0, 30.0), st.floats(0.0, 90.0), st.floats(0.0, 1.0), st.integers(1, 5), st.booleans()
        ),
        max_size=120,
    ),
    limits=st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(5, 30)),
    guard_s=st.floats(0.0, 2.0),
)
def test_all_budgets_hold_at_once(
    lives: list[tuple[float, float, float, int, bool]], limits: tuple[int, int, int], guard_s: float
) -> None:
    """A place in each or none: what starts whenever all allow it keeps every limit by the server's stamps."""
    spans = (MINUTE_S, 300.0, 900.0)
    vector = Vector(
        {
            "minute": Messages(limits[0], spans[0], guard_s),
            "five": Messages(limits[1], spans[1], guard_s),
            "recipients": Slices("recipients", limits[2], spans[2], lambda bill: bill.recipients),
        }
    )
    now = 0.0
    stamps: list[tuple[float, int]] = []
    on_the_way: list[tuple[float, Taken]] = []
    for pause_s, latency_s, share, recipients, is_bulk in lives:
        now += pause_s
        for done_at, taken in sorted((one for one in on_the_way if one[0] <= now), key=lambda one: one[0]):
            vector.complete(taken, done_at)
        on_the_way = [one for one in on_the_way if one[0] > now]
        bill = Bill(recipients, is_bulk=is_bulk)
        if vector.fits(bill, now):
            on_the_way.append((now + latency_s, vector.take(bill, now)))
            stamps.append((now + share * latency_s, recipients))

    for n, (limit, span_s) in enumerate(zip(limits, spans, strict=True)):
        for first, _ in stamps:
            inside = [each for at, each in stamps if first <= at < first + span_s - 1e-6]
            assert limit >= (sum(inside) if n == 2 else len(inside))
