"""The words of an alert: three lines, and when."""

from __future__ import annotations

from relay365.engine.alerts.causes import Cause
from relay365.engine.alerts.ledger import AGAIN, ALERT, HEALED, Due, Entry
from relay365.engine.alerts.telling import message_of, trial_message

ENTRY = Entry(
    Cause("disk", "critical", "the disk is full", "too much mail", "make room", "one"), 1000.0, 1000.0
)


def test_an_alert_has_three_lines_and_its_time() -> None:
    """As every failure of the command line."""
    message = message_of(Due("webhook", ALERT, ENTRY), "relay.test", 4600.0)

    assert "relay365 relay.test: the disk is full" == message.title
    assert [
        "what: the disk is full", "why:  too much mail", "do:   make room", "when: since 1970-01-01T00:16:40Z, 1 h",
    ] == message.lines  # fmt: skip
    assert ("critical", "one") == (message.severity, message.lane)


def test_a_repeated_and_a_healed_one_say_so() -> None:
    """In the first words; a healed one is no reason to get up."""
    again = message_of(Due("webhook", AGAIN, ENTRY), "r", 4600.0)
    healed = message_of(Due("webhook", HEALED, ENTRY), "r", 4600.0)

    assert ("relay365 r: still: the disk is full", "relay365 r: healed: the disk is full") == (
        again.title, healed.title,
    )  # fmt: skip
    assert ("info", "do:   nothing") == (healed.severity, healed.lines[-1])


def test_a_test_is_named_a_test() -> None:
    """So that nobody looks for what is wrong."""
    assert ("test", "info") == (trial_message("r", 5.0).state, trial_message("r", 5.0).severity)
    assert "this is a test" in trial_message("r", 5.0).title
