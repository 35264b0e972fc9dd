"""What is counted: each thing once, under its own words."""

from __future__ import annotations

import logging

from relay365.engine.watch.tally import EventTally, Histogram, Tally
from relay365.mail.envelope import Envelope, ForwardPath, SubmitterFacts
from relay365.mail.outcome import Class, Kind, Outcome
from relay365.spool.api import NewMessage

PATHS = (ForwardPath("a@x.test"), ForwardPath("b@y.test"))


def _message(device: str = "", lanes: tuple[str, ...] = ()) -> NewMessage:
    facts = SubmitterFacts("127.0.0.1:25", "192.0.2.7", device=device, priority="alarm")
    return NewMessage(Envelope("scan@x.test", PATHS), facts, "one", 1000.0, 2000.0, lanes=lanes)


def test_a_histogram_counts_up_to_each_bound() -> None:
    """A value on a bound belongs to it; the last bucket has all; the sum is the sum."""
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        histogram.add(seconds)

    assert [("0.1", 2), ("1.0", 3), ("+Inf", 4)] == histogram.buckets()
    assert 7.65 == histogram.sum_s


def test_a_message_is_counted_once_and_each_recipient_in_its_lane() -> None:
    """Two recipients by one way, then two by two ways; the device is known by when it spoke last."""
    tally = Tally()
    tally.accepted(_message(), 700, 0.002)
    tally.accepted(_message("ups", ("one", "two")), 300, 0.004)

    assert {("one", "alarm"): 2} == tally.messages
    assert {("one", "alarm"): 1000} == tally.octets
    assert {("one", "alarm"): 3, ("two", "alarm"): 1} == tally.recipients
    assert {"ups": 1000.0} == tally.devices
    assert 2 == tally.commits.buckets()[-1][1]


def test_each_outcome_is_counted_by_class_and_row() -> None:
    """One attempt for three recipients: one observation of time, three outcomes."""
    tally = Tally()
    later = Outcome(Kind.DEFERRED, klass=Class.RATE_LIMIT, row="too-many")
    tally.attempted("one", (Outcome(Kind.DELIVERED), later, later), 0.3)

    assert {
        ("one", "delivered", "", ""): 1,
        ("one", "deferred", "rate-limit", "too-many"): 2,
    } == tally.outcomes
    assert 1 == tally.attempts["one"].buckets()[-1][1]


def test_events_are_counted_by_their_names() -> None:
    """With values, without any, as a family whose first value is its name; other lines of the log count as they are."""
    events, log = EventTally(), logging.getLogger("relay365.test-tally")
    log.addHandler(events)
    log.setLevel(logging.INFO)
    log.propagate = False
    log.warning("login.refused peer=%s", "x")
    log.warning("login.refused peer=%s", "y")
    log.error("stop.late: the spool does not answer")
    log.info("recipient.%s id=%s", "delivered", "4T")
    log.removeHandler(events)

    assert {"login.refused": 2, "stop.late": 1, "recipient.delivered": 1} == events.counts
