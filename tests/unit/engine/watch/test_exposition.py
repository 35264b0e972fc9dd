"""The page: what stands on it is on the list, and what is on the list stands on it when there is something to say."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from fakes.clock import FakeClock
from fakes.route import DELIVERED, LATER, MISCONFIGURED, FakeRoute, always
from relay365.engine.lane import lanes_of
from relay365.engine.listener import TOO_MANY, SessionCount
from relay365.engine.watch.catalogue import METRICS
from relay365.engine.watch.exposition import Exposition
from relay365.engine.watch.scene import End, Scene
from relay365.engine.watch.tally import EventTally, Tally
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.routes.api import LaneLimits
from relay365.spool.api import Hold, NewMessage
from relay365.spool.memory import MemorySpool
from relay365.spool.waiting.freeze import Freeze

FACTS = SubmitterFacts("127.0.0.1:25", "192.0.2.7", device="ups")


def _exposition(tmp_path: Path, clock: FakeClock, tally: Tally, events: EventTally) -> Exposition:
    routes = [
        FakeRoute(always(DELIVERED), LaneLimits(3, 30), "one"),
        FakeRoute(always(DELIVERED), name="two"),
    ]
    lanes = lanes_of(routes, clock)
    lanes["one"].delivered_at = clock.mono() - 5.0
    lanes["two"].health.hold(MISCONFIGURED, clock.mono())
    scene = Scene(
        lanes, SessionCount(10, 5), MemorySpool(clock), clock, tmp_path, 1000,
        lambda: [End("one", "client secret", 2_000_000.0)], lambda: True, lambda: False, ("ups", "silent"),
    )  # fmt: skip
    names = [
        f"relay365_synthetic_{end}" for end in ("seconds", "timestamp_seconds", "served_timestamp_seconds")
    ]
    more = [("relay365_alerts", [(("warning",), 2.0)]), *((name, [((), 3.0)]) for name in names)]
    return Exposition(scene, tally, events, lambda: [(("R3", "550 5.7.1"), 4)], lambda: more)


def test_a_person_has_stopped_one_side_of_it(tmp_path: Path) -> None:
    """A freeze and a drain are told apart, and from trouble: no alert need fire for what somebody wanted."""
    exposition = _exposition(tmp_path, FakeClock(), Tally(), EventTally())
    scene, told = exposition._scene, []
    for freeze, closed in ((None, None), (Freeze(1.0, 2.0), None), (None, TOO_MANY)):
        scene.sessions.closed = closed
        exposition._scene = replace(scene, freeze=lambda freeze=freeze: freeze)
        page = asyncio.run(exposition.text()).decode()
        names = ("relay365_frozen", "relay365_draining", "relay365_ready")
        told.append([page.partition(f"\n{name} ")[2][:3] for name in names])

    assert [["0.0", "0.0", "1.0"], ["1.0", "0.0", "1.0"], ["0.0", "1.0", "0.0"]] == told


async def _a_queue(spool: MemorySpool, now: float) -> None:
    for held in (None, Hold("refused", "x")):
        intake = spool.begin()
        intake.write(b"Subject: x\r\n\r\n")
        envelope = Envelope("s@x.test", (ForwardPath("a@x.test"), ForwardPath("b@x.test")))
        await intake.commit(NewMessage(envelope, FACTS, "one", now - 60.0, now + 1000.0, held=held))


def _page(tmp_path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample of a page on which everything has happened, by name and the values of its labels."""
    clock, tally, events = FakeClock(), Tally(), EventTally()
    events.counts["login.refused"] = 2
    exposition = _exposition(tmp_path, clock, tally, events)

    async def made() -> bytes:
        store = exposition._scene.store
        assert isinstance(store, MemorySpool)
        await _a_queue(store, clock.now())
        tally.accepted(NewMessage(Envelope("", (ForwardPath("a@x"),)), FACTS, "one", 7.0, 9.0), 500, 0.003)
        tally.attempted("one", (DELIVERED, LATER), 0.2)
        return await exposition.text()

    found: dict[str, dict[tuple[str, ...], float]] = {}
    order = {one.name: (*one.labels, "le") for one in METRICS}
    for family in text_string_to_metric_families(asyncio.run(made()).decode()):
        for sample in family.samples:
            values = tuple(
                sample.labels[label] for label in order.get(family.name, ()) if label in sample.labels
            )
            found.setdefault(sample.name, {})[values] = sample.value
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[tuple[str, ...], float]]:
    return _page(tmp_path_factory.mktemp("data"))


def test_the_page_and_the_list_agree(page: dict[str, dict[tuple[str, ...], float]]) -> None:
    """Every metric of the page is on the list, and the other way round."""
    endings = ("_bucket", "_sum", "_count")
    histograms = {f"{one.name}{end}" for one in METRICS if one.kind == "histogram" for end in endings}
    listed = {one.shown for one in METRICS if one.kind != "histogram"} | histograms

    assert listed == set(page)


def test_the_labels_are_those_of_the_list(tmp_path: Path) -> None:
    """Names of labels, in the text itself; the help of each is the sentence of the list."""
    clock = FakeClock()
    exposition = _exposition(tmp_path, clock, Tally(), EventTally())
    asyncio.run(exposition.text())
    known = {one.name: one for one in METRICS}
    for family in exposition.collect():
        assert known[family.name].meaning == family.documentation
        for sample in family.samples:
            assert set(known[family.name].labels) | {"le"} == set(sample.labels) | {"le"}


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("relay365_ready", (), 1),
        ("relay365_messages_accepted_total", ("one", "normal"), 1),
        ("relay365_accepted_bytes_total", ("one", "normal"), 500),
        ("relay365_refusals_total", ("R3", "550 5.7.1"), 4),
        ("relay365_outcomes_total", ("one", "deferred", "transient", ""), 1),
        ("relay365_events_total", ("login.refused",), 2),
        ("relay365_queue_recipients", ("one", "queued", "normal"), 2),
        ("relay365_queue_recipients", ("one", "held", "normal"), 2),
        ("relay365_queue_oldest_seconds", ("one", "held", "normal"), 60.0),
        ("relay365_lane_held", ("two", "auth-refused"), 1),
        ("relay365_lane_closed_seconds", ("two",), 60.0),
        ("relay365_lane_last_delivery_timestamp_seconds", ("one",), 999_995.0),
        ("relay365_budget_limit", ("one", "messages"), 30),
        ("relay365_expiry_timestamp_seconds", ("one", "client secret"), 2_000_000.0),
        ("relay365_device_last_message_timestamp_seconds", ("ups",), 7.0),
        ("relay365_commit_seconds_bucket", ("0.0025",), 0),
        ("relay365_commit_seconds_bucket", ("0.005",), 1),
        ("relay365_attempt_seconds_count", ("one",), 1),
    ],
)
def test_a_number_is_the_truth(
    page: dict[str, dict[tuple[str, ...], float]], name: str, labels: tuple[str, ...], value: float
) -> None:
    """One of each kind, beside what was done."""
    assert value == page[name][labels]
