"""What a lane has from the one before it when the configuration changes."""

from __future__ import annotations

from fakes.clock import FakeClock
from fakes.route import DELIVERED, MISCONFIGURED, THROTTLED, FakeRoute, always
from fakes.ways import OUTAGE
from relay365.engine.lane import Lane, lanes_of
from relay365.engine.roads.succession import Succession, succeed
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import Bill, Messages

SHARED = LaneLimits(2, messages=30, budget="mailbox a", recipients_per_day=10_000)


class House:
    """Lanes of two routes that send from one mailbox, and of a third one."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.routes = {name: FakeRoute(always(DELIVERED), SHARED, name) for name in ("smtp", "graph")}
        self.routes["hop"] = FakeRoute(always(DELIVERED), LaneLimits(5), "hop")
        self.present = lanes_of(self.routes.values(), self.clock)

    def succeed(self, *routes: FakeRoute, stays: tuple[str, ...] = ()) -> Succession:
        return succeed(self.present, routes, stays, self.clock)

    def another(self, name: str, limits: LaneLimits = SHARED) -> FakeRoute:
        return FakeRoute(always(DELIVERED), limits, name)


def _log(lane: Lane) -> Messages:
    found = lane.order.vector.budgets["messages"]
    assert isinstance(found, Messages)
    return found


def test_a_lane_that_stays_is_the_same_object() -> None:
    """In the order of the new file; its route is not looked at."""
    house = House()
    found = house.succeed(house.another("hop"), house.another("smtp"), stays=("hop", "smtp"))

    assert [house.present["hop"], house.present["smtp"]] == list(found.lanes.values())
    assert {} == found.unknown


def test_another_route_spends_from_the_same_purse() -> None:
    """What was taken in the minute is taken, for the lanes that stay and for those that do not."""
    house = House()
    for _ in range(12):
        house.present["smtp"].order.vector.take(Bill(), house.clock.mono())
    found = house.succeed(house.another("smtp"), house.another("graph"), stays=("graph",))

    assert found.lanes["smtp"] is not house.present["smtp"]
    assert _log(found.lanes["smtp"]) is _log(found.lanes["graph"]) is _log(house.present["smtp"])
    assert (18, 18) == tuple(found.lanes[one].places(house.clock.mono()) for one in ("smtp", "graph"))


def test_another_limit_holds_with_what_was_used() -> None:
    """A place that was taken under the old limit is given back to the new one."""
    house = House()
    taken = [house.present["smtp"].order.vector.take(Bill(), 0.0) for _ in range(12)]
    limits = LaneLimits(2, messages=10, budget="mailbox a", recipients_per_day=10_000)
    lane = house.succeed(house.another("smtp", limits), house.another("graph", limits)).lanes["smtp"]
    assert 0 == lane.places(0.0)
    for one in taken[:5]:
        house.present["smtp"].order.vector.release(one, 0.0)

    assert 3 == lane.places(0.0)


def test_a_throttle_stands_and_a_hold_is_probed() -> None:
    """Microsoft's wait is not over because a file was changed; a hold may just have been healed by it."""
    house = House()
    now = house.clock.mono()
    house.present["smtp"].health.throttle(THROTTLED, 0, now, 0.5)
    house.present["hop"].health.hold(MISCONFIGURED, now)
    house.present["hop"].health.told = "auth-refused"
    found = house.succeed(house.another("smtp"), house.another("hop", LaneLimits(5))).lanes

    assert house.present["smtp"].health.gate_until == found["smtp"].health.gate_until
    assert 0 == found["smtp"].room(now)
    assert (1, MISCONFIGURED, "auth-refused") == (
        found["hop"].room(now), found["hop"].health.held, found["hop"].health.told,
    )  # fmt: skip


def test_a_broken_way_is_tried_at_once() -> None:
    """What could not be reached was somewhere else."""
    house = House()
    for _ in range(3):
        house.present["hop"].health.fail(OUTAGE, house.clock.mono(), 0.5)
    found = house.succeed(house.another("hop", LaneLimits(5))).lanes["hop"]

    assert 5 == found.room(house.clock.mono())


def test_only_budgets_that_nobody_knows_are_asked_for() -> None:
    """A new mailbox is unknown, once; a second road for a known one is not; without limits there is nothing to know."""
    house = House()
    new = LaneLimits(2, messages=30, budget="mailbox b", recipients_per_day=10_000)
    found = house.succeed(
        house.another("acs"), house.another("b1", new), house.another("b2", new), house.another("free", LaneLimits(1)),
        house.another("hop"), stays=("hop",),
    )  # fmt: skip
    strangers = found.strangers()

    assert ["b1"] == list(found.unknown)
    assert _log(strangers["b1"]) is _log(found.lanes["b1"]) is _log(found.lanes["b2"])


def test_the_record_of_use_goes_on() -> None:
    """What ends in the old lane is written down with the new one; what was learnt of alarms is kept."""
    house = House()
    found = house.succeed(house.another("smtp")).lanes["smtp"]

    assert found.order.tally is house.present["smtp"].order.tally
    assert found.order.reserve is house.present["smtp"].order.reserve
    assert found.senders is house.present["smtp"].senders
