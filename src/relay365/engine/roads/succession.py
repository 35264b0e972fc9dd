"""Succession: the lanes behind a change of the configuration, and what each has from the one before it.

A lane that stays is the same object. One whose route is another one now begins with what Microsoft counts all the same:
budgets with their use, a throttle until its time. A hold is probed at once, because the change may be its cure.
Decides, never acts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from relay365.clock import Clock
from relay365.engine.budgets.building import Purses
from relay365.engine.budgets.order import Order
from relay365.engine.lane import Lane
from relay365.mail.outcome import Class
from relay365.routes.api import Route
from relay365.rules.quota.budgets import Budget, Vector


@dataclass(frozen=True, slots=True)
class Succession:
    """lanes: all, in the order of the file. unknown: by lane, its budgets whose earlier use nobody here knows."""

    lanes: dict[str, Lane]
    unknown: dict[str, Vector]

    def strangers(self) -> dict[str, Lane]:
        """Lanes with nothing but those budgets: what they are told of earlier use is told to nobody twice."""
        return {
            name: Lane(
                self.lanes[name].route, _order(self.lanes[name].route, self.lanes[name].order.epoch_s, vector)
            )
            for name, vector in self.unknown.items()
        }


def succeed(
    present: Mapping[str, Lane], routes: Iterable[Route], stays: Collection[str], clock: Clock
) -> Succession:
    """A lane for each route. stays: names of present lanes whose route is as it was; their route is not looked at."""
    purses, epoch_s, mono = Purses(), clock.now() - clock.mono(), clock.mono()
    for lane in present.values():
        purses.remember(lane.name, lane.route.limits, lane.order.vector)
    known = {id(one) for lane in present.values() for one in lane.order.vector.budgets.values()}
    lanes: dict[str, Lane] = {}
    unknown: dict[str, Vector] = {}
    for route in routes:
        before = present.get(route.lane)
        if before is not None and route.lane in stays:
            purses.keep(before.name, before.route.limits, before.order.vector)
            lanes[route.lane] = before
            continue
        vector = purses.vector(route.lane, route.limits)
        lanes[route.lane] = lane = Lane(route, _order(route, epoch_s, vector))
        fresh: dict[str, Budget] = {key: one for key, one in vector.budgets.items() if id(one) not in known}
        if before is not None:
            _inherit(lane, before, mono)
        elif fresh:
            unknown[route.lane] = Vector(fresh)
            known |= {id(one) for one in fresh.values()}
    return Succession(lanes, unknown)


def _order(route: Route, epoch_s: float, vector: Vector) -> Order:
    return Order(route.limits, epoch_s, vector)


def _inherit(lane: Lane, before: Lane, mono: float) -> None:
    """What was learnt of the way that the change cannot have healed."""
    lane.n_waiting, lane.delivered_at, lane.senders = before.n_waiting, before.delivered_at, before.senders
    lane.order.tally, lane.order.n_waiting_bulk = before.order.tally, before.order.n_waiting_bulk
    ours, theirs = lane.route.limits, before.route.limits
    if (ours.recipients_per_day, ours.reserve_per_day) == (theirs.recipients_per_day, theirs.reserve_per_day):
        lane.order.reserve = before.order.reserve
    health = before.health
    reason = health.held or health.gate_reason
    if reason is None or health.unwell_since is None:
        return
    if reason.klass is Class.RATE_LIMIT and health.gate_until > mono:
        lane.health.resume(reason, health.unwell_since, health.gate_until)
    elif health.held is not None:
        lane.health.resume(reason, health.unwell_since, mono)
        lane.health.told = health.told
