"""The known policies come out as they did in other people's simulations of the same quota."""

from __future__ import annotations

import pytest

from bench.quota.demand import DAY_S, HOUR_S, office_day, office_forecast, pool, saturated
from bench.quota.figures import Figures, figures
from bench.quota.policies.orders import Fifo
from bench.quota.policies.queued import Queued
from bench.quota.scenarios import LIMITERS, best_of, scenarios
from bench.quota.server import MODELS
from bench.quota.simulation import World, run

SATURATED = World(saturated(1, 2 * HOUR_S), 2 * HOUR_S)
DAY = World(office_day(1), DAY_S)


@pytest.mark.parametrize(
    ("limiter", "model", "used", "refused"),
    [
        ("no limiter", "sliding", (94, 98), (300, 500)),
        ("no limiter", "bucket", (99, 102), (300, 500)),
        ("no limiter", "refused count", (0, 25), (750, 950)),
        ("no limiter", "delay", (99, 101), (0, 0)),
        ("own clock minute", "sliding", (87, 93), (70, 130)),
        ("own clock minute", "refused count", (48, 58), (420, 520)),
        ("GCRA 30, burst 30", "sliding", (94, 98), (30, 65)),
        ("GCRA 30, burst 30", "bucket", (99, 102), (0, 2)),
        ("GCRA 30, burst 1", "sliding", (94, 98), (25, 55)),
        ("GCRA 30, burst 1", "refused count", (68, 76), (230, 320)),
        ("GCRA 28, burst 2", "sliding", (92, 94), (0.1, 5)),
        ("GCRA 20, burst 10", "sliding", (66, 68), (0, 0)),
        ("AIMD", "sliding", (65, 85), (0.1, 6)),
        ("sliding log", "sliding", (97, 98.5), (0, 0)),
        ("sliding log", "fixed", (97, 98.5), (0, 0)),
        ("sliding log", "bucket", (97, 98.5), (0, 0)),
        ("sliding log", "refused count", (97, 98.5), (0, 0)),
    ],
)
def test_a_saturated_minute(
    limiter: str, model: str, used: tuple[float, float], refused: tuple[float, float]
) -> None:
    """Use in percent and refusals of a thousand lie where they are known to lie."""
    found = figures(
        run(SATURATED, MODELS[model], Queued(LIMITERS[limiter](), Fifo()), 1),
        {"alarm": 0, "normal": 3600, "bulk": 0},
    )

    assert used[0] <= 100 * found["used"] <= used[1]
    assert refused[0] <= found["refused"] <= refused[1]


def _played(name: str, policy: str, world: World) -> Figures:
    make = scenarios()[name].policies[policy]
    return figures(run(world, MODELS["sliding"], make(1), 1), best_of(world))


def test_a_day_in_every_order() -> None:
    """First come loses most alarms; priority alone loses a third when the day is used up; the reserves lose nothing."""
    done = {
        policy: _played("day", policy, DAY)
        for policy in ("first come", "strict priority", "and day reserve", "and minute reserve")
    }

    assert {10_000} == {
        round(sum(one[f"n_{lane}"] for lane in ("alarm", "normal", "bulk"))) for one in done.values()
    }
    assert 0.3 < done["first come"]["done_alarm"] < 0.5
    assert 0.1 < done["first come"]["done_normal"] < 0.25
    assert 0.55 < done["strict priority"]["done_alarm"] < 0.75
    assert 0.99 < done["and day reserve"]["done_alarm"]
    assert 0.99 < done["and day reserve"]["done_normal"]
    assert done["and minute reserve"]["p99_alarm"] < 1.0 < done["and day reserve"]["p99_alarm"]
    assert done["and minute reserve"]["n_bulk"] == done["and day reserve"]["n_bulk"]


def test_a_pool_by_three_choices() -> None:
    """A mailbox for each client leaves much unused; the shortest queue comes near to what is possible."""
    world = World(pool(1, 2 * HOUR_S), 2 * HOUR_S, 4)
    fixed, turns, shortest = (
        _played("pool", policy, world)["of_best"] for policy in list(scenarios()["pool"].policies)[:3]
    )

    assert fixed < turns < shortest <= 1.0
    assert shortest > 0.97


def test_somebody_else_in_the_mailbox() -> None:
    """A log that knows nothing of others is refused; one that learns of them is refused a tenth of that."""
    world = scenarios()["foreign"].world(1)
    plain, learning = (_played("foreign", policy, world) for policy in ("sliding log", "log less others"))

    assert 60 < plain["refused"] < 150
    assert learning["refused"] < plain["refused"] / 5
    assert 0.55 < learning["used"] < 0.8 < plain["used"]


def test_the_forecast_is_the_mean_of_the_demand() -> None:
    """At midnight it is everything of the upper lanes, at noon what is left in the mean of many days, later nothing."""
    left = [
        sum(1 for message in office_day(seed) if message.lane != "bulk" and message.arrived >= 12 * HOUR_S)
        for seed in range(5)
    ]

    assert 3_975 == pytest.approx(office_forecast(0.0))
    assert sum(left) / 5 == pytest.approx(office_forecast(12 * HOUR_S), rel=0.02)
    assert 0.0 == office_forecast(DAY_S)
