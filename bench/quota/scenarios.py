"""Which worlds are played, by which policies, and what the best in each of them would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.quota import demand
from bench.quota.demand import DAY_S, HOUR_S
from bench.quota.figures import Figures, figures
from bench.quota.optimum import Optimum, optimum
from bench.quota.policies.limiters import (
    Aimd,
    ClockMinute,
    Gcra,
    Limiter,
    Log,
    LogAimd,
    LogForeign,
    NoLimiter,
)
from bench.quota.policies.orders import KEPT_OF_MINUTE, Fifo, Order, Reserved, RoundRobin, Strict
from bench.quota.policies.ours import Ours
from bench.quota.policies.queued import Choice, Make, Queued, Split, by_client, in_turn, shortest
from bench.quota.server import MODELS, PER_MINUTE
from bench.quota.simulation import World, run

SEEDS = (1, 2, 3)
FOREIGN_PER_MINUTE = 6
MAILBOXES = 4
N_UNFORESEEN = 3_000
OURS = "relay365"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One world for each seed; the policies that it can tell apart, by name; the models that it is played in."""

    name: str
    title: str
    world: Callable[[int], World]
    policies: Mapping[str, Make]
    models: tuple[str, ...] = tuple(MODELS)


def scenarios() -> dict[str, Scenario]:
    """All of them, by name."""
    return {one.name: one for one in (_saturated(), _foreign(), _day(), _unforeseen(), _looping(), _pool())}


def play(scenario: Scenario, seed: int) -> dict[str, dict[str, Figures]]:
    """policy -> model -> figures, for one seed."""
    world = scenario.world(seed)
    best = best_of(world)
    return {
        name: {model: figures(run(world, MODELS[model], make(seed), seed), best) for model in scenario.models}
        for name, make in scenario.policies.items()
    }


def best_of(world: World) -> Optimum:
    """The optimum of a world; what a foreign sender takes is lost to everybody."""
    per_minute = PER_MINUTE - int(world.foreign_per_minute)
    return optimum(world.demand, world.length_s, per_minute, world.per_day)


def _one(limiter: Callable[[], Limiter], order: Callable[[], Order] = Fifo) -> Make:
    return lambda _: Queued(limiter(), order())


LIMITERS: dict[str, Callable[[], Limiter]] = {
    "no limiter": NoLimiter,
    "own clock minute": lambda: ClockMinute(PER_MINUTE),
    "GCRA 30, burst 30": lambda: Gcra(30, 30),
    "GCRA 30, burst 1": lambda: Gcra(30, 1),
    "GCRA 28, burst 2": lambda: Gcra(28, 2),
    "GCRA 20, burst 10": lambda: Gcra(20, 10),
    "AIMD": lambda: Aimd(PER_MINUTE),
    "sliding log": lambda: Log(PER_MINUTE),
}
"""The ways to count a minute, each with a plain queue behind it."""


def _saturated() -> Scenario:
    length_s = 2 * HOUR_S
    return Scenario(
        "saturated",
        "A mailbox that has more to send than it may, two hours",
        lambda seed: World(demand.saturated(seed, length_s), length_s),
        {
            **{name: _one(limiter) for name, limiter in LIMITERS.items()},
            "log, strict priority": _one(LIMITERS["sliding log"], Strict),
            OURS: lambda _: Ours(),
        },
    )


def _foreign() -> Scenario:
    length_s = 2 * HOUR_S
    policies = {name: _one(limiter) for name, limiter in LIMITERS.items()}
    policies["log and AIMD"] = _one(lambda: LogAimd(PER_MINUTE))
    policies["log less others"] = _one(lambda: LogForeign(PER_MINUTE))
    policies[OURS] = lambda _: Ours()
    return Scenario(
        "foreign",
        f"The same, and somebody else sends {FOREIGN_PER_MINUTE} a minute through it",
        lambda seed: World(demand.saturated(seed, length_s), length_s, foreign_per_minute=FOREIGN_PER_MINUTE),
        policies,
    )


ORDERS: dict[str, Callable[[], Order]] = {
    "first come": Fifo,
    "round robin": RoundRobin,
    "strict priority": Strict,
    "and day reserve": lambda: Reserved(demand.office_forecast),
    "and minute reserve": lambda: Reserved(demand.office_forecast, KEPT_OF_MINUTE),
}
"""The ways to empty a queue, each with the sliding log in front; the forecast of the reserves is the true mean."""


def _day_policies() -> dict[str, Make]:
    policies = {name: _one(LIMITERS["sliding log"], order) for name, order in ORDERS.items()}
    policies[f"{OURS}, first weeks"] = lambda _: Ours()
    policies[f"{OURS}, later"] = lambda seed: Ours(history=demand.office_history(seed))
    return policies


def _day() -> Scenario:
    return Scenario(
        "day",
        f"A day: {demand.N_ALARMS} alarms, {demand.N_SCANS:,} scans, a mailing of {demand.N_BULK:,} at nine",
        lambda seed: World(demand.office_day(seed), DAY_S),
        _day_policies(),
        ("sliding", "fixed"),
    )


def _unforeseen() -> Scenario:
    return Scenario(
        "unforeseen",
        f"The same day, and {N_UNFORESEEN:,} scans more in the afternoon, which no forecast knows",
        lambda seed: World(demand.office_day(seed, N_UNFORESEEN), DAY_S),
        _day_policies(),
        ("sliding",),
    )


def _looping() -> Scenario:
    return Scenario(
        "looping",
        "A day without a mailing, and a scanner in a loop from nine to six: 30 pages a minute",
        lambda seed: World(demand.looping_day(seed), DAY_S),
        _day_policies(),
        ("sliding",),
    )


def _pool() -> Scenario:
    length_s = 2 * HOUR_S
    choices: dict[str, Choice] = {
        "a mailbox for each client": by_client,
        "mailboxes in turn": in_turn,
        "shortest queue": shortest,
    }
    return Scenario(
        "pool",
        f"{MAILBOXES} mailboxes, two hours, nine tenths of what they can send",
        lambda seed: World(demand.pool(seed, length_s), length_s, MAILBOXES),
        {**{name: _split(choice) for name, choice in choices.items()}, OURS: lambda _: Ours(MAILBOXES)},
        ("sliding", "fixed"),
    )


def _split(choice: Choice) -> Make:
    return lambda _: Split([Queued(Log(PER_MINUTE), RoundRobin(), n) for n in range(MAILBOXES)], choice)
