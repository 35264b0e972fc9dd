"""Exposition: scene and tally as Prometheus reads them. Imported only where metrics are wanted: the library is heavy.

Every family is of the closed list (engine.watch.catalogue); a family without a sample does not appear.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from relay365 import __version__
from relay365.engine.lane import Lane
from relay365.engine.watch.catalogue import METRICS
from relay365.engine.watch.scene import Numbers, Scene, free_space
from relay365.engine.watch.tally import EventTally, Histogram, Tally

__all__ = ["CONTENT_TYPE", "Exposition"]

_FAMILIES = {one.name: one for one in METRICS}

Sample = tuple[tuple[str, ...], float]
Refusals = Callable[[], Iterable[tuple[tuple[str, str], int]]]


class Exposition(Collector):
    """text() is the page. refusals: ((rule, reply), how often); more: of families that others know."""

    def __init__(
        self, scene: Scene, tally: Tally, events: EventTally, refusals: Refusals, more: Numbers = tuple
    ) -> None:
        self._scene, self._tally, self._events, self._refusals = scene, tally, events, refusals
        self._more = more
        self._is_ready = True
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    async def text(self) -> bytes:
        """The page, of now. The queue may be counted a while ago (Scene.look)."""
        self._is_ready = not await self._scene.troubles()
        await self._scene.look()
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing: what there is depends on what has happened."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families that have samples."""
        for name, samples in self._numbers():
            wanted = _FAMILIES[name]
            make = CounterMetricFamily if wanted.kind == "counter" else GaugeMetricFamily
            family = make(name, wanted.meaning, labels=wanted.labels)
            for labels, value in samples:
                family.add_metric(labels, value)
            if family.samples:
                yield family
        yield _histogram("relay365_commit_seconds", [((), self._tally.commits)])
        attempts = [((lane,), histogram) for lane, histogram in self._tally.attempts.items()]
        if attempts:
            yield _histogram("relay365_attempt_seconds", attempts)

    def _numbers(self) -> Iterator[tuple[str, Iterable[Sample]]]:
        scene, tally = self._scene, self._tally
        yield "relay365_build_info", [((__version__, platform.python_version()), 1)]
        yield "relay365_ready", [((), self._is_ready)]
        yield "relay365_frozen", [((), scene.freeze() is not None)]
        yield "relay365_draining", [((), scene.sessions.closed is not None)]
        yield "relay365_messages_accepted", tally.messages.items()
        yield "relay365_recipients_accepted", tally.recipients.items()
        yield "relay365_accepted_bytes", tally.octets.items()
        yield "relay365_refusals", self._refusals()
        yield "relay365_outcomes", tally.outcomes.items()
        yield "relay365_events", [((name,), n) for name, n in sorted(self._events.counts.items())]
        yield "relay365_sessions", [((), len(scene.sessions.sessions))]
        yield "relay365_sessions_limit", [((), scene.sessions.most)]
        heard = [((name,), tally.devices[name]) for name in scene.devices if name in tally.devices]
        yield "relay365_device_last_message_timestamp_seconds", heard
        yield from _queue(scene)
        yield from _lanes(list(scene.lanes.values()), scene.clock.now(), scene.clock.mono())
        yield from _disk(scene)
        yield from self._more()


def _queue(scene: Scene) -> Iterator[tuple[str, Iterable[Sample]]]:
    now, sample = scene.clock.now(), scene.sample
    keyed = [((one.lane, one.state, one.priority), one) for one in sample.depths]
    yield "relay365_queue_recipients", [(key, one.recipients) for key, one in keyed]
    yield "relay365_queue_oldest_seconds", [(key, max(0.0, now - one.oldest_at)) for key, one in keyed]
    if sample.counted_mono > float("-inf"):
        yield "relay365_queue_sample_age_seconds", [((), scene.clock.mono() - sample.counted_mono)]
    yield "relay365_expiry_timestamp_seconds", [((one.of, one.what), one.at) for one in sample.ends]


def _lanes(lanes: Sequence[Lane], now: float, mono: float) -> Iterator[tuple[str, Iterable[Sample]]]:
    named = [((lane.name,), lane, lane.health) for lane in lanes]
    yield "relay365_lane_attempts", [(name, lane.n_in_flight) for name, lane, _ in named]
    yield "relay365_lane_attempts_limit", [(name, health.cap_now) for name, _, health in named]
    held = [(name, health.complaint(mono)) for name, _, health in named]
    yield "relay365_lane_held", [((*name, one.row), 1) for name, one in held if one is not None]
    yield (
        "relay365_lane_unwell_seconds",
        [
            (name, 0.0 if health.unwell_since is None else mono - health.unwell_since)
            for name, _, health in named
        ],
    )
    yield (
        "relay365_lane_closed_seconds",
        [(name, max(0.0, health.gate_until - mono)) for name, _, health in named],
    )
    yield (
        "relay365_lane_last_delivery_timestamp_seconds",
        [
            (name, now - (mono - lane.delivered_at))
            for name, lane, _ in named
            if lane.delivered_at > float("-inf")
        ],
    )
    budgets = [((lane.name, key), one) for lane in lanes for key, one in lane.order.standings(mono).items()]
    yield "relay365_budget_used", [(key, one.used) for key, one in budgets]
    yield "relay365_budget_limit", [(key, one.limit) for key, one in budgets]
    yield "relay365_budget_foreign", [(key, one.foreign) for key, one in budgets]


def _disk(scene: Scene) -> Iterator[tuple[str, Iterable[Sample]]]:
    free = free_space(scene.data)
    if free is not None:
        yield "relay365_disk_free_bytes", [((), free[0])]
        if free[1] is not None:
            yield "relay365_disk_free_inodes", [((), free[1])]
    yield "relay365_disk_floor_bytes", [((), scene.disk_floor_octets)]


def _histogram(name: str, ones: Iterable[tuple[tuple[str, ...], Histogram]]) -> Metric:
    wanted = _FAMILIES[name]
    family: Any = HistogramMetricFamily(name, wanted.meaning, labels=wanted.labels)
    for labels, one in ones:
        family.add_metric(labels, one.buckets(), one.sum_s)
    return family  # type: ignore[no-any-return]
