"""What a note of an earlier life makes of a lane: holds are probed at once, quotas stand, outages are forgotten."""

from __future__ import annotations

import logging

import pytest

from fakes.lanes import a_lane
from fakes.route import FakeRoute
from relay365.engine.health import LONGEST_GATE_S
from relay365.engine.lane import Lane
from relay365.engine.reports.bulletin import say
from relay365.engine.reports.recall import recall
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits
from relay365.spool.api import LaneNote

NOW, MONO = 1_000_000.0, 50.0
REFUSED = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, "535 5.7.3 no [host 1]", "auth-refused"
)
SPREADS = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, "430 4.2.0 STOREDRV", "no-mailbox-rights", until_s=7200.0
)  # fmt: skip
USED_UP = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.RATE_LIMIT, None, "554 5.2.0 quota", "daily-recipients", 80_000.0
)
OUTAGE = Outcome(Kind.DEFERRED, Scope.ROUTE, Class.TRANSIENT, None, "no connection", "cannot-connect")


def _lane() -> Lane:
    return a_lane(FakeRoute(lambda consignment: (), LaneLimits(3)))


def _again(outcome: Outcome, after_s: float) -> tuple[Lane, LaneNote]:
    """A lane that met an outcome, was noted, and goes on in a process that starts after a time."""
    before, after = _lane(), _lane()
    before.health.learn(outcome, 0, 7000.0, 0.0)
    note = say(before, NOW, 7000.0)
    recall(after, note, NOW + after_s, MONO)
    return after, say(after, NOW + after_s, MONO)


def test_a_quota_of_a_day_is_not_over_because_of_a_restart() -> None:
    """Class, row, end and begin are those of the note, the mail keeps its life, and nothing starts before the end."""
    lane, note = _again(USED_UP, 3600.0)

    assert ("rate-limit", "daily-recipients") == (note.klass, note.row)
    assert (NOW, NOW + 80_000.0) == (note.since_at, note.gate_until_at)
    assert lane.health.keeps_mail
    assert [0, 3] == [lane.room(MONO + s) for s in (76_399.0, 76_401.0)]


def test_a_quota_that_ended_meanwhile_is_over() -> None:
    """The relay was off for longer than the gate."""
    lane, note = _again(USED_UP, 80_001.0)

    assert ("", 3) == (note.klass, lane.room(MONO))


def test_a_clock_that_was_set_back_shuts_no_lane_for_years() -> None:
    """No gate is longer than the longest that a remote may ask for."""
    lane, _ = _again(USED_UP, -1e8)

    assert 3 == lane.room(MONO + LONGEST_GATE_S + 1)


def test_a_hold_is_probed_at_once_and_said_again(caplog: pytest.LogCaptureFixture) -> None:
    """One probe, because a person may just have healed it; the log of this life says why nothing goes, once."""
    lane, note = _again(REFUSED, 600.0)

    assert (REFUSED.reply_text, "configuration", "auth-refused") == (note.held, note.klass, note.row)
    assert NOW == note.since_at
    assert 1 == lane.room(MONO)
    assert 2 == sum(record.getMessage().startswith("lane.held") for record in caplog.records)


def test_the_end_of_an_earlier_hold_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """The probe went through."""
    caplog.set_level(logging.INFO)
    lane, _ = _again(REFUSED, 600.0)
    lane.health.succeed(MONO + 1)
    note = say(lane, NOW, MONO + 1)

    assert "lane.resumed" == caplog.records[-1].getMessage().split()[0]
    assert ("", "") == (note.held, note.klass)


def test_what_may_pass_by_itself_still_calls_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A right that spreads for two hours: the time before the restart counts, and then a person is called."""
    lane, note = _again(SPREADS, 600.0)

    assert [] == caplog.records
    assert ("", "transient", "no-mailbox-rights", True) == (
        note.held,
        note.klass,
        note.row,
        lane.health.keeps_mail,
    )
    assert [True, False] == [lane.health.complaint(MONO + s) is None for s in (6599.0, 6600.0)]


def test_an_outage_is_found_out_anew() -> None:
    """A breaker of seconds does not outlive the process, and neither does the note of a lane that is well."""
    outage, _ = _again(OUTAGE, 1.0)
    well = _lane()
    recall(well, LaneNote("way", last_success_at=NOW), NOW, MONO)

    assert [(3, False), (3, False)] == [(one.room(MONO), one.health.keeps_mail) for one in (outage, well)]
