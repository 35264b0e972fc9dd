"""What is said about a lane: a hold once, its end once, and nothing about what may still pass by itself."""

from __future__ import annotations

import logging

import pytest

from fakes.lanes import a_lane
from fakes.route import FakeRoute
from relay365.engine.health import PROBE_S
from relay365.engine.lane import Lane
from relay365.engine.reports.bulletin import say
from relay365.mail.outcome import Class, Kind, Outcome, Scope
from relay365.routes.api import LaneLimits

NOW = 1_000_000.0
REFUSED = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, "535 5.7.3 no [host 1]", "auth-refused"
)
SPREADS = Outcome(
    Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, "430 4.2.0 STOREDRV", "no-mailbox-rights",
    until_s=7200.0,
)  # fmt: skip


@pytest.fixture
def lane() -> Lane:
    """A lane on which nothing has happened."""
    return a_lane(FakeRoute(lambda consignment: (), LaneLimits(2)))


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().split()[0] for record in caplog.records]


def test_a_hold_is_said_once_and_its_end_once(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    """Sixty probes with trailers of their own make one line; another reason makes one more; healed makes the last."""
    caplog.set_level(logging.INFO)
    for n in range(60):
        lane.health.hold(Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, f"535 no [host {n}]",
                                 "auth-refused"), n * PROBE_S)  # fmt: skip
        note = say(lane, NOW, n * PROBE_S)
    assert ["lane.held"] == _said(caplog)
    assert ("535 no [host 59]", "configuration", "auth-refused") == (note.held, note.klass, note.row)
    lane.health.hold(
        Outcome(Kind.DEFERRED, Scope.MAILBOX, Class.CONFIGURATION, None, "535 x", "policy-other"), 1.0
    )
    say(lane, NOW, 4000.0)
    lane.health.succeed(4001.0)
    note = say(lane, NOW, 4001.0)
    say(lane, NOW, 4002.0)

    assert ["lane.held", "lane.held", "lane.resumed"] == _said(caplog)
    assert ("", "", "", NOW) == (note.held, note.klass, note.row, note.last_success_at)


def test_a_hold_names_when_it_began(lane: Lane) -> None:
    """`status` says since when, not when it was last looked at; and when the next probe goes."""
    lane.health.hold(REFUSED, 100.0)
    note = say(lane, NOW, 130.0)

    assert (NOW - 30.0, NOW + PROBE_S - 30.0) == (note.since_at, note.gate_until_at)


def test_what_may_pass_by_itself_calls_nobody_for_its_time(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    """A right that spreads is transient for two hours, probed all the same; then a person is called."""
    lane.health.hold(SPREADS, 0.0)
    early = say(lane, NOW, 60.0)
    lane.health.hold(SPREADS, 7199.0)
    late = say(lane, NOW, 7199.0)
    assert [] == _said(caplog)
    assert [("", "transient", "no-mailbox-rights")] * 2 == [(n.held, n.klass, n.row) for n in (early, late)]
    assert 1 == lane.room(7199.0 + PROBE_S)
    due = say(lane, NOW, 7200.0)

    assert ["lane.held"] == _said(caplog)
    assert ("430 4.2.0 STOREDRV", "configuration") == (due.held, due.klass)
