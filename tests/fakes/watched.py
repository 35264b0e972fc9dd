"""A scene that a test sets: two lanes, a spool in memory, a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fakes.clock import FakeClock
from fakes.route import DELIVERED, FakeRoute, always
from relay365.engine.alerts.causes import Limits
from relay365.engine.lane import lanes_of
from relay365.engine.listener import SessionCount
from relay365.engine.watch.scene import End, Scene
from relay365.routes.api import LaneLimits
from relay365.spool.memory import MemorySpool

LIMITS = Limits(900.0, 3600.0, 0, 21 * 86_400.0, {})


def a_scene(data: Path, clock: FakeClock, ends: Sequence[End] = ()) -> Scene:
    """Lanes `one` and `two`; nothing is wrong."""
    routes = [FakeRoute(always(DELIVERED), LaneLimits(2, 30), name) for name in ("one", "two")]
    return Scene(
        lanes_of(routes, clock), SessionCount(10, 5), MemorySpool(clock), clock, data, 0, lambda: ends,
        lambda: True, lambda: False,
    )  # fmt: skip
