"""What needs a person: each cause from the state that it is about, with its cure, and nothing while all is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.lanes import a_lane
from fakes.route import DELIVERED, MISCONFIGURED, THROTTLED, FakeRoute, always
from fakes.watched import LIMITS, a_scene
from relay365.engine.alerts import causes
from relay365.engine.watch.scene import End
from relay365.routes.api import LaneLimits
from relay365.rules.quota.budgets import Slices
from relay365.rules.quota.day import Day
from relay365.spool.waiting.depth import Depth
from relay365.spool.waiting.freeze import Freeze

NOW = 1_000_000.0
DAY = 86_400.0


def test_nothing_is_wrong(tmp_path: Path) -> None:
    """Fresh lanes, young mail, a large disk, a far end."""
    lanes = list(a_scene(tmp_path, FakeClock()).lanes.values())
    mono = FakeClock().mono()

    assert [] == list(causes.of_lanes(lanes, mono, LIMITS))
    assert [] == list(causes.of_queue([Depth("one", "queued", "normal", 1, NOW - 60)], NOW, LIMITS))
    assert [] == list(causes.of_queue([Depth("one", "held", "normal", 1, NOW - 1e6)], NOW, LIMITS))
    assert [] == list(causes.of_disk(10, LIMITS))
    assert [] == list(causes.of_spool(""))
    assert [] == list(causes.of_budgets(lanes, mono))
    assert [] == list(causes.of_ends([End("one", "secret", NOW + 22 * DAY)], NOW, LIMITS))
    assert [] == list(causes.of_unknown([], ""))
    assert [] == list(causes.of_devices({}, NOW, LIMITS))


def test_a_held_lane_names_row_and_reply() -> None:
    """The key has the row: another reason is another alert. Mail about it must not go through it."""
    lane = a_lane(FakeRoute(always(DELIVERED)))
    lane.health.hold(MISCONFIGURED, 100.0)
    (cause,) = causes.of_lanes([lane], 100.0, LIMITS)

    assert ("lane-held way auth-refused", "critical", "way") == (cause.key, cause.severity, cause.lane)
    assert "535 5.7.3 no" in cause.why
    assert "relay365 explain auth-refused" == cause.do


def test_a_lane_that_is_unwell_is_told_after_its_time() -> None:
    """A throttle of some minutes is daily life."""
    lane = a_lane(FakeRoute(always(DELIVERED)))
    lane.health.throttle(THROTTLED, 0, 100.0, 0.0)

    assert [] == list(causes.of_lanes([lane], 999.0, LIMITS))
    (cause,) = causes.of_lanes([lane], 1000.0, LIMITS)
    assert ("lane-unwell way", "relay365 quota status") == (cause.key, cause.do)
    assert "has not worked for 15 m" in cause.what


def test_old_mail_is_told_once_for_each_lane() -> None:
    """With the age of the oldest, whatever its priority."""
    depths = [
        Depth("one", "queued", "alarm", 1, NOW - 60),
        Depth("one", "queued", "bulk", 7, NOW - 7200),
        Depth("two", "queued", "normal", 1, NOW - 60),
    ]
    (cause,) = causes.of_queue(depths, NOW, LIMITS)

    assert ("queue-old one", "mail waits in one for 2 h") == (cause.key, cause.what)
    assert cause.why.startswith("8 recipients")


def test_a_freeze_that_lasts() -> None:
    """An hour is what one lasts where nobody says how long; a longer one is told then, and every six hours again."""
    depths = [Depth("one", "queued", "normal", 3, NOW), Depth("one", "held", "normal", 9, NOW)]
    freeze = Freeze(NOW - 3600.0, NOW + 7200.0, "change window", "mina")
    (cause,) = causes.of_freeze(freeze, depths, NOW)
    (later,) = causes.of_freeze(
        replace(freeze, reason="", by="", until_at=NOW + 90_000.0), depths, NOW + 43_200.0
    )

    assert [] == list(causes.of_freeze(None, depths, NOW))
    assert [] == list(causes.of_freeze(freeze, depths, NOW - 1.0))
    assert ("frozen", "warning", "", 0) == (cause.key, cause.severity, cause.lane, cause.level)
    assert "nothing has been delivered for 1 h: the queue is frozen" == cause.what
    assert "mina said so: change window; 3 recipients wait, for 2 h more" == cause.why
    assert "relay365 queue thaw, if that is over" == cause.do
    assert ("frozen", 2, "a person said so; 3 recipients wait, for 13 h more") == (
        later.key,
        later.level,
        later.why,
    )


def test_a_disk_that_nears_the_floor() -> None:
    """Below the limit of the file; where the system does not say, nothing."""
    limits = replace(LIMITS, disk_free_octets=2**30)

    assert ["disk"] == [one.key for one in causes.of_disk(2**29, limits)]
    assert [] == list(causes.of_disk(None, limits))


def test_a_queue_that_is_not_written() -> None:
    """With what the spool says of itself."""
    (cause,) = causes.of_spool("the spool does not write: disk I/O error")

    assert ("spool", "critical", "") == (cause.key, cause.severity, cause.lane)
    assert "disk I/O error" in cause.why


@pytest.mark.parametrize(("used", "level"), [(799, None), (800, 1), (950, 2)])
def test_a_day_that_is_nearly_used_up(used: int, level: int | None) -> None:
    """Told at 80 %, and anew at 95 %; two lanes of one mailbox are one budget."""
    limits = LaneLimits(2, recipients_per_day=1000, budget="mailbox scan@x.test")
    lanes = [a_lane(FakeRoute(always(DELIVERED), limits, name)) for name in ("one", "two")]
    for lane in lanes:
        day = lane.order.vector.budgets["recipients"]
        assert isinstance(day, Slices)
        day.add(used, 100.0)
    found = list(causes.of_budgets(lanes, 100.0))

    assert ([] if level is None else [level]) == [one.level for one in found]
    assert all(one.key == "budget recipients mailbox scan@x.test" for one in found)


def test_a_client_that_has_had_its_share_of_a_day_is_told() -> None:
    """Once for the mailbox, by name, with what to do; the UPS beside it is not."""
    limits = LaneLimits(
        2, recipients_per_day=1000, client_share=50, budget="mailbox scan@x.test", alarms=True
    )
    lane = a_lane(FakeRoute(always(DELIVERED), limits))
    day = lane.order.vector.budgets["recipients"]
    assert isinstance(day, Day)
    day.know("copier 1", 500, 100.0)
    day.know("ups", 1, 100.0)
    (cause,) = causes.of_budgets([lane], 100.0)

    assert ("client mailbox scan@x.test copier 1", "warning") == (cause.key, cause.severity)
    assert "copier 1 alone has used 50% of a day's recipients of mailbox scan@x.test" == cause.what
    assert 'relay365 queue hold --where "device:copier 1"' in cause.do


def test_use_by_others_is_told() -> None:
    """Microsoft says that nothing is left where we have used little."""
    lane = a_lane(FakeRoute(always(DELIVERED), LaneLimits(2, recipients_per_day=1000)))
    day = lane.order.vector.budgets["recipients"]
    assert isinstance(day, Slices)
    day.exhausted(100.0)

    assert "foreign recipients way" in [one.key for one in causes.of_budgets([lane], 100.0)]


@pytest.mark.parametrize(
    ("days", "level", "severity"),
    [(20, 0, "warning"), (6, 1, "warning"), (2, 2, "critical"), (-1, 4, "critical")],
)
def test_an_end_is_told_anew_as_it_comes_near(days: float, level: int, severity: str) -> None:
    """At 21, 7, 3 and 1 days, and when it has come."""
    (cause,) = causes.of_ends([End("one", "client secret", NOW + days * DAY)], NOW, LIMITS)

    assert (level, severity) == (cause.level, cause.severity)
    assert ("HAS ENDED" in cause.what) == (days < 0)


def test_what_should_renew_itself_and_cannot_is_told_at_once() -> None:
    """Years before the end, with the reason; without one only the end counts."""
    far = NOW + 700 * DAY
    ends = [End("one", "certificate CN=a", far, "no right to write"), End("two", "certificate CN=b", far)]
    (cause,) = causes.of_ends(ends, NOW, LIMITS)

    assert ("warning", True) == (
        cause.severity,
        cause.why.endswith("it does not renew itself: no right to write"),
    )


def test_a_listeners_certificate_has_its_own_cure() -> None:
    """No command renews a chain of the administrator's."""
    (cause,) = causes.of_ends([End("listener 127.0.0.1:25", "certificate", NOW)], NOW, LIMITS)

    assert "read at once" in cause.do


