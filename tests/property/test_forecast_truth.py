"""The forecast tells what the budgets do: the scheduler's own, played message by message, end at its instant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from relay365.rules.quota.budgets import DAY_S, Bill, Messages, Slices, Vector
from relay365.rules.quota.forecast import Job, Mailbox, Outside, Run, forecast

T0 = 1_800_000_000.0
GUARD_S = 0.1
USED = st.lists(st.tuples(st.integers(0, 287), st.integers(1, 30)), max_size=6).map(
    lambda found: tuple((T0 - slot * 300.0, n) for slot, n in found)
)


def _slices(name: str, limit: int, used: tuple[tuple[float, int], ...]) -> Slices:
    budget = Slices(name, limit, DAY_S, lambda bill: bill.external if name == "external" else bill.recipients)
    for at, n in used:
        budget.add(n, at)
    return budget


def _played(vector: Vector, bill: Bill, n: int, now: float) -> float:
    """The instant at which the last of n messages starts, each as soon as all its budgets have room."""
    for _ in range(n):
        while not vector.fits(bill, now):
            opens_at = vector.opens_at(bill, now)
            assert opens_at is not None
            assert opens_at > now
            now = opens_at
        vector.complete(vector.take(bill, now), now)
    return now


@given(
    st.integers(1, 80), st.tuples(st.integers(1, 3), st.booleans()), st.integers(1, 9),
    st.tuples(st.integers(3, 90), USED), st.tuples(st.integers(3, 90), USED), st.floats(0.0, 900.0),
)  # fmt: skip
def test_the_budgets_end_where_the_forecast_says(
    n: int,
    each: tuple[int, bool],
    per_minute: int,
    day: tuple[int, tuple[tuple[float, int], ...]],
    outside: tuple[int, tuple[tuple[float, int], ...]],
    late_s: float,
) -> None:
    """To the second, for any limits, any use before, and any moment to begin."""
    recipients, is_external = each
    vector = Vector({
        "messages": Messages(per_minute, 60.0, GUARD_S),
        "recipients": _slices("recipients", *day),
        "external": _slices("external", *outside),
    })  # fmt: skip
    now = T0 + late_s
    run = Run(n, recipients, recipients * is_external)
    box = Mailbox("m", ((per_minute, 60.0 + GUARD_S),), *day)

    told = forecast(Job(run, now), [box], Outside(*outside), now)
    assert told.done_at == _played(vector, Bill(recipients, run.external), n, now)
