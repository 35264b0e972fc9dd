"""kill -9 at every named point between DATA and settle: nothing accepted is lost, nothing settled is sent again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from crash.scene import (
    NOWHERE,
    OWN,
    SHARED,
    SMALL,
    Device,
    all_mail,
    arrived,
    config,
    segments,
    settled,
    states,
)
from e2e.house import DEADLINE_S, Relay, Sink
from relay365.spool.faults import CRASH_POINTS


@dataclass(frozen=True)
class Left:
    """What a crash may leave: how often the message arrives in the end, and what is known about it.

    n_arrivals: in both lives together. is_known: whether the next life has the message.
    is_answered: whether the device has its 250, None where that is a race. is_duplicate: possible_duplicate is shown;
    None where that is a race, too.
    """

    n_arrivals: int
    is_known: bool
    is_answered: bool | None
    is_duplicate: bool | None = False


NOTHING = Left(0, is_known=False, is_answered=False)
EXPECTED = {
    "stream-writing": NOTHING,
    "stream-sealed": NOTHING,
    "segment-written": NOTHING,
    "before-commit": NOTHING,
    "after-commit": Left(1, is_known=True, is_answered=False, is_duplicate=None),
    "before-claim-commit": Left(1, is_known=True, is_answered=None),
    "after-claim-commit": Left(1, is_known=True, is_answered=None, is_duplicate=True),
    "before-settle-commit": Left(2, is_known=True, is_answered=None, is_duplicate=True),
    "after-settle-commit": Left(1, is_known=True, is_answered=None),
}
SIZES = {"before-commit": (SMALL, SHARED, OWN), "segment-written": (SMALL, SHARED)}
CASES = [
    (point, size)
    for point in EXPECTED
    for size in SIZES.get(point, (OWN,) if point.startswith("stream-") else (SHARED,))
]

BURST = ("before-commit", "after-commit", "after-claim-commit", "before-settle-commit", "after-settle-commit")


def test_every_crash_point_has_an_expectation() -> None:
    """A new point must say here what it leaves."""
    assert set(EXPECTED) == set(CRASH_POINTS)


@pytest.mark.parametrize(("point", "size"), CASES)
def test_a_crash_leaves_what_the_page_says(tmp_path: Path, point: str, size: int) -> None:
    """One message, one death, one new life; then another message shows that nothing more was to come."""
    expected, device, code = EXPECTED[point], Device(), 0
    with Sink() as sink:
        if (
            "claim" in point
        ):  # fresh mail is claimed in its own commit; what was deferred goes through the queue
            with Relay(tmp_path, config(NOWHERE)) as relay:
                code, _ = device.send(relay, "victim", size)
        with Relay(tmp_path, config(sink.address), {"RELAY365_CRASH_AT": point}) as relay:
            if "claim" not in point:
                code, _ = device.send(relay, "victim", size)
            assert relay.process is not None
            assert -9 == relay.process.wait(DEADLINE_S)
        if expected.is_answered is not None:
            assert expected.is_answered == (code == 250)
        with Relay(tmp_path, config(sink.address)) as relay:
            assert expected.is_known == bool(states(tmp_path))
            settled(tmp_path)
            assert 250 == device.send(relay, "next")[0]
            settled(tmp_path)
            assert expected.n_arrivals == arrived(sink).count("victim")
            mail = all_mail(relay)
            assert {"delivered"} == {view["state"] for view in mail}
            is_duplicate = any(view["possible_duplicate"] for view in mail)
            assert expected.is_duplicate in (None, is_duplicate)
            assert relay.stop() == 0
    assert len(segments(tmp_path)) <= 1


@pytest.mark.parametrize("point", BURST)
def test_a_crash_in_mid_burst_loses_nothing(tmp_path: Path, point: str) -> None:
    """Six devices send for all they are worth; whoever has a 250 has it kept; who is sent again was on its way."""
    device = Device()
    with Sink() as sink:
        narrow = config(sink.address).replace('tls = "none"\n', 'tls = "none"\nconnections = 1\n')
        with Relay(tmp_path, narrow, {"RELAY365_CRASH_AT": f"{point}:25"}) as relay:
            workers = [threading.Thread(target=_burst, args=(device, relay, n)) for n in range(6)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(DEADLINE_S)
            assert relay.process is not None
            assert -9 == relay.process.wait(DEADLINE_S)
        with Relay(tmp_path, config(sink.address)) as relay:
            settled(tmp_path)
            marked = {view["message_id"] for view in all_mail(relay) if view["possible_duplicate"]}
            assert relay.stop() == 0
    names = arrived(sink)

    assert set() == set(device.accepted) - set(names)
    assert {name for name in names if names.count(name) > 1} <= {m[1:-1].partition("@")[0] for m in marked}
    assert max(names.count(name) for name in names) <= 2


def _burst(device: Device, relay: Relay, worker: int) -> None:
    for n in range(500):
        if device.send(relay, f"{worker}-{n}", SHARED if n % 3 == 0 else SMALL)[0] != 250:
            return