def test_an_unknown_reply_is_shown() -> None:
    """The newest text, where it came."""
    (cause,) = causes.of_unknown(["599 what", "598 older"], "one")

    assert "2 replies" in cause.what
    assert "'599 what'" in cause.why


def test_a_device_that_should_speak() -> None:
    """Only one with `expects`, only after its time; one that was never heard counts from when we began to listen."""
    limits = replace(LIMITS, silence_s={"ups-2": 8 * DAY, "nas": DAY, "new": DAY})
    heard = {"ups-2": NOW - 9 * DAY, "nas": NOW - 3600, "new": NOW - 60, "other": 0.0}
    (cause,) = causes.of_devices(heard, NOW, limits)

    assert ("silent ups-2", "device ups-2 has been silent for 9 d") == (cause.key, cause.what)
    assert "at least one message in 8 d" in cause.why


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (59, "59 s"), (60, "1 m"), (7199, "1 h"), (86_400, "1 d")]
)
def test_a_time_in_its_largest_unit(seconds: float, words: str) -> None:
    """Rounded down."""
    assert words == causes.spoken(seconds)


def test_a_day_of_somebodys_own() -> None:
    """From its beginning on, until it is taken out of the file; it says how, where that is known."""
    limits = replace(
        LIMITS,
        reminders=(
            causes.Reminder(NOW, "move to an application", "relay365 init"),
            causes.Reminder(NOW + 1, "x"),
        ),
    )
    (one,) = causes.of_reminders(NOW, limits)

    assert [] == list(causes.of_reminders(NOW - 1, limits))
    assert ("reminder move to an application", "warning", "move to an application", "") == (
        one.key, one.severity, one.what, one.lane,
    )  # fmt: skip
    assert one.do.startswith("relay365 init; then take the reminder out")
    assert "do it; then" in list(causes.of_reminders(NOW + 1, limits))[1].do
