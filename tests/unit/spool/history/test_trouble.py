"""What attempts were told, as the histories of messages have it."""

from __future__ import annotations

from typing import Any

from relay365.spool.api import Selection, State


def told(past: Any, since_at: float = 0.0, **until: float) -> list[tuple[str, str, str, State]]:
    """(device, text, row, state now) of each."""
    found = past.ask(lambda history: history.troubles(since_at, **until))
    return [(one.device, one.text, one.row, one.state) for one in found]


def test_every_answer_that_was_no_yes_is_told_oldest_first(past: Any) -> None:
    """With the row where it was the last answer, and with what the recipient is now: a delivered one was healed."""
    assert [
        ("copier", "432 4.3.2 Concurrent connections limit exceeded", "", State.DELIVERED),
        ("ups-2", "550 5.1.10 RecipientNotFound", "no-such-recipient", State.FAILED),
        ("fax", "451 4.9.9 Something new", "", State.QUEUED),
    ] == told(past)


def test_only_of_some_time(past: Any) -> None:
    """From an instant until another."""
    now = past.clock.now()

    assert ["fax"] == [one[0] for one in told(past, now - 10)]
    assert ["ups-2"] == [one[0] for one in told(past, now - 90_000, until_at=now - 10)]


def test_what_a_person_did_is_no_answer(past: Any) -> None:
    """A hold by hand is not counted against anybody."""
    past.spool(lambda spool: spool.hold(Selection(), "held by a person (alice): window"))

    assert 3 == len(told(past))


def test_what_exchange_says_later_is_an_answer(past: Any) -> None:
    """A delivered message that failed afterwards; a later end that is no failure is not."""
    past.learn("copier", "550 5.1.10 RESOLVER.ADR.RecipientNotFound")
    last = past.ask(lambda history: history.troubles(0.0))[-1]

    assert ("copier", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", True) == (
        last.device,
        last.text,
        last.is_later,
    )
