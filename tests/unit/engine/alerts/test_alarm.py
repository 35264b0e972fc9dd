"""The alarm at work: causes from a scene, channels that fail, a digest, a test, and a restart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.route import MISCONFIGURED
from fakes.watched import LIMITS, a_scene
from relay365.engine.alerts.alarm import PAUSES_S, TEST_FILE, TESTED_FILE, Alarm
from relay365.engine.alerts.ledger import HEALED_AFTER_S, Ledger, mute, read_object, write_object
from relay365.engine.alerts.telling import ChannelFailed, Message

DAY = 86_400.0


class Ear:
    """A channel that hears, or fails."""

    def __init__(self, name: str = "webhook") -> None:
        self.name = name
        self.heard: list[Message] = []
        self.is_broken = False
        self.n_asked = 0

    async def tell(self, message: Message) -> None:
        self.n_asked += 1
        if self.is_broken:
            raise ChannelFailed("no way")
        self.heard.append(message)

    @property
    def words(self) -> list[str]:
        return [f"{one.state} {one.key}" for one in self.heard]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def _alarm(
    data: Path, clock: FakeClock, *ears: Ear, digest: str = "", silence: dict[str, float] | None = None
) -> Alarm:
    limits = replace(LIMITS, silence_s=silence or {})
    return Alarm(a_scene(data, clock), Ledger(data, DAY), ears, limits, "relay.test", {}, digest)


def _pass(alarm: Alarm, clock: FakeClock, seconds: float, step_s: float = 30.0) -> None:
    """Rounds while time passes."""

    async def go() -> None:
        until = clock.now() + seconds
        while clock.now() < until:
            clock.pass_s(step_s)
            await alarm.round()

    asyncio.run(go())


def test_a_held_lane_is_told_once_and_its_healing(tmp_path: Path, clock: FakeClock) -> None:
    """An hour of holding is one alert; healed, one more message."""
    ear = Ear()
    alarm = _alarm(tmp_path, clock, ear)
    health = alarm.scene.lanes["one"].health
    health.hold(MISCONFIGURED, clock.mono())
    _pass(alarm, clock, 3600.0)
    assert ["alert lane-held one auth-refused"] == ear.words
    health.gate_until = 0.0
    health.succeed(clock.mono())
    _pass(alarm, clock, HEALED_AFTER_S + 60.0)

    assert ["alert lane-held one auth-refused", "healed lane-held one auth-refused"] == ear.words


def test_a_restart_does_not_alert_again(tmp_path: Path, clock: FakeClock) -> None:
    """Another life with the same data, and the same trouble."""
    first, second = Ear(), Ear()
    for ear in (first, second):
        alarm = _alarm(tmp_path, clock, ear)
        alarm.ledger.load()
        alarm.scene.lanes["one"].health.hold(MISCONFIGURED, clock.mono())
        _pass(alarm, clock, 300.0)

    assert ([1], []) == ([len(first.heard)], second.heard)


def test_a_channel_that_fails_is_asked_later_and_later(tmp_path: Path, clock: FakeClock) -> None:
    """The other one has heard it at once; in the end both have."""
    good, bad = Ear(), Ear("mail")
    bad.is_broken = True
    alarm = _alarm(tmp_path, clock, good, bad)
    alarm.scene.lanes["one"].health.hold(MISCONFIGURED, clock.mono())
    _pass(alarm, clock, 1200.0)
    assert (1, []) == (len(good.heard), bad.heard)
    assert 3 == bad.n_asked
    bad.is_broken = False
    _pass(alarm, clock, PAUSES_S[2] + 60.0)

    assert (1, 1) == (len(good.heard), len(bad.heard))


def test_a_silent_device_is_told_and_heard_again(tmp_path: Path, clock: FakeClock) -> None:
    """One that was never heard counts from the beginning of watching; its next message heals it."""
    ear = Ear()
    heard: dict[str, float] = {}
    alarm = _alarm(tmp_path, clock, ear, silence={"ups-2": DAY})
    alarm.devices_heard = heard
    _pass(alarm, clock, DAY - 7200.0, 3600.0)
    assert [] == ear.words
    _pass(alarm, clock, 14_400.0, 3600.0)
    assert ["alert silent ups-2"] == ear.words
    heard["ups-2"] = clock.now()
    _pass(alarm, clock, 120.0)

    assert ["alert silent ups-2", "healed silent ups-2"] == ear.words


def test_when_a_device_was_heard_outlives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    """Else a restart each night would hide a silent device for ever."""
    alarm = _alarm(tmp_path, clock, Ear(), silence={"ups-2": DAY})
    alarm.devices_heard = {"ups-2": clock.now()}
    _pass(alarm, clock, 300.0)
    ear = Ear()
    later = _alarm(tmp_path, clock, ear, silence={"ups-2": DAY})
    later.ledger.load()
    _pass(later, clock, DAY, 3600.0)

    assert ["alert silent ups-2"] == ear.words


def test_a_digest_comes_once_a_week(tmp_path: Path, clock: FakeClock) -> None:
    """Not at once, not twice; after an outage it is late, not lost."""
    ear = Ear()
    alarm = _alarm(tmp_path, clock, ear, digest="monday 07:30")
    _pass(alarm, clock, 7 * DAY + 3600.0, 3600.0)
    assert ["digest digest"] == ear.words
    clock.pass_s(9 * DAY)
    _pass(alarm, clock, 7200.0, 3600.0)
    assert 2 == len(ear.heard)

    assert "sent in seven days" in ear.heard[0].text


def test_a_test_is_answered_for_each_channel(tmp_path: Path, clock: FakeClock) -> None:
    """By a file, because another process asks; the order is done once."""
    good, bad = Ear(), Ear("mail")
    bad.is_broken = True
    alarm = _alarm(tmp_path, clock, good, bad)
    write_object(tmp_path / TEST_FILE, {"order": "7"})
    _pass(alarm, clock, 60.0)

    assert {"order": "7", "answers": {"webhook": "", "mail": "no way"}} == read_object(tmp_path / TESTED_FILE)
    assert ["test test"] == good.words


def test_a_muted_alert_waits(tmp_path: Path, clock: FakeClock) -> None:
    """And is told when the mute ends, because it is still wrong."""
    ear = Ear()
    alarm = _alarm(tmp_path, clock, ear)
    alarm.scene.lanes["one"].health.hold(MISCONFIGURED, clock.mono())
    mute(tmp_path, "*", clock.now() + 600.0, clock.now())
    _pass(alarm, clock, 540.0)
    assert [] == ear.words
    _pass(alarm, clock, 120.0)

    assert 1 == len(ear.heard)


def test_a_ledger_that_cannot_be_written_keeps_nobody_from_being_told(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once, not each round."""
    ear = Ear()
    alarm = _alarm(tmp_path, clock, ear)
    (tmp_path / "alerts.part").mkdir()
    alarm.scene.lanes["one"].health.hold(MISCONFIGURED, clock.mono())
    _pass(alarm, clock, 300.0)

    assert 1 == len(ear.heard)
    assert 1 == sum("alert.not-noted" in one.getMessage() for one in caplog.records)
